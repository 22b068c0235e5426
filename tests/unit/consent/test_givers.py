"""Who gives a consent (rule 4.13): ages, capacity, competence, attorneys, parental responsibility, never P."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.consent.compiled import compile_rules
from tests.unit.consent.cast import CHESIL, DAY, S2W, Family, K, P, Seen, V, dorset, ref, text, the_cast

CELL = {"purpose": "support", "category": "support.clinical_detail", "desk": CHESIL}


def born(family: Family, dob: str) -> None:
    row = {"person": ref(K), "kind": "child", "dob": dob}
    family.tell("family.member_added", CHESIL, members=[row])


def give(family: Family, person: str, as_: str, by: str | None, **more: Any) -> None:
    given = {"given_as": as_, "given_by": None if by is None else ref(by), "cells": [CELL]}
    family.tell("consent.given", CHESIL, person=ref(person), **(given | more))


def responsible(family: Family, holder: str | None, **more: Any) -> None:
    held = {"holder": ref(holder)} if holder else {"held_by_council": True}
    family.tell("person.parental_responsibility_recorded", CHESIL, person=ref(K), **held, **more)


def shared(family: Family, person: str = K) -> bool:
    return "clinical_detail" in session(family, person).fields(CHESIL)


def session(family: Family, person: str) -> Seen:
    about = {"referral": ref(f"referral-{person}"), "person": ref(person)}
    if f"referral-{person}" not in family.state["referrals"]:
        family.refer(person, S2W, f"referral-{person}")
        family.tell("referral.support_started", S2W, **about)
    return family.publish("referral.goal_reviewed", S2W, **about, clinical_detail=text("Sleeps.", person))


@pytest.mark.parametrize(("dob", "in_force"), [("2007-09-04", True), ("2007-09-06", False)])
def test_child_gives_for_self_from_the_sixteenth_birthday(dob: str, *, in_force: bool) -> None:
    family = the_cast()
    born(family, dob)
    give(family, K, "self", K)
    assert shared(family) is in_force


@pytest.mark.parametrize("competent", [True, False])
def test_younger_child_gives_for_self_when_assessed_competent(*, competent: bool) -> None:
    family = the_cast()
    family.tell("person.competence_assessed", CHESIL, person=ref(K), competent=competent)
    give(family, K, "self", K)
    assert shared(family) is competent


def test_assessment_after_the_giving_changes_nothing() -> None:
    family = the_cast()
    family.tell("person.competence_assessed", CHESIL, person=ref(K), competent=True)
    give(family, K, "self", K)
    family.tell("person.competence_assessed", CHESIL, person=ref(K), competent=False)
    assert shared(family)


def test_holder_of_parental_responsibility_gives_for_a_child() -> None:
    family = the_cast()
    give(family, K, "parent", V)
    assert not shared(family)
    responsible(family, V)
    give(family, K, "parent", V)
    assert shared(family)


def test_nobody_gives_for_a_child_who_decides_for_itself() -> None:
    family = the_cast()
    responsible(family, V)
    family.tell("person.competence_assessed", CHESIL, person=ref(K), competent=True)
    give(family, K, "parent", V)
    assert not shared(family)


def test_perpetrator_gives_for_no_child_although_he_holds_responsibility() -> None:
    family = the_cast()
    responsible(family, P)
    give(family, K, "parent", P)
    seen = session(family, K)
    assert "clinical_detail" not in seen.fields(CHESIL)
    assert "consent:given_by_p" in {each.why for each in seen.verdict(CHESIL).outcomes}


def test_consent_is_not_in_force_while_another_holder_refuses() -> None:
    family = the_cast()
    row = {"person": ref("aunt"), "kind": "adult", "domestic_abuse_role": "neither"}
    family.tell("family.member_added", CHESIL, members=[row])
    family.settle("aunt")
    responsible(family, V)
    responsible(family, "aunt")
    refusal = {"person": ref(K), "given_by": ref("aunt"), "given_as": "parent"}
    family.tell("consent.refused", CHESIL, **refusal)
    give(family, K, "parent", V)
    seen = session(family, K)
    assert "clinical_detail" not in seen.fields(CHESIL)
    assert "consent:holders_disagree" in {each.why for each in seen.verdict(CHESIL).outcomes}
    give(family, K, "parent", "aunt")
    give(family, K, "parent", V)
    assert shared(family)


@pytest.mark.parametrize(("basis", "in_force"), [("care_order", True), ("section_20", False)])
def test_council_gives_for_a_child_under_a_care_order(basis: str, *, in_force: bool) -> None:
    family = the_cast()
    responsible(family, None, basis=basis)
    give(family, K, "council", None)
    assert shared(family) is in_force


def test_parents_consent_ends_at_the_eighteenth_birthday() -> None:
    family = the_cast()
    born(family, "2007-09-20")
    responsible(family, V)
    give(family, K, "parent", V)
    event = session(family, K).event
    grown = family.state["members"][K]["adult_from"]
    rules = dorset().rules
    longer = compile_rules(
        replace(rules, agreements=tuple(replace(each, end=grown + DAY) for each in rules.agreements))
    )
    assert family.decide(event, rules=longer).verdict(CHESIL).valid_until == grown
    again = family.decide(event, at=grown, rules=longer).verdict(CHESIL)
    assert "support.clinical_detail" in again.withheld


def test_responsibility_that_ended_gives_nothing() -> None:
    family = the_cast()
    responsible(family, V, until_date="2023-09-01")
    give(family, K, "parent", V)
    assert not shared(family)


@pytest.mark.parametrize("role", ["welfare_attorney", "deputy"])
@pytest.mark.parametrize("has_capacity", [True, False])
def test_representative_gives_for_an_adult_without_capacity_alone(role: str, *, has_capacity: bool) -> None:
    family = the_cast()
    row = {"person": ref("aunt"), "kind": "adult", "domestic_abuse_role": "neither"}
    family.tell("family.member_added", CHESIL, members=[row])
    family.settle("aunt")
    family.tell(
        "person.representative_recorded", CHESIL, person=ref(V), representative=ref("aunt"), kind=role
    )
    family.tell("person.capacity_assessed", CHESIL, person=ref(V), has_capacity=has_capacity)
    give(family, V, role, "aunt")
    assert shared(family, V) is not has_capacity


def test_relative_gives_for_no_adult() -> None:
    family = the_cast()
    family.tell("person.capacity_assessed", CHESIL, person=ref(V), has_capacity=False)
    give(family, V, "parent", P)
    give(family, V, "welfare_attorney", P)
    assert not shared(family, V)


def test_consent_of_somebody_dead_is_not_in_force() -> None:
    family = the_cast()
    give(family, V, "self", V)
    assert shared(family, V)
    family.tell("person.died", CHESIL, person=ref(V))
    assert not shared(family, V)


def aunt(family: Family) -> None:
    row = {"person": ref("aunt"), "kind": "adult", "domestic_abuse_role": "neither"}
    family.tell("family.member_added", CHESIL, members=[row])
    family.settle("aunt")


def refuse(family: Family, by: str) -> None:
    family.tell("consent.refused", CHESIL, person=ref(K), given_by=ref(by), given_as="parent")


def test_consent_is_in_force_when_who_refused_never_held_responsibility() -> None:
    family = the_cast()
    aunt(family)
    responsible(family, V)
    refuse(family, "aunt")
    assert not shared(family)
    give(family, K, "parent", V)
    assert shared(family)
    responsible(family, "aunt")
    assert not shared(family)


def test_consent_is_in_force_when_the_holder_who_refused_has_died_or_holds_it_no_more() -> None:
    for over in (True, False):
        family = the_cast()
        aunt(family)
        responsible(family, V)
        responsible(family, "aunt")
        refuse(family, "aunt")
        give(family, K, "parent", V)
        assert not shared(family)
        if over:
            responsible(family, "aunt", until_date="2023-09-01")
        else:
            family.tell("person.died", CHESIL, person=ref("aunt"))
        assert shared(family)


def test_consent_is_not_in_force_when_whether_who_refused_holds_responsibility_cannot_be_read() -> None:
    family = the_cast()
    aunt(family)
    responsible(family, V)
    responsible(family, "aunt")
    refuse(family, "aunt")
    give(family, K, "parent", V)
    at, by, _ = family.state["persons"][K]["responsible|aunt"]
    family.state["persons"][K]["responsible|aunt"] = [at, by, {"unreadable": True}]
    assert not shared(family)


def test_consent_rests_on_the_day_from_which_who_refused_holds_responsibility() -> None:
    family = the_cast()
    aunt(family)
    responsible(family, V)
    responsible(family, "aunt", from_date="2023-09-20")
    refuse(family, "aunt")
    give(family, K, "parent", V)
    event = session(family, K).event
    until = family.decide(event).verdict(CHESIL).valid_until
    assert until is not None
    assert "clinical_detail" in Seen(event, family.decide(event, at=until - 1)).fields(CHESIL)
    assert "clinical_detail" not in Seen(event, family.decide(event, at=until)).fields(CHESIL)


@pytest.mark.parametrize(
    ("as_", "by"), [("parent", P), ("parent", "aunt"), ("parent", None), ("self", K), ("deputy", V)]
)
def test_consent_stays_in_force_when_somebody_who_has_no_say_gives_it_too(as_: str, by: str | None) -> None:
    family = the_cast()
    responsible(family, V)
    responsible(family, P)
    give(family, K, "parent", V)
    give(family, K, as_, by, cells=[{**CELL, "valid_until": "2023-09-05T00:00:00Z"}])
    assert shared(family)
    family.tell("consent.withdrawn", CHESIL, person=ref(K), given_by=ref(V), given_as="parent")
    assert not shared(family)


def test_no_consent_comes_back_when_a_pair_makes_its_last_giver_p() -> None:
    family = the_cast()
    aunt(family)
    responsible(family, V)
    responsible(family, "aunt")
    give(family, K, "parent", V)
    give(family, K, "parent", "aunt", cells=[{**CELL, "valid_until": "2023-09-05T00:00:00Z"}])
    family.now += 3 * DAY
    assert not shared(family)
    family.tell("safety.pair_recorded", CHESIL, victim=ref(V), perpetrator=ref("aunt"))
    assert not shared(family)
