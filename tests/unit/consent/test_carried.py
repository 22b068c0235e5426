"""What a family's facts keep of those before them: never another answer than the same facts read afresh give."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest

from hub.schemas.items import Items
from services.consent import engine
from services.consent.ask import Ask
from services.consent.engine import decide
from services.consent.event import PlainEvent
from services.consent.facts import protective
from services.consent.family_facts import FamilyFacts
from services.consent.items import Item
from services.consent.outcome import Outcome, outcome
from services.consent.scene import Scene
from tests.oracle.compare import Case, cases, rule_sets, taken
from tests.unit.consent.cast import CATALOGUE, CHESIL, DAY, S2W, P, V, ref, the_cast
from tests.unit.consent.test_consents import CELL, give


def asked(event: PlainEvent, case: Case) -> Item:
    items = CATALOGUE.type(f"wraparound.{event.kind}.v1").items(dict(event.data))
    assert isinstance(items, Items)
    urgent, derived = bool(protective(event)), event.source == "hub"
    return Item(event.id, event.source, items, derived=derived, protective=urgent, probable=case.probable)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Each time that a scene was carried on."""
    found = list[object]()
    carried = Scene.carried

    def count(self: Scene, *rest: Any) -> Scene:
        found.append(self)
        return carried(self, *rest)

    monkeypatch.setattr(Scene, "carried", count)
    return found


def test_facts_that_keep_what_was_found_decide_as_facts_read_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    carried = counted(monkeypatch)
    for seed in range(1, 61):
        case = next(cases(seed))
        chance, (_, rules) = Random(seed), rule_sets()[case.rules]
        facts: FamilyFacts | None = None
        items = list[tuple[PlainEvent, Item]]()
        for _, event, state in taken(case.steps, case.strangers):
            facts = FamilyFacts.of(state, case.suspended, facts)
            items.append((event, asked(event, case)))
            # Some of what was decided before is decided again, as what waits for a desk is.
            for one, item in (items[-1], *chance.choices(items, k=6)):
                at = event.recorded + chance.choice((0, 0, DAY))
                now = decide(rules, facts, item, one.recorded, at)
                afresh = decide(rules, FamilyFacts.of(state, case.suspended), item, one.recorded, at)
                assert now == afresh, (seed, event.id, one.id)
    assert len(carried) > 80


def test_nothing_of_others_is_found_anew_when_somebody_consents(monkeypatch: pytest.MonkeyPatch) -> None:
    family = the_cast()
    give(family)
    about = {"instrument": "phq9", "score": 14}
    scores = {
        who: family.publish("outcome.measure_recorded", S2W, person=ref(who), **about) for who in (V, P)
    }
    found = list[str]()

    def count(scene: Scene, source: str, ask: Ask, *rest: Any) -> Outcome:
        found.append(ask.person)
        return outcome(scene, source, ask, *rest)

    monkeypatch.setattr(engine, "outcome", count)
    for each in scores.values():
        family.decide(each.event, at=family.now)
    # What rests on the parties of one event is never kept.
    always = Counter(found)
    for act in ("consent.withdrawn", "consent.given"):
        found.clear()
        said = {"cells": [CELL], "given_by": ref(V), "given_as": "self"} if act == "consent.given" else {}
        family.tell(act, CHESIL, person=ref(V), **said)
        for each in scores.values():
            family.decide(each.event, at=family.now)
        assert found.count(P) == always[P]
        assert found.count(V) > always[V]
