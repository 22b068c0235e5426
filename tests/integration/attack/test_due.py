"""A consent that ends is asked for again in time, an objection is decided in a month, holders who disagree are told."""

from typing import Any

import httpx

from hub.clock import DAY, MINUTE, parse_micros
from services.view.stages import stages
from tests.integration.attack.hub import CHESIL, IG, S2W, WEST, Hub
from tests.integration.gateway.world import ref

ENDS = parse_micros("2023-09-01T00:00:00Z")
AGAIN = "2024-09-01T00:00:00Z"
# An objection of Thursday 1 June is decided by the end of Monday 3 July: the first is a Saturday.
OVERRULED = {"ground": "compelling_grounds", "told_on": "2023-06-01"}
DECIDED_BY = parse_micros("2023-07-03T23:00:00Z")


async def given(hub: Hub, *cells: tuple[str, str | None], desk: str = CHESIL, **rest: Any) -> str:
    """V's consent to these categories, each until its time, for the council. Gives the receipt."""
    rows = [
        {"purpose": "support", "category": category, "desk": CHESIL} | ({"valid_until": end} if end else {})
        for category, end in cells
    ]
    data = {"family": ref("F-1"), "person": ref("V"), "given_as": "self", "cells": rows} | rest
    receipt = await hub.tell("consent.given", data, desk=desk)
    await hub.settle()
    return receipt


async def open_tasks(hub: Hub, desk: str) -> list[tuple[str, str, str | None]]:
    """What waits at a desk now: kind, reason, and until when."""
    found = (await hub.get("/v1/tasks", desk)).json()["tasks"]
    return [(each["kind"], each["reason"], each["due_at"]) for each in found]


async def tasks_of(hub: Hub, receipt: str) -> list[str]:
    """The kinds of task that an engineer sees of an event."""
    async with hub.database.transaction() as conn:
        found = await stages(conn, receipt, at=hub.clock.now())
    return [] if found is None else [each["kind"] for each in found["tasks"]]


async def act(hub: Hub, desk: str, action: str, why: str = "", **given: str) -> httpx.Response:
    """Do that about the only task of a desk."""
    (task,) = (await hub.get("/v1/tasks", desk)).json()["tasks"]
    headers = hub.bearer(desk, subject="Robin", purpose="operate", reason="to decide")
    url = f"/v1/tasks/{task['task']}/{action}"
    answer = await hub.http.post(url, headers=headers, json=given | ({"why": why} if why else {}))
    await hub.settle()
    return answer


