"""The engine against a second reading of the specification (tests/oracle): by hand, and about random lives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import pytest

from hub.schemas.items import Items
from services.consent.engine import decide
from services.consent.facts import protective
from services.consent.items import Item
from tests.oracle import decide as oracle
from tests.oracle import hand
from tests.oracle.__main__ import told
from tests.oracle.compare import cases, differences, rule_sets, shortened
from tests.oracle.consent import objects
from tests.oracle.table import SHORT, TABLE
from tests.oracle.world import World
from tests.unit.consent.cast import CATALOGUE, CHESIL, PARAGON, S2W, V, ref

DESKS: Final = (CHESIL, PARAGON, S2W)


@dataclass(frozen=True)
class Row:
    """One event in one world, and what each desk gets of it: names, and those of which the existence is told."""

    world: str
    event: str
    desks: dict[str, frozenset[str] | None]

    @property
    def name(self) -> str:
        """For the test's name."""
        return f"{self.world}: {self.event}"


def rows() -> Iterator[Row]:
    """The table's rows; a desk's own event is no case."""
    world, columns = "", list[str]()
    for line in filter(None, map(str.strip, TABLE.splitlines())):
        cells = [each.strip() for each in line.split("|")]
        if line.startswith("#"):
            world = line.removeprefix("# ")
        elif cells[0] == "event":
            columns = cells[1:]
        else:
            entries = zip(columns, cells[1:], strict=True)
            yield Row(world, cells[0], {desk: entry(each) for desk, each in entries})


def entry(words: str) -> frozenset[str] | None:
    """An entry of the table; None for the desk that the event comes from."""
    return None if words == "=" else frozenset() if words == "-" else frozenset(words.split())


ROWS = tuple(rows())


def short(items: Items, mask: int, withheld: tuple[str, ...]) -> frozenset[str]:
    """What a desk gets, in the table's words."""
    names = {category: name for name, category in SHORT.items()}
    released = [each.category for each in items.cells if each.bit & mask]
    released += [each.category for each in items.texts if each.bit & mask]
    got = {names[each] for each in released}
    return frozenset(got) | {f"~{names[each]}" for each in withheld}


def expected(row: Row) -> dict[str, frozenset[str]]:
    return {desk: each for desk, each in row.desks.items() if each is not None}


@pytest.mark.parametrize("row", ROWS, ids=[each.name for each in ROWS])
def test_each_desk_gets_what_the_table_says_when_a_case_is_decided(row: Row) -> None:
    log = hand.cast()
    hand.WORLDS[row.world](log)
    event = hand.event(log, row.event)
    items = CATALOGUE.type(f"wraparound.{event.kind}.v1").items(dict(event.data))
    assert isinstance(items, Items)
    rules, compiled = rule_sets()["dorset"]
    urgent = bool(protective(event))
    item = Item(event.id, event.source, items, protective=urgent, probable=log.probable)
    engine = decide(compiled, log.facts(), item, event.recorded, event.recorded)
    world = World(
        rules, tuple(log.told), event.recorded, event.id, suspended=log.suspended, probable=log.probable
    )
    answers = oracle.decide(world, oracle.Asked(hand.said(event), items))

    ours, theirs = {}, {}
    for desk in expected(row):
        verdict, answer = engine.verdict(hand.DESKS[desk]), answers[hand.DESKS[desk]]
        ours[desk] = short(items, verdict.mask, verdict.withheld)
        theirs[desk] = short(items, answer.mask, answer.withheld)
    assert ours == expected(row)
    assert theirs == expected(row)


def test_table_holds_three_hundred_cases_and_every_world() -> None:
    assert sum(len(expected(each)) for each in ROWS) >= 300
    assert {each.world for each in ROWS} == set(hand.WORLDS)


def test_engine_and_oracle_agree_when_families_live_at_random() -> None:
    decided = 0
    for seed in range(1, 151):
        for case in cases(seed):
            found = differences(case)
            decided += found is not None
            assert not found, told(shortened(case))
    assert decided > 400


def test_engine_and_oracle_agree_when_objections_are_raised_and_decided_at_random() -> None:
    cells = [("support", category, desk) for category in ("outcome.score", "risk.rating") for desk in DESKS]
    rules, _ = rule_sets()["dorset"]
    standing = Counter[bool]()
    for seed in range(150):
        chance, log, raised = Random(seed), hand.cast(), list[str]()
        for _ in range(chance.randint(1, 9)):
            about: dict[str, Any] = {"person": ref(V), "objection": chance.choice(("1", "1|2", *raised))}
            if chance.random() < 0.5:
                within: dict[str, Any] = {
                    "categories": chance.choice((None, ["outcome.score"])),
                    "desks": chance.choice((None, [S2W])),
                }
                about["objection"] = about["objection"] if about["objection"] not in raised else "1"
                raised.append(
                    log.tell("consent.objection_raised", chance.choice(DESKS), **about, **within).receipt
                )
            else:
                outcome = chance.choice(("upheld", "overruled", "ended"))
                why = {"reason": "compelling_grounds", "told_on": "2023-09-05"}
                log.tell("consent.objection_decided", "council/ig", **about, outcome=outcome, **why)
        world = World(rules, tuple(log.told), log.now, "")
        found = log.facts().person(V).objections
        for cell in cells:
            scopes = [(each.purposes, each.categories, each.desks) for each in found]
            ours = any(
                all(part is None or word in part for part, word in zip(scope, cell, strict=True))
                for scope in scopes
            )
            standing[ours] += 1
            assert ours is (objects(world, V, cell) is True), (seed, cell)
    assert min(standing.values()) > 50


def test_random_lives_meet_everything_that_the_rules_ask() -> None:
    kinds = Counter(
        step.kind for seed in range(1, 120) for case in list(cases(seed))[:1] for step in case.steps
    )
    asked = {
        "safety.restriction_placed",
        "safety.restriction_lifted",
        "safety.court_order_recorded",
        "safety.court_order_discharged",
        "safety.override_invoked",
        "safety.pair_ended",
        "hub.approval_given",
        "hub.worker_conflict_recorded",
        "hub.identity_linked",
        "person.adopted",
        "person.died",
        "person.representative_recorded",
        "consent.objection_decided",
    }
    assert asked <= kinds.keys()
