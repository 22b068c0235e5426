"""What left between what was said and its record is listed for information governance, once, and for nobody else."""

from typing import Any

import httpx
import pytest

from hub.clock import HOUR, MINUTE, format_micros
from hub.events import Event
from hub.processor import left, stored
from hub.producer import Outcome
from tests.integration.attack.hub import CHESIL, IG, PARAGON, PROBATION, REACH, S2W, WEST, Hub
from tests.integration.attack.test_due import act
from tests.integration.gateway.world import ref

MEASURE = "wraparound.outcome.measure_recorded.v1"


async def worked_with(hub: Hub, people: str = "VB") -> None:
    """A family of Chesil's, and a score of each of these that has reached it."""
    await hub.begin_family("F-1", CHESIL, adults=people, children="K")
    for number, person in enumerate(people):
        await hub.support("F-1", person, S2W)
        await hub.score("F-1", person, number)
    await hub.relay(CHESIL)
    hub.clock.advance(HOUR)


async def withdraws(hub: Hub, said: int, **rest: Any) -> str:
    """V's withdrawal, of that time, as the council records it now."""
    data = {"person": ref("V"), "occurred_at": format_micros(said), **rest}
    receipt = await hub.tell("consent.withdrawn", data)
    await hub.settle()
    return receipt


async def tasks(hub: Hub, desk: str = IG) -> list[dict[str, Any]]:
    """What of this kind waits at a desk."""
    found = (await hub.get("/v1/tasks?kind=left_between", desk)).json()["tasks"]
    return list(found)


async def show(hub: Hub, task: str, desk: str = IG) -> httpx.Response:
    """A task, as somebody of a desk reads it."""
    headers = hub.bearer(desk, subject="Robin", purpose="rights", reason="what left in between")
    return await hub.http.get(f"/v1/tasks/{task}", headers=headers)


async def looks(hub: Hub) -> int:
    found = await hub.rows("SELECT count(*) FROM audit_entry WHERE kind = 'family.viewed'")
    return int(found[0][0])


async def test_what_left_since_it_was_said_is_listed_when_it_is_recorded_later(hub: Hub) -> None:
    await worked_with(hub)
    said = hub.clock.now()
    hub.clock.advance(MINUTE)
    for person, score in (("V", 7), ("B", 8)):
        await hub.score("F-1", person, score)
    await hub.relay(CHESIL)
    between = await hub.rows(
        "SELECT delivery_id::text FROM delivery WHERE released_at > %s ORDER BY seq", said
    )
    receipt = await withdraws(hub, said, family=ref("F-1"))
    recorded = hub.clock.now()
    await hub.score("F-1", "V", 9)
    await hub.relay(CHESIL)

    (task,) = await tasks(hub)
    assert (task["about"], task["reason"]) == (receipt, "said_before_recorded")
    assert task["detail"] == {"since": format_micros(said), "until": format_micros(recorded)}
    before = await looks(hub)
    found = (await show(hub, task["task"])).json()
    (left,) = found["left"]
    assert [left["delivery"]] == list(between[0])
    assert (left["desk"], left["type"]) == (CHESIL, MEASURE)
    assert format_micros(said) < left["released_at"] < format_micros(recorded)
    explained = await hub.rows("SELECT event_id::text FROM event WHERE receipt_id = %s", left["receipt"])
    assert (left["event"],) in explained
    assert await looks(hub) == before + 1

    assert (await act(hub, IG, "note")).json()["state"] == "done"
    assert await tasks(hub) == []


async def test_there_is_no_task_when_nothing_left_in_between(hub: Hub) -> None:
    await worked_with(hub)
    said = hub.clock.now()
    await hub.score("F-1", "B", 8)
    await hub.relay(CHESIL)
    await withdraws(hub, said, family=ref("F-1"))
    assert await tasks(hub) == []


async def test_there_is_no_task_when_it_is_recorded_as_it_is_said(hub: Hub) -> None:
    await worked_with(hub)
    await hub.score("F-1", "V", 7)
    await hub.relay(CHESIL)
    await hub.tell("consent.withdrawn", {"family": ref("F-1"), "person": ref("V")})
    await hub.settle()
    assert await tasks(hub) == []


