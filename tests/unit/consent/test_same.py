"""Two ids of one human (rule 4.12): what forbids joins at once, what permits once two people have said so."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from services.consent.facts import protective
from services.consent.logged import are_parted, concerned
from services.consent.person import UNKNOWN, Bond
from services.consent.registers import register_of, to_wire
from services.consent.same import one_with, others
from tests.unit.consent.cast import CHESIL, MINUTES, PARAGON, PROBATION, S2W, Family, V, dorset, ref, the_cast

B, C = "mother-b", "mother-c"
LINKED, UNLINKED = "hub.identity_linked", "hub.identity_unlinked"
SCORE = {"instrument": "phq9", "score": 7}
CELL = {"purpose": "support", "category": "outcome.score", "desk": CHESIL}


def link(family: Family, one: str, other: str, *, sure: bool = True) -> None:
    """A desk says that two are one; a second person agrees, if it is sure."""
    degree = "confirmed" if sure else "probable"
    event = family.tell(LINKED, CHESIL, person=ref(one), same_as=ref(other), degree=degree)
    if sure:
        approve(family, event.id)


def approve(family: Family, request: str, decision: str = "approved") -> None:
    family.tell("hub.approval_given", MINUTES, request=request, decision=decision, task="t")


def unlink(family: Family, one: str, other: str) -> None:
    family.tell(UNLINKED, CHESIL, person=ref(one), same_as=ref(other), reason="wrong_person")


def home(of: str = B) -> Family:
    """Another family, in which the same human has another id."""
    family = Family("family-2")
    family.tell("family.opened", CHESIL, lead=CHESIL)
    family.tell("family.member_added", CHESIL, members=[{"person": ref(of), "kind": "adult"}])
    return family


def hear(family: Family, other: Family, *persons: str) -> None:
    """What one family's log set of these persons reaches the other."""
    for person in persons:
        plain = other.state.get("persons", {}).get(person, {})
        rows = to_wire({key: found for key, each in plain.items() if (found := register_of(each))})
        family.tell("hub.person_fact", "hub", person=ref(person), facts=rows, raises=0, raised=0)


def score_of(family: Family, person: str = V, desk: str = CHESIL) -> bool:
    return "score" in family.publish("outcome.measure_recorded", S2W, person=ref(person), **SCORE).fields(
        desk
    )


def consents(family: Family, person: str) -> None:
    family.tell("consent.given", CHESIL, person=ref(person), given_as="self", cells=[CELL])


@pytest.mark.parametrize("sure", [True, False])
def test_refusal_of_one_stands_against_the_other_when_they_are_or_may_be_one(sure: bool) -> None:
    family, second = the_cast(), home()
    consents(family, V)
    assert score_of(family)
    second.now = family.now
    second.tell("consent.refused", CHESIL, person=ref(B), cells=[CELL])
    link(family, V, B, sure=sure)
    hear(family, second, B)
    assert not score_of(family)
    unlink(family, V, B)
    assert score_of(family)


def test_consent_of_one_counts_for_the_other_when_two_people_said_so() -> None:
    family, second = the_cast(), home()
    consents(second, B)
    event = family.tell(LINKED, CHESIL, person=ref(V), same_as=ref(B), degree="confirmed")
    hear(family, second, B)
    assert not score_of(family)
    approve(family, event.id)
    assert score_of(family)
    unlink(family, V, B)
    assert not score_of(family)


def test_nothing_is_given_when_they_only_may_be_one() -> None:
    family, second = the_cast(), home()
    consents(second, B)
    link(family, V, B, sure=False)
    hear(family, second, B)
    verdict = family.publish("outcome.measure_recorded", S2W, person=ref(V), **SCORE).verdict(CHESIL)
    assert verdict.held
    assert not verdict.mask
    facts = family.facts().person(V)
    assert (facts.givings, facts.overrides, facts.selves) == ({}, (), frozenset())


def test_both_are_held_until_a_second_person_answers_and_are_two_when_they_refuse() -> None:
    family, second = the_cast(), home()
    event = family.tell(LINKED, CHESIL, person=ref(V), same_as=ref(B), degree="confirmed")
    hear(family, second, B)
    assert not family.facts().person(V).confirmed
    assert not family.facts().person(B).confirmed
    approve(family, event.id, "refused")
    assert family.facts().person(V).confirmed
    assert family.facts().one == {}
    assert family.state["pending"] == {}


