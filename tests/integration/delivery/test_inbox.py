"""A desk's inbox over HTTP, on a real database, beside the relay and without it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
import orjson
import pytest
from fastapi import FastAPI, Header

from hub.attempts.served import SETTLE
from hub.clock import SECOND
from hub.database import Database
from hub.partnership import load
from hub.schemas import wire
from hub.settings import ROOT
from services.gateway import inbox
from tests.integration.delivery.test_relay import lapses
from tests.integration.delivery.world import DESK, OTHER_DESK, Queued, World, cycle, cycles, example, stop

LIMITS = load(ROOT / "partnerships" / "dorset").limits
MEASURED = "wraparound.outcome.measure_recorded.v1"


def caller(x_desk: Annotated[str, Header()]) -> str:
    return x_desk


@asynccontextmanager
async def serving(world: World) -> AsyncIterator[httpx.AsyncClient]:
    database = Database(world.dsn, size=4)
    app = FastAPI()
    app.include_router(inbox.build(database, world.make_kit(), world.clock, caller, LIMITS))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://hub", headers={"x-desk": DESK}
    ) as client:
        yield client
    await database.close()


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(world) as made:
        yield made


async def read(client: httpx.AsyncClient, **params: int) -> dict[str, Any]:
    response = await client.get("/v1/inbox", params=params)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def measured(world: World, family: int = 1, **rest: Any) -> Queued:
    return Queued(family, type=MEASURED, body=example(world.catalogue, MEASURED), **rest)


def of_person(world: World, number: int) -> Queued:
    """A measure of this person, that rests on them."""
    event_type, datum = wire.decode(world.catalogue, example(world.catalogue, MEASURED))
    person = {"scheme": "hub", "value": world.person(number)}
    body = wire.encode(event_type, datum | {"person": person})
    return Queued(1, type=MEASURED, body=body, persons=(number,))


async def test_a_delivery_is_a_structured_cloud_event_when_it_is_read(
    world: World, client: httpx.AsyncClient
) -> None:
    (delivery_id,) = await world.put(measured(world))
    found = await read(client)
    (event,) = found["events"]
    data = event.pop("data")
    assert event == {
        "specversion": "1.0",
        "id": delivery_id,
        "source": "hub",
        "type": MEASURED,
        "time": "2025-01-01T00:00:00.000000Z",
        "subject": world.family(1),
        "datacontenttype": "application/json",
        "place": 1,
    }
    assert world.catalogue.type(MEASURED).validate(data) == []
    assert found["after"] == 1


async def test_deliveries_come_in_order_and_again_until_they_are_acknowledged(
    world: World, client: httpx.AsyncClient
) -> None:
    ids = await world.put(*[measured(world, number) for number in range(5)])
    assert [event["id"] for event in (await read(client))["events"]] == ids
    assert [event["id"] for event in (await read(client, limit=2))["events"]] == ids[:2]
    assert [event["id"] for event in (await read(client, after=3))["events"]] == ids[3:]
    response = await client.post("/v1/inbox/acknowledgements", json={"ids": [ids[0], ids[3]]})
    assert (response.status_code, response.json()) == (200, {"acknowledged": [ids[0], ids[3]]})
    found = (await read(client))["events"]
    assert [(event["place"], event["id"]) for event in found] == [(2, ids[1]), (3, ids[2]), (5, ids[4])]


async def test_the_inbox_shows_what_the_relay_has_released_under_the_same_ids(
    world: World, client: httpx.AsyncClient
) -> None:
    ids = await world.put(measured(world), measured(world))
    relay = world.relay()
    await cycles(relay, 6)
    await stop(relay)
    assert [event["id"] for event in (await read(client))["events"]] == ids
    assert await world.statuses() == {"delivered": 2}


async def test_the_topic_still_has_each_delivery_once_when_the_inbox_released_it_first(
    world: World, client: httpx.AsyncClient
) -> None:
    ids = await world.put(measured(world), measured(world))
    await read(client)
    since = await world.ends()
    relay = world.relay()
    await cycles(relay, 6)
    await stop(relay)
    assert [record.delivery_id for record in await world.received(since)] == ids
    assert [event["place"] for event in (await read(client))["events"]] == [1, 2]


async def test_a_released_item_keeps_its_place_without_its_body_when_a_withdrawal_is_accepted(
    world: World, client: httpx.AsyncClient
) -> None:
    first, second = await world.put(of_person(world, 1), measured(world, 2))
    await read(client)
    await world.accept_protective(1)
    started = time.monotonic()
    page = await read(client)
    events = page["events"]
    assert [(event["id"], event.get("state"), "data" in event) for event in events] == [
        (first, "waiting", False),
        (second, None, True),
    ]
    # It would have been decided again by now, if anybody were at work.
    assert time.monotonic() - started >= SETTLE / SECOND
    # The cursor stays before what is still to come, or its reader would never see it.
    assert page["after"] == events[0]["place"] - 1
    (lapse,) = await lapses(world)
    assert (lapse["deliveries"], lapse["cause"]) == ([first], "guard")
    # Read again: it lapsed once.
    await read(client)
    assert len(await lapses(world)) == 1
    await world.rows(
        "UPDATE delivery SET status = 'recalled', body = NULL WHERE delivery_id = %s RETURNING seq", first
    )
    events = (await read(client))["events"]
    assert [event.get("state") for event in events] == ["recalled", None]
    assert events[0]["place"] == 1
    assert "data" not in events[0]


async def test_a_released_item_is_as_it_was_when_what_was_accepted_is_about_somebody_else(
    world: World, client: httpx.AsyncClient
) -> None:
    await world.put(measured(world, persons=(1, 2)))
    before = await read(client)
    await world.accept_protective(1)
    # What is new rests on the same guard: it stays.
    await world.put(measured(world, persons=(1, 2)))
    assert await read(client) == before
    assert await read(client) == before
    assert await world.statuses() == {"lapsed": 2}
    assert [lapse["cause"] for lapse in await lapses(world)] == ["guard"]


async def test_a_reading_waits_for_the_new_decision_when_what_was_accepted_concerns_an_item(
    world: World, client: httpx.AsyncClient
) -> None:
    await world.put(of_person(world, 1))
    (before,) = (await read(client))["events"]
    await world.accept_protective(1)
    reading = asyncio.ensure_future(read(client))
    while await world.statuses() != {"lapsed": 1}:
        assert not reading.done()
        await asyncio.sleep(0.01)
    await world.rows("UPDATE delivery SET status = 'delivered', counts = '{1}' RETURNING seq")
    assert (await reading)["events"] == [before]


async def test_a_reading_releases_nothing_new_when_a_withdrawal_was_accepted(
    world: World, client: httpx.AsyncClient
) -> None:
    await world.put(measured(world, persons=(1,)), measured(world), measured(world, 2))
    await world.accept_protective(1)
    events = (await read(client))["events"]
    assert [event["subject"] for event in events] == [world.family(2)]
    assert await world.statuses() == {"lapsed": 1, "pending": 2}


async def test_each_reading_is_an_attempt_with_its_entry_when_it_shows_anything(
    world: World, client: httpx.AsyncClient
) -> None:
    await read(client)
    assert await world.one("SELECT count(*) FROM attempt") == 0
    await world.put(measured(world))
    await read(client)
    await read(client)
    channels = await world.rows("SELECT channel, ended_mono IS NOT NULL FROM attempt")
    assert channels == [("inbox", True)] * 2
    assert await world.one("SELECT count(*) FROM audit_entry WHERE kind = 'delivery.attempted'") == 2


async def test_a_suspended_agency_reads_an_empty_inbox(world: World, client: httpx.AsyncClient) -> None:
    await world.put(measured(world))
    await read(client)
    await world.rows("UPDATE agency_guard SET closed = true RETURNING agency")
    assert await read(client) == {"events": [], "after": 0}


async def test_a_parked_family_shows_places_alone(world: World, client: httpx.AsyncClient) -> None:
    await world.put(measured(world))
    await read(client)
    await world.rows(
        "INSERT INTO parked VALUES ('router', %s, 0, 0, gen_random_uuid(), gen_random_uuid()) RETURNING key",
        world.family(1),
    )
    await world.put(measured(world))
    (event,) = (await read(client))["events"]
    assert (event["state"], "data" in event) == ("waiting", False)


async def test_a_desk_reads_and_acknowledges_its_own_deliveries_alone(
    world: World, client: httpx.AsyncClient
) -> None:
    (theirs,) = await world.put(measured(world, desk=OTHER_DESK))
    (mine,) = await world.put(measured(world))
    await read(client)
    other = (await client.get("/v1/inbox", headers={"x-desk": OTHER_DESK})).json()
    assert [event["id"] for event in other["events"]] == [theirs]
    unknown = "00000000-0000-8000-8000-000000000000"
    answers = [
        await client.post("/v1/inbox/acknowledgements", json={"ids": ids})
        for ids in ([theirs], [unknown], ["not an id"], [mine, theirs], [mine.upper()])
    ]
    # What is another's is to this desk what is not there.
    assert {(answer.status_code, answer.content) for answer in answers[:3]} == {(200, b'{"acknowledged":[]}')}
    assert [answer.json()["acknowledged"] for answer in answers[3:]] == [[mine], [mine.upper()]]
    other = (await client.get("/v1/inbox", headers={"x-desk": OTHER_DESK})).json()
    assert [event["id"] for event in other["events"]] == [theirs]
    assert (await read(client))["events"] == []


async def test_a_long_poll_answers_as_soon_as_there_is_something(
    world: World, client: httpx.AsyncClient
) -> None:
    started = time.monotonic()
    polling = asyncio.ensure_future(read(client, wait=10))
    await asyncio.sleep(0.5)
    (delivery_id,) = await world.put(measured(world))
    found = await polling
    assert [event["id"] for event in found["events"]] == [delivery_id]
    assert 0.5 <= time.monotonic() - started < 3


async def test_an_empty_long_poll_ends_with_its_wait_and_keeps_the_cursor(client: httpx.AsyncClient) -> None:
    """Also one that is longer than an attempt lives: nothing was attempted."""
    waits = (1, 6)
    started = time.monotonic()
    pages = await asyncio.gather(*(read(client, wait=wait, after=7) for wait in waits))
    assert pages == [{"events": [], "after": 7}] * 2
    assert time.monotonic() - started >= max(waits)


@pytest.mark.parametrize("query", ["after=-1", "limit=0", "limit=501", "wait=31", "after=x"])
async def test_a_reading_is_refused_when_its_limits_are_wrong(client: httpx.AsyncClient, query: str) -> None:
    assert (await client.get(f"/v1/inbox?{query}")).status_code == 422


async def test_relay_and_inbox_release_each_delivery_under_one_place_when_they_race(
    world: World, client: httpx.AsyncClient
) -> None:
    since = await world.ends()
    relay = world.relay()
    ids: list[str] = []
    for _ in range(15):
        ids += await world.put(*[measured(world, number) for number in range(4)])
        await asyncio.gather(cycle(relay), read(client), read(client, after=max(0, len(ids) - 6)))
    await cycles(relay, 10)
    await stop(relay)
    events = (await read(client, limit=500))["events"]
    assert [event["place"] for event in events] == list(range(1, 61))
    assert sorted(event["id"] for event in events) == sorted(ids)
    assert sorted(record.delivery_id for record in await world.received(since)) == sorted(ids)
    by_family: dict[str, list[str]] = {}
    for event in events:
        by_family.setdefault(event["subject"], []).append(event["id"])
    for number in range(4):
        assert by_family[world.family(number)] == ids[number::4]


async def test_nothing_personal_stands_in_the_answer_when_an_item_has_no_body(
    world: World, client: httpx.AsyncClient
) -> None:
    await world.put(of_person(world, 1))
    await read(client)
    await world.accept_protective(1)
    (event,) = (await read(client))["events"]
    assert set(event) == {"specversion", "id", "source", "type", "time", "subject", "place", "state"}
    assert world.person(1) not in orjson.dumps(event).decode()
