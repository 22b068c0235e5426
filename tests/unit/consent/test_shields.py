"""Restrictions, court orders, conflicts of interest, adoption: what they keep from whom, and what ends them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from services.consent.compiled import CompiledRules, compile_rules
from services.consent.event import PlainEvent
from services.consent.family import Stepped, step
from services.consent.forbids import in_conflict
from services.consent.read_person import person_facts
from tests.unit.consent.cast import (
    CHESIL,
    DAY,
    MINUTES,
    PARAGON,
    POLICE,
    PROBATION,
    REACH,
    S2W,
    Family,
    K,
    P,
    Seen,
    V,
    dorset,
    ref,
    text,
    the_cast,
)

BEHAVIOUR = "paragon/behaviour"
OVERRULED = {"outcome": "overruled", "reason": "compelling_grounds", "told_on": "2023-09-05"}


@cache
def walled(worker: str = f"{S2W}/W-3") -> CompiledRules:
    """Dorset's agreement, with a wall around one worker of s2w."""
    rules = dorset().rules
    return compile_rules(
        replace(rules, desks={**rules.desks, worker: replace(rules.desks[S2W], name=worker)})
    )


def rated(family: Family) -> Seen:
    return family.publish("practice.risk_rated", MINUTES, person=ref(K), rating="amber")


def reviewed(family: Family) -> Seen:
    about = {"referral": ref("referral-paragon"), "person": ref(V)}
    goals = [{"goal": "G-1", "progress": "some"}]
    return family.publish("referral.goal_reviewed", PARAGON, **about, goals=goals)


def restrict(family: Family, source: str = PARAGON, **more: Any) -> None:
    family.tell("safety.restriction_placed", source, **{"person": ref(V), "restriction": "R-1", **more})


def lift(family: Family, source: str, approver: str) -> None:
    lifted = family.tell("safety.restriction_lifted", source, person=ref(V), restriction="R-1", reason="over")
    approval = family.event("hub.approval_given", approver, task="T", request=lifted.id, decision="approved")
    stepped = step(family.state, approval)
    if isinstance(stepped, Stepped):
        family.state = stepped.state


@pytest.mark.parametrize("whom", [{"from_agency": "s2w"}, {"from_desk": S2W}, {"from_worker": "W-9"}])
def test_restricted_desk_gets_nothing_of_the_shielded_set(whom: dict[str, str]) -> None:
    family = the_cast()
    assert reviewed(family).body(S2W) is not None
    restrict(family, **whom)
    seen = reviewed(family)
    assert seen.body(S2W) is None
    assert {each.clause for each in seen.verdict(S2W).outcomes} == {"F02"}
    assert seen.body(CHESIL) is not None
    assert rated(family).fields(S2W) == {"rating"}


def test_restriction_denies_the_categories_that_it_names_and_no_others() -> None:
    family = the_cast()
    restrict(family, from_desk=S2W, categories=["support.summary"])
    seen = reviewed(family)
    assert seen.fields(S2W) == set()
    assert seen.body(S2W) is not None
    assert seen.verdict(S2W).withheld == ()


def test_restriction_shields_the_child_that_lives_with_the_person() -> None:
    family = the_cast()
    restrict(family, from_desk=S2W)
    reason = text("K is afraid.", K)
    seen = family.publish("practice.risk_rated", MINUTES, person=ref(K), rating="red", reason=reason)
    assert seen.fields(S2W) == {"rating"}


def test_restriction_ends_only_when_a_second_person_of_its_owner_approves() -> None:
    family = the_cast()
    restrict(family, from_desk=S2W)
    for approver in (CHESIL, PARAGON):
        lift(family, PARAGON, approver)
        assert reviewed(family).body(S2W) is None
    lift(family, PARAGON, BEHAVIOUR)
    assert reviewed(family).body(S2W) is not None


def test_restriction_stays_when_another_desks_of_the_same_id_is_lifted() -> None:
    family = the_cast()
    restrict(family, from_desk=S2W)
    restrict(family, POLICE, from_desk=REACH)
    lift(family, POLICE, "police/weymouth")
    assert reviewed(family).body(S2W) is None


def test_restriction_placed_again_counts_when_an_earlier_one_was_lifted() -> None:
    family = the_cast()
    restrict(family, from_desk=S2W)
    lift(family, PARAGON, BEHAVIOUR)
    restrict(family, from_desk=S2W)
    assert reviewed(family).body(S2W) is None