async def test_who_recorded_a_consent_is_asked_fourteen_days_before_it_ends(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    receipt = await given(hub, ("outcome.score", "2023-09-01T00:00:00Z"), ("support.summary", None))
    hub.clock.advance(ENDS - 14 * DAY - hub.clock.now() - MINUTE)
    assert await open_tasks(hub, CHESIL) == []
    assert await tasks_of(hub, receipt) == []
    hub.clock.advance(MINUTE)
    assert await tasks_of(hub, receipt) == ["renewal"]
    assert await open_tasks(hub, CHESIL) == [("renewal", "consent_ends", "2023-09-01T00:00:00.000000Z")]
    (task,) = (await hub.get("/v1/tasks", CHESIL)).json()["tasks"]
    assert (task["about"], task["actions"], task["detail"]) == (receipt, ["note"], {})
    await given(hub, ("outcome.score", AGAIN))
    assert await open_tasks(hub, CHESIL) == []
    hub.clock.advance(366 * DAY)
    assert await open_tasks(hub, CHESIL) == [("renewal", "consent_ends", "2024-09-01T00:00:00.000000Z")]
    assert (await act(hub, CHESIL, "note")).json()["state"] == "done"
    assert await open_tasks(hub, CHESIL) == []


async def test_of_what_ends_by_itself_each_end_has_its_task_and_what_is_taken_back_has_none(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    ends = ("2023-07-01T00:00:00Z", "2023-08-01T00:00:00Z")
    await given(hub, ("outcome.score", ends[0]), ("support.summary", ends[1]))
    cell = {"purpose": "support", "category": "outcome.score", "desk": CHESIL}
    await hub.tell("consent.withdrawn", {"family": ref("F-1"), "person": ref("V"), "cells": [cell]})
    await hub.settle()
    hub.clock.advance(50 * DAY)
    assert await open_tasks(hub, CHESIL) == [("renewal", "consent_ends", "2023-08-01T00:00:00.000000Z")]


async def test_consent_that_is_short_or_over_when_it_is_recorded(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await given(hub, ("outcome.score", "2023-06-08T00:00:00Z"), ("support.summary", "2023-05-01T00:00:00Z"))
    assert await open_tasks(hub, CHESIL) == [("renewal", "consent_ends", "2023-06-08T00:00:00.000000Z")]


async def test_who_placed_a_restriction_is_asked_fourteen_days_before_its_review(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    about = {"family": ref("F-1"), "person": ref("V"), "restriction": "R-1"}
    placed = about | {"from_agency": "reach", "owner": CHESIL, "review_on": "2023-09-01"}
    await hub.tell("safety.restriction_placed", placed)
    await hub.settle()
    hub.clock.advance(ENDS - 14 * DAY - hub.clock.now() - MINUTE)
    assert await open_tasks(hub, CHESIL) == []
    hub.clock.advance(MINUTE)
    assert await open_tasks(hub, CHESIL) == [("renewal", "restriction_review", "2023-09-01T00:00:00.000000Z")]
    lifted = await hub.tell("safety.restriction_lifted", about | {"reason": "over"})
    await hub.settle()
    assert [each[0] for each in await open_tasks(hub, CHESIL)] == ["renewal"]
    assert await hub.rows("SELECT owner, key FROM task WHERE kind = 'approval'") == [(IG, lifted)]
    await act(hub, IG, "approve")
    assert await open_tasks(hub, CHESIL) == []


async def test_person_of_two_families_has_one_task_and_either_log_ends_it(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await hub.begin_family("F-2", WEST, adults="V", children="L")
    cell = {"purpose": "support", "category": "outcome.score", "desk": CHESIL}
    both = {"person": ref("V"), "given_as": "self", "cells": [cell | {"valid_until": "2023-06-10T00:00:00Z"}]}
    await hub.tell("consent.given", both)
    await hub.settle()
    assert await hub.rows("SELECT owner FROM task WHERE kind = 'renewal'") == [(CHESIL,)]
    await hub.tell(
        "consent.withdrawn", {"family": ref("F-2"), "person": ref("V"), "cells": [cell]}, desk=WEST
    )
    await hub.settle()
    assert await open_tasks(hub, CHESIL) == []


async def test_objection_is_information_governances_to_decide_in_a_month(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    said = {"family": ref("F-1"), "person": ref("V"), "objection": "OBJ-1", "categories": ["support.summary"]}
    receipt = await hub.tell("consent.objection_raised", said)
    await hub.settle()
    assert await open_tasks(hub, CHESIL) == []
    (task,) = (await hub.get("/v1/tasks", IG)).json()["tasks"]
    assert (task["kind"], task["reason"], task["about"]) == ("decision", "objection", receipt)
    assert parse_micros(task["due_at"]) == DECIDED_BY
    assert task["actions"] == ["decide"]
    assert (await act(hub, IG, "decide", "perhaps")).json()["errors"][0]["pointer"] == "/why"
    assert (await act(hub, IG, "note")).status_code == 404
    for less, pointer in (({}, "/ground"), ({"ground": "compelling_grounds"}, "/told_on")):
        assert (await act(hub, IG, "decide", "overruled", **less)).json()["errors"][0]["pointer"] == pointer
    ahead = await act(hub, IG, "decide", "overruled", **{**OVERRULED, "told_on": "2999-06-01"})
    assert (ahead.status_code, ahead.json()["errors"][0]["pointer"]) == (422, "/data/told_on")
    assert (await act(hub, IG, "decide", "overruled", **OVERRULED)).json()["state"] == "asked"
    assert await open_tasks(hub, IG) == []
    fates = await hub.rows(
        "SELECT f.kind FROM fate f JOIN event e USING (event_id)"
        " WHERE e.type = 'wraparound.consent.objection_decided.v1' AND f.processor = 'router'"
    )
    assert fates == [("done",)]
    decided = await hub.rows(
        "SELECT receipt_id::text FROM event WHERE type = 'wraparound.consent.objection_decided.v1'"
    )
    for event, closed in ((receipt, []), (decided[0][0], [True])):
        async with hub.database.transaction() as conn:
            found = await stages(conn, event, at=hub.clock.now())
        assert found is not None
        assert [each["kind"] for each in found["tasks"]] == ["decision"]
        assert [each["closed_by_it"] for each in found["tasks"] if "closed_by_it" in each] == closed


async def test_objection_that_its_desk_says_is_decided_waits_for_nobody(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    said = {"family": ref("F-1"), "person": ref("V"), "objection": "OBJ-1"}
    await hub.tell("consent.objection_raised", said)
    await hub.settle()
    assert len(await open_tasks(hub, IG)) == 1
    await hub.tell("consent.objection_decided", said | {"outcome": "upheld"}, desk=IG)
    await hub.settle()
    assert await open_tasks(hub, IG) == []


async def test_holders_who_disagree_about_a_child_are_the_leads_to_talk_to(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="VP", children="K")
    await hub.support("F-1", "V", S2W)
    for holder in "VP":
        holds = {"family": ref("F-1"), "person": ref("K"), "holder": ref(holder), "basis": "birth_mother"}
        await hub.tell("person.parental_responsibility_recorded", holds)
    await hub.settle()
    cell = {"purpose": "support", "category": "outcome.score", "desk": CHESIL}
    by = {"family": ref("F-1"), "person": ref("K"), "given_as": "parent", "cells": [cell]}
    await hub.tell("consent.given", by | {"given_by": ref("V")})
    await hub.settle()
    assert await open_tasks(hub, CHESIL) == []
    await hub.tell("consent.refused", by | {"given_by": ref("P")})
    await hub.settle()
    assert await open_tasks(hub, CHESIL) == [("decision", "holders_disagree", None)]
    # They agree once she takes hers back too.
    await hub.tell("consent.withdrawn", by | {"given_by": ref("V")})
    await hub.settle()
    assert await open_tasks(hub, CHESIL) == []


async def test_task_is_there_though_the_clock_was_set_back(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    said = {"family": ref("F-1"), "person": ref("V"), "objection": "OBJ-1"}
    await hub.tell("consent.objection_raised", said)
    await hub.settle()
    hub.clock.at -= DAY
    assert [kind for kind, _, _ in await open_tasks(hub, IG)] == ["decision"]
