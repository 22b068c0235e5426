"""Who was told that a consent ended answers, or is chased after two and five working days, and then it is IG's."""

from typing import Any

import httpx

from hub.clock import DAY, HOUR, format_micros, parse_micros
from services.referral_router.chasing import chase
from services.referral_router.composition import assemble
from tests.integration.attack.hub import CHESIL, IG, S2W, WEST, Hub
from tests.integration.gateway.world import ref

NOTICE, CHASED, ANSWERED = "hub.notice_sent", "hub.chased", "hub.notice_acknowledged"
# Thursday 1 June 2023: the notice is to be answered by the end of Monday, and is IG's after that of Thursday.
MONDAY_OVER, THURSDAY_OVER = (parse_micros(f"2023-06-{day}T23:00:00Z") for day in ("05", "08"))


async def noticed(hub: Hub) -> dict[str, Any]:
    """The council had a score of V's by her consent, which she has withdrawn: its notice."""
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await hub.support("F-1", "V", S2W)
    await hub.consent("F-1", "V")
    await hub.score("F-1", "V", 7)
    await hub.relay(CHESIL)
    assert hub.scores_to(CHESIL) == [7]
    cell = {"purpose": "support", "category": "outcome.score", "desk": CHESIL}
    await hub.tell("consent.withdrawn", {"family": ref("F-1"), "person": ref("V"), "cells": [cell]})
    await hub.settle()
    await hub.relay(CHESIL)
    (notice,) = hub.got(CHESIL, NOTICE)
    return notice


async def look(hub: Hub) -> int:
    """The timer looks once; what it publishes is read and released."""
    parts = assemble(hub.stack.settings("router", postgres=hub.dsn))
    async with hub.database.transaction() as conn:
        found = await chase(conn, parts, hub.clock.now())
    await parts.database.close()
    await hub.settle()
    await hub.relay(CHESIL, IG)
    return found


async def answer(hub: Hub, notice: dict[str, Any], desk: str = CHESIL) -> str:
    said = {"family": notice["family"], "notice": notice["notice"], "done": "deleted"}
    receipt = await hub.tell(ANSWERED, said, desk=desk)
    await hub.settle()
    state: dict[str, Any] = (await hub.get(f"/v1/receipts/{receipt}", desk)).json()
    return f"{state['state']} {state.get('reason', '')}".strip()


async def act(hub: Hub, task: str, action: str, desk: str, given: Any = None) -> httpx.Response:
    headers = hub.bearer(desk, subject="Robin", purpose="operate", reason="to answer")
    return await hub.http.post(f"/v1/tasks/{task}/{action}", headers=headers, json=given or {})


async def tasks(hub: Hub) -> list[tuple[str, str]]:
    """What is open of notices: whose, and why."""
    return await hub.rows(
        "SELECT owner, reason FROM task WHERE kind = 'acknowledgement' AND done_at IS NULL ORDER BY opened_at"
    )


async def test_desk_is_chased_after_two_and_five_working_days_and_then_it_is_governances(hub: Hub) -> None:
    notice = await noticed(hub)
    assert parse_micros(notice["answer_by"]) == MONDAY_OVER
    assert await tasks(hub) == [(CHESIL, "withdrawn")]
    hub.clock.advance(MONDAY_OVER - hub.clock.now() - HOUR)
    assert await look(hub) == 0
    hub.clock.advance(HOUR)
    assert [await look(hub), await look(hub)] == [1, 0]
    (first,) = hub.got(CHESIL, CHASED)
    assert (first["notice"], first["times"], parse_micros(first["answer_by"])) == (
        notice["notice"],
        1,
        THURSDAY_OVER,
    )
    assert await tasks(hub) == [(CHESIL, "withdrawn")]
    hub.clock.advance(THURSDAY_OVER - hub.clock.now())
    assert [await look(hub), await look(hub)] == [1, 0]
    assert [each["times"] for each in hub.got(CHESIL, CHASED)] == [1, 2]
    assert "answer_by" not in hub.got(CHESIL, CHASED)[1]
    assert await tasks(hub) == [(CHESIL, "withdrawn"), (IG, "unanswered")]
    hub.clock.advance(30 * DAY)
    assert await look(hub) == 0
    assert await answer(hub, notice) == "in effect"
    assert await tasks(hub) == []


async def test_nobody_is_chased_for_what_they_have_answered(hub: Hub) -> None:
    notice = await noticed(hub)
    hub.clock.advance(MONDAY_OVER - hub.clock.now())
    parts = assemble(hub.stack.settings("router", postgres=hub.dsn))
    async with hub.database.transaction() as conn:
        assert await chase(conn, parts, hub.clock.now()) == 1
    await parts.database.close()
    # The chase stands in the outbox, and the answer is accepted after it: the log has it first all the same.
    assert await answer(hub, notice) == "in effect"
    await hub.relay(CHESIL)
    assert len(hub.got(CHESIL, CHASED)) == 1
    hub.clock.advance(30 * DAY)
    assert await look(hub) == 0
    assert await tasks(hub) == []


async def test_desk_hears_that_its_answer_took_effect_when_it_holds_no_role_any_more(hub: Hub) -> None:
    notice = await noticed(hub)
    await hub.tell("family.lead_changed", {"family": ref("F-1"), "lead": WEST})
    about = {"referral": ref("R-F-1-V-s2w"), "person": ref("V")}
    await hub.tell("referral.support_ended", about, desk=S2W)
    await hub.settle()
    hub.clock.advance(60 * DAY)
    assert await answer(hub, notice) == "in effect"


