"""Whoever holds what rested on a consent is told that it ended: its cells only, and nobody who never had it."""

from typing import Any, Final

import pytest

from tests.unit.consent.cast import CHESIL, DAY, PARAGON, PROBATION, S2W, ref
from tests.unit.router.loop import WEST, Loop
from tests.unit.router.test_loop import CELL, SCORE, opened

NOTICE = "hub.notice_sent"
IG: Final = "council/ig"


def shared() -> Loop:
    """V consented, and two of her scores were recorded; nothing has left yet."""
    loop = opened().copy()
    loop.accept("consent.given", CHESIL, "F1", person=ref("V"), given_as="self", cells=[CELL])
    for score in (7, 9):
        loop.accept(SCORE, S2W, "F1", person=ref("V"), instrument="phq9", score=score)
    loop.settle()
    return loop


def withdrawn(loop: Loop, desk: str = CHESIL, family: str | None = "F1") -> None:
    loop.accept("consent.withdrawn", desk, family, person=ref("V"), cells=[CELL])
    loop.release()


def said(notice: Any) -> tuple[object, ...]:
    return notice["kind"], notice["person"]["value"], notice["categories"], notice["deliveries"]


def test_one_notice_names_the_cells_when_what_rested_on_a_consent_had_left() -> None:
    loop = shared()
    loop.release()
    withdrawn(loop)
    assert [said(each) for each in loop.got(CHESIL, NOTICE)] == [("withdrawn", "V", ["outcome.score"], None)]
    for other in (WEST, S2W, PARAGON, PROBATION):
        assert loop.got(other, NOTICE) == []


def test_no_notice_is_sent_of_what_a_desk_never_had() -> None:
    loop = shared()
    withdrawn(loop)
    assert [each["score"] for each in loop.got(CHESIL, SCORE)] == [None, None]
    assert loop.got(CHESIL, NOTICE) == []


def test_a_notice_follows_what_was_being_sent_when_the_withdrawal_was_accepted() -> None:
    loop = shared()
    assert loop.begin(CHESIL)
    loop.accept("consent.withdrawn", CHESIL, "F1", person=ref("V"), cells=[CELL])
    loop.settle()
    loop.end(sent=True)
    loop.release()
    assert 7 in [each["score"] for each in loop.got(CHESIL, SCORE)]
    assert len(loop.got(CHESIL, NOTICE)) == 1


def test_the_holder_is_told_when_the_consent_was_withdrawn_in_another_family() -> None:
    loop = shared()
    loop.accept("family.member_added", WEST, "F2", members=[{"person": ref("V"), "kind": "adult"}])
    loop.release()
    withdrawn(loop, WEST, "F2")
    assert [said(each) for each in loop.got(CHESIL, NOTICE)] == [("withdrawn", "V", ["outcome.score"], None)]
    assert loop.got(WEST, NOTICE) == []


def test_nobody_is_told_again_when_what_was_withdrawn_is_withdrawn_once_more() -> None:
    loop = shared()
    loop.release()
    withdrawn(loop)
    withdrawn(loop)
    assert len(loop.got(CHESIL, NOTICE)) == 1


def test_nobody_is_told_that_a_consent_ended_when_it_was_renewed() -> None:
    loop = shared()
    loop.release(CHESIL)
    again = [{**CELL, "act": "give", "valid_until": "2024-03-01T00:00:00Z"}]
    loop.accept("consent.changed", CHESIL, "F1", person=ref("V"), given_as="self", cells=again)
    loop.release()
    assert loop.got(CHESIL, NOTICE) == []
    assert 7 in [each["score"] for each in loop.got(CHESIL, SCORE)]


def test_what_is_queued_under_a_consent_still_leaves_when_it_is_renewed() -> None:
    loop = shared()
    loop.accept("consent.given", CHESIL, "F1", person=ref("V"), given_as="self", cells=[CELL])
    loop.release()
    assert [each["score"] for each in loop.got(CHESIL, SCORE)] == [7, 9]


