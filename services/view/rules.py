"""What one desk may know of a family, event by event, by the rules that route events. No I/O, no clock.

For each event that took effect, in the order of the log:

1. what the desk published itself is read back where no forbid denies it; what came from others is decided as a
   delivery would be, released now;
2. an answer rests on the guards of everybody whom it could turn on. Where one was raised that the log has not seen,
   or somebody whose log stands still is among them, it is held, not shown. A desk that opposes somebody is not told
   so: it would hear that something was accepted, perhaps of somebody of whom it may know nothing;
3. the publishing desk is named unless that could tell a desk who works for somebody whom it opposes.

The family exists for a desk that holds a role in it or for somebody who belongs or belonged to it, or that may know of
something in it that it did not publish: a desk that once published about strangers learns nothing here.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from typing import Any, Final, NamedTuple

from hub.clock import Micros
from hub.events import HUB, Event
from hub.looks import as_one
from hub.schemas import Catalogue, EventType, Items
from services.consent.ask import Ask
from services.consent.compiled import CompiledRules
from services.consent.decision import Decision
from services.consent.engine import decide
from services.consent.event import kind_of
from services.consent.explain import Words, explain, withheld
from services.consent.explain import reason as cause
from services.consent.family_facts import FamilyFacts
from services.consent.logged import awaits, item_of, rests_on
from services.consent.outcome import EXISTENCE, RELEASED, outcome
from services.consent.own import own
from services.consent.scene import Scene
from services.view.told import Told, names

INTERNAL: Final = "internal"
FACTS: Final = "facts"
IDENTITY: Final = "identity"
NAME: Final = "identity.name"
CONSENTS: Final = "consent.record"
PUBLISHER: Final = "its publisher"


@dataclass(frozen=True, slots=True)
class Logged:
    """An event that took effect. `recorded`: its time in the log; `shown_as`: the id of the reader's delivery of it."""

    event: Event
    recorded: Micros
    shown_as: str


@dataclass(frozen=True, slots=True)
class Guards:
    """The protective events accepted, by person (none: 0), and the logs that stand still, families and persons."""

    raises: Mapping[str, int]
    parked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Seen:
    """What a desk may know. `exists` False: the answer is that of a family that never was.

    `held`: why not all is shown, as the desk may hear it. `unsettled`: in a moment there may be more. `unnamed`, for
    whoever previews: why the name of somebody is not shown.
    """

    exists: bool
    told: tuple[Told, ...] = ()
    held: tuple[str, ...] = ()
    unsettled: bool = False
    unnamed: Mapping[str, str] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    """Of the event that the reader asks `about`: why the desk has what it has of it."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, when, and how far back (`until`: only what was recorded by then).

    `previewed`: somebody who governs information reads as this desk would, and may know by which clauses. `about`: the
    event, by the desk's delivery of it, of which it asks why; `had`: when that was first released, if it was.
    """

    desk: str
    user: str
    now: Micros
    until: Micros | None = None
    previewed: bool = False
    about: str = ""
    had: Micros | None = None
    zone: tzinfo = UTC


@dataclass(frozen=True, slots=True)
class Family:
    """A family as it is stored: what its log made of it, and the log."""

    id: str
    facts: FamilyFacts
    log: Sequence[Logged]
    guards: Guards


def concerned(catalogue: Catalogue, family: Family) -> frozenset[str]:
    """Everybody whose guards an answer about this family may rest on."""
    types = [(catalogue.type(each.event.type), each.event.data) for each in family.log]
    people = {
        person for type_, data in types if type_.gate != INTERNAL for person in type_.items(data).people
    }
    return frozenset(rests_on(family.facts, people)[0])


def seen(rules: CompiledRules, catalogue: Catalogue, family: Family, reader: Reader) -> Seen:
    """What the reader may know of the family now."""
    if conflicted(family.facts, reader):
        return Seen(exists=False)
    reading = _Reading(rules, catalogue, family, reader)
    for each in family.log:
        reading.take(each)
    return reading.result()


def conflicted(facts: FamilyFacts, reader: Reader) -> bool:
    """Whether the user has a private tie to the family (RULES.md 4.19): for them it does not exist."""
    ties: Mapping[str, Mapping[str, str | None]] = facts.state.get("conflicts", {})
    agency = reader.desk.partition("/")[0]
    user = as_one(reader.user)
    return any(
        as_one(each["worker"] or "") == user and (each["desk"] or "").partition("/")[0] in ("", agency)
        for each in ties.values()
    )