def test_they_stay_one_when_it_is_asked_again_and_refused() -> None:
    family = the_cast()
    link(family, V, B)
    event = family.tell(LINKED, CHESIL, person=ref(V), same_as=ref(B), degree="confirmed")
    approve(family, event.id, "refused")
    assert family.facts().one_with(V) == {B: True}


def test_nobody_is_asked_any_more_when_another_log_has_the_answer_or_they_are_two() -> None:
    family, second = the_cast(), home()
    second.now = family.now
    for answer in ("approved", "refused"):
        event = family.tell(LINKED, CHESIL, person=ref(V), same_as=ref(B), degree="confirmed")
        hear(second, family, V, B)
        second.state = {**second.state, "pending": family.state["pending"]}
        approve(family, event.id, answer)
        hear(second, family, V, B)
        assert second.state["pending"] == {}
        unlink(family, V, B)
    family.tell(LINKED, CHESIL, person=ref(V), same_as=ref(B), degree="confirmed")
    assert len(family.state["pending"]) == 1
    unlink(family, V, B)
    assert family.state["pending"] == {}


def test_second_persons_word_brings_nothing_back_when_it_comes_after_the_end() -> None:
    family, second = the_cast(), home()
    event = family.tell(LINKED, CHESIL, person=ref(V), same_as=ref(B), degree="confirmed")
    hear(family, second, B)
    unlink(family, V, B)
    approve(family, event.id)
    assert family.facts().one == {}


@pytest.mark.parametrize("sure", [True, False])
def test_desk_opposes_the_victim_when_it_supervises_who_is_or_may_be_her_perpetrator(sure: bool) -> None:
    family, second = the_cast(), home("father-q")
    pair = {"victim": ref(V), "perpetrator": ref("father-z"), "basis": "disclosure"}
    family.tell("safety.pair_recorded", PARAGON, **pair)
    second.tell("person.probation_supervision_started", "probation/other", person=ref("father-q"))
    link(family, "father-z", "father-q", sure=sure)
    hear(family, second, "father-q")
    hear(family, family, "father-z")
    scene = family.facts().scene(dorset(), family.now, "none")
    assert V in scene.opposed("probation/other")
    roles = scene.roles.get("probation/other", {})
    assert ("father-z" in roles) is sure


@pytest.mark.parametrize(("sure", "certain"), [(True, True), (False, None)])
def test_pair_of_one_is_the_others_and_only_perhaps_when_they_only_may_be_one(
    sure: bool, certain: bool | None
) -> None:
    family, second = the_cast(), home()
    pair = {"victim": ref(B), "perpetrator": ref("father-z"), "basis": "disclosure"}
    second.tell("safety.pair_recorded", CHESIL, **pair)
    link(family, V, B, sure=sure)
    hear(family, second, B, "father-z")
    scene = family.facts().scene(dorset(), family.now, "none")
    assert scene.victims_of["father-z"][V] is certain
    assert "father-z" in concerned(family.facts(), [V])
    assert B in concerned(family.facts(), [V])


def test_restriction_of_one_shields_the_other_though_the_same_was_lifted_of_them() -> None:
    family, second = the_cast(), home()
    placed = {"restriction": "r-1", "from_agency": "s2w", "categories": ["risk.rating"]}
    second.tell("safety.restriction_placed", CHESIL, person=ref(B), **placed)
    family.tell("safety.restriction_placed", CHESIL, person=ref(V), **placed)
    lift = family.tell("safety.restriction_lifted", CHESIL, person=ref(V), restriction="r-1", reason="over")
    approve(family, lift.id)
    assert family.facts().person(V).shields == ()
    link(family, V, B)
    hear(family, second, B)
    assert [each.id for each in family.facts().person(V).shields] == ["r-1"]


