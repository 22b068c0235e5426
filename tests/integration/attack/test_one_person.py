"""One human whom the hub knows as two: what protects either holds for both, and what is undone stands apart again."""

from typing import Any

import pytest

from hub.clock import HOUR, parse_micros
from services.consent.family_facts import FamilyFacts
from tests.integration.attack.hub import CHESIL, IG, PROBATION, S2W, WEST, Hub
from tests.integration.gateway.world import ref

LINKED, UNLINKED = "hub.identity_linked", "hub.identity_unlinked"
SCORE = {"purpose": "support", "category": "outcome.score", "desk": CHESIL}


async def two_families(hub: Hub) -> tuple[str, str]:
    """V, whom s2w supports, in a family of Chesil's; B, who is the same, in one of West's. Gives both logs."""
    first = await hub.begin_family("F-1", CHESIL, adults="VX", children="K")
    second = await hub.begin_family("F-2", WEST, adults="BP", children="L")
    await hub.support("F-1", "V", S2W)
    await hub.relay(CHESIL, WEST, S2W, PROBATION)
    return first, second


async def link(hub: Hub, *, probable: bool = False, agreed: bool = True, **rest: Any) -> None:
    """Chesil says that V and B are one; a second person of the council agrees."""
    degree = "probable" if probable else "confirmed"
    said = {"person": ref("V"), "same_as": ref("B"), "degree": degree, "reason": "same_history"}
    await hub.tell(LINKED, {**said, **rest})
    await hub.settle()
    if not probable and agreed:
        await agree(hub)


async def agree(hub: Hub, action: str = "approve") -> None:
    """The second person says so, or not, of what was asked first."""
    task, *_ = (await hub.get("/v1/tasks", IG)).json()["tasks"]
    headers = hub.bearer(IG, subject="officer", purpose="safeguard", reason="read both files")
    answer = await hub.http.post(f"/v1/tasks/{task['task']}/{action}", headers=headers)
    assert answer.status_code == 202
    await hub.settle()


async def unlink(hub: Hub) -> None:
    said = {"person": ref("V"), "same_as": ref("B"), "reason": "wrong_person"}
    await hub.tell(UNLINKED, said)
    await hub.settle()


async def facts(hub: Hub, log: str) -> FamilyFacts:
    return FamilyFacts.of(await hub.family_state(log))


async def test_what_waits_about_one_is_recalled_when_the_other_withdraws(hub: Hub) -> None:
    _, second = await two_families(hub)
    await hub.consent("F-1", "V")
    await link(hub)
    await hub.relay(CHESIL, WEST, S2W)
    await hub.score("F-1", "V", 17)
    await hub.tell("consent.withdrawn", {"family": ref("F-2"), "person": ref("B")}, desk=WEST)
    # Nothing leaves from its acceptance on, though no log has read it.
    assert await hub.begin(CHESIL) == []
    await hub.settle(but=[second])
    assert await hub.begin(CHESIL) == []
    await hub.relay(CHESIL)
    assert hub.scores_to(CHESIL) == [None]


async def test_nothing_of_either_leaves_when_the_link_is_accepted_and_not_read(hub: Hub) -> None:
    await two_families(hub)
    await hub.consent("F-1", "V")
    await hub.tell("consent.refused", {"family": ref("F-2"), "person": ref("B"), "cells": [SCORE]}, desk=WEST)
    await hub.settle()
    await hub.score("F-1", "V", 17)
    said = {"person": ref("V"), "same_as": ref("B"), "degree": "probable"}
    await hub.tell(LINKED, said)
    assert await hub.begin(CHESIL) == []
    await hub.relay(CHESIL)
    assert hub.scores_to(CHESIL) == []
    await unlink(hub)
    await hub.relay(CHESIL)
    assert hub.scores_to(CHESIL) == [17]


async def test_consent_of_one_counts_for_the_other_once_a_second_person_agrees(hub: Hub) -> None:
    await two_families(hub)
    await hub.consent("F-2", "B", desk=WEST)
    await link(hub, agreed=False)
    await hub.score("F-1", "V", 17)
    await hub.relay(CHESIL, WEST)
    assert hub.scores_to(CHESIL) == []
    (task,) = (await hub.get("/v1/tasks", IG)).json()["tasks"]
    assert task["detail"]["why"] == "same_history"
    await agree(hub)
    await hub.relay(CHESIL, WEST)
    assert hub.scores_to(CHESIL) == [17]
    await unlink(hub)
    await hub.score("F-1", "V", 18)
    await hub.relay(CHESIL, WEST)
    assert hub.scores_to(CHESIL) == [17, None]


