"""The specification's invariants over random families, events and senders; an unknown fact is one of the values."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.consent.agreement import RuleSet
from services.consent.compiled import compile_rules
from services.consent.items import FAMILY
from services.consent.vocabulary import CATEGORIES
from tests.unit.consent.cast import dorset
from tests.unit.consent.worlds import (
    ADULT,
    CELLS,
    CHILD,
    CONSENT_END,
    CONSENTS,
    DESKS,
    NOW,
    OTHER,
    THREE_VALUED,
    UNKNOWN,
    Asked,
    World,
    asked,
    bits,
    released,
    worlds,
)

TREATMENT = {"support.clinical_detail", "mental_health.detail", "substance.use_detail", "outcome.score"}
PERMITS = {
    clause.id: clause
    for agreement in dorset().rules.agreements
    for clause in agreement.clauses
    if clause.effect == "permit"
}
SLOW = [HealthCheck.too_slow]
"""A loaded machine is no defect of the rules."""
MANY = settings(max_examples=80, deadline=None, suppress_health_check=SLOW)


def opposed_by(world: World, desk: str) -> set[str]:
    """Whom a desk opposes, known or perhaps: written again, from the specification's words alone."""
    if desk.startswith(("council/", "police/")):
        return set()
    clients = {person for _, holder, person in world.roles if holder == desk}
    supervised = {
        person
        for role, holder, person in world.roles
        if holder == desk
        and (role == "supervising" or (desk == "probation/perp" and role in ("referred_to", "supporting")))
    }
    found: set[str] = set()
    for victim, other in ((ADULT, OTHER), (OTHER, ADULT)):
        paired = world.facts["pair", other, victim] != "false"
        presumed = victim == ADULT and world.facts["need", ADULT] != "false"
        if (other in clients and (paired or presumed)) or other in supervised:
            found.add(victim)
    return found


def victims(world: World) -> set[str]:
    """Victims, known or perhaps."""
    found = {v for p, v in ((OTHER, ADULT), (ADULT, OTHER)) if world.facts["pair", p, v] != "false"}
    return found | ({ADULT} if world.facts["need", ADULT] != "false" else set())


@MANY
@given(worlds(), asked())
def test_i01_nothing_is_released_without_a_clause(world: World, event: Asked) -> None:
    decision = event.decide(world)
    sender = dorset().desks[event.source]
    for verdict in decision.verdicts:
        outcomes = [each for each in verdict.outcomes if each.result == "released"]
        assert bool(verdict.mask) <= bool(outcomes)
        for each in outcomes:
            clause = PERMITS[each.clause]
            assert clause.sources is None or clause.sources & {sender.name, sender.agency, sender.kind}
            assert each.category in clause.categories or clause.with_gate
    empty = replace(dorset().rules, agreements=())
    assert not released(event.decide(world, rules=compile_rules(empty)))


@MANY
@given(worlds(), asked())
def test_i02_and_i04_nothing_shielded_reaches_a_desk_that_opposes(world: World, event: Asked) -> None:
    found = bits(event)
    for desk, bit in released(event.decide(world)):
        opposed = opposed_by(world, desk)
        item = found[bit]
        if item.person in opposed:
            assert item.category in ("identity.name", "identity.dob")
        if item.person == CHILD and opposed & victims(world) and world.facts["apart",] != "true":
            assert not item.category.startswith(("contact.", "support.", "mental_health.", "family."))
        if item.person == FAMILY and opposed:
            assert item.category == "family.existence"
        if hasattr(item, "about") and opposed:
            assert desk in item.addressed
            assert item.about is not None
            assert not opposed & {*item.about, item.person}


@MANY
@given(worlds(), asked())
def test_third_parties_and_history_are_never_released_but_to_the_lead(world: World, event: Asked) -> None:
    found = bits(event)
    for desk, bit in released(event.decide(world)):
        assert found[bit].category != "identity.protected_history"
        assert found[bit].category != "third_party.detail" or desk == world.lead


@MANY
@given(worlds(), asked())
def test_i06_treatment_is_released_only_with_its_consent(world: World, event: Asked) -> None:
    found = bits(event)
    for desk, bit in released(event.decide(world)):
        item = found[bit]
        if item.category in TREATMENT and item.category != event_gate(event):
            cells = [cell for cell in CELLS if cell[1:] == (item.category, desk)]
            assert any(world.facts.get(("consent", item.person, *cell)) == "true" for cell in cells)


