"""What an event says has happened cannot lie ahead of the hub's clock, by whichever door it comes."""

from typing import Any

import pytest

from hub.clock import DAY, HOUR, format_micros
from tests.integration.gateway.world import World, event, example, ref


def rating(world: World, ahead: int) -> dict[str, Any]:
    """A rating of some time after the hub's present."""
    at = format_micros(world.clock.now() + ahead)
    return {"family": ref("F-1"), "person": ref("P-1"), "rating": "amber", "occurred_at": at}


@pytest.mark.parametrize("query", ["", "?dry_run=true"])
async def test_an_event_is_refused_when_it_has_not_happened_yet(world: World, query: str) -> None:
    await world.open_family("F-1")
    before = await world.count("receipt")
    answer = await world.post("practice.risk_rated", rating(world, DAY), query=query)
    (fault,) = answer.json()["errors"]
    assert (answer.status_code, fault["pointer"], fault["rule"]) == (422, "/data/occurred_at", "range")
    assert "at most 60 minutes after the hub's clock" in fault["detail"]
    assert fault["example"] == format_micros(world.clock.now())
    assert format_micros(world.clock.now() + DAY) not in answer.text
    assert await world.count("receipt") == before
    good = await world.post("practice.risk_rated", rating(world, HOUR), query=query)
    assert good.status_code in {200, 202}


@pytest.mark.parametrize(("query", "codes"), [("", [202, 422, 202]), ("?dry_run=true", [200, 422, 200])])
async def test_the_others_of_a_batch_are_taken_when_one_lies_ahead(
    world: World, query: str, codes: list[int]
) -> None:
    await world.open_family("F-1")
    kind, desk = "practice.risk_rated", "council/chesil"
    batch = [event(kind, rating(world, ahead), f"b-{ahead}", desk) for ahead in (0, DAY, HOUR)]
    answer = await world.post_batch(batch, query=query)
    assert answer.status_code == codes[0]
    assert [each.get("status") for each in answer.json()] == [None, 422, None]


async def test_the_first_receipt_is_given_again_when_the_clock_was_set_back(world: World) -> None:
    await world.open_family("F-1")
    data = rating(world, 0)
    first = await world.post("practice.risk_rated", data, event_id="r-1")
    world.clock.at -= 2 * DAY
    again = await world.post("practice.risk_rated", data, event_id="r-1")
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json()["receipt"] == first.json()["receipt"]
    assert (await world.post("practice.risk_rated", data, event_id="r-2")).status_code == 422


async def test_a_refused_id_may_be_used_again_when_the_event_is_put_right(world: World) -> None:
    await world.open_family("F-1")
    assert (await world.post("practice.risk_rated", rating(world, DAY), event_id="r-1")).status_code == 422
    assert (await world.post("practice.risk_rated", rating(world, 0), event_id="r-1")).status_code == 202


async def test_every_example_that_the_hub_shows_is_accepted_as_it_stands(world: World) -> None:
    await world.open_family("F-204117")
    for kind in ("family.member_added", "referral.requested"):
        await world.publish(kind, example(kind))
    openapi = (await world.http.get("/openapi.json")).json()
    content = openapi["paths"]["/v1/events"]["post"]["requestBody"]["content"]
    shown = [each["value"] for each in content["application/cloudevents+json"]["examples"].values()]
    shown += content["application/cloudevents-batch+json"]["example"]
    messages = (await world.http.get("/asyncapi.json")).json()["components"]["messages"]
    for message in messages.values():
        for each in message["examples"]:
            heads = {name.removeprefix("ce_"): value for name, value in each["headers"].items()}
            heads.pop("content-type")
            if heads["source"] != "hub":
                shown.append({**heads, "data": each["payload"]})
    for number, each in enumerate(list(shown)):
        found = await world.get(f"/v1/catalogue/{each['type']}", each["source"])
        shown.append({**each, "id": f"catalogue-{number}", "data": found.json()["example"]})
    assert len(shown) > 200
    for each in shown:
        kind = each["type"].removeprefix("wraparound.").removesuffix(".v1")
        answer = await world.post(kind, each["data"], desk=each["source"], event_id=each["id"])
        assert answer.status_code in {200, 202}, (kind, answer.text)
