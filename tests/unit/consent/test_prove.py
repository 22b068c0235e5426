"""`rules prove`: a fault planted for each invariant is found, and named by the smallest combination."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from hub.partnership import load
from services.consent import compiled, conditions, forbids, givers, outcome
from services.consent.ask import Ask
from services.consent.compiled import CompiledRules, compile_rules
from services.consent.engine import Deciding
from services.consent.load import load_rules
from services.consent.proof import clauses, denials, whole
from services.consent.proof.cases import clause_cases, forbid_cases
from services.consent.proof.explore import Facts, explore
from services.consent.proof.found import SENTENCES, Tally, say
from services.consent.proof.prove import clause_part, forbid_part, parts, share
from tests.unit.consent.cast import CHESIL, dorset
from tests.unit.partnership.planting import HARBOUR

Patch = pytest.MonkeyPatch


def altered(clause: str, **changed: Any) -> CompiledRules:
    """Dorset's agreement with one clause changed."""
    rules = dorset().rules
    agreements = tuple(
        replace(
            each, clauses=tuple(replace(one, **changed) if one.id == clause else one for one in each.clauses)
        )
        for each in rules.agreements
    )
    return compile_rules(replace(rules, agreements=agreements))


def of_clauses(rules: CompiledRules, invariant: str, category: str) -> Tally:
    tally = Tally()
    for case in clause_cases(rules):
        if case.category == category:
            clause_part(case, {invariant: clauses.CHECKS[invariant]})(rules, tally)
    return tally


def of_forbids(rules: CompiledRules, invariant: str, category: str) -> Tally:
    tally = Tally()
    for case in forbid_cases(rules):
        if case.category == category:
            forbid_part(case, {invariant: denials.CHECKS[invariant]})(rules, tally)
    return tally


def of_whole(rules: CompiledRules, part: Callable[[CompiledRules, Tally], None]) -> Tally:
    tally = Tally()
    part(rules, tally)
    return tally


def open_or_not(patch: Patch) -> Tally:
    patch.setitem(conditions.EVALUATE, "open", lambda *_: True)
    return of_clauses(dorset(), "I01", "child.status")


def restrictions_forgotten(patch: Patch) -> Tally:
    patch.setattr(forbids, "_keeps_from", lambda *_: False)
    return of_forbids(dorset(), "I02", "support.summary")


def lifted_without_a_second_person(patch: Patch) -> Tally:
    patch.setattr(forbids, "_is_lifted", lambda *_: True)
    return of_forbids(dorset(), "I03", "support.dv_safety_plan")


def phone_not_shielded(patch: Patch) -> Tally:
    patch.setattr(forbids, "_NEVER_SHIELDED", frozenset({"contact.channel"}))
    return of_forbids(dorset(), "I04", "contact.channel")


def household_told(patch: Patch) -> Tally:
    def by_household(scene: Any, _: str, category: str, person: str, **__: Any) -> tuple[str, ...]:
        return (category,) if scene.near(person) is False else (category, outcome.WHEREABOUTS)

    patch.setattr(whole, "lifted", by_household)
    return of_whole(dorset(), whole.lifted_category)


def place_taken_for_whereabouts_alone(patch: Patch) -> Tally:
    def alone(scene: Any, _: str, category: str, person: str, **__: Any) -> tuple[str, ...]:
        return (outcome.WHEREABOUTS,) if scene.near(person) else (category, outcome.WHEREABOUTS)

    patch.setattr(whole, "lifted", alone)
    return of_whole(dorset(), whole.lifted_category)


def treatment_without_consent(_: Patch) -> Tally:
    return of_clauses(altered("P04", when=()), "I06", "outcome.score")


def objection_helps(patch: Patch) -> Tally:
    def turned(scene: Any, _: Any, ask: Ask) -> bool:
        return bool(scene.facts.person(ask.person).objections)

    patch.setitem(conditions.EVALUATE, "no_objection", turned)
    return of_clauses(dorset(), "I07", "support.summary")


def consent_to_anything(patch: Patch) -> Tally:
    def any_cell(scene: Any, _: Any, ask: Ask) -> bool:
        registers = scene.facts.person(ask.person).registers
        return registers.get("consent|support|other|desk") is not None

    patch.setitem(conditions.EVALUATE, "consent", any_cell)
    return of_clauses(dorset(), "I08", "outcome.score")


def unknown_taken_for_true(patch: Patch) -> Tally:
    patch.setitem(
        conditions.EVALUATE, "told", lambda scene, _, ask: scene.facts.person(ask.person).told is not False
    )
    return of_clauses(dorset(), "I09", "identity.name")


def ends_forgotten(patch: Patch) -> Tally:
    patch.setattr(Ask, "rest_on", lambda *_: None)
    return of_clauses(dorset(), "I10", "outcome.score")


def doubts_forgotten(patch: Patch) -> Tally:
    patch.setattr(outcome, "unsettled", lambda *_: False)
    return of_clauses(dorset(), "I11", "child.status")