async def test_what_is_being_sent_is_listed_when_it_is_recorded(hub: Hub) -> None:
    await worked_with(hub)
    said = hub.clock.now()
    await hub.score("F-1", "V", 7)
    begun = await hub.begin(CHESIL)
    await withdraws(hub, said, family=ref("F-1"))
    (task,) = await tasks(hub)
    (left,) = (await show(hub, task["task"])).json()["left"]
    assert left["released_at"] is None
    await hub.end(begun, Outcome.SENT)
    (left,) = (await show(hub, task["task"])).json()["left"]
    assert left["released_at"] is not None


async def test_one_task_lists_every_family_when_its_person_is_in_two(hub: Hub) -> None:
    await worked_with(hub)
    await hub.begin_family("F-2", WEST, adults="V", children="L")
    await hub.support("F-2", "V", S2W, WEST)
    await hub.relay(CHESIL, WEST)
    hub.clock.advance(MINUTE)
    said = hub.clock.now()
    hub.clock.advance(MINUTE)
    await hub.score("F-1", "V", 7)
    await hub.score("F-2", "V", 8)
    await hub.relay(CHESIL, WEST)
    await withdraws(hub, said)
    (task,) = await tasks(hub)
    left = (await show(hub, task["task"])).json()["left"]
    assert {(each["desk"], each["type"]) for each in left} == {(CHESIL, MEASURE), (WEST, MEASURE)}


async def test_incident_lists_what_left_of_whom_it_sets_against_whom_since_it_was(hub: Hub) -> None:
    await worked_with(hub, "VP")
    said = hub.clock.now()
    hub.clock.advance(MINUTE)
    await hub.score("F-1", "P", 7)
    await hub.relay(CHESIL)
    people = [
        {"person": ref("V"), "role": "victim"},
        {"person": ref("P"), "role": "alleged_perpetrator"},
    ]
    data = {"family": ref("F-1"), "incident": "I-1", "people": people, "occurred_at": format_micros(said)}
    await hub.tell("outcome.incident_reported", data, desk="police/dorset")
    await hub.settle()
    assert len(await tasks(hub)) == 1


async def test_every_delivery_is_listed_and_an_event_opened_once_when_much_left(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = list[str]()

    def open_one(*args: Any) -> Event:
        event = stored.stored_event(*args)
        opened.append(event.envelope.id)
        return event

    monkeypatch.setattr(left, "AT_ONCE", 3)
    monkeypatch.setattr(left, "stored_event", open_one)
    await worked_with(hub)
    await hub.support("F-1", "V", REACH)
    await hub.relay(CHESIL, S2W, REACH)
    hub.clock.advance(MINUTE)
    said = hub.clock.now()
    for score in range(4):
        await hub.score("F-1", "V", score)
    await hub.relay(CHESIL, S2W, REACH)
    await withdraws(hub, said, family=ref("F-1"))
    (task,) = await tasks(hub)
    listed = (await show(hub, task["task"])).json()["left"]
    by_release = await hub.rows("SELECT delivery_id::text FROM delivery WHERE released_at >= %s", said)
    assert sorted(each["delivery"] for each in listed) == sorted(row[0] for row in by_release)
    assert len(listed) > len({each["event"] for each in listed}) == 4
    assert len(opened) == len(set(opened))


async def test_task_is_there_for_its_own_desk_alone_and_says_who_looks(hub: Hub) -> None:
    await worked_with(hub)
    said = hub.clock.now()
    await hub.score("F-1", "V", 7)
    await hub.relay(CHESIL)
    await withdraws(hub, said, family=ref("F-1"))
    (task,) = await tasks(hub)
    for desk in (CHESIL, WEST, S2W, PARAGON, PROBATION):
        assert await tasks(hub, desk) == []
        assert (await show(hub, task["task"], desk)).status_code == 404
    assert (await hub.get(f"/v1/tasks/{task['task']}", IG)).status_code == 422


async def test_role_that_begins_lists_nothing_when_it_is_recorded_later(hub: Hub) -> None:
    await worked_with(hub)
    said = hub.clock.now()
    await hub.score("F-1", "V", 7)
    await hub.relay(CHESIL)
    asked = {"family": ref("F-1"), "person": ref("V"), "referral": ref("R-9"), "specialism": "mental_health"}
    await hub.tell("referral.requested", {**asked, "to": "reach/sft", "occurred_at": format_micros(said)})
    await hub.settle()
    assert await tasks(hub) == []