def test_the_holder_is_told_of_an_objection_to_what_it_has() -> None:
    loop = opened().copy()
    loop.accept("referral.appointment_recorded", S2W, "F1", **appointment())
    loop.release()
    assert loop.got(CHESIL, "referral.appointment_recorded")[0]["attendance"] == "attended"
    objection = {"objection": "o1", "categories": ["support.summary"], "desks": [CHESIL]}
    loop.accept("consent.objection_raised", CHESIL, "F1", person=ref("V"), **objection)
    loop.release()
    assert [said(each) for each in loop.got(CHESIL, NOTICE)] == [("objected", "V", ["support.summary"], None)]


OBJECTION = {"objection": "o1", "categories": ["support.summary"], "desks": [CHESIL]}


def objected() -> Loop:
    """Chesil has what V objected to, was told so, and the objection was overruled; it has one more since."""
    loop = opened().copy()
    loop.accept("referral.appointment_recorded", S2W, "F1", **appointment())
    loop.release()
    loop.accept("consent.objection_raised", CHESIL, "F1", person=ref("V"), **OBJECTION)
    loop.release()
    decided(loop, "overruled")
    loop.accept("referral.appointment_recorded", S2W, "F1", **appointment())
    loop.release()
    assert [each["kind"] for each in loop.got(CHESIL, NOTICE)] == ["objected"]
    return loop


def decided(loop: Loop, outcome: str, family: str | None = "F1", source: str = IG, **data: Any) -> str:
    decision = {
        "objection": "o1",
        "outcome": outcome,
        "reason": "compelling_grounds",
        "told_on": "2026-04-20",
    }
    receipt = loop.accept("consent.objection_decided", source, family, person=ref("V"), **decision, **data)
    loop.release()
    return receipt


def test_the_holder_is_told_again_when_an_objection_is_upheld_that_was_overruled() -> None:
    loop = objected()
    decided(loop, "upheld")
    assert [said(each) for each in loop.got(CHESIL, NOTICE)][1:] == [
        ("objected", "V", ["support.summary"], None)
    ]
    decided(loop, "upheld")
    assert len(loop.got(CHESIL, NOTICE)) == 2


def test_nobody_is_told_again_when_a_pending_objection_is_upheld() -> None:
    loop = opened().copy()
    loop.accept("referral.appointment_recorded", S2W, "F1", **appointment())
    loop.release()
    loop.accept("consent.objection_raised", CHESIL, "F1", person=ref("V"), **OBJECTION)
    loop.release()
    decided(loop, "upheld")
    assert len(loop.got(CHESIL, NOTICE)) == 1


@pytest.mark.parametrize("correction", [{"outcome": "upheld"}, {"outcome": "overruled", "retracted": True}])
def test_the_holder_is_told_again_when_it_is_corrected_that_an_objection_was_overruled(
    correction: dict[str, Any],
) -> None:
    loop = opened().copy()
    loop.accept("consent.objection_raised", CHESIL, "F1", person=ref("V"), **OBJECTION)
    receipt = decided(loop, "overruled")
    loop.accept("referral.appointment_recorded", S2W, "F1", **appointment())
    loop.release()
    decided(loop, **correction, corrects=receipt)
    assert [said(each) for each in loop.got(CHESIL, NOTICE)] == [("objected", "V", ["support.summary"], None)]


@pytest.mark.parametrize(
    "correction", [None, {"outcome": "upheld"}, {"outcome": "overruled", "retracted": True}]
)
def test_the_holder_is_told_again_when_the_objection_is_upheld_in_another_family(
    correction: dict[str, Any] | None,
) -> None:
    loop = opened().copy()
    loop.accept("family.member_added", WEST, "F2", members=[{"person": ref("V"), "kind": "adult"}])
    loop.release()
    loop.accept("consent.objection_raised", WEST, "F2", person=ref("V"), **OBJECTION)
    receipt = decided(loop, "overruled", "F2")
    loop.accept("referral.appointment_recorded", S2W, "F1", **appointment())
    loop.release()
    assert loop.got(CHESIL, NOTICE) == []
    decided(loop, "upheld", "F2") if correction is None else decided(
        loop, family="F2", corrects=receipt, **correction
    )
    assert [said(each) for each in loop.got(CHESIL, NOTICE)] == [("objected", "V", ["support.summary"], None)]


def test_nothing_objected_to_leaves_once_it_is_accepted_that_the_objection_is_upheld() -> None:
    loop = objected()
    loop.accept("referral.appointment_recorded", S2W, "F1", **appointment())
    loop.settle()
    loop.accept("consent.objection_decided", IG, "F1", person=ref("V"), objection="o1", outcome="upheld")
    assert loop.begin(CHESIL) == []
    loop.release()
    had = [each["attendance"] for each in loop.got(CHESIL, "referral.appointment_recorded")]
    assert had == ["attended", "attended", None]