@pytest.mark.parametrize("probable", [True, False])
async def test_pair_restriction_and_role_of_one_hold_in_the_others_family(hub: Hub, probable: bool) -> None:
    first, second = await two_families(hub)
    pair = {"victim": ref("B"), "perpetrator": ref("P"), "basis": "disclosure"}
    await hub.tell("safety.pair_recorded", {"family": ref("F-2"), **pair}, desk=WEST)
    placed = {"restriction": "r-1", "person": ref("B"), "from_agency": "reach", "categories": ["risk.rating"]}
    await hub.tell("safety.restriction_placed", {"family": ref("F-2"), **placed}, desk=WEST)
    await hub.tell("person.probation_supervision_started", {"person": ref("P")}, desk=PROBATION)
    await hub.settle()
    await link(hub, probable=probable)
    v, b, p = [await hub.person(each) for each in "VBP"]
    for log in (first, second):
        here = await facts(hub, log)
        assert here.one_with(v) == {b: not probable}
        assert here.one_with(b) == {v: not probable}
        assert here.person(v).perpetrators == {p: None if probable else True}
        assert [each.id for each in here.person(v).shields] == ["r-1"]
        assert PROBATION in {span.desk for span in here.person(p).spans}
        desks = {span.desk: span.perhaps for span in here.person(b).spans if span.role == "supporting"}
        assert desks == {S2W: probable}
    await unlink(hub)
    for log in (first, second):
        here = await facts(hub, log)
        assert here.one == {}
        assert here.person(v).perpetrators == {}


async def test_desk_that_supervises_her_perpetrator_hears_nothing_when_she_is_linked(hub: Hub) -> None:
    await two_families(hub)
    await hub.tell("person.probation_supervision_started", {"person": ref("P")}, desk=PROBATION)
    plan = {"core_group": [PROBATION, S2W], "discussed": [ref("K")]}
    await hub.tell("practice.plan_agreed", {"family": ref("F-1"), **plan})
    pair = {"victim": ref("B"), "perpetrator": ref("P"), "basis": "disclosure"}
    await hub.tell("safety.pair_recorded", {"family": ref("F-2"), **pair}, desk=WEST)
    await hub.settle()
    await hub.relay(CHESIL, WEST, S2W, PROBATION)
    hub.released.clear()
    await link(hub)
    await hub.relay(CHESIL, WEST, S2W, PROBATION)
    assert hub.released[PROBATION] == []
    b = await hub.person("B")
    assert hub.got(S2W, LINKED) == hub.got(WEST, LINKED) == []
    assert all(b not in str(each) for each in hub.released[S2W])
    stage = {"person": ref("V"), "need": "mental_health", "stage": "action"}
    await hub.tell("practice.stage_of_change_assessed", {"family": ref("F-1"), **stage})
    await hub.settle()
    await hub.relay(CHESIL, S2W, PROBATION)
    assert hub.released[PROBATION] == []
    await unlink(hub)
    await hub.relay(CHESIL, WEST, S2W, PROBATION)
    assert UNLINKED not in {each.kind for desk in (S2W, PROBATION) for each in hub.released[desk]}
    assert b not in str(hub.released[PROBATION])


async def test_holder_by_ones_consent_has_a_notice_when_the_other_withdraws(hub: Hub) -> None:
    await two_families(hub)
    await hub.consent("F-1", "V")
    await hub.score("F-1", "V", 17)
    await hub.relay(CHESIL)
    await link(hub)
    await hub.tell("consent.withdrawn", {"family": ref("F-2"), "person": ref("B")}, desk=WEST)
    await hub.settle()
    await hub.relay(CHESIL)
    (notice,) = hub.got(CHESIL, "hub.notice_sent")
    assert (notice["person"]["value"], notice["categories"]) == (await hub.person("V"), ["outcome.score"])


@pytest.mark.parametrize("probable", [True, False])
@pytest.mark.parametrize("first", [True, False])
async def test_holder_has_a_notice_when_the_link_itself_ends_the_consent(
    hub: Hub, probable: bool, first: bool
) -> None:
    await two_families(hub)
    await hub.consent("F-1", "V")
    await hub.score("F-1", "V", 17)
    await hub.relay(CHESIL)
    refused = {"family": ref("F-2"), "person": ref("B"), "cells": [SCORE]}
    if first:
        await hub.tell("consent.refused", refused, desk=WEST)
        await hub.settle()
        await link(hub, probable=probable, agreed=False)
    else:
        await link(hub, probable=probable, agreed=False)
        await hub.relay(CHESIL, WEST)
        await hub.tell("consent.refused", refused, desk=WEST)
        await hub.settle()
    await hub.relay(CHESIL, WEST, S2W)
    (notice,) = hub.got(CHESIL, "hub.notice_sent")
    assert (notice["kind"], notice["person"]["value"]) == ("withdrawn", await hub.person("V"))
    assert notice["categories"] == ["outcome.score"]
    assert hub.got(WEST, "hub.notice_sent") == hub.got(S2W, "hub.notice_sent") == []
    if not probable:
        await agree(hub)
    await hub.relay(CHESIL, WEST, S2W)
    assert len(hub.got(CHESIL, "hub.notice_sent")) == 1


