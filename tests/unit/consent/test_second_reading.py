"""What the second reading of the rules found wrong with the first (ADR 0019), each as a case to keep."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from services.consent.ruleset import micros
from tests.unit.consent.cast import (
    CHESIL,
    DAY,
    PARAGON,
    POLICE,
    PROBATION,
    REACH,
    S2W,
    SECOND,
    Family,
    K,
    P,
    V,
    dorset,
    ref,
    text,
    the_cast,
)

WEST = "council/west"
BEHAVIOUR = "paragon/behaviour"
HOUR = 3600 * SECOND
SUPPORT = {"referral": ref("referral-paragon"), "person": ref(V)}


def of_three(**rows: dict[str, Any]) -> Family:
    """A family of V, P and K of which nobody has recorded anything."""
    family = Family()
    family.tell("family.opened", CHESIL, lead=CHESIL)
    kinds = ((V, "adult"), (P, "adult"), (K, "child"))
    members = [{"person": ref(who), "kind": kind, **rows.get(who.split("-")[0], {})} for who, kind in kinds]
    family.tell("family.member_added", CHESIL, members=members)
    family.settle(V, P, K)
    return family


def opposed(family: Family, desk: str) -> set[str]:
    return set(family.facts().scene(dorset(), family.now, "none").opposed(desk))


def changed(family: Family, person: str, desk: str) -> bool:
    """Whether a desk hears that a member's record changed."""
    seen = family.publish("family.member_changed", WEST, person=ref(person), relation="kin")
    return seen.body(desk) is not None


def approve(family: Family, request: str, desk: str) -> None:
    family.tell("hub.approval_given", desk, task="T-1", request=request, decision="approved")


def override(family: Family, *desks: str, **given: Any) -> str:
    """An override of V's safety plan because life is in danger; its event's id."""
    until = datetime.fromtimestamp(family.now / SECOND + 3 * 86_400, UTC).isoformat()
    named = {"people": [ref(V)], "categories": ["support.dv_safety_plan"], "desks": list(desks)}
    scope = {"override": "OV-1", "ground": "vital", "until": until, **named, **given}
    return family.tell("safety.override_invoked", CHESIL, **scope).id


def plan(family: Family, desk: str) -> bool:
    """Whether a desk gets V's safety plan now."""
    seen = family.publish("referral.goal_reviewed", PARAGON, **SUPPORT, dv_safety_plan=text("Locks.", V))
    return "dv_safety_plan" in seen.fields(desk)


def test_childs_move_is_hidden_when_only_supervision_sets_the_desk_against_the_parent() -> None:
    family = of_three()
    family.tell("person.probation_supervision_started", PROBATION, person=ref(P), desk=PROBATION)
    family.tell("practice.plan_agreed", CHESIL, discussed=[ref(K)], core_group=[PROBATION, S2W])

    assert changed(family, K, S2W)
    assert not changed(family, K, PROBATION)


def test_every_other_adult_counts_as_p_when_a_child_is_in_need() -> None:
    family = of_three()
    family.tell("referral.requested", CHESIL, referral=ref("r"), person=ref(K), to=PARAGON, specialism="dv")
    family.tell("referral.requested", CHESIL, referral=ref("s"), person=ref(P), to=S2W, specialism="mh")

    assert opposed(family, S2W) == {K}


def test_pair_is_recorded_when_a_member_is_victim_against_somebody() -> None:
    family = of_three(mother={"domestic_abuse_role": "victim", "against": ref(P)})
    scene = family.facts().scene(dorset(), family.now, "none")

    assert scene.victims_of[P] == {V: True}


def test_shield_stays_as_old_as_it_is_when_the_victim_is_stated_again() -> None:
    family = of_three(mother={"domestic_abuse_role": "victim"})
    family.tell("practice.plan_agreed", CHESIL, discussed=[ref(K)], core_group=[REACH])
    family.tell("referral.requested", CHESIL, referral=ref("r"), person=ref(P), to=REACH, specialism="su")
    moved = family.publish("family.member_changed", WEST, person=ref(K), relation="kin")
    again = {"person": ref(V), "domestic_abuse_role": "victim"}
    family.tell("family.member_changed", CHESIL, **again)

    assert moved.body(REACH) is None
    assert family.decide(moved.event, at=family.now).verdict(REACH).mask == 0


def test_restriction_still_holds_when_another_is_placed_under_its_id() -> None:
    family = the_cast()
    about = {"person": ref(V), "restriction": "R-1"}
    family.tell("safety.restriction_placed", PARAGON, **about, from_desk=S2W)
    family.tell("safety.restriction_placed", PARAGON, **about, from_desk=REACH)
    assert not changed(family, V, S2W)

    lift = family.tell("safety.restriction_lifted", PARAGON, **about, reason="over")
    approve(family, lift.id, BEHAVIOUR)
    assert changed(family, V, S2W)


def test_pair_stands_when_it_was_recorded_again_after_its_end_was_asked_for() -> None:
    family = the_cast()
    end = family.tell("safety.pair_ended", PARAGON, victim=ref(V), perpetrator=ref(P), reason="mistaken")
    family.tell("safety.pair_recorded", POLICE, victim=ref(V), perpetrator=ref(P), basis="incident")
    approve(family, end.id, BEHAVIOUR)

    assert family.facts().scene(dorset(), family.now, "none").victims_of[P] == {V: True}