def test_unreadable_restriction_counts_for_everybody() -> None:
    family = the_cast()
    restrict(family, from_desk=REACH)
    (key,) = (each for each in family.state["persons"][V] if each.startswith(f"restriction|{PARAGON}|R-1|"))
    family.state["persons"][V][key][2] = {"unreadable": True}
    seen = reviewed(family)
    assert all(seen.body(desk) is None for desk in (CHESIL, S2W))


def ordered(family: Family, **more: Any) -> None:
    family.tell("safety.court_order_recorded", CHESIL, person=ref(K), order="O-1", **more)


def hearing(family: Family) -> Seen:
    return family.publish("child.proceedings_initiated", MINUTES, case="C-1", children=[ref(K)], kind="care")


def test_proceedings_reach_the_lead_alone_when_no_order_lists_anybody() -> None:
    seen = hearing(the_cast())
    assert seen.body(CHESIL) is not None
    assert {each.clause for each in seen.verdict(S2W).outcomes} == {"F09"}


def test_order_keeps_what_it_names_from_whoever_is_not_on_its_list() -> None:
    family = the_cast()
    ordered(family, categories=["risk.rating"], allowed=[PARAGON])
    assert hearing(family).body(CHESIL) is None
    seen = rated(family)
    assert seen.fields(PARAGON) == {"rating"}
    assert all(seen.body(desk) is None for desk in (CHESIL, S2W, PROBATION))
    family.tell("safety.court_order_discharged", CHESIL, person=ref(K), order="O-1")
    assert rated(family).fields(CHESIL) == {"rating"}


def test_order_with_nobody_on_its_list_keeps_what_it_names_from_everybody() -> None:
    family = the_cast()
    ordered(family, categories=["risk.rating"], allowed=[])
    assert hearing(family).body(CHESIL) is None
    assert rated(family).body(CHESIL) is None


def test_objection_to_a_team_covers_who_works_behind_a_wall_in_it() -> None:
    family = the_cast()
    worker = f"{S2W}/W-3"
    family.state["core_group"][worker] = family.state["core_group"][S2W]
    event = family.event("practice.stage_of_change_assessed", CHESIL, person=ref(V), stage="action")
    assert family.decide(event, rules=walled()).verdict(worker).mask
    family.tell("consent.objection_raised", S2W, person=ref(V), objection="1", desks=[S2W])
    assert not family.decide(event, rules=walled()).verdict(worker).mask


def test_team_is_on_the_side_of_who_works_behind_a_wall_in_it_and_they_on_their_own_alone() -> None:
    family = the_cast()
    worker = f"{S2W}/w-3"
    about = {"referral": ref("referral-w3"), "person": ref(P)}
    family.tell("referral.requested", CHESIL, **about, to=worker, specialism="mental_health")
    scene = family.facts().scene(walled(worker), family.now, "")
    assert scene.opposed(S2W) == scene.opposed(worker) == {V: True}
    family = the_cast()
    about = {"referral": ref("referral-s2w-p"), "person": ref(P)}
    family.tell("referral.requested", CHESIL, **about, to=S2W, specialism="mental_health")
    scene = family.facts().scene(walled(worker), family.now, "")
    assert (scene.opposed(S2W), scene.opposed(worker)) == ({V: True}, {})


def test_order_against_a_person_keeps_the_shielded_set_from_their_desks() -> None:
    family = the_cast()
    ordered(family, from_person=ref(P))
    seen = family.publish("practice.risk_rated", MINUTES, person=ref(K), rating="red")
    assert seen.body(PROBATION) is None
    assert seen.fields(S2W) == {"rating"}


def test_family_does_not_exist_for_the_worker_in_conflict_and_colleagues_are_served() -> None:
    family = the_cast()
    conflict = {"family": ref(family.name), "conflict": "C-1", "desk": S2W, "worker": "W-3"}
    family.tell("hub.worker_conflict_recorded", S2W, **conflict)
    family.state["core_group"][f"{S2W}/W-3"] = family.state["core_group"][S2W]
    scene = family.facts().scene(walled(), family.now, "")
    assert in_conflict(scene, f"{S2W}/W-3")
    assert in_conflict(scene, f"{S2W}/w-3"), "however their name is written"
    assert in_conflict(scene, "s2w/other/w-3"), "at whichever desk of their agency"
    assert not in_conflict(scene, "reach/sft/w-3")
    assert not in_conflict(scene, S2W)
    event = family.event("practice.risk_rated", MINUTES, person=ref(K), rating="red")
    decision = family.decide(event, rules=walled())
    assert decision.verdict(S2W).mask
    assert {each.clause for each in decision.verdict(f"{S2W}/W-3").outcomes} == {"F08"}
    family.tell("hub.worker_conflict_ended", PARAGON, **{**conflict, "desk": PARAGON})
    assert not family.decide(event, rules=walled()).verdict(f"{S2W}/W-3").mask
    family.tell("hub.worker_conflict_ended", S2W, **conflict)
    assert family.decide(event, rules=walled()).verdict(f"{S2W}/W-3").mask


