"""The decision: who may know that an event happened, and how much of it (the specification's section 4).

For each desk but the source, by itself:
1. each cell and text is decided: forbids, then permits, then holds (`outcome.py`, `texts.py`);
2. the gate: if the event's existence may be told about none of its people, the desk gets nothing at all;
3. a permit with the gate's sign carries the gate of its person with it;
4. an agency suspended gets nothing now; what a suspended agency publishes waits, protective events apart.

Nothing here reads a clock: `recorded` is when the event entered its log, `at` when it is to be released.
The answer depends on rules, facts and event alone, never on the order in which they are given.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, NamedTuple

from services.consent.agreement import FOREVER, Micros
from services.consent.ask import Ask
from services.consent.compiled import CompiledRules
from services.consent.decision import Decision, Verdict
from services.consent.family_facts import FamilyFacts
from services.consent.forbids import forbidden, lift_of
from services.consent.items import CellLike, Item, TextLike
from services.consent.outcome import (
    EXISTENCE,
    HELD,
    RELEASED,
    SILENT,
    Forbid,
    Outcome,
    lifted,
    outcome,
    strictest,
)
from services.consent.scene import Scene
from services.consent.texts import text_outcome


def decide(
    rules: CompiledRules,
    facts: FamilyFacts,
    item: Item,
    recorded: Micros,
    at: Micros,
    desks: Iterable[str] | None = None,
) -> Decision:
    """Decide an event for these desks, or for all of the partnership."""
    scene = facts.scene(rules, at, item.id)
    gate = item.items.gates[0].category if item.items.gates else ""
    names = _candidates(scene, item.source, gate)
    if desks is not None:
        wanted = set(desks)
        names = tuple(each for each in names if each in wanted)
    found = _decided(scene, item, recorded, names)
    waits = () if not any(each.held for each in found.verdicts) else _waits(scene, item)
    used = _facts(scene, item.source, gate)
    return Decision(item.id, item.source, rules.digest, recorded, at, found.verdicts, waits, used, found.told)


def is_kept_from(
    rules: CompiledRules, facts: FamilyFacts, item: Item, recorded: Micros, at: Micros, desk: str
) -> bool:
    """Whether a forbid keeps from a desk, whatever its role, that the event happened."""
    scene = facts.scene(rules, at, item.id)
    deciding = Deciding(scene, item, recorded)
    gates = [deciding.cell(desk, each) for each in item.items.gates]
    return bool(gates) and all(
        each.clause in rules.forbid_ids and each.result in (SILENT, HELD) for each in gates
    )


class _Memo(NamedTuple):
    """Verdicts of one shape of event, also as a record has them, and the recorded times for which they hold."""

    verdicts: tuple[Verdict, ...]
    told: dict[str, Any]
    after: Micros
    before: Micros


def _decided(scene: Scene, item: Item, recorded: Micros, names: tuple[str, ...]) -> _Memo:
    """The verdicts; events of the same shape about the same persons share them while the facts stand."""
    cells, texts = tuple(item.items.cells), tuple(item.items.texts)
    key = (item.source, item.derived, item.protective, item.probable, item.parted, names, cells, texts)
    memo: _Memo | None = scene.shapes.get(key)
    if memo is None or not memo.after <= recorded < memo.before:
        deciding = Deciding(scene, item, recorded)
        verdicts = tuple(
            deciding.verdict(each).until(scene.turns_against(each))
            for each in names
            if item.derived or each != item.source
        )
        outcomes = [one for each in verdicts for one in each.outcomes]
        memo = scene.shapes[key] = _Memo(
            verdicts,
            {},
            max((each.after for each in outcomes), default=-FOREVER),
            min((each.before for each in outcomes), default=FOREVER),
        )
    return memo


def _candidates(scene: Scene, source: str, gate: str) -> tuple[str, ...]:
    """The desks with a role in the family and those that a rule names for this gate; others get nothing."""
    key = ("candidates", source, gate)
    found: tuple[str, ...] | None = scene.memo.get(key)
    if found is None:
        named = {*scene.family_roles, *scene.roles, *scene.rules.direct(source, gate)}
        found = scene.memo[key] = tuple(sorted(each for each in named if each in scene.rules.desks))
    return found


def _waits(scene: Scene, item: Item) -> tuple[str, ...]:
    """The persons of whom something is not certain: identity, facts, or who opposes them."""
    named = {each.person for each in item.items.cells} | scene.members.keys()
    exposed = {victim for each in named for victim in scene.facts.person(each).exposed}
    others = {each for each in (*scene.victims_of, *exposed) if not scene.facts.person(each).known}
    unsure = {each for each in named if each in item.probable or not scene.settled(each)}
    return tuple(sorted(unsure | others))


class Deciding:
    """One event being decided."""

    def __init__(self, scene: Scene, item: Item, recorded: Micros, forbid: Forbid = forbidden) -> None:
        self.scene, self.item, self.recorded, self.forbid = scene, item, recorded, forbid
        self.parties = tuple(dict.fromkeys(each.person for each in item.items.gates))
        suspended = scene.facts.suspended
        self.waiting = not item.protective and item.source.partition("/")[0] in suspended
        self.suspended = suspended

    def verdict(self, desk: str) -> Verdict:
        """The decision for one desk."""
        items = self.item.items
        mask, until, held = 0, FOREVER, False
        found: list[Outcome] = []
        opening: list[Outcome] = []
        for cell in items.cells:
            one = self.cell(desk, cell)
            found.append(one)
            if one.result == RELEASED:
                mask |= cell.bit
                until = min(until, one.until)
            if one.opens:
                opening.append(one)
        for text in items.texts:
            one = self.text(desk, text)
            found.append(one)
            if one.result == RELEASED:
                mask |= text.bit
                until = min(until, one.until)
            if one.opens:
                opening.append(one)
        gates = found[: len(items.gates)] if opening else []
        for index, gate in enumerate(gates):
            if gate.result != RELEASED:
                carrier = next((each for each in opening if self.carries(desk, each, gate)), None)
                if carrier is not None:
                    found[index] = carrier._replace(category=gate.category)
                    if carrier.result == RELEASED:
                        mask |= items.gates[index].bit
        gates = found[: len(items.gates)]
        passed = any(each.result == RELEASED for each in gates)
        held = (passed or any(each.result == HELD for each in gates)) and any(
            each.result == HELD for each in found
        )
        return self._settle(desk, mask if passed else 0, until, held, tuple(found))

    def _settle(self, desk: str, mask: int, until: Micros, held: bool, found: tuple[Outcome, ...]) -> Verdict:
        hold = self.scene.rules.names["unconfirmed"] if held else None
        if self.waiting or desk.partition("/")[0] in self.suspended:
            held, mask = held or bool(mask), 0
            hold = self.scene.rules.names["anything"] if held else None
        withheld = {each.category for each in found if each.result == EXISTENCE} if mask else ()
        end = None if until >= FOREVER or not mask else until
        return Verdict(desk, mask, tuple(sorted(withheld)), held, end, found, hold)

    def carries(self, desk: str, carrier: Outcome, gate: Outcome) -> bool:
        """True if what is released opens this gate with it: no forbid stands, or what it rests on lifts that too."""
        if carrier.person != gate.person or carrier.result not in (RELEASED, HELD):
            return False
        if gate.clause not in self.scene.rules.forbid_ids or gate.result == HELD:
            return True
        return self.lifts_gate(desk, carrier, gate)

    def lifts_gate(self, desk: str, carrier: Outcome, gate: Outcome) -> bool:
        """True if the override that the carrier rests on lifts what forbids the gate."""
        lift = lift_of(self.scene, desk, carrier.category, carrier.person)
        ask = Ask(desk, gate.category, gate.person, self.recorded)
        return bool(lift) and forbidden(self.scene, ask, lift) is None

    def cell(self, desk: str, cell: CellLike) -> Outcome:
        """What becomes of one cell."""
        categories = lifted(self.scene, desk, cell.category, cell.person, place=cell.place)
        addressed = desk in cell.addressed
        found = [
            self.of(desk, each, cell.person, addressed=addressed, stated=cell.category) for each in categories
        ]
        return found[0] if len(found) == 1 else strictest(found)

    def text(self, desk: str, text: TextLike) -> Outcome:
        """What becomes of one text."""
        return text_outcome(self.scene, desk, text, partial(self.of, desk), self.recorded)

    def of(
        self,
        desk: str,
        category: str,
        person: str,
        *,
        addressed: bool = False,
        stated: str = "",
        text: bool = False,
    ) -> Outcome:
        """The outcome of a category about a person, as decided before for the same question while the facts stand."""
        if self.item.parted:
            clause = self.scene.rules.names[self.item.parted]
            return Outcome(SILENT, category, person, clause, "", FOREVER, False, -FOREVER, FOREVER)
        key = (self.item.source, desk, category, person, addressed, stated, text)
        outcomes = self.scene.outcomes
        known: Outcome | None = outcomes.get(key)
        if (
            known is not None
            and known.after <= self.recorded < known.before
            and person not in self.item.probable
        ):
            return known
        ask = Ask(
            desk,
            category,
            person,
            self.recorded,
            addressed=addressed,
            text=text,
            parties=self.parties,
            stated=stated,
        )
        found = outcome(self.scene, self.item.source, ask, self.item.probable, self.forbid)
        if not ask.volatile and not self.item.probable:
            outcomes[key] = found
        return found


def _facts(scene: Scene, source: str, gate: str) -> dict[str, object]:
    """The facts used, as codes: openness, statutory status, each desk's roles and whom it opposes."""
    key = ("facts", source, gate)
    found: dict[str, object] | None = scene.memo.get(key)
    if found is None:
        names = _candidates(scene, source, gate)
        found = scene.memo[key] = {
            "open": scene.open,
            "statutory": scene.statutory,
            "s47": scene.s47,
            "suspended": sorted(scene.facts.suspended),
            "desks": {each: scene.describe(each) for each in names},
        }
    return found