async def test_only_the_desk_that_was_told_can_answer(hub: Hub) -> None:
    notice = await noticed(hub)
    # Whoever has no role for the whole family learns nothing of what became of it.
    assert await answer(hub, notice, S2W) == await answer(hub, notice, WEST) == "received"
    assert await answer(hub, {**notice, "notice": notice["notice"][:-1] + "0"}) == "rejected no_such_notice"
    fates = await hub.rows(
        "SELECT f.kind, f.reason FROM fate f JOIN event e USING (event_id) WHERE e.type = %s",
        f"wraparound.{ANSWERED}.v1",
    )
    assert fates == [("rejected", "no_such_notice")] * 3
    assert await tasks(hub) == [(CHESIL, "withdrawn")]


async def test_a_person_answers_by_the_task_and_governance_can_only_note_its_own(hub: Hub) -> None:
    await noticed(hub)
    hub.clock.advance(THURSDAY_OVER - hub.clock.now())
    await look(hub)
    (mine,) = (await hub.get("/v1/tasks", CHESIL)).json()["tasks"]
    (theirs,) = (await hub.get("/v1/tasks", IG)).json()["tasks"]
    assert [(each["kind"], each["actions"]) for each in (mine, theirs)] == [
        ("acknowledgement", ["answer"]),
        ("acknowledgement", ["note"]),
    ]
    wrong = await act(hub, mine["task"], "answer", CHESIL, {"why": "lost"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/why")
    assert (await act(hub, theirs["task"], "answer", IG, {"why": "deleted"})).status_code == 404
    assert (await act(hub, mine["task"], "note", CHESIL)).status_code == 404
    assert (await act(hub, theirs["task"], "note", IG)).json()["state"] == "done"
    assert await tasks(hub) == [(CHESIL, "withdrawn")]
    assert (await act(hub, mine["task"], "answer", CHESIL, {"why": "deleted"})).json()["state"] == "asked"
    await hub.settle()
    assert await tasks(hub) == []


async def test_who_never_had_anything_has_no_task(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await hub.support("F-1", "V", S2W)
    await hub.consent("F-1", "V")
    await hub.score("F-1", "V", 7)
    cell = {"purpose": "support", "category": "outcome.score", "desk": CHESIL}
    await hub.tell("consent.withdrawn", {"family": ref("F-1"), "person": ref("V"), "cells": [cell]})
    await hub.settle()
    await hub.relay(CHESIL)
    assert (hub.got(CHESIL, NOTICE), await tasks(hub)) == ([], [])
    (never,) = await explained(hub, NOTICE)
    assert (never["to"], never["answer_by"], never["answered_at"]) == (CHESIL, None, None)


async def test_two_timers_chase_once_when_they_look_together(hub: Hub) -> None:
    await noticed(hub)
    hub.clock.advance(THURSDAY_OVER - hub.clock.now())
    parts = assemble(hub.stack.settings("router", postgres=hub.dsn))
    async with hub.database.transaction() as one, hub.database.transaction() as other:
        counts = [await chase(each, parts, hub.clock.now()) for each in (one, other)]
    await parts.database.close()
    assert counts == [2, 0]
    await hub.settle()
    await hub.relay(CHESIL)
    assert [each["times"] for each in hub.got(CHESIL, CHASED)] == [1, 2]


async def explained(hub: Hub, kind: str) -> list[dict[str, Any]]:
    """What governance is told of each event of a type, as of a notice."""
    rows = await hub.rows(
        "SELECT event_id::text FROM event WHERE type = %s ORDER BY recorded_at, event_id",
        f"wraparound.{kind}.v1",
    )
    answers = []
    for (event,) in rows:
        headers = hub.bearer(IG, subject="Robin", purpose="rights", reason="who has answered")
        answers.append(await hub.http.get(f"/v1/decisions/{event}", headers=headers))
    events = [each for answer in answers for each in answer.json()["events"]]
    assert [each["decisions"] for each in events] == [[]] * len(rows)
    return [each["notice"] for each in events]


async def test_governance_sees_who_was_told_and_who_has_answered_when_it_asks_about_a_notice(
    hub: Hub,
) -> None:
    notice = await noticed(hub)
    due = {"to": CHESIL, "kind": "withdrawn", "answer_by": format_micros(MONDAY_OVER)}
    open_ = {"answered_at": None, "how": None}
    assert await explained(hub, NOTICE) == [due | open_]
    hub.clock.advance(THURSDAY_OVER - hub.clock.now())
    await look(hub)
    chases = await explained(hub, CHASED)
    again = {"to": CHESIL, "kind": "notice_unacknowledged", **open_}
    assert sorted(each.pop("answer_by") or "" for each in chases) == ["", format_micros(THURSDAY_OVER)]
    assert chases == [again, again]
    assert await answer(hub, notice, S2W) == "received"
    assert await explained(hub, NOTICE) == [due | open_]
    before = hub.clock.now()
    assert await answer(hub, notice) == "in effect"
    for kind in (NOTICE, CHASED):
        for each in await explained(hub, kind):
            assert each["how"] == "deleted"
            assert before < parse_micros(each["answered_at"]) <= hub.clock.now()


async def test_governance_sees_whom_a_rejection_names_when_it_asks(hub: Hub) -> None:
    notice = await noticed(hub)
    assert await answer(hub, {**notice, "notice": notice["notice"][:-1] + "0"}) == "rejected no_such_notice"
    assert await explained(hub, "hub.event_rejected") == [
        {"to": CHESIL, "kind": "no_such_notice", "answer_by": None, "answered_at": None, "how": None}
    ]