def event_gate(event: Asked) -> str:
    items = bits(event)
    return str(items[1].category)


@MANY
@given(worlds(), asked(), st.sampled_from(CONSENTS))
def test_i07_a_withdrawal_adds_nothing(world: World, event: Asked, consent: Any) -> None:
    after = world.having(("withdrawn", *consent[1:]), "true")
    assert released(event.decide(after)) <= released(event.decide(world))


@MANY
@given(worlds(), asked(), st.sampled_from((("objection", ADULT), ("objection", OTHER))))
def test_i07_an_objection_adds_nothing(world: World, event: Asked, objection: Any) -> None:
    before, after = world.having(objection, "false"), world.having(objection, "true")
    assert released(event.decide(after)) <= released(event.decide(before))


@MANY
@given(worlds(), asked(), st.sampled_from(("s2w", "council", "paragon", "police")))
def test_i07_a_suspension_adds_nothing(world: World, event: Asked, agency: str) -> None:
    after = replace(world, suspended=world.suspended | {agency})
    assert released(event.decide(after)) <= released(event.decide(world))


@MANY
@given(worlds(), asked())
def test_i07_an_expiry_adds_nothing(world: World, event: Asked) -> None:
    assert released(event.decide(world, at=CONSENT_END)) <= released(event.decide(world))
    ended = dorset().rules.agreements[0].end
    assert not released(event.decide(world, at=ended))


@MANY
@given(worlds(), asked(), st.sampled_from((("pair", ADULT, OTHER), ("pair", OTHER, ADULT))))
def test_i07_a_pair_adds_nothing_but_to_the_victims_supporter(
    world: World, event: Asked, pair: tuple[str, str, str]
) -> None:
    # Where nobody is presumed to be P: recording who is ends the presumption for others.
    world = world.having(("need", ADULT), "false")
    before, after = world.having(pair, "false"), world.having(pair, "true")
    known = bits(event)
    for desk, bit in released(event.decide(after)) - released(event.decide(before)):
        verdict = event.decide(after).verdict(desk)
        clauses = {
            each.clause
            for each in verdict.outcomes
            if each.person == known[bit].person and each.result == "released"
        }
        # Clauses about a victim or a perpetrator, and `same`, which serves a victim's child with her.
        about_them = clauses & {"P06", "P07", "P07b", "P18", "P19", "P21", "P23"}
        assert about_them or (known[bit].person == CHILD and clauses & {"P02", "P10"})


@MANY
@given(worlds(), asked(), st.sampled_from(CONSENTS))
def test_i08_a_consent_adds_only_its_scope(world: World, event: Asked, consent: Any) -> None:
    before, after = world.having(consent, "false"), world.having(consent, "true")
    found = bits(event)
    gates = {each.bit for each in list(found.values()) if each.category == event_gate(event)}
    for desk, bit in released(event.decide(after)) - released(event.decide(before)):
        assert desk == consent[4]
        if not hasattr(found[bit], "about"):
            assert bit in gates or (found[bit].person, found[bit].category) == (consent[1], consent[3])


@settings(max_examples=250, deadline=None, suppress_health_check=SLOW)
@given(worlds(), asked(), st.sampled_from(THREE_VALUED))
def test_i09_not_knowing_never_helps(world: World, event: Asked, fact: Any) -> None:
    unknown = released(event.decide(world.having(fact, UNKNOWN)))
    assert unknown <= released(event.decide(world.having(fact, "true")))
    assert unknown <= released(event.decide(world.having(fact, "false")))


@MANY
@given(worlds(), asked())
def test_i10_what_was_decided_holds_until_its_end_and_no_longer(world: World, event: Asked) -> None:
    decision = event.decide(world)
    for verdict in decision.verdicts:
        end = verdict.valid_until
        if end is not None:
            assert event.decide(world, at=end - 1).verdict(verdict.desk).mask == verdict.mask
            later = event.decide(world, at=end).verdict(verdict.desk)
            assert later.mask != verdict.mask or later.valid_until != end
            assert later.mask | verdict.mask == verdict.mask


