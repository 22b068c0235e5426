"""Recorded history under other rules: what more and what less would have been released. No I/O, no clock.

What a log made of its family does not turn on the sharing rules: an event that took effect then takes effect here, so
both rule sets decide on the very same facts. Each decides as the router does:

1. an event when it entered its log, on the facts after it;
2. what waits, for facts on their way or its own raise to come back, behind what waits for them, or for somebody to be
   known for certain, again with what comes, up to the end of the period;
3. what is decided to be released counts as released. How long it then stood in line, and whether something came
   between, is history and not the rules' doing.

Compared is each item of an event (the fields of a category about a person, a free text) for each desk.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from hub.clock import Micros, format_micros
from hub.events import Event
from hub.schemas import Catalogue, Items
from hub.schemas.items import Cell, TextItem
from services.consent.book import Book
from services.consent.decision import Decision, Verdict
from services.consent.engine import decide
from services.consent.event import kind_of
from services.consent.explain import Words, reason
from services.consent.family import State, Stepped
from services.consent.family_facts import FamilyFacts
from services.consent.log import corrects_state, needs_queue, stepped_by
from services.consent.logged import awaits, comes_back, item_of, plain_event, rests_on
from services.consent.outcome import EXISTENCE, HELD, RELEASED, SILENT, Outcome
from services.view.rules import INTERNAL, Logged

Piece = Cell | TextItem
"""What is decided by itself: the fields of a category about a person, or a free text."""
LEVELS: Final = (SILENT, HELD, EXISTENCE, RELEASED)
"""What a desk may know of an item, from nothing at all to all of it."""
EXAMPLES: Final = 3
"""Examples of one kind of change."""
WORDS: Final = Words({})
"""People stand as the hub's ids."""


@dataclass(frozen=True, slots=True)
class Side:
    """The rules by the time at which they hold, and the desks to which anything is delivered under them."""

    rules: Book
    served: AbstractSet[str]


@dataclass(frozen=True, slots=True)
class Step:
    """An event that took effect, at its time in the log: its items (None: it is nobody's), the state after it."""

    event: Event
    at: Micros
    items: Items | None
    state: State


class Found(NamedTuple):
    """The decision that stood at last for a desk. `waits`: it would have been made again."""

    decision: Decision
    verdict: Verdict
    waits: bool


class _Change(NamedTuple):
    """An item of which a desk would have known more, or less."""

    step: Step
    piece: Piece
    place: int
    desk: str
    category: str
    before: str
    after: str


Decided = Mapping[tuple[str, str], Found]
"""By event and desk."""


@dataclass(slots=True)
class _Row:
    """All changes of one kind."""

    events: set[str] = field(default_factory=set)
    families: set[str] = field(default_factory=set)
    examples: list[dict[str, Any]] = field(default_factory=list)


def history(catalogue: Catalogue, log: Sequence[Logged], until: Micros) -> list[Step] | None:
    """What took effect before an instant, in order; None if it cannot be made anew: this code refuses what it did."""
    steps: list[Step] = []
    state: State = {}
    for each in log:
        if each.recorded >= until:
            break
        plain = plain_event(each.event, each.recorded)
        earlier = [before.event for before in steps] if corrects_state(each.event) else ()
        stepped = stepped_by(state, plain, each.event, earlier)
        if not isinstance(stepped, Stepped):
            return None
        state = stepped.state
        event_type = catalogue.type(each.event.type)
        items = None if event_type.gate == INTERNAL else event_type.items(each.event.data)
        steps.append(Step(each.event, each.recorded, items, state))
    return steps


def decided(side: Side, steps: Iterable[Step]) -> Decided:
    """What each desk may know of each event at last."""
    run = _Run(side)
    for each in steps:
        run.take(each)
    return run.found


