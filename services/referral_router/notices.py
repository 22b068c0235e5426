"""Who holds what should not have been said, or may no longer be used, is told so (RULES.md 4.24 and section 7).

A notice is an event of the family's log that names one desk. It lists the deliveries that the desk may have had;
whether it had any of them is known where the notice is written down, and a desk that had none never hears of it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

from hub.clock import Micros
from hub.effects import Emit
from hub.events import HUB, Event
from hub.partnership import Calendar
from services.consent.consents import Cell, ended, giver_of, givings
from services.consent.corrections import along, corrected_by
from services.consent.decision import Verdict
from services.consent.engine import decide, is_kept_from
from services.consent.event import kind_of
from services.consent.family import State as FamilyState
from services.consent.family_facts import FamilyFacts
from services.consent.forbids import in_force
from services.consent.items import Item
from services.consent.logged import in_order, item_of, plain_event
from services.consent.outcome import RELEASED
from services.consent.registers import VOID
from services.consent.shields import Override
from services.referral_router.answers import NOTICE_SENT, answer_by
from services.referral_router.deciding import INTERNAL, Deciding
from services.referral_router.people import PERSON_FACT

DIED_TYPE: Final = "wraparound.person.died.v1"
DIED: Final = kind_of(DIED_TYPE)
ENDING: Final = {
    "consent.withdrawn": "withdrawn",
    "consent.refused": "withdrawn",
    "consent.changed": "withdrawn",
    "consent.objection_raised": "objected",
    "consent.objection_decided": "objected",
    DIED: "withdrawn",
    "safety.override_ended": "withdrawn",
}
"""What may end what was shared, as a notice to who holds it says it (RULES.md section 7).

