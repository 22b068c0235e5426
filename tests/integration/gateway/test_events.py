"""The HTTP door for events: batch mode, dry run, limits."""

import gzip
from typing import Any

import httpx
import orjson

from services.gateway.limiter import Limiter
from tests.integration.gateway.world import BATCH, STRUCTURED, World, event, ref

DESK = "council/chesil"


def opened(name: str, event_id: str, desk: str = DESK) -> dict[str, Any]:
    return event("family.opened", {"family": ref(name), "lead": desk}, event_id, desk)


def shown(answer: httpx.Response) -> list[Any]:
    return [each.get("status") or each["state"] for each in answer.json()]


async def test_batch_is_answered_event_by_event_in_order_when_some_are_wrong(world: World) -> None:
    await world.publish("family.opened", {"family": ref("F-0"), "lead": DESK}, event_id="b-0")
    answer = await world.post_batch(
        [
            opened("F-1", "b-1"),
            opened("F-2", "b-2") | {"specversion": "0.3"},
            "no event",
            opened("F-0", "b-0"),
            opened("F-9", "b-0"),
            opened("F-3", "b-3", "s2w/sft"),
            event("hub.person_fact", {}, "b-4", DESK),
            opened("F-4", "b-5") | {"data": {"family": ref("F-4"), "lead": {"deep": 1}}},
            opened("F-5", "b-6"),
        ]
    )
    assert answer.status_code == 202
    assert shown(answer) == ["received", 422, 422, "received", 409, 422, 404, 422, "received"]
    pointers = [each["errors"][0]["pointer"] for each in answer.json() if each.get("errors")]
    assert pointers == ["/specversion", "", "/source", "/data/lead"]
    assert await world.kinds() == ["family.opened"] * 3
    receipt = answer.json()[0]["receipt"]
    assert (await world.get(f"/v1/receipts/{receipt}", DESK)).status_code == 200


async def test_batch_leaves_one_entry_for_its_desk_and_one_for_its_logs_and_repeats_find_their_first_receipts(
    world: World,
) -> None:
    events = [opened(f"F-{number}", f"b-{number}") for number in range(40)]
    first, again = await world.post_batch(events), await world.post_batch(events)
    assert first.json() == again.json()
    assert await world.count("audit_entry") == 2
    assert await world.count("event") == 40


async def test_batch_of_the_limit_is_accepted_and_one_more_is_refused_whole(world: World) -> None:
    events = [opened(f"F-{number}", f"b-{number}") for number in range(501)]
    refused = await world.post_batch(events)
    assert (refused.status_code, refused.json()["errors"][0]["rule"]) == (413, "too-many")
    accepted = await world.post_batch(events[:500])
    assert (accepted.status_code, set(shown(accepted))) == (202, {"received"})
    assert await world.count("event") == 500


async def test_batch_is_accepted_when_it_concerns_more_families_than_a_leaf_holds(world: World) -> None:
    people, families = 42, 15
    names = {person: [f"F-{person}-{number}" for number in range(families)] for person in range(people)}
    every = [name for found in names.values() for name in found]
    joins = [
        event(
            "family.member_added",
            {"family": ref(name), "members": [{"person": ref(f"P-{person}"), "kind": "adult"}]},
            f"m-{name}",
            DESK,
        )
        for person, found in names.items()
        for name in found
    ]
    for part in (every[:400], every[400:]):
        await world.post_batch([opened(name, name) for name in part])
    for batch in (joins[:400], joins[400:]):
        await world.post_batch(batch)
    before = await world.count("audit_entry")
    told = [
        event("person.told_recorded", {"person": ref(f"P-{person}"), "told": True}, f"t-{person}", DESK)
        for person in range(people)
    ]
    assert set(shown(await world.post_batch(told))) == {"received"}
    assert await world.count("audit_entry") == before + 3
    # Each of the five batches has one part more: its desk's own.
    assert await world.count("audit_detail") == 2 * len(every) + people * families + 5


async def test_whole_batch_is_refused_when_it_is_no_array_of_json(world: World) -> None:
    for content, rule in ((b"{}", "type"), (b"[{]", "json"), (b'[{"id": "a", "id": "b"}]', "json")):
        headers = {**world.bearer(DESK), "content-type": BATCH}
        answer = await world.http.post("/v1/events", content=content, headers=headers)
        assert (answer.status_code, answer.json()["errors"][0]["rule"]) == (422, rule)
    assert (await world.post_batch([])).json() == []


async def test_nothing_is_kept_when_it_is_a_dry_run(world: World) -> None:
    body = {"family": ref("F-1"), "lead": DESK}
    one = await world.post("family.opened", body, query="?dry_run=true")
    several = await world.post_batch([opened("F-1", "b-1"), {}], query="?dry_run=true")
    wrong = await world.post("family.opened", {"family": ref("F-1")}, query="?dry_run=true")
    assert (one.status_code, one.json()) == (200, {"state": "valid"})
    assert (several.status_code, shown(several)) == (200, ["valid", 422])
    assert wrong.status_code == 422
    assert await world.count("receipt") == 0


async def test_token_is_used_up_whatever_a_request_is_answered(world: World) -> None:
    for content in (b"[]", b"nonsense", orjson.dumps([{}]), orjson.dumps([opened("F-1", "b-1")])):
        headers = {**world.bearer(DESK), "content-type": BATCH}
        assert (await world.http.post("/v1/events", content=content, headers=headers)).status_code in {
            202,
            422,
        }
        assert (await world.http.post("/v1/events", content=content, headers=headers)).status_code == 401


async def test_compressed_body_is_refused_unread_when_it_would_grow(world: World) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    headers = {**world.bearer(DESK), "content-type": STRUCTURED, "content-encoding": "gzip"}
    answer = await world.http.post("/v1/events", content=bomb, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (415, "/problems/unsupported-media-type")


async def test_agency_is_told_to_wait_when_it_sends_more_than_its_limit(world: World) -> None:
    object.__setattr__(world.gateway.doors, "limiter", Limiter(1, 2))
    answers = [await world.get("/v1/inbox", "s2w/sft") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"] == "1"
    assert answers[2].json()["type"] == "/problems/too-many-requests"
    assert (await world.get("/v1/inbox", "reach/sft")).status_code == 200


async def test_method_is_refused_with_those_that_there_are_when_a_path_has_no_such(world: World) -> None:
    answer = await world.http.delete("/v1/events", headers=world.bearer(DESK))
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["type"] == "/problems/method-not-allowed"