def leads_to(
    rules: CompiledRules, family: Family, reader: Reader, what: Seen, named: Collection[str]
) -> bool:
    """Whether an id of one of these (the family, somebody in it, a referral) leads this reader to the family.

    It does by what the reader may know of it, and by nobody whom the reader's desk opposes. Else an id that is tried
    would tell who belongs to a family, and who was referred.
    """
    if family.id in named:
        return True
    opposed = family.facts.scene(rules, reader.now, "").opposed(reader.desk)
    return any(each not in opposed and any(names(one.data, each) for one in what.told) for each in named)


class Cited(NamedTuple):
    """The clauses by which an event is shown, and for each category that is withheld the one that came nearest."""

    clauses: tuple[str, ...]
    lacked: Mapping[str, str]


OWN: Final = Cited(("own",), {})
NOT_TOLD: Final = Cited((), {})


class _Reading:
    """One reading of a log."""

    def __init__(self, rules: CompiledRules, catalogue: Catalogue, family: Family, reader: Reader) -> None:
        self._rules, self._catalogue, self._family, self._reader = rules, catalogue, family, reader
        scene = family.facts.scene(rules, reader.now, "")
        desk = reader.desk
        self._scene = scene
        clients = scene.roles.get(desk, {})
        # By a pair, the log of a victim's other family knows P and who works with him: he is no member of it.
        self._role = desk in scene.family_roles or any(clients.get(each) for each in scene.everybody)
        self._others = False
        self._held: set[str] = set()
        self._told: list[Told] = []
        self._unnamed: dict[str, str] = {}
        self._shown: dict[str, str] = {}
        self._decisions: dict[str, Decision] = {}

    def take(self, logged: Logged) -> None:
        """Decide one event."""
        event = logged.event
        event_type = self._catalogue.type(event.type)
        if event_type.gate == INTERNAL:
            return
        mine = event.envelope.source == self._reader.desk
        if mine and not self._role:
            return
        items = event_type.items(event.data)
        mask, withheld, reason, why = self._decided(logged, items, mine=mine)
        late = self._reader.until is not None and logged.recorded > self._reader.until
        self._others |= not mine and (bool(mask) or reason is not None)
        if late:
            return
        if reason is not None:
            self._held.add(reason)
        if mask:
            self._show(logged, event_type, items, mask, withheld, why)

    def _decided(
        self, logged: Logged, items: Items, *, mine: bool
    ) -> tuple[int, tuple[str, ...], str | None, Cited]:
        """The mask, the categories of which the existence is told, why something of it is held, by which clauses."""
        family, now = self._family, self._reader.now
        item = item_of(family.facts, logged.event, items)
        waits: tuple[str, ...] = ()
        if mine:
            mask, held = own(self._rules, family.facts, item, logged.recorded, now)
            withheld: tuple[str, ...] = ()
            why = OWN if self._reader.previewed else NOT_TOLD
        else:
            desks = {self._reader.desk}
            decision = decide(self._rules, family.facts, item, logged.recorded, now, desks)
            verdict = decision.verdict(self._reader.desk)
            mask, held, withheld, waits = verdict.mask, verdict.held, verdict.withheld, decision.waits
            why = self._cited(decision) if self._reader.previewed else NOT_TOLD
            if withheld or logged.shown_as == self._reader.about:
                self._decisions[logged.shown_as] = decision
        if not mask and not held:
            return 0, (), None, why
        persons, counts = rests_on(family.facts, items.people)
        if self._differ(persons, counts):
            return 0, (), FACTS, why
        if not held:
            return mask, withheld, None, why
        return mask, withheld, FACTS if awaits(family.facts, (*persons, *waits)) else IDENTITY, why

    def _cited(self, decision: Decision) -> Cited:
        """The clauses of a decision; and why a name in it is not shown is noted."""
        desk = self._reader.desk
        verdict = decision.verdict(desk)
        for each in verdict.outcomes:
            if each.category == NAME and each.result == RELEASED:
                self._unnamed.pop(each.person, None)
            elif each.category == NAME:
                self._unnamed[each.person] = cause(each, decision, desk, Words({}))
        lacked = {each.category: each.clause for each in verdict.outcomes if each.result == EXISTENCE}
        return Cited(verdict.clauses, lacked)

    def _differ(self, persons: Sequence[str], counts: Sequence[int]) -> bool:
        guards = self._family.guards
        if self._family.id in guards.parked or not guards.parked.isdisjoint(persons):
            return True
        return any(
            guards.raises.get(person, 0) != count for person, count in zip(persons, counts, strict=True)
        )

    def _show(
        self,
        logged: Logged,
        event_type: EventType,
        items: Items,
        mask: int,
        withheld: tuple[str, ...],
        why: Cited,
    ) -> None:
        event = logged.event
        source = event.envelope.source
        corrects = self._shown.get(event.data["corrects"] or "")
        reduced = event_type.reduce(event.data, items, mask, withheld=withheld, corrects=corrects)
        data: dict[str, Any] = event_type.to_json(reduced)
        self._shown[event.id] = logged.shown_as
        by = source if may_know_source(self._scene, self._reader.desk, source, items.persons) else None
        self._told.append(
            Told(logged.shown_as, kind_of(event.type), by, logged.recorded, data, withheld, corrects, *why)
        )

    def result(self) -> Seen:
        """All of it; nothing at all for a desk without a role that may know of nothing but its own."""
        if not (self._role or self._others):
            return Seen(exists=False)
        held = self._held - {FACTS} if self._scene.opposed(self._reader.desk) else self._held
        told = tuple(replace(each, why=self._why(each)) if each.withheld else each for each in self._told)
        said = next((self._said(each) for each in told if each.id == self._reader.about), ())
        return Seen(True, told, tuple(sorted(held)), FACTS in self._held, self._unnamed, said)

    def _words(self, told: Told) -> Words:
        """As the reader may have them."""
        decision, desk = self._decisions[told.id], self._reader.desk
        about = {each.person for each in decision.verdict(desk).outcomes if each.result == EXISTENCE}
        consents = frozenset(each for each in about if self._may_know_consents(each, decision.source))
        source = PUBLISHER if told.by is None else None
        zone, now = self._reader.zone, self._reader.now
        return Words({}, zone=zone, had=None, consents=consents, source=source, now=now)

    def _may_know_consents(self, person: str, source: str) -> bool:
        """Whether the desk may know what somebody said of sharing, to a source or to whoever leads."""
        desk, now = self._reader.desk, self._reader.now
        leads = {name for name, each in self._rules.desks.items() if each.may_lead}
        return all(
            outcome(self._scene, each, Ask(desk, CONSENTS, person, now)).result == RELEASED
            for each in {source, *leads} - {desk}
        )

    def _why(self, told: Told) -> dict[str, list[str]]:
        """Why each category is withheld."""
        decision, desk, words = self._decisions[told.id], self._reader.desk, self._words(told)
        found: dict[str, list[str]] = {}
        for each in decision.verdict(desk).outcomes:
            if each.result == EXISTENCE and each.category in told.withheld:
                found.setdefault(each.category, []).append(f"{withheld(each, decision, desk, words)}.")
        return {category: list(dict.fromkeys(lines)) for category, lines in found.items()}

    def _said(self, told: Told) -> tuple[str, ...]:
        """Why the desk has what it has of an event."""
        if told.id not in self._decisions:
            return (f"{self._reader.desk} published it.",)
        had = {} if self._reader.had is None else {self._reader.desk: self._reader.had}
        return tuple(
            explain(self._decisions[told.id], self._reader.desk, replace(self._words(told), had=had))
        )


def may_know_source(scene: Scene, desk: str, source: str, persons: Sequence[str]) -> bool:
    """Whether a desk may know who published something that it may know.

    A desk that opposes somebody could learn from a name who works for them. It is told of itself, of those who serve
    everybody, and of desks that work for the very person, if it does not oppose that person.
    """
    opposed = scene.opposed(desk)
    agency = desk.partition("/")[0]
    if (
        not opposed
        or source == HUB
        or source.partition("/")[0] == agency
        or scene.rules.opposes_nobody(source)
    ):
        return True
    return any(
        span.desk == source and not span.perhaps
        for person in persons
        if person not in opposed and scene.members.get(person) is not False
        for span in scene.facts.person(person).spans
    )