def test_three_are_one_when_two_links_say_so_and_one_doubt_makes_all_doubtful() -> None:
    sure, perhaps = Bond((1, "a"), (1, "a")), Bond((1, "b"))
    assert others({"a": {"b": sure}, "b": {"c": sure}})["a"] == {"b": True, "c": True}
    assert others({"a": {"b": sure}, "c": {"b": perhaps}})["a"] == {"b": True, "c": False}
    family = the_cast()
    link(family, V, B)
    link(family, C, B, sure=False)
    family.settle(V, B, C)
    assert not family.facts().person(V).confirmed
    unlink(family, B, C)
    assert family.facts().person(V).confirmed


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_order_changes_nothing_when_facts_of_both_arrive(order: tuple[int, ...]) -> None:
    family, second = the_cast(), home()
    consents(second, B)
    link(second, V, B)
    unlink(second, V, B)
    link(second, B, V)
    early = home()
    early.tell("consent.refused", CHESIL, person=ref(B), cells=[{**CELL, "desk": PARAGON}])
    steps = [(second, V), (second, B), (early, B), (second, B)]
    for number in order:
        source, person = steps[number]
        hear(family, source, person)
    assert score_of(family)
    assert family.facts().one == {V: {B: True}, B: {V: True}}
    assert [each.desk for each in family.facts().person(V).refusals] == [PARAGON]


def test_nothing_is_known_of_one_when_nothing_is_of_the_other() -> None:
    family, second = the_cast(), home()
    link(family, V, B)
    assert not family.facts().person(V).known
    assert B in concerned(family.facts(), [V])
    hear(family, second, B)
    assert family.facts().person(V).known


def test_victim_and_perpetrator_are_unknown_when_both_were_stated() -> None:
    family, second = the_cast(), home()
    stated: dict[str, Any] = {"person": ref(B), "domestic_abuse_role": "alleged_perpetrator"}
    second.tell("family.member_changed", CHESIL, **stated)
    family.tell("family.member_changed", CHESIL, person=ref(V), domestic_abuse_role="victim")
    link(family, V, B)
    hear(family, second, B)
    assert family.facts().person(V).side == UNKNOWN
    assert family.facts().own_person(V).side == "victim"


def test_presumption_stands_when_only_the_others_record_says_otherwise() -> None:
    family, second = the_cast(), home("father-q")
    second.tell("family.member_changed", CHESIL, person=ref("father-q"), domestic_abuse_role="neither")
    family.tell("family.member_added", CHESIL, members=[{"person": ref("uncle"), "kind": "adult"}])
    family.settle("uncle")
    family.tell("family.member_changed", CHESIL, person=ref(V), domestic_abuse_role="victim")
    scene = family.facts().scene(dorset(), family.now, "none")
    assert V in scene.presumed["uncle"]
    link(family, "uncle", "father-q")
    hear(family, second, "father-q")
    assert V in family.facts().scene(dorset(), family.now, "none").presumed["uncle"]


def test_override_waits_for_who_recorded_the_pair_when_that_was_under_the_other_id() -> None:
    family, second = the_cast(), home()
    pair = {"victim": ref(B), "perpetrator": ref("father-z"), "basis": "disclosure"}
    second.tell("safety.pair_recorded", "police/dorset", **pair)
    link(family, V, B)
    hear(family, second, B)
    asked = {"people": [ref(V)], "categories": ["support.dv_safety_plan"], "desks": [PROBATION]}
    lifts = {"ground": "vital", "reason_code": "danger", "override": "o-1", "lifts_victims": [ref(V)]}
    event = family.tell("safety.override_invoked", CHESIL, **asked, **lifts)
    approve(family, event.id)
    assert family.facts().person(V).overrides[0].lifted == frozenset()


def test_guards_of_both_are_raised_when_two_are_linked_and_when_they_are_unlinked() -> None:
    family = the_cast()
    for kind in (LINKED, UNLINKED):
        assert protective(family.event(kind, CHESIL, person=ref(V), same_as=ref(B))) == {V, B}
    alone = family.event(LINKED, CHESIL, person=ref(V), degree="confirmed")
    assert protective(alone) == frozenset()


def test_nobody_is_one_with_anybody_when_they_are_said_to_be_one_with_themselves() -> None:
    family = the_cast()
    link(family, V, V)
    assert family.facts().one == {}
    assert one_with(family.state["persons"], V) == frozenset()