class _Run:
    """One log under one rule set, as the router runs it, with a relay that sends at once.

    `_waiting`: events that wait for facts, in order, and the desks that have theirs already. `_held`: what was held at
    some desks, for somebody to be known for certain; True: for facts by now.
    """

    def __init__(self, side: Side) -> None:
        self._side = side
        self._facts = FamilyFacts({})
        self._waiting: dict[str, tuple[Step, AbstractSet[str]]] = {}
        self._held: dict[str, tuple[Step, dict[str, bool]]] = {}
        self.found: dict[tuple[str, str], Found] = {}

    def take(self, now: Step) -> None:
        """Decide again what may be decided now, then the event itself."""
        self._facts = FamilyFacts.of(now.state, previous=self._facts)
        held = self._held if needs_queue(now.event) else {}
        blocked = False
        for name in list(dict.fromkeys((*self._waiting, *held))):
            blocked = self._again(name, now.at, held.get(name), blocked=blocked)
        if now.items is not None:
            self._decide(now)

    def _decide(self, now: Step) -> None:
        """For every desk; where facts or a raise are awaited, for those alone that wait for nothing."""
        decision, moment = self._decided(now, now.at, None)
        served = self._side.served
        passed = frozenset(served).intersection(*(desks for _, desks in self._waiting.values()))
        assert now.items is not None
        if moment:
            certain = {each.desk for each in decision.recipients if each.mask and not each.held}
            given: AbstractSet[str] = passed & (certain | {decision.source})
        else:
            back = comes_back(now.event, rests_on(self._facts, now.items.people)[0])
            given = served - {each.desk for each in decision.recipients} | (frozenset() if back else passed)
        waits = moment or not served <= given
        if waits:
            self._waiting[now.event.id] = now, given
        self._settle(now, decision, given, waits=False)
        self._settle(now, decision, served - given, waits=waits)

    def _again(
        self, name: str, at: Micros, held: tuple[Step, dict[str, bool]] | None, *, blocked: bool
    ) -> bool:
        """Whether what comes after it in the family is to wait."""
        waiting = self._waiting.get(name)
        of, rows = held or (waiting[0] if waiting else None, {})
        assert of is not None
        assert of.items is not None
        moment = awaits(self._facts, rests_on(self._facts, of.items.people)[0])
        blocked = blocked or (waiting is not None and moment)
        if moment and all(rows.values()):
            return blocked
        decision, moment = self._decided(of, at, None if waiting and not blocked else rows)
        blocked = blocked or (waiting is not None and moment)
        if held is not None:
            del self._held[name]
        self._settle(of, decision, rows, waits=False, moment=moment)
        if waiting and not blocked:
            del self._waiting[name]
            self._settle(of, decision, self._side.served - waiting[1] - rows.keys(), waits=False)
        return blocked

    def _decided(self, of: Step, at: Micros, desks: Iterable[str] | None) -> tuple[Decision, bool]:
        """A decision on the facts of now, and whether some of those that it rests on are still to come."""
        assert of.items is not None
        item = item_of(self._facts, of.event, of.items)
        decision = decide(self._side.rules.at(at), self._facts, item, of.at, at, desks)
        persons, _ = rests_on(self._facts, of.items.people)
        return decision, awaits(self._facts, (*persons, *decision.waits))

    def _settle(
        self, of: Step, decision: Decision, desks: Iterable[str], *, waits: bool, moment: bool = False
    ) -> None:
        """What these desks have of an event; `moment`: what is not released stands until facts have come."""
        rows: dict[str, bool] = {}
        for verdict in decision.verdicts:
            if verdict.desk in desks:
                late = moment and (verdict.held or not verdict.mask)
                if not waits and (late or (verdict.held and not verdict.mask)):
                    rows[verdict.desk] = late
                kept = waits or verdict.desk in rows
                self.found[of.event.id, verdict.desk] = Found(decision, verdict, kept)
        if rows:
            known = self._held.setdefault(of.event.id, (of, {}))[1]
            known.update(rows)