An objection that was overruled keeps something back once more when it is upheld, or its decision is taken back.
Of a death that the consent ended, and no more: the notice goes to who need not know of the death. Of an override that
it ended before its time; one that lapses or runs out ends by no event, and sends none.
"""

CORRECTED: Final = {**ENDING, "consent.given": "withdrawn", "safety.override_invoked": "withdrawn"}
"""The same where it is corrected: a consent that says less, or was none; a death that was none gives nothing back."""

_DECIDED: Final = "objection_decided"
_OBJECTS: Final = frozenset({"objection", _DECIDED})
_TAKES_BACK: Final = frozenset({"refusal", "refused", "died", "override_ended"})
"""The registers that say so of a person: of an objection; of a consent, an override."""
_SAID: Final = _OBJECTS | _TAKES_BACK | {"consent"}
_LINKED: Final = "hub.identity_linked"
_SAME: Final = "same"
_SAMES: Final = frozenset({_SAME, "same_confirmed"})
_OVERRIDES: Final = frozenset({"safety.override_ended", "safety.override_invoked"})


def ends(state: FamilyState, event: Event) -> str | None:
    """How the event ends what desks hold something by, as a notice says it; None: it does not.

    A person's facts end it here when they bring an act that this log has not seen; or that two are, or may be, one,
    when one of them has done something that ends what is the other's (rule 4.12).
    """
    if kind_of(event.type) == _LINKED and event.data["same_as"]:
        return _as_said(_done(state, [event.data[each]["value"] for each in ("person", "same_as")]))
    if event.type != PERSON_FACT:
        return ENDING.get(kind_of(event.type))
    person = event.data["person"]["value"]
    known: Mapping[str, Sequence[Any]] = state.get("persons", {}).get(person, {})
    rows = {row["key"]: row for row in event.data["facts"]}
    new = {
        name
        for key, row in rows.items()
        if (name := key.partition("|")[0]) in _OBJECTS | _TAKES_BACK | {_SAME}
        and (key not in known or known[key][0] < row["at"])
    }
    if _SAME in new:
        new |= {key.partition("|")[0] for key in rows}
        new |= _done(state, [key.partition("|")[2] for key in rows if key.startswith(f"{_SAME}|")])
    if any(key.startswith(f"{_DECIDED}|") and f"{VOID}|{each[1]}" in rows for key, each in known.items()):
        new.add(_DECIDED)
    return _as_said(new)


def _done(state: FamilyState, persons: Iterable[str]) -> set[str]:
    """The names of the registers of these persons."""
    known: Mapping[str, Mapping[str, Any]] = state.get("persons", {})
    return {key.partition("|")[0] for each in persons for key in known.get(each, {})}


def _as_said(names: AbstractSet[str]) -> str | None:
    """What a notice says of what registers of these names end."""
    return "withdrawn" if names & _TAKES_BACK else "objected" if names & _OBJECTS else None


@dataclass(frozen=True, slots=True)
class Notices:
    """Notices by the sharing rules."""

    deciding: Deciding
    calendar: Calendar

    def corrected(
        self, before: FamilyFacts, after: FamilyFacts, event: Event, at: Micros, history: Sequence[Event]
    ) -> Iterator[Emit]:
        """To each desk that may have had what is corrected, and has nothing of the correction: that it was.

        Not to one that a forbid keeps either from by now: what it would tell is of somebody of whom it may not know.
        """
        events = in_order(history)
        said = corrected_by(plain_event(event, at), events)
        if said is None:
            return
        corrected = next(each for each in history if each.id == said.id)
        had = self._desks_of(before, corrected, said.recorded, at) | (before.ever() & self.deciding.served)
        lost = had - self._desks_of(after, event, at, at) - {event.envelope.source}
        for desk in sorted(lost):
            if not (
                self._kept_from(after, corrected, said.recorded, at, desk)
                or self._kept_from(after, event, at, at, desk)
            ):
                yield self._notice(event, at, desk, "corrected", [corrected])

    def ended(
        self,
        kind: str,
        before: FamilyFacts,
        after: FamilyFacts,
        event: Event,
        at: Micros,
        history: Sequence[Event],
    ) -> Iterator[Emit]:
        """To each desk that may hold something by what ends now, or against an objection: whose, and what.

        A death ends what the person gave for others too; a desk that must not hear of it hears of none of it. Of who
        turns out to be one with somebody it is what they did that ends anything: no restriction, no pair.
        """
        if kind_of(event.type) in _OVERRIDES:
            for whose in sorted(before.persons):
                was, now = (_as_if_certain(each, whose) for each in (before, after))
                if self._overrides_ended(was, now, event, at, whose):
                    for desk, (events, categories) in self._lost(was, now, event, at, history, whose):
                        yield self._notice(event, at, desk, kind, events, whose, sorted(categories))
            return
        person = event.data["person"]["value"]
        was, now = (_as_if_certain(each, person) for each in (before, after))
        dies = now.person(person).died and not was.person(person).died
        ends = {each: self._as_ends(before, after, each) for each in (person, *now.one_with(person))}
        others = dict.fromkeys(_gave_for(was, person), (was, now)) if dies else {}
        for whose, (one, other) in (others | ends).items():
            for desk, (events, categories) in self._lost(one, other, event, at, history, whose):
                if not (dies and self._kept_from_death(now, event, at, desk)):
                    yield self._notice(event, at, desk, kind, events, whose, sorted(categories))

    @staticmethod
    def _as_ends(before: FamilyFacts, after: FamilyFacts, person: str) -> tuple[FamilyFacts, FamilyFacts]:
        """Between which facts something of a person's ends, without doubts about who they are."""
        was, now = (_as_if_certain(each, person) for each in (before, after))
        new = now.one_with(person).keys() - was.one_with(person).keys()
        return _without_what_they_did(now, new) if new else was, now

    def _lost(
        self,
        before: FamilyFacts,
        after: FamilyFacts,
        event: Event,
        at: Micros,
        history: Sequence[Event],
        person: str,
    ) -> Iterator[tuple[str, tuple[list[Event], set[str]]]]:
        """Each desk that may hold something of a person that ends now: of which events, of which categories."""
        cells = ended(before, after, person)
        overrides = self._overrides_ended(before, after, event, at, person)
        held: dict[str, tuple[list[Event], set[str]]] = {}
        log = in_order(history)
        for each, said, then in zip(history, log, along(log), strict=True):
            lost_by = dict(self._taken_back(before, after, each, said.recorded, at, person))
            for desk, lost in self._held_before(cells, each, then, said.recorded, person):
                if desk not in lost_by and not self._kept_from(after, each, said.recorded, at, desk):
                    lost_by[desk] = lost
            for desk, lost in self._overridden(overrides, after, each, then, said.recorded, at, person):
                if not self._kept_from(after, each, said.recorded, at, desk):
                    lost_by[desk] = lost_by.get(desk, frozenset()) | lost
            for desk, lost in lost_by.items():
                events, categories = held.setdefault(desk, ([], set()))
                events.append(each)
                categories |= lost
        yield from sorted(held.items())

    def _notice(
        self,
        cause: Event,
        at: Micros,
        desk: str,
        kind: str,
        events: Iterable[Event],
        person: str | None = None,
        categories: Sequence[str] | None = None,
    ) -> Emit:
        """One for each desk and person. By the ids of deliveries: no other is known to a desk."""
        name = self.deciding.delivery_id(cause.id, desk)
        whose = cause.data.get("person")
        other = "" if person is None or (whose is not None and person == whose["value"]) else person
        family = cause.envelope.key
        data = {
            "family": {"scheme": HUB, "value": family},
            "person": None if person is None else {"scheme": HUB, "value": person},
            "notice": self.deciding.delivery_id(f"{cause.id}|{other}", desk) if other else name,
            "to": desk,
            "kind": kind,
            "cause": name,
            "deliveries": [self.deciding.delivery_id(each.id, desk) for each in events],
            "categories": categories,
            "answer_by": answer_by(self.calendar, at),
        }
        return Emit("events", family, NOTICE_SENT, data, family, f"{desk}|{other}" if other else desk, at)

    def _taken_back(
        self,
        before: FamilyFacts,
        after: FamilyFacts,
        event: Event,
        recorded: Micros,
        at: Micros,
        person: str,
    ) -> Iterator[tuple[str, frozenset[str]]]:
        """Each desk that might have something of an event about a person, and may no longer: which categories.

        Not a desk that opposes them: for it there is nothing of theirs, and nothing that ends (F01).
        """
        event_type = self.deciding.catalogue.type(event.type)
        items = event_type.items(event.data)
        if event_type.gate == INTERNAL or person not in items.people:
            return
        one = decide(self.deciding.rules(at), before, item_of(before, event, items), recorded, at)
        other = decide(self.deciding.rules(at), after, item_of(after, event, items), recorded, at)
        opposed = after.scene(self.deciding.rules(at), at, event.id).opposed
        for verdict in one.recipients:
            lost = released(verdict, person) - released(other.verdict(verdict.desk), person)
            if lost and verdict.desk in self.deciding.served and person not in opposed(verdict.desk):
                yield verdict.desk, lost

    def _held_before(
        self, cells: Collection[Cell], event: Event, then: FamilyState, at: Micros, person: str
    ) -> Iterator[tuple[str, frozenset[str]]]:
        """Each desk that got something of an event by a consent, when it had a role, whatever it has now."""
        event_type = self.deciding.catalogue.type(event.type)
        items = event_type.items(event.data)
        carried = {each.category for each in items.cells if each.person == person}
        desks = {cell.desk for cell in cells if cell.category in carried} & self.deciding.served
        if event_type.gate == INTERNAL or not desks:
            return
        facts = FamilyFacts.of(then)
        decision = decide(self.deciding.rules(at), facts, item_of(facts, event, items), at, at, desks)
        for verdict in decision.recipients:
            mine = {cell.category for cell in cells if cell.desk == verdict.desk}
            if had := released(verdict, person) & mine:
                yield verdict.desk, had

    def _overrides_ended(
        self, before: FamilyFacts, after: FamilyFacts, event: Event, at: Micros, person: str
    ) -> list[Override]:
        """The overrides about a person that were in force, and are no more, or name less."""
        was, now = (each.scene(self.deciding.rules(at), at, event.id) for each in (before, after))
        left = [each for each in after.person(person).overrides if in_force(now, each) is not None]
        return [
            each
            for each in before.person(person).overrides
            if in_force(was, each) is not None
            and not any(
                each.id == one.id and each.categories <= one.categories and each.desks <= one.desks
                for one in left
            )
        ]

    def _overridden(
        self,
        overrides: Sequence[Override],
        after: FamilyFacts,
        event: Event,
        then: FamilyState,
        recorded: Micros,
        at: Micros,
        person: str,
    ) -> Iterator[tuple[str, frozenset[str]]]:
        """Each desk that got something of an event by overrides alone, and would not get it now: which categories."""
        event_type = self.deciding.catalogue.type(event.type)
        items = event_type.items(event.data)
        named = frozenset().union(*(each.desks for each in overrides)) & self.deciding.served
        if not named or event_type.gate == INTERNAL or person not in items.people:
            return
        persons: Mapping[str, Mapping[str, Any]] = then.get("persons", {})
        gone = {f"override|{each.id}" for each in overrides}
        known = {key: each for key, each in persons.get(person, {}).items() if key not in gone}
        with_it = FamilyFacts.of(then)
        without = FamilyFacts.of({**then, "persons": {**persons, person: known}})
        one, other = (
            decide(
                self.deciding.rules(recorded), each, item_of(each, event, items), recorded, recorded, named
            )
            for each in (with_it, without)
        )
        now = decide(self.deciding.rules(at), after, item_of(after, event, items), recorded, at, named)
        for verdict in one.recipients:
            may = released(other.verdict(verdict.desk), person) | released(now.verdict(verdict.desk), person)
            if lost := released(verdict, person) - may:
                yield verdict.desk, lost

    def _kept_from(self, facts: FamilyFacts, event: Event, recorded: Micros, at: Micros, desk: str) -> bool:
        """Whether a forbid keeps from a desk that the event happened."""
        item = item_of(facts, event, self.deciding.catalogue.type(event.type).items(event.data))
        return is_kept_from(self.deciding.rules(at), facts, item, recorded, at, desk)

    def _kept_from_death(self, facts: FamilyFacts, event: Event, at: Micros, desk: str) -> bool:
        """Whether a forbid keeps from a desk that the person of an event has died, also where their facts say so."""
        died = self.deciding.catalogue.type(DIED_TYPE)
        data = {each.name: None for each in died.fields} | {"person": event.data["person"]}
        item = Item(event.id, HUB, died.items(data))
        return is_kept_from(self.deciding.rules(at), facts, item, at, at, desk)

    def _desks_of(self, facts: FamilyFacts, event: Event, recorded: Micros, at: Micros) -> frozenset[str]:
        """The desks that may have something of an event by these facts."""
        event_type = self.deciding.catalogue.type(event.type)
        if event_type.gate == INTERNAL:
            return frozenset()
        item = item_of(facts, event, event_type.items(event.data))
        decision = decide(self.deciding.rules(at), facts, item, recorded, at)
        return frozenset(
            each.desk for each in decision.recipients if each.mask and each.desk in self.deciding.served
        )