@MANY
@given(worlds(), asked())
def test_i11_nothing_of_an_unconfirmed_person_and_nothing_to_a_suspended_agency(
    world: World, event: Asked
) -> None:
    found = bits(event)
    for desk, bit in released(event.decide(world)):
        assert desk.partition("/")[0] not in world.suspended
        assert event.source.partition("/")[0] not in world.suspended
        assert found[bit].person not in world.unconfirmed


@MANY
@given(worlds(), asked(), st.sampled_from(CELLS))
def test_i12_one_persons_consent_moves_nobody_elses_field(world: World, event: Asked, cell: Any) -> None:
    fact = ("consent", OTHER, *cell)
    found = bits(event)

    def of_adult(value: str) -> set[tuple[str, int]]:
        decided = released(event.decide(world.having(fact, value)))
        return {
            each
            for each in decided
            if found[each[1]].person == ADULT and not hasattr(found[each[1]], "about")
        }

    assert of_adult("true") == of_adult("false")


@MANY
@given(worlds(), asked(), st.sampled_from(DESKS))
def test_i13_a_desk_is_decided_by_itself(world: World, event: Asked, desk: str) -> None:
    assert event.decide(world, desks=[desk]).verdict(desk) == event.decide(world).verdict(desk)


@MANY
@given(worlds(), asked())
def test_i14_a_field_implies_its_gate(world: World, event: Asked) -> None:
    decision = event.decide(world)
    gate = event_gate(event)
    found = bits(event)
    for verdict in decision.verdicts:
        if verdict.mask:
            released_here = [found[bit] for desk, bit in released(decision) if desk == verdict.desk]
            assert any(each.category == gate for each in released_here)


@MANY
@given(worlds(), asked())
def test_i15_what_is_silent_looks_absent(world: World, event: Asked) -> None:
    for verdict in event.decide(world).verdicts:
        existing = {each.category for each in verdict.outcomes if each.result == "existence"}
        assert set(verdict.withheld) == (existing if verdict.mask else set())
        assert list(verdict.withheld) == sorted(set(verdict.withheld))
        assert set(verdict.withheld) <= set(CATEGORIES)


@MANY
@given(worlds(), asked(), st.randoms(use_true_random=False))
def test_i16_order_changes_nothing(world: World, event: Asked, rng: random.Random) -> None:
    rules = dorset().rules
    mixed = compile_rules(shuffled(rules, rng))
    state = mix(world.state(), rng)
    assert event.decide(world, rules=mixed, state=state).record() == event.decide(world).record()


def shuffled(rules: RuleSet, rng: random.Random) -> RuleSet:
    """The same rule set in another order of agreements, clauses and desks."""
    agreements = [
        replace(each, clauses=tuple(rng.sample(each.clauses, len(each.clauses)))) for each in rules.agreements
    ]
    desks = list(rules.desks.items())
    rng.shuffle(agreements)
    rng.shuffle(desks)
    return replace(rules, agreements=tuple(agreements), desks=dict(desks))


def mix(value: Any, rng: random.Random) -> Any:
    """The same JSON with every object's keys in another order."""
    if isinstance(value, dict):
        entries = [(key, mix(each, rng)) for key, each in value.items()]
        rng.shuffle(entries)
        return dict(entries)
    return value


@MANY
@given(worlds(), asked())
def test_i18_no_child_is_left_alone(world: World, event: Asked) -> None:
    world = replace(world, suspended=frozenset(), unconfirmed=frozenset()).having(("open",), "true")
    decision = event.decide(world, desks=[world.lead])
    if event.source == world.lead or event_gate(event) in ("child.proceedings", "identity.protected_history"):
        return
    mask = decision.verdict(world.lead).mask
    for bit, item in bits(event).items():
        child = item.category.startswith(("child.", "risk.", "contact.")) and item.person == CHILD
        if child and mask and not hasattr(item, "about"):
            assert mask & bit


def test_the_worlds_release_and_withhold_enough_to_mean_something() -> None:
    results: set[str] = set()

    @settings(max_examples=400, deadline=None, suppress_health_check=SLOW, database=None, derandomize=True)
    @given(worlds(), asked())
    def collect(world: World, event: Asked) -> None:
        for verdict in event.decide(world, at=NOW).verdicts:
            results.update(each.result for each in verdict.outcomes)
            results.update(each.clause for each in verdict.outcomes)

    collect()
    assert {"released", "existence", "silent", "held", "F01", "F06", "P01", "P02", "P12"} <= results