@dataclass(slots=True)
class Tally:
    """What is different, added up over families."""

    since: Micros
    families: int = 0
    events: int = 0
    before: int = 0
    after: int = 0
    rows: dict[tuple[str, str, str, str], _Row] = field(default_factory=dict)
    shown: dict[str, list[str]] = field(default_factory=dict)
    """By family, the events that stand in examples."""

    def add(self, family: str, steps: Sequence[Step], now: Side, tried: Side) -> None:
        """Compare one family's events of the period."""
        before, after = decided(now, steps), decided(tried, steps)
        desks = sorted({desk for _, desk in (*before, *after)})
        self.families += 1
        self.shown[family] = []
        for each in steps:
            if each.items is None or each.at < self.since:
                continue
            self.events += 1
            for desk in desks:
                ours = before.get((each.event.id, desk)), after.get((each.event.id, desk))
                self.before, self.after = self.before + _goes(ours[0]), self.after + _goes(ours[1])
                for change in _changes(each, each.items, desk, *ours):
                    self._count(family, change, *ours)

    def _count(self, family: str, change: _Change, before: Found | None, after: Found | None) -> None:
        event = change.step.event
        key = (change.desk, change.category, change.before, change.after)
        row = self.rows.setdefault(key, _Row())
        new = event.id not in row.events
        row.events.add(event.id)
        row.families.add(family)
        if new and len(row.examples) < EXAMPLES:
            if event.id not in self.shown[family]:
                self.shown[family].append(event.id)
            row.examples.append(
                {
                    "event": event.id,
                    "family": family,
                    "type": kind_of(event.type),
                    "at": format_micros(change.step.at),
                    "from": event.envelope.source,
                    "person": change.piece.person or None,
                    "before": _why(before, change.place, change.desk, change.before),
                    "after": _why(after, change.place, change.desk, change.after),
                }
            )

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "families": self.families,
            "events": self.events,
            "releases": {"before": self.before, "after": self.after},
            "changes": [
                {
                    "desk": desk,
                    "category": category,
                    "before": before,
                    "after": after,
                    "events": len(row.events),
                    "families": len(row.families),
                    "examples": row.examples,
                }
                for (desk, category, before, after), row in sorted(self.rows.items())
            ],
        }


def _goes(found: Found | None) -> bool:
    return found is not None and bool(found.verdict.mask) and not found.waits


def _changes(
    of: Step, items: Items, desk: str, before: Found | None, after: Found | None
) -> Iterator[_Change]:
    """Each item of which the desk would have known more, or less."""
    pieces: list[Piece] = [*items.cells, *items.texts]
    for index, each in enumerate(pieces):
        first, then = _level(before, index, each.bit), _level(after, index, each.bit)
        if first != then:
            shown = max((first, before), (then, after), key=lambda side: LEVELS.index(side[0]))[1]
            outcome = _outcome(shown, index)
            yield _Change(
                of, each, index, desk, each.category if outcome is None else outcome.category, first, then
            )


def _level(found: Found | None, index: int, bit: int) -> str:
    outcome = _outcome(found, index)
    if found is None or outcome is None:
        return SILENT
    verdict = found.verdict
    if found.waits:
        return HELD if (verdict.held or verdict.mask) and outcome.result in (HELD, RELEASED) else SILENT
    if verdict.mask & bit:
        return RELEASED
    if outcome.result == EXISTENCE and verdict.mask:
        return EXISTENCE
    return HELD if outcome.result == HELD and verdict.held else SILENT


def _outcome(found: Found | None, index: int) -> Outcome | None:
    """What was found for an item: of cells and texts, in their order."""
    return found.verdict.outcomes[index] if found is not None and found.verdict.outcomes else None


def _why(found: Found | None, index: int, desk: str, level: str) -> str:
    """In words, why a desk would have known that much of an item."""
    outcome = _outcome(found, index)
    if found is None or outcome is None:
        return "nothing: no role in this family, and no clause names it"
    said = reason(outcome, found.decision, desk, WORDS)
    if level == SILENT and outcome.result in (RELEASED, EXISTENCE):
        gate = reason(found.verdict.outcomes[0], found.decision, desk, WORDS)
        return f"nothing, since not even that it happened: {gate}"
    if level == HELD and outcome.result == RELEASED:
        return f"waits for what is on its way; then {said}"
    return said