async def test_holder_has_a_notice_in_the_others_family_when_the_link_ends_what_was_given_there(
    hub: Hub,
) -> None:
    await two_families(hub)
    await hub.support("F-2", "B", S2W, WEST)
    await hub.consent("F-2", "B", to=WEST, desk=WEST)
    await hub.score("F-2", "B", 17)
    await hub.relay(WEST)
    assert hub.scores_to(WEST) == [17]
    cell = {**SCORE, "desk": WEST}
    await hub.tell("consent.refused", {"family": ref("F-1"), "person": ref("V"), "cells": [cell]})
    await hub.settle()
    await link(hub, probable=True)
    await hub.relay(CHESIL, WEST, S2W)
    (notice,) = hub.got(WEST, "hub.notice_sent")
    assert notice["person"]["value"] == await hub.person("B")
    assert hub.got(CHESIL, "hub.notice_sent") == []


async def test_holder_has_a_notice_when_the_others_objection_joins(hub: Hub) -> None:
    await two_families(hub)
    goals = [{"goal": "G-1", "progress": "some"}]
    reviewed = {"referral": ref("R-F-1-V-s2w"), "person": ref("V"), "goals": goals}
    await hub.tell("referral.goal_reviewed", reviewed, desk=S2W)
    await hub.settle()
    await hub.relay(CHESIL)
    said = {"family": ref("F-2"), "person": ref("B"), "objection": "O-1", "categories": ["support.summary"]}
    await hub.tell("consent.objection_raised", said, desk=WEST)
    await hub.settle()
    await link(hub, probable=True)
    await hub.relay(CHESIL)
    (notice,) = hub.got(CHESIL, "hub.notice_sent")
    assert (notice["kind"], notice["categories"]) == ("objected", ["support.summary"])


async def test_nobody_has_a_notice_when_what_is_joined_ends_nothing_that_they_had(hub: Hub) -> None:
    await two_families(hub)
    await hub.score("F-1", "V", 17)
    # What B gave and took back was never V's; a restriction ends nothing that a desk may be told of.
    await hub.consent("F-2", "B", desk=WEST)
    await hub.tell("consent.withdrawn", {"family": ref("F-2"), "person": ref("B")}, desk=WEST)
    placed = {
        "restriction": "r-1",
        "person": ref("B"),
        "from_agency": "council",
        "categories": ["outcome.score"],
    }
    await hub.tell("safety.restriction_placed", {"family": ref("F-2"), **placed}, desk=WEST)
    await hub.settle()
    await hub.relay(CHESIL, WEST, S2W)
    await link(hub)
    await hub.relay(CHESIL, WEST, S2W)
    assert [hub.got(desk, "hub.notice_sent") for desk in (CHESIL, WEST, S2W)] == [[], [], []]


async def held(hub: Hub, desk: str = CHESIL) -> list[dict[str, Any]]:
    found = (await hub.get("/v1/tasks?kind=held", desk)).json()["tasks"]
    return list(found)


async def test_who_said_that_two_may_be_one_confirms_within_hours_and_a_second_person_agrees(
    hub: Hub,
) -> None:
    first, second = await two_families(hub)
    await link(hub, probable=True)
    (task,) = await held(hub)
    assert (task["reason"], task["actions"], task["detail"]) == ("perhaps_one", ["confirm"], {})
    assert parse_micros(task["due_at"]) - parse_micros(task["opened_at"]) == 4 * HOUR
    assert await held(hub, WEST) == await held(hub, IG) == []
    headers = hub.bearer(CHESIL, subject="Robin", purpose="safeguard", reason="read both files")
    answer = await hub.http.post(f"/v1/tasks/{task['task']}/confirm", headers=headers)
    assert (answer.status_code, answer.json()["state"]) == (202, "asked")
    await hub.settle()
    assert await held(hub) == []
    v, b = [await hub.person(each) for each in "VB"]
    assert (await facts(hub, first)).one_with(v) == {b: False}
    await agree(hub)
    for log in (first, second):
        assert (await facts(hub, log)).one_with(v) == {b: True}


