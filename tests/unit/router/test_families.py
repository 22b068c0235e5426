"""What one family's log is told of another's: stories that the state machine found, each as a sentence."""

import pytest

from services.consent.event import kind_of
from tests.unit.consent.cast import CHESIL, PARAGON, POLICE, PROBATION, REACH, S2W, ref
from tests.unit.router.loop import WEST, Loop
from tests.unit.router.test_loop import opened


def test_child_is_kept_from_who_works_for_the_perpetrator_when_the_victim_is_in_another_family() -> None:
    loop = opened().copy()
    loop.accept("person.probation_supervision_started", PROBATION, "F3", person=ref("W"), desk=PROBATION)
    pair = {"victim": ref("P"), "perpetrator": ref("W"), "exposed_children": [ref("K")]}
    loop.accept("safety.pair_recorded", WEST, "F2", **pair, basis="disclosure")
    group = [PARAGON, PROBATION]
    loop.accept("practice.plan_agreed", CHESIL, "F1", discussed=[ref("K")], core_group=group)
    loop.accept("child.attendance_recorded", CHESIL, "F1", person=ref("K"))
    loop.release()
    assert len(loop.got(PARAGON, "child.attendance_recorded")) == 1
    assert loop.got(PROBATION, "child.attendance_recorded") == []


def test_role_that_starts_after_the_family_last_heard_anything_counts_at_once() -> None:
    loop = opened().copy()
    rows = [{"person": ref("V"), "role": "victim"}]
    loop.accept("person.probation_supervision_started", PROBATION, "F1", person=ref("V"), desk=PROBATION)
    loop.accept("outcome.incident_reported", POLICE, "F2", incident="i", people=rows)
    pair = {"victim": ref("V"), "perpetrator": ref("W"), "exposed_children": []}
    loop.accept("safety.pair_recorded", CHESIL, "F1", **pair, basis="disclosure")
    loop.accept("person.probation_supervision_started", PROBATION, "F1", person=ref("W"), desk=PROBATION)
    loop.release()
    assert len(loop.got(WEST, "outcome.incident_reported")) == 1
    assert loop.got(PROBATION, "outcome.incident_reported") == []


def test_family_just_opened_waits_as_one_and_is_delivered_once_in_order_when_all_is_known_of_it() -> None:
    """Everything of it waits for what is known of six people; each of them is heard of by itself."""
    loop = Loop()
    loop.open("F1", adults="VP", children="KLMN")
    loop.accept("practice.plan_agreed", CHESIL, "F1", discussed=[ref("K")], core_group=[S2W, PARAGON])
    for child in "KLMN":
        loop.accept("practice.risk_rated", CHESIL, "F1", person=ref(child), rating="red")
        loop.accept("child.status_changed", CHESIL, "F1", person=ref(child), status="cin", since="2026-05-01")
    while ("events", "F1") in loop.waiting():
        assert not loop.deliveries
        loop.read_on(("events", "F1"))
    assert (len(loop.undecided), loop.deliveries) == (10, {})
    loop.release()
    assert (loop.undecided, loop.revised) == ({}, 0)
    for desk in (S2W, PARAGON):
        receipts = [left.event.envelope.receipt for left in loop.left if left.desk == desk]
        assert len(receipts) == 10
        assert receipts == sorted(receipts)


def test_lead_hears_of_an_incident_at_once_when_facts_of_a_member_it_added_are_on_their_way() -> None:
    loop = opened().copy()
    loop.accept("family.member_added", CHESIL, "F1", members=[{"person": ref("X"), "kind": "adult"}])
    rows = [{"person": ref("V"), "role": "victim"}]
    loop.accept("outcome.incident_reported", POLICE, "F1", incident="i", people=rows)
    loop.settle(but={"X"})
    loop.begin(CHESIL)
    loop.end(sent=True)
    assert len(loop.got(CHESIL, "outcome.incident_reported")) == 1


@pytest.mark.parametrize("is_scored", [False, True])
def test_other_side_waits_for_nothing_of_the_victims_when_it_has_all_else_that_is_before(
    is_scored: bool,
) -> None:
    """What it would get later might be less by then: that it waits would tell that there is something."""
    loop = opened().copy()
    loop.accept("person.probation_supervision_started", PROBATION, "F2", person=ref("P"), desk=PROBATION)
    pair = {"victim": ref("V"), "perpetrator": ref("P"), "exposed_children": [ref("K")]}
    loop.accept("safety.pair_recorded", CHESIL, "F1", **pair, basis="disclosure")
    rows = [{"person": ref("V"), "kind": "adult"}, {"person": ref("K"), "kind": "child"}]
    loop.accept("family.member_added", WEST, "F2", members=rows)
    loop.accept("practice.plan_agreed", WEST, "F2", discussed=[ref("K")], core_group=[PROBATION, S2W])
    loop.release()

    moves = [{"person": ref(each), "household": ref("home")} for each in "PX"]
    loop.accept("family.household_changed", WEST, "F2", moves=moves)
    if is_scored:
        loop.accept("outcome.measure_recorded", S2W, "F2", person=ref("V"), instrument="phq9", score=3)
    loop.accept("practice.risk_rated", WEST, "F2", person=ref("K"), rating="red")
    loop.settle(but={"X"})
    assert len(loop.undecided) == 1 + is_scored
    loop.begin(PROBATION)
    loop.end(sent=True)
    assert len(loop.got(PROBATION, "practice.risk_rated")) == 1