def test_adoption_hides_the_other_id_too_when_the_child_is_linked() -> None:
    family, second = the_cast(), home("child-new")
    family.tell("person.adopted", CHESIL, person=ref("child-k"))
    link(family, "child-k", "child-new")
    hear(family, second, "child-new")
    assert "child-new" in family.facts().scene(dorset(), family.now, "none").adopted
    assert are_parted(family.facts(), "family-1", "family-2")


@pytest.mark.parametrize("sure", [True, False])
def test_supervising_desk_opposes_another_adult_under_an_id_that_is_no_member_too(*, sure: bool) -> None:
    family, second = the_cast(), home("aunt")
    family.tell("family.member_added", CHESIL, members=[{"person": ref("uncle"), "kind": "adult"}])
    family.settle("uncle")
    link(family, "uncle", "aunt", sure=sure)
    hear(family, second, "aunt")
    assert {"uncle", "aunt"} <= set(family.facts().scene(dorset(), family.now, "none").opposed(PROBATION))
    rating = family.publish("practice.risk_rated", CHESIL, person=ref("aunt"), rating="red")
    assert rating.body(PROBATION) is None


def test_child_is_shielded_with_its_mother_under_an_id_that_is_no_member_too() -> None:
    family, second = the_cast(), Family("family-2")
    second.tell("family.opened", CHESIL, lead=CHESIL)
    second.tell("family.member_added", CHESIL, members=[{"person": ref("child-new"), "kind": "child"}])
    family.tell("safety.restriction_placed", CHESIL, person=ref(V), restriction="r-1", from_agency="s2w")
    link(family, "child-k", "child-new")
    hear(family, second, "child-new")
    attended = {"person": ref("child-new"), "from_date": "2023-09-01", "until_date": "2023-09-02"}
    assert family.publish("child.attendance_recorded", CHESIL, **attended).body(S2W) is None


def test_nobody_is_presumed_to_harm_themselves_when_both_ids_are_members() -> None:
    family = Family()
    family.tell("family.opened", CHESIL, lead=CHESIL)
    rows = [{"person": ref(V), "kind": "adult", "domestic_abuse_role": "victim"}]
    rows += [{"person": ref(each), "kind": "adult"} for each in (B, "father-p")]
    family.tell("family.member_added", CHESIL, members=rows)
    family.settle(V, B, "father-p")
    family.refer(V, PARAGON, "referral-paragon")
    link(family, V, B)
    family.settle(V, B)
    scene = family.facts().scene(dorset(), family.now, "none")
    assert scene.presumed == {"father-p": {V, B}}
    assert scene.opposed(PARAGON) == {}


def test_supervising_desk_does_not_oppose_whom_it_supervises_when_both_ids_are_members() -> None:
    family = the_cast()
    family.tell("family.member_added", CHESIL, members=[{"person": ref("father-q"), "kind": "adult"}])
    family.settle("father-q")
    link(family, "father-p", "father-q")
    family.settle("father-p", "father-q")
    opposed = family.facts().scene(dorset(), family.now, "none").opposed(PROBATION)
    assert V in opposed
    assert {"father-p", "father-q"}.isdisjoint(opposed)


@pytest.mark.parametrize("sure", [True, False])
def test_consent_is_off_when_a_holder_refused_under_another_id_and_on_again_when_they_gave(
    *, sure: bool
) -> None:
    family, second = the_cast(), home()
    added = {"person": ref("aunt"), "kind": "adult", "domestic_abuse_role": "neither"}
    family.tell("family.member_added", CHESIL, members=[added])
    for holder in (V, "aunt"):
        held = {"person": ref("child-k"), "holder": ref(holder), "basis": "court_order"}
        family.tell("person.parental_responsibility_recorded", CHESIL, **held)
    family.settle("aunt")
    link(family, V, B, sure=sure)
    hear(family, second, B)
    family.refer("child-k", S2W, "referral-k")
    said = {"person": ref("child-k"), "given_as": "parent", "cells": [CELL]}
    family.tell("consent.refused", CHESIL, **said, given_by=ref(B))
    family.tell("consent.given", CHESIL, **said, given_by=ref("aunt"))
    assert not score_of(family, "child-k")
    family.tell("consent.given", CHESIL, **said, given_by=ref(V))
    assert score_of(family, "child-k") is sure


