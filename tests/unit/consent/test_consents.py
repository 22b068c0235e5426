"""Consent: who may give it, what ends it, and that nothing opens what was recorded before."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.consent.event import PlainEvent
from services.consent.registers import join, register_of
from tests.unit.consent.cast import (
    CHESIL,
    DAY,
    PARAGON,
    S2W,
    SECOND,
    Family,
    K,
    P,
    Seen,
    V,
    ref,
    the_cast,
)

CELL = {"purpose": "support", "category": "outcome.score", "desk": CHESIL}


def stamp(at: int) -> str:
    return datetime.fromtimestamp(at / SECOND, UTC).isoformat()


def give(family: Family, **more: Any) -> PlainEvent:
    data: dict[str, Any] = {"person": ref(V), "cells": [CELL], "given_by": ref(V), "given_as": "self"}
    return family.tell("consent.given", CHESIL, **{**data, **more})


def score(family: Family) -> Seen:
    return family.publish("outcome.measure_recorded", S2W, person=ref(V), instrument="phq9", score=14)


def is_shared(seen: Seen) -> bool:
    return "score" in seen.fields(CHESIL)


def test_score_is_shared_when_the_person_consents() -> None:
    family = the_cast()
    give(family)
    seen = score(family)
    assert is_shared(seen)
    assert seen.verdict(CHESIL).clauses == ("P02", "P04")
    assert seen.verdict(PARAGON).withheld == ("outcome.score",)


def test_score_recorded_before_stays_withheld_when_consent_comes_later() -> None:
    family = the_cast()
    seen = score(family)
    give(family)
    again = family.decide(seen.event, at=family.now)
    assert again.verdict(CHESIL).withheld == ("outcome.score",)


def test_score_recorded_before_is_shared_when_the_consent_says_so() -> None:
    family = the_cast()
    seen = score(family)
    give(family, cells=[{**CELL, "earlier": True}])
    assert family.decide(seen.event, at=family.now).verdict(CHESIL).withheld == ()


@pytest.mark.parametrize(
    "change",
    [
        {"purpose": "treatment"},
        {"category": "mental_health.detail"},
        {"desk": S2W},
    ],
)
def test_consent_carries_to_nothing_else_when_one_word_differs(change: dict[str, str]) -> None:
    family = the_cast()
    give(family, cells=[{**CELL, **change}])
    assert not is_shared(score(family))


@pytest.mark.parametrize(
    "giver",
    [
        {"given_by": ref(P), "given_as": "self"},
        {"given_by": ref(P), "given_as": "parent"},
        {"given_by": ref(V), "given_as": "council"},
    ],
)
def test_consent_is_not_in_force_when_another_gives_it(giver: dict[str, Any]) -> None:
    family = the_cast()
    give(family, **giver)
    assert not is_shared(score(family))


def test_consent_is_not_in_force_when_a_child_is_its_subject() -> None:
    family = the_cast()
    give(family, person=ref(K), given_by=ref(K))
    seen = family.publish("outcome.measure_recorded", S2W, person=ref(K), instrument="phq9", score=3)
    assert "score" not in seen.fields(CHESIL)


def test_consent_is_not_in_force_when_capacity_was_lacking_then() -> None:
    family = the_cast()
    family.tell("person.capacity_assessed", CHESIL, person=ref(V), has_capacity=False, matter="both")
    give(family)
    assert not is_shared(score(family))
    family.tell("person.capacity_assessed", CHESIL, person=ref(V), has_capacity=True, matter="both")
    assert not is_shared(score(family))
    give(family)
    assert is_shared(score(family))


def test_consent_stays_when_capacity_is_lost_later() -> None:
    family = the_cast()
    give(family)
    family.tell("person.capacity_assessed", CHESIL, person=ref(V), has_capacity=False, matter="both")
    assert is_shared(score(family))


def test_consent_ends_when_the_person_dies() -> None:
    family = the_cast()
    give(family)
    family.tell("person.died", CHESIL, person=ref(V))
    assert not is_shared(score(family))


def test_agreement_to_a_service_neither_gives_nor_ends_consent() -> None:
    family = the_cast()
    family.tell("consent.service_agreed", S2W, person=ref(V), desk=S2W)
    assert not is_shared(score(family))
    give(family)
    family.tell("consent.service_ended", S2W, person=ref(V), desk=S2W)
    assert is_shared(score(family))


def test_everything_is_withdrawn_when_no_cell_is_named() -> None:
    family = the_cast()
    give(family)
    family.tell("consent.withdrawn", CHESIL, person=ref(V))
    assert not is_shared(score(family))


def test_consent_is_in_force_again_when_given_after_a_withdrawal() -> None:
    family = the_cast()
    give(family)
    family.tell("consent.withdrawn", CHESIL, person=ref(V), cells=[CELL])
    give(family)
    assert is_shared(score(family))


def test_consent_is_not_in_force_when_a_withdrawal_occurred_after_it_although_recorded_before() -> None:
    family = the_cast()
    said_no = family.now + 60 * SECOND
    family.tell("consent.withdrawn", CHESIL, person=ref(V), cells=[CELL], occurred_at=stamp(said_no))
    give(family, occurred_at=stamp(said_no - DAY))
    assert not is_shared(score(family))


def test_consent_is_undone_when_it_is_retracted() -> None:
    family = the_cast()
    said = give(family)
    give(family, corrects=said.id, retracted=True, cells=[{**CELL, "category": "mental_health.detail"}])
    assert not is_shared(score(family))


def test_consent_gives_no_more_than_its_correction_says() -> None:
    family = the_cast()
    other = {**CELL, "category": "mental_health.detail"}
    said = give(family, cells=[CELL, other])
    narrowed = give(family, corrects=said.id, cells=[other])
    assert not is_shared(score(family))
    give(family, corrects=narrowed.id, cells=[CELL])
    assert is_shared(score(family))


def test_part_is_withdrawn_when_a_change_says_so() -> None:
    family = the_cast()
    other = {**CELL, "category": "mental_health.detail"}
    give(family, cells=[CELL, other])
    family.tell(
        "consent.changed",
        CHESIL,
        person=ref(V),
        cells=[{**CELL, "act": "withdraw"}, {**other, "act": "give"}],
        given_by=ref(V),
        given_as="self",
    )
    assert not is_shared(score(family))


ACTS = st.lists(st.tuples(st.sampled_from(("given", "withdrawn", "refused")), st.integers(0, 4)), max_size=5)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ACTS, st.randoms(use_true_random=False))
def test_consent_is_in_force_alike_whatever_order_the_acts_arrive_in(
    acts: list[tuple[str, int]], rng: Any
) -> None:
    family = the_cast()
    events = []
    for act, days in acts:
        data: dict[str, Any] = {"person": ref(V), "cells": [CELL], "given_by": ref(V), "given_as": "self"}
        event = family.event(f"consent.{act}", CHESIL, **data, occurred_at=stamp(family.now - days * DAY))
        events.append(event)
    in_order, mixed = the_cast(), the_cast()
    for event in events:
        in_order.apply(event)
    rng.shuffle(events)
    for event in events:
        mixed.apply(event)
    in_order.now = mixed.now = family.now
    assert in_order.state["persons"] == mixed.state["persons"]
    assert is_shared(score(in_order)) == is_shared(score(mixed)) == in_force(acts)


def in_force(acts: list[tuple[str, int]]) -> bool:
    """Rule 4.13 said again: the last act is a giving, and no refusal occurred at or after it."""
    if not acts or acts[-1][0] != "given":
        return False
    minute = 1 / (24 * 60)
    happened = [minute * index - days for index, (_, days) in enumerate(acts)]
    return all(act == "given" or happened[index] < happened[-1] for index, (act, _) in enumerate(acts[:-1]))


def test_facts_of_two_families_agree_when_they_are_joined_either_way() -> None:
    one, other = the_cast(), the_cast()
    give(one)
    other.tell("consent.withdrawn", CHESIL, person=ref(V), cells=[CELL])
    sides = [
        {key: found for key, each in family.state["persons"][V].items() if (found := register_of(each))}
        for family in (one, other)
    ]
    assert join(*sides) == join(*reversed(sides))
