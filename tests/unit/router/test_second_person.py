"""Second persons: who may be one, how they learn of it, and what an approval brings (rules 4.16, 4.17)."""

import pytest

from hub.events import Envelope, Event
from services.referral_router.handler import NOBODY, ask_second_persons
from tests.unit.consent.cast import CHESIL, PARAGON, POLICE, PROBATION, SECOND, ref, text
from tests.unit.router.loop import WEST, Loop

IG = "council/ig"
DAY = 86_400 * SECOND
PAIR = {"victim": ref("V"), "perpetrator": ref("P")}


def loop_with_a_pair() -> Loop:
    """V and P, a pair, in a family of Chesil's; paragon supports V, probation supervises P and is in the core group."""
    loop = Loop()
    loop.open("F1", CHESIL, adults="VP", children="K")
    loop.accept("safety.pair_recorded", CHESIL, "F1", **PAIR, basis="disclosure")
    loop.accept("person.probation_supervision_started", PROBATION, "F1", person=ref("P"), desk=PROBATION)
    loop.accept("practice.plan_agreed", CHESIL, "F1", discussed=[ref("K")], core_group=[PROBATION])
    loop.support("F1", "V", PARAGON)
    loop.release()
    return loop


def end_pair(loop: Loop) -> str:
    """Chesil asks to end the pair; gives the receipt."""
    receipt = loop.accept("safety.pair_ended", CHESIL, "F1", **PAIR, reason="mistaken")
    loop.settle()
    return receipt


def approve(loop: Loop, desk: str, request: str, decision: str = "approved") -> str:
    """A desk answers a request, through the plain doors; gives the receipt."""
    receipt = loop.accept("hub.approval_given", desk, "F1", task="t", request=request, decision=decision)
    loop.settle()
    return receipt


def pair(loop: Loop) -> str:
    """The state of the pair."""
    facts = loop.family("F1").plain["persons"]["V"]
    return str(facts["pair|P|p"][2]["state"])


@pytest.mark.parametrize("decision", ["approved", "refused"])
def test_approval_is_rejected_when_its_desk_is_the_one_that_asked(decision: str) -> None:
    loop = loop_with_a_pair()
    request = end_pair(loop)
    own = approve(loop, CHESIL, request, decision)
    assert loop.rejected[f"{own}-F1"] == "own_request"
    assert pair(loop) == "in_force"
    approve(loop, WEST, request)
    assert pair(loop) == "ended"


def test_safety_plan_stays_from_the_other_side_when_its_lead_alone_asks_and_approves() -> None:
    loop = Loop()
    loop.open("F1", CHESIL, adults="VP", children="K")
    loop.accept("safety.pair_recorded", CHESIL, "F1", **PAIR, basis="disclosure")
    loop.accept("person.probation_supervision_started", PROBATION, "F1", person=ref("P"), desk=PROBATION)
    loop.accept("practice.plan_agreed", CHESIL, "F1", discussed=[ref("K")], core_group=[PROBATION])
    loop.support("F1", "V", PARAGON)
    loop.accept("child.section_47_started", CHESIL, "F1", children=[ref("K")], enquiry="e-1")
    scope = {"people": [ref("V")], "override": "o-1", "ground": "s47", "enquiry": "e-1", "desks": [PROBATION]}
    asked = loop.accept(
        "safety.override_invoked",
        CHESIL,
        "F1",
        **scope,
        categories=["support.dv_safety_plan", "support.existence"],
        lifts_victims=[ref("V")],
    )
    loop.settle()
    plan = {
        "referral": ref("F1-V-paragon/victim"),
        "person": ref("V"),
        "dv_safety_plan": text("A door.", "V"),
    }
    approve(loop, CHESIL, asked)
    loop.accept("referral.goal_reviewed", PARAGON, "F1", **plan)
    loop.release()
    assert loop.got(PROBATION, "referral.goal_reviewed") == []
    approve(loop, IG, asked)
    loop.accept("referral.goal_reviewed", PARAGON, "F1", **plan)
    loop.release()
    assert len(loop.got(PROBATION, "referral.goal_reviewed")) == 1


def test_task_is_opened_for_another_desk_of_the_owner_when_something_waits_for_a_second_person() -> None:
    loop = loop_with_a_pair()
    request = end_pair(loop)
    (task,) = loop.tasks
    assert (task.kind, task.key, task.owner, task.reason) == ("approval", request, IG, "second_person")
    asked = {"asked_by": CHESIL, "type": "safety.pair_ended", "family": "F1", "why": "mistaken"}
    assert task.detail == asked
    assert task.due_at is None


def test_why_is_told_to_nobody_who_may_work_for_the_other_side() -> None:
    head = Envelope("e-1", "wraparound.safety.restriction_lifted.v1", PARAGON, "F1", 1, 1)
    event = Event(head, {"person": ref("V"), "restriction": "r-1", "reason": "moved_away"})
    desks = {"probation": PROBATION, "council": IG, "reach": None}
    tasks = ask_second_persons(event, 1, desks, lambda desk: desk.startswith("council/"))
    assert {each.owner: each.detail.get("why") for each in tasks} == {PROBATION: None, IG: "moved_away"}


def test_task_of_an_override_is_due_when_it_lapses() -> None:
    loop = loop_with_a_pair()
    loop.accept("child.section_47_started", CHESIL, "F1", children=[ref("K")], enquiry="e-1")
    scope = {"people": [ref("V")], "override": "o-1", "ground": "s47", "enquiry": "e-1", "desks": [CHESIL]}
    loop.accept("safety.override_invoked", CHESIL, "F1", **scope, categories=["support.dv_safety_plan"])
    loop.settle()
    (task,) = loop.tasks
    assert task.due_at == loop.now + DAY


def test_one_task_is_opened_when_the_request_enters_several_families() -> None:
    loop = loop_with_a_pair()
    loop.open("F2", WEST, adults="V")
    loop.accept(
        "safety.restriction_placed", CHESIL, person=ref("V"), restriction="r-1", from_agency="housing"
    )
    loop.settle()
    loop.accept("safety.restriction_lifted", CHESIL, person=ref("V"), restriction="r-1", reason="over")
    loop.settle()
    assert [each.detail["family"] for each in loop.tasks] == ["F1"]


def test_end_of_a_pair_is_rejected_when_its_owner_has_no_second_desk() -> None:
    loop = loop_with_a_pair()
    loop.accept(
        "safety.pair_recorded", PARAGON, "F1", victim=ref("V"), perpetrator=ref("X"), basis="disclosure"
    )
    loop.settle()
    asked = loop.accept(
        "safety.pair_ended", PARAGON, "F1", victim=ref("V"), perpetrator=ref("X"), reason="over"
    )
    loop.settle()
    assert loop.rejected[f"{asked}-F1"] == NOBODY
    assert loop.tasks == []


@pytest.mark.parametrize("elsewhere", [False, True])
def test_pair_recorded_anew_stands_when_an_older_request_to_end_it_is_approved(elsewhere: bool) -> None:
    loop = loop_with_a_pair()
    loop.open("F2", WEST, adults="V")
    loop.settle()
    request = end_pair(loop)
    rows = [{"person": ref("V"), "role": "victim"}, {"person": ref("P"), "role": "alleged_perpetrator"}]
    log = "F2" if elsewhere else "F1"
    loop.accept("outcome.incident_reported", POLICE, log, incident="i-1", people=rows)
    approve(loop, WEST, request)
    assert pair(loop) == "in_force"