async def test_task_of_who_may_be_one_ends_when_somebody_says_that_they_are_not(hub: Hub) -> None:
    await two_families(hub)
    await link(hub, probable=True)
    assert len(await held(hub)) == 1
    await hub.tell(UNLINKED, {"person": ref("B"), "same_as": ref("V"), "reason": "other"}, desk=WEST)
    await hub.settle()
    assert await held(hub) == []


@pytest.mark.parametrize("answer", ["refuse", "unlink"])
async def test_both_leave_again_and_nobody_is_asked_when_two_are_not_one_after_all(
    hub: Hub, answer: str
) -> None:
    first, second = await two_families(hub)
    await hub.consent("F-1", "V")
    await link(hub, agreed=False)
    await hub.score("F-1", "V", 17)
    await hub.relay(CHESIL, WEST)
    assert hub.scores_to(CHESIL) == []
    if answer == "refuse":
        await agree(hub, "refuse")
    else:
        await unlink(hub)
    await hub.relay(CHESIL, WEST)
    assert hub.scores_to(CHESIL) == [17]
    assert (await hub.get("/v1/tasks", IG)).json()["tasks"] == []
    for log in (first, second):
        assert (await facts(hub, log)).one == {}


async def test_no_log_waits_for_an_answer_when_one_desk_leads_both_families(hub: Hub) -> None:
    logs = [await hub.begin_family(name, CHESIL, adults=who) for name, who in (("F-1", "V"), ("F-2", "B"))]
    said = {"same_as": ref("B"), "person": ref("V"), "degree": "confirmed"}
    for family in ("F-1", "F-2"):
        await hub.tell(LINKED, {**said, "family": ref(family)})
    await hub.settle()
    for _ in range(2):
        await agree(hub)
    for log in logs:
        assert not (await hub.family_state(log)).get("pending")
        assert set((await facts(hub, log)).one_with(await hub.person("V")).values()) == {True}


async def test_task_of_who_may_be_one_is_due_in_an_hour_when_there_is_an_enquiry(hub: Hub) -> None:
    await two_families(hub)
    enquiry = {"family": ref("F-1"), "enquiry": "E-1", "children": [ref("K")]}
    await hub.tell("child.section_47_started", enquiry)
    await hub.settle()
    await link(hub, probable=True)
    (task,) = await held(hub)
    assert parse_micros(task["due_at"]) - parse_micros(task["opened_at"]) == HOUR


async def test_nothing_stands_still_when_one_desk_leads_both_families(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await hub.begin_family("F-2", CHESIL, adults="B", children="L")
    await hub.support("F-1", "V", S2W)
    await hub.consent("F-2", "B")
    await hub.relay(CHESIL, S2W)
    await link(hub)
    await hub.score("F-1", "V", 17)
    await hub.score("F-2", "B", 18)
    await hub.relay(CHESIL, S2W)
    assert hub.scores_to(CHESIL) == [17, 18]
    await unlink(hub)
    await hub.relay(CHESIL, S2W)
    stuck = "SELECT status FROM delivery WHERE status IN ('pending', 'held', 'lapsed', 'failed') AND desk = ANY(%s)"
    assert await hub.rows(stuck, [CHESIL, S2W]) == []
    assert await hub.rows("SELECT 1 FROM undecided") == []


async def test_link_changes_nothing_when_its_desk_leads_no_family_of_either(hub: Hub) -> None:
    first, second = await two_families(hub)
    said = {"person": ref("V"), "same_as": ref("B"), "degree": "confirmed"}
    await hub.begin_family("F-3", "council/dorchester", adults="Z")
    await hub.tell(LINKED, said, desk="council/dorchester")
    await hub.settle()
    for log in (first, second):
        assert (await facts(hub, log)).one == {}
    await hub.score("F-1", "V", 17)
    await hub.relay(CHESIL)
    assert hub.scores_to(CHESIL) == [None]


async def test_three_are_one_when_the_link_of_the_third_stands_in_another_log(hub: Hub) -> None:
    first, _ = await two_families(hub)
    third = await hub.begin_family("F-3", WEST, adults="C")
    await link(hub)
    said = {"person": ref("B"), "same_as": ref("C"), "degree": "confirmed"}
    await hub.tell(LINKED, said, desk=WEST)
    await hub.settle()
    await agree(hub)
    await hub.consent("F-1", "V")
    await hub.score("F-1", "V", 17)
    await hub.tell("consent.withdrawn", {"family": ref("F-3"), "person": ref("C")}, desk=WEST)
    assert await hub.begin(CHESIL) == []
    await hub.relay(CHESIL)
    assert hub.scores_to(CHESIL) == [None]
    v, b, c = [await hub.person(each) for each in "VBC"]
    for log in (first, third):
        assert (await facts(hub, log)).one_with(v) == {b: True, c: True}
