"""What there is to decide, each distinguishable kind once: a clause at work, a forbid at work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from services.consent.agreement import Micros
from services.consent.ask import Ask
from services.consent.compiled import CompiledRules, Permit
from services.consent.engine import Deciding
from services.consent.forbids import forbidden
from services.consent.items import FAMILY, Item
from services.consent.outcome import Outcome
from services.consent.proof.abstract import LATER, NO_YES, AbstractScene, S
from services.consent.proof.explore import Facts
from services.consent.vocabulary import CATEGORIES, OPERATIONAL

FORBID: Final = ("none", "matches", "lifted")
_TEXT: Final = (False, True)


class CellItem(NamedTuple):
    """A cell, as the engine reads it."""

    bit: int
    category: str
    person: str
    place: bool = False
    addressed: tuple[str, ...] = ()


class Bundle(NamedTuple):
    """An event's items, as the engine reads them."""

    gates: tuple[CellItem, ...]
    cells: tuple[CellItem, ...] = ()
    texts: tuple[Any, ...] = ()


class OnlyThese:
    """The rules with no other clauses than these, whatever the question; backwards, the last one first."""

    def __init__(self, rules: CompiledRules, permits: tuple[Permit, ...], *, backwards: bool = False) -> None:
        self._rules, self._permits = rules, permits[::-1] if backwards else permits

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rules, name)

    def permits(self, source: str, desk: str) -> Any:  # noqa: ARG002 - the case has asked already
        """The same clauses for every category."""
        return _Always(self._permits)


class _Always:
    def __init__(self, permits: tuple[Permit, ...]) -> None:
        self._permits = permits

    def get(self, category: str, default: Any = None) -> tuple[Permit, ...]:  # noqa: ARG002 - the case has asked
        """These."""
        return self._permits


@dataclass(frozen=True, slots=True)
class ClauseCase:
    """A category about S, or about the family, from one desk to another, by these clauses, whatever forbids say."""

    source: str
    desk: str
    category: str
    person: str
    permits: tuple[Permit, ...]
    at: Micros

    def decide(
        self, rules: CompiledRules, facts: Facts, *, later: Micros = 0, backwards: bool = False
    ) -> Outcome:
        """The engine's own answer in one combination of facts, then or some time later."""
        only: Any = OnlyThese(rules, self.permits, backwards=backwards)
        scene: Any = AbstractScene(facts, only, self.desk, self.category, self.at, backwards=backwards)
        scene.at += later
        wanted = {word for each in self.permits for group in each.when for word in group}
        addressed = "addressed" in wanted and facts.ask(("addressed",), NO_YES)
        party = "party" in wanted and facts.ask(("party",), NO_YES)
        items = Bundle((CellItem(1, self.category, self.person),) if party else ())
        deciding = Deciding(scene, Item("event", self.source, items), self.at, any_forbid)
        return deciding.of(self.desk, self.category, self.person, addressed=addressed)

    def __str__(self) -> str:
        about = "the family" if self.person == FAMILY else "S"
        clauses = ", ".join(dict.fromkeys(each.id for each in self.permits))
        return (
            f"{self.category} about {about}, from {self.source} to {self.desk}, by {clauses or 'no clause'}"
        )


def any_forbid(scene: Any, ask: Ask) -> str | None:
    """What the forbids may answer: nothing, a match, or a match that an override lifts. They are proved apart."""
    never_lifted = ask.person == FAMILY or ask.category.startswith("contact.")
    found = scene.facts_asked.ask(("forbid", ask.category), FORBID[:2] if never_lifted else FORBID)
    if found == "lifted":
        ask.by_override = True
        ask.lifted_until = scene.born + LATER["lift"]
        return None if scene.at < ask.lifted_until else "forbid"
    return "forbid" if found == "matches" else None


def clause_cases(rules: CompiledRules) -> Iterator[ClauseCase]:
    """Every clause with every category, alone; and every question that no clause answers, once."""
    seen: set[tuple[Any, ...]] = set()
    for at, source, desk, category in _questions(rules):
        permits = rules.permits(source, desk).get(category, ())
        for person in (S, FAMILY):
            for each in permits or (None,):
                alone = () if each is None else (each,)
                kind = (alone, category, person, rules.opposes_nobody(desk), _in_time(alone, at))
                if kind not in seen:
                    seen.add(kind)
                    yield ClauseCase(source, desk, category, person, alone, at)


def _in_time(permits: tuple[Permit, ...], at: Micros) -> bool:
    return all(each.start <= at < each.end for each in permits)


def _questions(rules: CompiledRules) -> Iterator[tuple[Micros, str, str, str]]:
    for at in instants(rules):
        for desk in sorted(rules.desks):
            for source in sorted(rules.desks):
                for category in CATEGORIES:
                    if source != desk and not category.startswith(OPERATIONAL):
                        yield at, source, desk, category


def instants(rules: CompiledRules) -> tuple[Micros, ...]:
    """An instant of each stretch in which the same agreements are in force."""
    return (min(rules.edges, default=1) - 1, *rules.edges)


@dataclass(frozen=True, slots=True)
class ForbidCase:
    """A category about S, or about the family, for one desk, as the forbids alone answer it."""

    desk: str
    category: str
    person: str
    text: bool
    at: Micros

    def decide(self, rules: CompiledRules, facts: Facts, *, later: Micros = 0) -> tuple[str | None, bool]:
        """The forbid that matches, or None; and whether one was lifted."""
        scene: Any = AbstractScene(facts, rules, self.desk, self.category, self.at)
        scene.at += later
        ask = Ask(self.desk, self.category, self.person, self.at, text=self.text)
        return forbidden(scene, ask), ask.by_override

    def __str__(self) -> str:
        about = "the family" if self.person == FAMILY else "S"
        return f"{'text of ' if self.text else ''}{self.category} about {about}, to {self.desk}"


def forbid_cases(rules: CompiledRules) -> Iterator[ForbidCase]:
    """Every category for every desk that the forbids can tell apart."""
    seen: set[tuple[Any, ...]] = set()
    at = max(instants(rules)[:-1], default=0)
    for desk in sorted(rules.desks):
        for category in CATEGORIES:
            spared = tuple(rules.matches(each.but, desk) for each in rules.forbids.get(category, ()))
            court = rules.proceedings is not None and rules.matches(rules.proceedings.but, desk)
            for person in (S, FAMILY):
                for text in _TEXT if CATEGORIES[category].free_text else (False,):
                    traits = (rules.opposes_nobody(desk), desk.count("/") > 1, spared, court)
                    kind = (category, person, text, traits)
                    if kind not in seen:
                        seen.add(kind)
                        yield ForbidCase(desk, category, person, text, at)


def is_party(rules: CompiledRules, desk: str, at: Micros) -> bool:
    """Whether a desk's agency has signed an agreement that is in force."""
    agency = rules.desks[desk].agency
    return any(
        agency in each.parties and max(each.start, each.parties[agency]) <= at < each.end
        for each in rules.rules.agreements
    )