def _gave_for(facts: FamilyFacts, giver: str) -> list[str]:
    """For whom else a person gave consents."""
    return [
        each
        for each, known in sorted(facts.persons.items())
        if each != giver and any(giver_of(given) == giver for _, given in givings(known))
    ]


def _as_if_certain(facts: FamilyFacts, person: str) -> FamilyFacts:
    """The facts without a doubt about who somebody is: it holds back what is to leave, and not that it ended.

    Who may be one with them is, once this log has heard what they did, since what ends something does so at once;
    what they gave counts for them alone.
    """
    one = facts.one_with(person)
    known = {each for each in (person, *one) if facts.own_person(each).known}
    persons: Mapping[str, Mapping[str, Any]] = facts.state.get("persons", {})
    certain = {
        each: _certain(
            persons.get(each, {}), known if each in known else frozenset(), gives=one.get(each, True)
        )
        for each in (person, *one)
    }
    if all(certain[each] == persons.get(each, {}) for each in certain):
        return facts
    return FamilyFacts.of({**facts.state, "persons": {**persons, **certain}}, facts.suspended)


def _certain(registers: Mapping[str, Any], known: Collection[str], *, gives: bool) -> dict[str, Any]:
    """Registers without a doubt: of somebody unknown it is not said that they are one; `gives`: nor what they gave."""
    found: dict[str, Any] = {}
    for key, each in registers.items():
        name, _, other = key.partition("|")
        if name == "identity" or (name == "consent" and not gives) or (name in _SAMES and other not in known):
            continue
        sure = f"same_confirmed|{other}" if name == _SAME else key
        found[sure] = max(each, found.get(sure, each), key=lambda register: (register[0], register[1]))
    return found


def _without_what_they_did(facts: FamilyFacts, persons: Collection[str]) -> FamilyFacts:
    """The facts without what these persons said to sharing, and without their death."""
    known: Mapping[str, Mapping[str, Any]] = facts.state.get("persons", {})
    less = {
        each: {key: one for key, one in known.get(each, {}).items() if key.partition("|")[0] not in _SAID}
        for each in persons
    }
    return FamilyFacts.of({**facts.state, "persons": {**known, **less}}, facts.suspended)


def released(verdict: Verdict, person: str) -> frozenset[str]:
    """The categories about a person that a verdict releases."""
    found = verdict.outcomes if verdict.mask else ()
    return frozenset(each.category for each in found if each.person == person and each.result == RELEASED)