def appointment() -> dict[str, Any]:
    return {"referral": ref(f"F1-V-{S2W}"), "person": ref("V"), "attendance": "attended"}


def test_whoever_led_the_family_is_told_when_it_moved_to_another_team_since() -> None:
    loop = shared()
    loop.release()
    loop.accept("family.lead_changed", CHESIL, "F1", lead=WEST)
    loop.release()
    withdrawn(loop, WEST)
    assert [said(each) for each in loop.got(CHESIL, NOTICE)] == [("withdrawn", "V", ["outcome.score"], None)]
    assert loop.got(WEST, NOTICE) == []


def left_to(loop: Loop, desk: str) -> list[Any]:
    return [each.body for each in loop.left if each.desk == desk]


def died(loop: Loop, person: str = "V", desk: str = CHESIL, family: str | None = None, **data: Any) -> str:
    receipt = loop.accept("person.died", desk, family, person=ref(person), **data)
    loop.release()
    return receipt


def test_holder_is_told_of_what_rested_on_a_consent_when_who_gave_it_dies() -> None:
    loop = shared()
    loop.accept("referral.appointment_recorded", S2W, "F1", **appointment())
    loop.release()
    died(loop)
    assert [said(each) for each in loop.got(CHESIL, NOTICE)] == [("withdrawn", "V", ["outcome.score"], None)]
    for other in (WEST, S2W, PARAGON, PROBATION):
        assert loop.got(other, NOTICE) == []


def test_nobody_is_told_of_a_death_when_they_never_had_what_ends() -> None:
    loop = shared()
    died(loop)
    assert [each["score"] for each in loop.got(CHESIL, SCORE)] == [None, None]
    assert loop.got(CHESIL, NOTICE) == []


def test_a_notice_of_a_death_follows_what_was_being_sent_when_it_was_accepted() -> None:
    loop = shared()
    assert loop.begin(CHESIL)
    loop.accept("person.died", CHESIL, "F1", person=ref("V"))
    loop.settle()
    loop.end(sent=True)
    loop.release()
    assert len(loop.got(CHESIL, NOTICE)) == 1


def test_the_holder_is_told_of_a_death_once_when_it_was_recorded_in_another_family_too() -> None:
    loop = shared()
    loop.accept("family.member_added", WEST, "F2", members=[{"person": ref("V"), "kind": "adult"}])
    loop.release()
    died(loop, desk=WEST, family="F2")
    died(loop, family="F1")
    withdrawn(loop)
    assert [said(each) for each in loop.got(CHESIL, NOTICE)] == [("withdrawn", "V", ["outcome.score"], None)]
    assert loop.got(WEST, NOTICE) == []


def test_the_holder_is_told_nothing_more_of_its_cells_when_a_death_is_taken_back() -> None:
    loop = shared()
    loop.release()
    receipt = died(loop, family="F1")
    died(loop, family="F1", corrects=receipt, retracted=True)
    assert [each["kind"] for each in loop.got(CHESIL, NOTICE)] == ["withdrawn"]
    assert [each["score"] for each in loop.got(CHESIL, SCORE)] == [7, 9]


def test_whoever_led_the_family_is_told_when_somebody_dies_who_gave_a_consent() -> None:
    loop = shared()
    loop.release()
    loop.accept("family.lead_changed", CHESIL, "F1", lead=WEST)
    loop.release()
    died(loop, desk=WEST)
    assert [said(each) for each in loop.got(CHESIL, NOTICE)] == [("withdrawn", "V", ["outcome.score"], None)]


TREATMENT = {"purpose": "treatment", "category": "outcome.score", "desk": S2W}


def treated(loop: Loop) -> None:
    """V's scores with one charity were shown to the other, which no longer works for her."""
    loop.support("F1", "V", PARAGON)
    loop.accept("consent.given", CHESIL, "F1", person=ref("V"), given_as="self", cells=[TREATMENT])
    loop.settle()
    loop.accept(SCORE, PARAGON, "F1", person=ref("V"), instrument="phq9", score=11)
    loop.release()
    assert 11 in [each["score"] for each in loop.got(S2W, SCORE)]
    ended = {"referral": ref(f"F1-V-{S2W}"), "person": ref("V"), "reason": "completed"}
    loop.accept("referral.support_ended", S2W, "F1", **ended)
    loop.release()