def test_rejection_comes_after_what_waits_for_its_desk() -> None:
    loop = opened().copy()
    loop.accept("family.member_added", CHESIL, "F1", members=[{"person": ref("X"), "kind": "child"}])
    loop.accept("practice.plan_agreed", CHESIL, "F1", discussed=[ref("K")], core_group=[S2W])
    again = {"referral": ref(f"F1-V-{S2W}"), "person": ref("V")}
    loop.accept("referral.support_started", S2W, "F1", **again)
    loop.settle(but={"X"})
    loop.begin(S2W)
    loop.end(sent=True)
    assert loop.got(S2W, "hub.event_rejected") == []
    loop.release()
    last = [kind_of(left.event.type) for left in loop.left if left.desk == S2W][-2:]
    assert last == ["practice.plan_agreed", "hub.event_rejected"]
    assert not loop.undecided


def test_whoever_a_family_must_hear_of_is_asked_for_when_they_are_no_member() -> None:
    loop = opened().copy()
    pair = {"victim": ref("V"), "perpetrator": ref("P"), "exposed_children": [ref("K")]}
    loop.accept("safety.pair_recorded", CHESIL, "F1", **pair, basis="disclosure")
    loop.settle()
    loop.accept("family.member_added", WEST, "F3", members=[{"person": ref("K"), "kind": "child"}])
    loop.release()
    assert {held.row.status for held in loop.deliveries.values()} <= {"delivered", "recalled"}


def test_nothing_is_made_for_a_desk_that_is_only_expected_when_it_may_have_it() -> None:
    """Paragon's second desk is named and receives nothing yet: what lay for it would never end."""
    loop = Loop()
    loop.accept("capacity.declared", PARAGON, "paragon", agency="paragon", pathway="any")
    loop.release()
    assert CHESIL in loop.desks()
    assert "paragon/behaviour" not in loop.desks()


def test_link_between_birth_and_adoptive_family_is_there_for_nobody() -> None:
    loop = opened().copy()
    loop.accept("family.member_added", WEST, "F2", members=[{"person": ref("K"), "kind": "child"}])
    for family, lead, adult in (("F1", CHESIL, "V"), ("F2", WEST, "P")):
        loop.accept("practice.plan_agreed", lead, family, discussed=[ref(adult)], core_group=[REACH])
    loop.accept("family.linked", CHESIL, "F1", linked_family=ref("F2"))
    loop.accept("person.adopted", CHESIL, "F1", person=ref("K"))
    loop.accept("family.linked", CHESIL, "F1", linked_family=ref("F2"))
    loop.accept("family.linked", CHESIL, "F1", linked_family=ref("F3"))
    loop.release()
    loop.accept("family.linked", WEST, "F2", linked_family=ref("F1"))
    loop.release()

    assert [each["linked_family"]["value"] for each in loop.got(REACH, "family.linked")] == ["F3"]
    assert not loop.rejected


def test_holder_hears_that_it_was_corrected_when_it_serves_the_family_no_more() -> None:
    loop = opened().copy()
    loop.accept("practice.plan_agreed", CHESIL, "F1", discussed=[ref("K")], core_group=[REACH])
    status = {"person": ref("K"), "status": "cp"}
    said = loop.accept("child.status_changed", CHESIL, "F1", **status)
    loop.release()
    loop.accept("practice.plan_agreed", CHESIL, "F1", discussed=[ref("K")], core_group=[])
    loop.accept("child.status_changed", CHESIL, "F1", **status, corrects=said, retracted=True)
    loop.release()
    assert len(loop.got(REACH, "child.status_changed")) == 1
    assert [each["kind"] for each in loop.got(REACH, "hub.notice_sent")] == ["corrected"]


def test_other_side_does_not_hear_that_where_mother_and_child_went_was_corrected() -> None:
    """It had the moves before it opposed her; by now each of them is kept from it."""
    loop = opened().copy()
    loop.accept("practice.plan_agreed", CHESIL, "F1", discussed=[ref("K")], core_group=[PROBATION])
    moves = [{"person": ref(each), "household": ref("refuge"), "dwelling": "refuge"} for each in "VK"]
    said = loop.accept("family.household_changed", CHESIL, "F1", moves=moves)
    loop.release()
    pair = {"victim": ref("V"), "perpetrator": ref("P"), "exposed_children": [ref("K")]}
    loop.accept("safety.pair_recorded", CHESIL, "F1", **pair, basis="disclosure")
    loop.accept("person.probation_supervision_started", PROBATION, "F2", person=ref("P"), desk=PROBATION)
    loop.release()
    loop.accept("family.household_changed", CHESIL, "F1", moves=moves, corrects=said, retracted=True)
    loop.release()
    assert len(loop.got(PROBATION, "family.household_changed")) == 1
    assert loop.got(PROBATION, "hub.notice_sent") == []