def consent_of_another_person(patch: Patch) -> Tally:
    def hers(scene: Any, _: Any, ask: Ask) -> bool:
        registers = scene.facts.person("V").registers
        return registers.get(f"consent|support|{ask.category}|{ask.desk}") is not None

    patch.setitem(conditions.EVALUATE, "consent", hers)
    return of_clauses(dorset(), "I12", "outcome.score")


def another_desk_asked(patch: Patch) -> Tally:
    def theirs(scene: Any, *_: Any) -> bool:
        return "lead" in scene.family_roles.get("another/desk", {})

    patch.setitem(conditions.EVALUATE, "open", theirs)
    return of_clauses(dorset(), "I13", "child.status")


def field_without_gate(patch: Patch) -> Tally:
    settle = Deciding._settle
    patch.setattr(Deciding, "_settle", lambda self, desk, _, *rest: settle(self, desk, 4, *rest))
    return of_whole(dorset(), whole.events)


def silent_told(patch: Patch) -> Tally:
    settle = Deciding._settle
    patch.setattr(
        Deciding, "_settle", lambda self, *rest: replace(settle(self, *rest), withheld=("support.summary",))
    )
    return of_whole(dorset(), whole.events)


def clauses_by_their_place(patch: Patch) -> Tally:
    patch.setattr(compiled, "sorted", lambda found, **_: list(found), raising=False)
    return of_whole(compile_rules(dorset().rules), whole.order_of_rules)


def accused_parent_heard(patch: Patch) -> Tally:
    patch.setattr(givers, "_not_accused", lambda *_: True)
    return of_clauses(dorset(), "I17", "outcome.score")


def child_left_out(_: Patch) -> Tally:
    rules = altered("P01", subjects=frozenset({"adult"}))
    return of_whole(rules, whole.arriving(rules.edges[-2], CHESIL))


def override_on_more_conditions(_: Patch) -> Tally:
    rules = altered("P05", when=(("override",), ("statutory",)))
    return of_whole(rules, whole.arriving(rules.edges[-2], CHESIL))


FAULTS = {
    "I01": open_or_not,
    "I02": restrictions_forgotten,
    "I03": lifted_without_a_second_person,
    "I04": phone_not_shielded,
    "I05": household_told,
    "I06": treatment_without_consent,
    "I07": objection_helps,
    "I08": consent_to_anything,
    "I09": unknown_taken_for_true,
    "I10": ends_forgotten,
    "I11": doubts_forgotten,
    "I12": consent_of_another_person,
    "I13": another_desk_asked,
    "I14": field_without_gate,
    "I15": silent_told,
    "I16": clauses_by_their_place,
    "I17": accused_parent_heard,
    "I18": child_left_out,
    "I19": override_on_more_conditions,
}


def test_a_fault_is_planted_for_every_invariant() -> None:
    assert FAULTS.keys() == SENTENCES.keys()


@pytest.mark.parametrize("invariant", sorted(FAULTS))
def test_planted_fault_is_found_and_its_smallest_combination_told(
    invariant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = FAULTS[invariant](monkeypatch).broken
    assert invariant in broken
    assert broken[invariant].where
    assert len(broken[invariant].facts) == broken[invariant].weight


def test_place_that_protection_opens_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = place_taken_for_whereabouts_alone(monkeypatch).broken
    assert broken["I07"].where.startswith("support.summary")


def test_sound_engine_breaks_nothing_where_each_fault_was_planted() -> None:
    rules = dorset()
    found = [of_clauses(rules, name, "outcome.summary") for name in ("I01", "I09", "I10", "I13")]
    found += [of_forbids(rules, name, "support.dv_safety_plan") for name in ("I02", "I03", "I05")]
    found += [of_whole(rules, part) for part in (whole.events, whole.lifted_category, whole.order_of_rules)]
    found.append(of_whole(rules, whole.arriving(rules.edges[-2], CHESIL)))
    assert [each.broken for each in found if each.broken] == []
    assert all(sum(each.looked_at.values()) for each in found)


def test_shares_of_a_proof_are_the_proof_when_put_together() -> None:
    rules = compile_rules(load_rules(HARBOUR, load(HARBOUR)))
    every, few = tuple(parts(rules)), 200
    whole_of_it, together = Tally(), Tally()
    for index in (0, few // 2):
        together.join(share(rules, every, index, few))
    for place, part in enumerate(every):
        if place % few in (0, few // 2):
            part(rules, whole_of_it)
    assert len(every) > few
    assert together.looked_at == whole_of_it.looked_at


def test_every_combination_is_run_once_when_facts_are_asked_for_on_the_way() -> None:
    def run(facts: Facts) -> tuple[bool, bool | None]:
        first = facts.ask(("a",), (False, True))
        return first, facts.ask(("b",), (False, True, None)) if first else None

    found: Iterator[tuple[Facts, Any]] = explore(run)
    assert [result for _, result in found] == [(False, None), (True, False), (True, True), (True, None)]
    given = explore(run, {("a",): True})
    assert [facts.told() for facts, _ in given] == [{}, {("b",): True}, {("b",): None}]


def test_facts_are_said_in_words() -> None:
    assert say(("role", "lead", ""), "held") == "the desk is lead for the family"
    assert say(("told", "S"), None) == "told S (unknown)"
    assert say(("consent", "S"), "by P") == "consent S: by P"