def test_adopted_child_is_gone_for_every_desk_of_the_birth_family() -> None:
    family = the_cast()
    queued = rated(family)
    family.tell("person.adopted", CHESIL, person=ref(K))
    again = family.decide(queued.event, at=family.now)
    assert not again.recipients
    assert {each.clause for each in again.verdict(CHESIL).outcomes} == {"F10"}
    assert reviewed(family).body(CHESIL) is not None


def test_restriction_stays_when_a_colleagues_of_the_same_id_is_lifted() -> None:
    family = the_cast()
    restrict(family, CHESIL, from_desk=S2W)
    restrict(family, "council/west", from_desk=REACH)
    lift(family, CHESIL, "council/ig")
    assert reviewed(family).body(S2W) is not None
    assert {each.desk for each in family.facts().person(V).shields} == {REACH}


def test_restriction_ends_when_a_colleague_lifts_the_only_one_of_its_id() -> None:
    family = the_cast()
    restrict(family, "council/west", from_desk=S2W)
    lift(family, CHESIL, "council/ig")
    assert reviewed(family).body(S2W) is not None


def test_objection_stands_when_two_desks_gave_one_id_and_it_is_not_said_which_is_decided() -> None:
    family = the_cast()
    about = {"person": ref(V), "objection": "1"}
    family.tell("consent.objection_raised", PARAGON, **about, categories=["stage_of_change"])
    meant = family.tell("consent.objection_raised", S2W, **about, categories=["support.summary"])
    family.tell("consent.objection_decided", "council/ig", **about, **OVERRULED)
    assert len(family.facts().person(V).objections) == 2
    about["objection"] = meant.receipt
    family.tell("consent.objection_decided", "council/ig", **about, **OVERRULED)
    (left,) = family.facts().person(V).objections
    assert left.categories == frozenset({"stage_of_change"})


def overrule(family: Family, name: str, outcome: str = "overruled") -> None:
    said = OVERRULED | {"outcome": outcome}
    family.tell("consent.objection_decided", "council/ig", person=ref(V), objection=name, **said)


def object_to(family: Family, desk: str, category: str, name: str = "1") -> PlainEvent:
    about = {"person": ref(V), "objection": name, "categories": [category]}
    return family.tell("consent.objection_raised", desk, **about)


def stand(family: Family) -> list[list[str]]:
    return [sorted(each.categories or ()) for each in family.facts().person(V).objections]


def test_objection_stays_overruled_when_another_desk_raises_one_of_the_same_id() -> None:
    family = the_cast()
    object_to(family, PARAGON, "stage_of_change")
    overrule(family, "1")
    object_to(family, S2W, "support.summary")
    assert stand(family) == [["support.summary"]]
    overrule(family, "1")  # by now it does not say which of the two
    assert stand(family) == [["support.summary"]]
    object_to(family, PARAGON, "stage_of_change")
    assert sorted(stand(family)) == [["stage_of_change"], ["support.summary"]]


def test_objection_that_was_there_stands_when_the_other_of_its_id_is_raised_anew() -> None:
    family = the_cast()
    object_to(family, PARAGON, "stage_of_change")
    object_to(family, S2W, "support.summary")
    overrule(family, "1")
    object_to(family, S2W, "outcome.score")
    assert sorted(stand(family)) == [["outcome.score"], ["stage_of_change"], ["support.summary"]]


def test_what_an_objection_keeps_back_stays_when_it_is_raised_anew_of_less() -> None:
    family = the_cast()
    first = object_to(family, PARAGON, "support.summary")
    second = object_to(family, PARAGON, "support.existence")
    assert len(stand(family)) == 2
    overrule(family, second.receipt)
    assert [each.receipt for each in family.facts().person(V).objections] == [first.receipt]
    overrule(family, "1")
    assert stand(family) == []


def test_objection_ends_by_its_receipt_when_its_id_is_anothers_too() -> None:
    family = the_cast()
    first = object_to(family, PARAGON, "stage_of_change")
    overrule(family, first.receipt)
    object_to(family, S2W, "support.summary")
    assert stand(family) == [["support.summary"]]