def test_desk_without_a_role_is_told_that_a_consent_ended_and_not_of_the_death() -> None:
    loop = opened().copy()
    treated(loop)
    died(loop)
    (notice,) = loop.got(S2W, NOTICE)
    assert said(notice) == ("withdrawn", "V", ["outcome.score"], None)
    assert loop.got(S2W, "person.died") == []


def test_desk_hears_nothing_of_a_death_when_it_has_come_to_oppose_who_died() -> None:
    loop = opened().copy()
    treated(loop)
    loop.accept("family.member_added", CHESIL, "F1", members=[{"person": ref("P"), "kind": "adult"}])
    loop.release()
    loop.support("F1", "P", S2W)
    loop.accept("safety.pair_recorded", CHESIL, "F1", victim=ref("V"), perpetrator=ref("P"))
    loop.release()
    before = len(left_to(loop, S2W))
    died(loop)
    assert left_to(loop, S2W)[before:] == []


def test_desk_hears_nothing_of_a_death_when_a_restriction_keeps_it_from_who_died() -> None:
    loop = opened().copy()
    treated(loop)
    restriction = {
        "restriction": "x1",
        "person": ref("V"),
        "from_desk": S2W,
        "categories": ["family.membership"],
    }
    loop.accept("safety.restriction_placed", CHESIL, "F1", **restriction)
    loop.release()
    before = len(left_to(loop, S2W))
    died(loop)
    assert left_to(loop, S2W)[before:] == []


def test_the_holder_is_told_of_what_a_parent_gave_for_a_child_when_the_parent_dies() -> None:
    loop = shared()
    loop.support("F1", "K", S2W)
    parent = {"person": ref("K"), "holder": ref("V"), "basis": "mother"}
    loop.accept("person.parental_responsibility_recorded", CHESIL, "F1", **parent)
    given = {"given_as": "parent", "given_by": ref("V"), "cells": [CELL]}
    loop.accept("consent.given", CHESIL, "F1", person=ref("K"), **given)
    loop.settle()
    loop.accept(SCORE, S2W, "F1", person=ref("K"), instrument="sdq", score=12)
    loop.release()
    assert 12 in [each["score"] for each in loop.got(CHESIL, SCORE)]
    died(loop)
    assert sorted(said(each)[:3] for each in loop.got(CHESIL, NOTICE)) == [
        ("withdrawn", "K", ["outcome.score"]),
        ("withdrawn", "V", ["outcome.score"]),
    ]
    assert len({each["notice"] for each in loop.got(CHESIL, NOTICE)}) == 2


OVERRIDE = {"people": [ref("V")], "override": "o-1"}


def overridden() -> Loop:
    """Chesil has V's score by an override alone."""
    loop = opened().copy()
    scope = {"ground": "vital", "desks": [CHESIL], "categories": ["outcome.score"]}
    loop.accept("safety.override_invoked", CHESIL, "F1", **OVERRIDE, **scope, reason_code="danger")
    loop.accept(SCORE, S2W, "F1", person=ref("V"), instrument="phq9", score=7)
    loop.release()
    assert [each["score"] for each in loop.got(CHESIL, SCORE)] == [7]
    return loop


def test_the_holder_is_told_of_its_cells_when_an_override_is_ended_early() -> None:
    loop = overridden()
    loop.accept("safety.override_ended", CHESIL, "F1", **OVERRIDE, reason="over")
    loop.release()
    assert [said(each) for each in loop.got(CHESIL, NOTICE)] == [("withdrawn", "V", ["outcome.score"], None)]
    for other in (WEST, S2W, PARAGON, PROBATION):
        assert loop.got(other, NOTICE) == []
    loop.accept("safety.override_ended", CHESIL, "F1", **OVERRIDE, reason="over")
    loop.release()
    assert len(loop.got(CHESIL, NOTICE)) == 1