def test_consent_is_not_in_force_when_a_presumed_perpetrator_gave_it_under_another_id() -> None:
    family, second = Family(), home("father-q")
    family.tell("family.opened", CHESIL, lead=CHESIL)
    rows: list[dict[str, Any]] = [{"person": ref(V), "kind": "adult", "domestic_abuse_role": "victim"}]
    rows += [{"person": ref("father-p"), "kind": "adult"}, {"person": ref("child-k"), "kind": "child"}]
    family.tell("family.member_added", CHESIL, members=rows)
    family.settle(V, "father-p", "child-k")
    family.refer("child-k", S2W, "referral-k")
    held = {"person": ref("child-k"), "holder": ref("father-q"), "basis": "court_order"}
    family.tell("person.parental_responsibility_recorded", CHESIL, **held)
    said = {"person": ref("child-k"), "given_as": "parent", "given_by": ref("father-q"), "cells": [CELL]}
    family.tell("consent.given", CHESIL, **said)
    hear(family, second, "father-q")
    assert score_of(family, "child-k")
    link(family, "father-p", "father-q")
    family.settle("father-p")
    assert not score_of(family, "child-k")


def test_consent_stands_when_its_perpetrator_gave_another_under_the_id_that_no_pair_names() -> None:
    family, second = the_cast(), home("father-q")
    for holder in (V, "father-q"):
        held = {"person": ref("child-k"), "holder": ref(holder), "basis": "court_order"}
        family.tell("person.parental_responsibility_recorded", CHESIL, **held)
    link(family, "father-p", "father-q")
    hear(family, second, "father-q")
    family.refer("child-k", S2W, "referral-k")
    said = {"person": ref("child-k"), "given_as": "parent", "cells": [CELL]}
    family.tell("consent.given", CHESIL, **said, given_by=ref(V))
    family.tell("consent.given", CHESIL, **said, given_by=ref("father-q"))
    assert score_of(family, "child-k")


def test_override_that_names_the_victim_lifts_the_shield_of_her_other_id() -> None:
    family, second = the_cast(), home()
    asked = {
        "people": [ref(V), ref("child-k")],
        "categories": ["support.dv_safety_plan"],
        "desks": [PROBATION],
    }
    lifts = {"ground": "vital", "reason_code": "danger", "override": "o-1", "lifts_victims": [ref(V)]}
    event = family.tell("safety.override_invoked", CHESIL, **asked, **lifts)
    family.tell("hub.approval_given", "paragon/behaviour", request=event.id, decision="approved", task="t")
    about = {"referral": ref("referral-k"), "person": ref("child-k")}
    family.refer("child-k", S2W, "referral-k")
    family.tell("referral.support_started", S2W, **about)
    plan = {"dv_safety_plan": {"text": "words", "about": [ref("child-k")]}}
    seen = family.publish("referral.goal_reviewed", S2W, **about, **plan)
    assert "dv_safety_plan" in seen.fields(PROBATION)
    link(family, V, B)
    hear(family, second, B)
    assert "dv_safety_plan" in family.publish("referral.goal_reviewed", S2W, **about, **plan).fields(
        PROBATION
    )


def test_child_who_may_be_one_with_an_adopted_one_is_held_and_known_again_when_they_are_not() -> None:
    family = the_cast()
    family.tell("family.member_added", CHESIL, members=[{"person": ref("child-l"), "kind": "child"}])
    family.settle("child-l")
    family.tell("person.adopted", CHESIL, person=ref("child-k"))
    link(family, "child-k", "child-l", sure=False)
    family.settle("child-k", "child-l")
    rating = family.publish("practice.risk_rated", MINUTES, person=ref("child-l"), rating="red")
    assert rating.verdict(CHESIL).held
    assert rating.body(CHESIL) is None
    gone = family.publish("practice.risk_rated", MINUTES, person=ref("child-k"), rating="red")
    assert not gone.verdict(CHESIL).held
    unlink(family, "child-k", "child-l")
    assert family.decide(rating.event).verdict(CHESIL).mask