def test_objection_stays_as_it_was_decided_when_a_longer_id_is_decided() -> None:
    family = the_cast()
    object_to(family, PARAGON, "stage_of_change")
    object_to(family, PARAGON, "support.summary", "1|2")
    overrule(family, "1|2")
    assert stand(family) == [["stage_of_change"]]
    overrule(family, "1")
    assert stand(family) == []


def test_objection_stands_when_what_decided_another_is_of_an_older_form() -> None:
    registers = {
        "objection|paragon/victim|1": [1, "r1", {"categories": ["stage_of_change"]}],
        "objection|paragon/victim|2": [2, "r2", {"categories": ["support.summary"]}],
        "objection_decided|1": [3, "r3", {"outcome": "overruled"}],
    }
    assert [each.receipt for each in person_facts(registers, known=True).objections] == ["r1", "r2"]


def test_last_decision_holds_when_an_objection_is_decided_again() -> None:
    family = the_cast()
    object_to(family, PARAGON, "stage_of_change")
    for outcome, left in (("overruled", 0), ("upheld", 1), ("ended", 0)):
        overrule(family, "1", outcome)
        assert len(stand(family)) == left


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("safety.pair_ended", {"victim": ref(V), "perpetrator": ref(P)}),
        ("safety.restriction_lifted", {"person": ref(V), "restriction": "R-1"}),
    ],
)
def test_protection_ends_only_when_a_reason_is_given(kind: str, data: dict[str, Any]) -> None:
    family = the_cast()
    family.tell("safety.restriction_placed", PARAGON, person=ref(V), restriction="R-1", from_desk=S2W)

    assert family.refused(kind, PARAGON, **data) == "no_reason"
    family.tell(kind, PARAGON, **data, reason="mistaken")


@pytest.mark.parametrize("unsaid", ["reason", "told_on"])
def test_objection_is_not_overruled_when_no_reason_is_given_or_its_person_was_not_told(unsaid: str) -> None:
    family = the_cast()
    object_to(family, PARAGON, "support.summary")
    decided = "consent.objection_decided"

    less = OVERRULED | {unsaid: None}
    assert family.refused(decided, "council/ig", person=ref(V), objection="1", **less) == "not_told"
    assert stand(family) == [["support.summary"]]
    upheld = family.tell(decided, "council/ig", person=ref(V), objection="1", outcome="upheld")
    corrected = {"person": ref(V), "objection": "1", "corrects": upheld.id}
    assert family.refused(decided, "council/ig", **corrected, **less) == "not_told"
    overrule(family, "1")
    assert stand(family) == []


@pytest.mark.parametrize(
    ("kind", "dob"),
    [("adult", "2015-01-01"), (None, "2015-01-01"), ("child", "1990-01-01"), ("child", None), (None, None)],
)
def test_who_may_be_a_child_is_shielded_as_one_whatever_was_recorded_of_their_kind(
    kind: str | None, dob: str | None
) -> None:
    family = the_cast()
    stated = {"person": ref("teen"), "kind": kind, "dob": dob, "state": "member"}
    family.tell("family.member_changed", CHESIL, **stated)
    family.settle("teen")
    changed = {"person": ref("teen"), "relation": "daughter"}
    assert family.publish("family.member_changed", CHESIL, **changed).body(PROBATION) is None


def test_who_grew_up_or_is_an_adult_by_all_that_is_recorded_is_not_shielded_as_a_child() -> None:
    family = the_cast()
    for name, kind, dob in (("grown", "child", "2005-09-10"), ("adult", "adult", "1990-01-01")):
        row = {"person": ref(name), "kind": kind, "dob": dob, "domestic_abuse_role": "neither"}
        family.tell("family.member_added", CHESIL, members=[row])
        family.settle(name)
    family.now += 30 * DAY
    scene = family.facts().scene(dorset(), family.now, "none")
    assert (scene.everybody["grown"], scene.everybody["adult"]) == (True, True)


def test_no_permit_about_adults_or_children_is_of_somebody_whose_kind_and_birth_date_contradict() -> None:
    family = the_cast()
    for name, kind, dob in (("young", "adult", "2015-01-01"), ("old", "child", "1990-01-01")):
        family.tell("family.member_added", CHESIL, members=[{"person": ref(name), "kind": kind, "dob": dob}])
        family.settle(name)
    scene = family.facts().scene(dorset(), family.now, "none")
    assert [scene.words(each) & {"adult", "child"} for each in ("young", "old")] == [set(), set()]
    family.tell("family.member_changed", CHESIL, person=ref("young"), kind="child")
    scene = family.facts().scene(dorset(), family.now, "none")
    assert "child" in scene.words("young")