def test_the_holder_is_told_when_an_override_is_ended_though_it_has_left_the_core_group() -> None:
    loop = opened().copy()
    plan = {"discussed": [ref("K")]}
    loop.accept("practice.plan_agreed", CHESIL, "F1", **plan, core_group=[PARAGON])
    scope = {"ground": "vital", "desks": [PARAGON], "categories": ["outcome.score", "support.existence"]}
    loop.accept("safety.override_invoked", CHESIL, "F1", **OVERRIDE, **scope, reason_code="danger")
    loop.accept(SCORE, S2W, "F1", person=ref("V"), instrument="phq9", score=7)
    loop.release()
    assert [each["score"] for each in loop.got(PARAGON, SCORE)] == [7]
    loop.accept("practice.plan_agreed", CHESIL, "F1", **plan, core_group=[S2W])
    loop.accept("safety.override_ended", CHESIL, "F1", **OVERRIDE, reason="over")
    loop.release()
    notices = [said(each) for each in loop.got(PARAGON, NOTICE)]
    assert [each[:2] for each in notices] == [("withdrawn", "V")]
    assert "outcome.score" in notices[0][2]  # type: ignore[operator]


def test_the_holder_is_told_that_an_override_ended_though_it_is_in_doubt_who_somebody_is() -> None:
    loop = overridden()
    loop.accept("hub.identity_linked", CHESIL, "F1", person=ref("V"), degree="probable")
    loop.accept("safety.override_ended", CHESIL, "F1", **OVERRIDE, reason="over")
    loop.release()
    assert [said(each) for each in loop.got(CHESIL, NOTICE)] == [("withdrawn", "V", ["outcome.score"], None)]


def test_nobody_is_told_when_an_override_that_ran_out_is_ended() -> None:
    loop = overridden()
    loop.now += DAY  # without a second person it lapsed
    loop.accept("safety.override_ended", CHESIL, "F1", **OVERRIDE, reason="over")
    loop.release()
    assert loop.got(CHESIL, NOTICE) == []


def test_nobody_is_told_when_a_consent_covers_what_an_override_delivered() -> None:
    loop = opened().copy()
    loop.accept("consent.given", CHESIL, "F1", person=ref("V"), given_as="self", cells=[CELL])
    scope = {"ground": "vital", "desks": [CHESIL], "categories": ["outcome.score"]}
    loop.accept("safety.override_invoked", CHESIL, "F1", **OVERRIDE, **scope, reason_code="danger")
    loop.accept(SCORE, S2W, "F1", person=ref("V"), instrument="phq9", score=7)
    loop.release()
    loop.accept("safety.override_ended", CHESIL, "F1", **OVERRIDE, reason="over")
    loop.release()
    assert loop.got(CHESIL, NOTICE) == []


def test_the_holder_is_told_when_an_override_was_ended_in_another_family() -> None:
    loop = opened().copy()
    loop.accept("family.member_added", WEST, "F2", members=[{"person": ref("V"), "kind": "adult"}])
    loop.release()
    scope = {"ground": "vital", "desks": [CHESIL], "categories": ["outcome.score"]}
    loop.accept("safety.override_invoked", WEST, "F2", **OVERRIDE, **scope, reason_code="danger")
    loop.release()
    loop.accept(SCORE, S2W, "F1", person=ref("V"), instrument="phq9", score=7)
    loop.release()
    assert [each["score"] for each in loop.got(CHESIL, SCORE)] == [7]
    loop.accept("safety.override_ended", WEST, "F2", **OVERRIDE, reason="over")
    loop.release()
    assert [said(each) for each in loop.got(CHESIL, NOTICE)] == [("withdrawn", "V", ["outcome.score"], None)]


def test_the_holder_is_told_when_an_override_is_taken_back() -> None:
    loop = opened().copy()
    scope = {"ground": "vital", "desks": [CHESIL], "categories": ["outcome.score"], "reason_code": "danger"}
    receipt = loop.accept("safety.override_invoked", CHESIL, "F1", **OVERRIDE, **scope)
    loop.accept(SCORE, S2W, "F1", person=ref("V"), instrument="phq9", score=7)
    loop.release()
    back = {"corrects": receipt, "retracted": True}
    loop.accept("safety.override_invoked", CHESIL, "F1", **OVERRIDE, **scope, **back)
    loop.release()
    assert ("withdrawn", "V", ["outcome.score"], None) in [said(each) for each in loop.got(CHESIL, NOTICE)]
