"""What a decision reads of a family: its state, read once, and what was found of it while that stands."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from copy import copy
from typing import Any, Final, NamedTuple

from services.consent.agreement import Micros
from services.consent.compiled import CompiledRules
from services.consent.held import Held
from services.consent.person import PersonFacts
from services.consent.read_person import person_facts
from services.consent.same import together
from services.consent.scene import Scene, family_spans
from services.consent.vocabulary import FAMILY_ROLES

_PARTS: Final = ("open", "lead", "core_group", "members", "children", "conflicts", "persons", "known")
"""The parts of a state that decisions read."""
_NOBODY: Final = PersonFacts(registers={}, known=False)


class Kept(NamedTuple):
    """A scene of earlier facts, and whose consents changed since."""

    scene: Scene
    changed: AbstractSet[str]


class FamilyFacts:
    """What a decision reads of a family: its state, read once, and the agencies suspended now.

    Derived from a state (`services.consent.family`) and nothing else. Given the facts of the state before,
    only what changed is read again; the same state gives the same object.
    """

    __slots__ = ("_earlier", "_scene", "enders", "held", "one", "own", "persons", "state", "suspended")

    def __init__(
        self,
        state: Mapping[str, Any],
        suspended: frozenset[str] = frozenset(),
        previous: FamilyFacts | None = None,
    ) -> None:
        self.state = state
        self.suspended = suspended
        self._scene: Scene | None = None
        self._earlier: Kept | None = None
        before = previous.own if previous is not None else {}
        self.held: dict[str, Held] = previous.held if previous is not None else {}
        """What desks held for each person when a scene was made last."""
        known: Mapping[str, bool] = state.get("known", {})
        self.own: dict[str, PersonFacts] = {}
        """What was said of each person, by that id."""
        registers: Mapping[str, Mapping[str, Any]] = state.get("persons", {})
        for person in sorted({*registers, *known}):
            plain = registers.get(person, {})
            old = before.get(person)
            if old is not None and old.registers is plain and old.known is known.get(person, False):
                self.own[person] = old
            else:
                self.own[person] = person_facts(plain, known=known.get(person, False))
        self.one: dict[str, dict[str, bool]] = {}
        """Who is, or may be, whom else: for certain, or not."""
        self.persons: dict[str, PersonFacts] = self.own
        """The same with what was said of whoever is one with them (rule 4.12)."""
        if any(each.same for each in self.own.values()):
            self.one, self.persons = together(self.own)
        self.enders = self._enders()
        if previous is not None and previous.suspended == suspended:
            self._earlier = previous.kept(self)

    @classmethod
    def of(
        cls,
        state: Mapping[str, Any],
        suspended: frozenset[str] = frozenset(),
        previous: FamilyFacts | None = None,
    ) -> FamilyFacts:
        """The facts of a state; `previous` are those of an earlier one, to save work."""
        if previous is None or previous.suspended != suspended:
            return cls(state, suspended, previous)
        if previous.reads(state):
            if previous.state is state:
                return previous
            return previous.with_state(state)
        return cls(state, suspended, previous)

    def reads(self, state: Mapping[str, Any]) -> bool:
        """True if that state is this one in all that decisions read."""
        return all(self.state.get(part) is state.get(part) for part in _PARTS)

    def with_state(self, state: Mapping[str, Any]) -> FamilyFacts:
        """The same facts of a state that differs in nothing that decisions read."""
        found = copy(self)
        found.state = state
        return found

    def person(self, person: str) -> PersonFacts:
        """What is known of a person; nothing for somebody of whom no fact came."""
        return self.persons.get(person, _NOBODY)

    def own_person(self, person: str) -> PersonFacts:
        """What is known of a person by that id alone."""
        return self.own.get(person, _NOBODY)

    def one_with(self, person: str) -> Mapping[str, bool]:
        """Who is, or may be, one with this person: for certain, or not."""
        return self.one.get(person, {})

    def ever(self) -> frozenset[str]:
        """The desks that hold a role in the family or for anybody known here, or once did."""
        in_family = {desk for role in FAMILY_ROLES for desk in self.state.get(role, {})}
        return frozenset(in_family).union(span.desk for each in self.persons.values() for span in each.spans)

    def kept(self, facts: FamilyFacts) -> Kept | None:
        """The last scene, for these later facts, if all that changed is what some gave or refused of theirs."""
        kept = self._earlier if self._scene is None else Kept(self._scene, frozenset())
        if kept is None or self.one or facts.one or self.own.keys() != facts.own.keys():
            return None
        if not all(self.state.get(part) is facts.state.get(part) for part in _PARTS if part != "persons"):
            return None
        changed = {each for each, now in facts.own.items() if self.own[each] is not now}
        if not all(facts.own[each].differs_in_consent_alone(self.own[each]) for each in changed):
            return None
        return Kept(kept.scene, kept.changed | changed)

    def scene(self, rules: CompiledRules, at: Micros, event: str) -> Scene:
        """The family at an instant. A role or openness that `event` itself ended stands for it (4.9)."""
        if event in self.enders:
            return Scene(self, rules, at, event)
        found = self._scene
        if found is None or found.rules is not rules or not found.start <= at < found.end:
            found = self._scene = self._made(rules, at)
            self._earlier = None
        return found

    def _made(self, rules: CompiledRules, at: Micros) -> Scene:
        if self._earlier is not None:
            scene, changed = self._earlier
            if scene.rules is rules and scene.start <= at < scene.end:
                return scene.carried(self, changed, at)
        return Scene(self, rules, at, None)

    def _enders(self) -> frozenset[str]:
        found = {span.ended_by for each in self.persons.values() for span in each.spans}
        for spans in family_spans(self.state):
            found |= {by for _, _, by in spans}
        return frozenset(each for each in found if each)