def test_restriction_stands_when_it_was_placed_again_after_its_lift_was_asked_for() -> None:
    family = the_cast()
    about = {"person": ref(V), "restriction": "R-1"}
    family.tell("safety.restriction_placed", PARAGON, **about, from_desk=S2W)
    lift = family.tell("safety.restriction_lifted", PARAGON, **about, reason="over")
    family.tell("safety.restriction_placed", PARAGON, **about, from_desk=S2W)
    approve(family, lift.id, BEHAVIOUR)

    assert not changed(family, V, S2W)


def test_override_stays_lapsed_when_its_second_person_comes_after_a_day() -> None:
    family = the_cast()
    event = override(family, CHESIL)
    assert plan(family, CHESIL)
    family.now += 25 * HOUR
    approve(family, event, WEST)

    assert not plan(family, CHESIL)


def test_override_is_in_force_when_it_is_invoked_anew_after_its_end() -> None:
    family = the_cast()
    override(family, CHESIL)
    family.tell("safety.override_ended", CHESIL, people=[ref(V)], override="OV-1")
    assert not plan(family, CHESIL)
    override(family, CHESIL)

    assert plan(family, CHESIL)


def test_objection_is_pending_when_it_is_raised_anew_under_an_id_that_was_overruled() -> None:
    family = the_cast()
    about = {"person": ref(V), "objection": "J-1"}
    family.tell("consent.objection_raised", CHESIL, **about, categories=["support.summary"])
    why = {"reason": "compelling_grounds", "told_on": "2023-09-05"}
    family.tell("consent.objection_decided", "council/ig", **about, outcome="overruled", **why)
    family.tell("consent.objection_raised", CHESIL, **about, categories=["support.summary"])
    reviewed = {"goals": [{"goal": "G-1", "progress": "some"}]}
    seen = family.publish("referral.goal_reviewed", PARAGON, **SUPPORT, **reviewed)

    assert seen.verdict(CHESIL).withheld == ("support.summary",)


def test_text_is_no_more_addressed_than_its_author_said_when_an_override_lifts_it() -> None:
    family = the_cast()
    family.tell("practice.plan_agreed", CHESIL, discussed=[ref(K)], core_group=[S2W])
    given = {"people": [ref(V), ref(P)], "categories": ["risk.reason"], "lifts_victims": [ref(V)]}
    approve(family, override(family, PROBATION, **given), PARAGON)
    reason = text("Words.", P)
    seen = family.publish("practice.risk_rated", WEST, person=ref(P), rating="red", reason=reason)

    assert "risk.reason" not in {
        each.category for each in seen.verdict(PROBATION).outcomes if each.result == "released"
    }


def test_permit_about_a_child_ends_when_the_child_is_of_age() -> None:
    family = of_three(child={"dob": "2005-11-15"})
    family.tell("referral.requested", CHESIL, referral=ref("r"), person=ref(V), to=REACH, specialism="su")
    seen = family.publish("child.status_changed", WEST, person=ref(K), status="cin")

    assert seen.verdict(REACH).valid_until == micros("2023-11-15T00:00:00Z", ())


def test_plan_counts_no_more_when_its_child_is_of_age() -> None:
    family = the_cast()
    family.tell("family.member_changed", CHESIL, person=ref(K), dob="2005-11-15")
    family.tell("child.status_changed", CHESIL, person=ref(K), status="cp")

    assert family.facts().scene(dorset(), family.now, "none").statutory
    assert not family.facts().scene(dorset(), family.now + 100 * DAY, "none").statutory


def test_end_of_an_enquiry_reaches_who_was_told_of_it() -> None:
    family = the_cast()
    about = {"children": [ref(K)], "enquiry": "S47-1"}
    begun = family.publish("child.section_47_started", WEST, **about)
    ended = family.publish("child.section_47_ended", WEST, **about, outcome="no_further_action")

    assert begun.body(PARAGON) is not None
    assert ended.fields(PARAGON) >= {"outcome"}


def test_end_of_an_enquiry_reaches_nobody_but_the_lead_when_it_never_began() -> None:
    family = the_cast()
    ended = family.publish("child.section_47_ended", WEST, children=[ref(K)], enquiry="S47-9")

    assert ended.body(CHESIL) is not None
    assert ended.body(PARAGON) is None


def test_former_lead_hears_nothing_when_the_lead_was_changed_to_itself_before() -> None:
    family = the_cast()
    same = family.publish("family.lead_changed", "council/ig", lead=CHESIL)
    assert same.body(CHESIL) is not None
    family.tell("family.lead_changed", CHESIL, lead=WEST)

    assert family.decide(same.event, at=family.now).verdict(CHESIL).mask == 0


def test_release_is_decided_again_when_a_child_becomes_an_adult_whom_a_supervising_desk_opposes() -> None:
    family = of_three(child={"dob": "2005-11-15"})
    family.tell("person.probation_supervision_started", PROBATION, person=ref(P), desk=PROBATION)
    family.tell("practice.plan_agreed", CHESIL, discussed=[ref(K)], core_group=[PROBATION, S2W])
    seen = family.publish("family.member_changed", CHESIL, person=ref(P), relation="kin")

    assert seen.verdict(PROBATION).valid_until == micros("2023-11-15T00:00:00Z", ())
    assert seen.verdict(S2W).valid_until != micros("2023-11-15T00:00:00Z", ())
