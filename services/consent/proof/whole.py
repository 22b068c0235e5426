"""The invariants on what is put together: several clauses, a lifted category, a text, an event; and what must arrive.

Each by the engine's own code, on parts that may have any outcome: the parts are proved in `clauses` and `denials`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Final

from services.consent.agreement import FOREVER, Micros
from services.consent.compiled import CompiledRules, Permit, compile_rules
from services.consent.engine import Deciding
from services.consent.items import FAMILY, Item, TextLike
from services.consent.outcome import (
    EXISTENCE,
    HELD,
    RELEASED,
    SILENT,
    WHEREABOUTS,
    Outcome,
    lifted,
)
from services.consent.proof.abstract import HOUR, NO_YES, OVERRIDE, AbstractScene, S, V
from services.consent.proof.cases import Bundle, CellItem, ClauseCase, instants, is_party
from services.consent.proof.clauses import LIFTING
from services.consent.proof.explore import Atom, Facts, explore
from services.consent.proof.found import Tally
from services.consent.texts import THIRD_PARTY, text_outcome
from services.consent.unsaid import BY_OVERRIDE, FOR_THE_CHILD
from services.consent.vocabulary import CATEGORIES

Part = Callable[[CompiledRules, Tally], None]
_HIDDEN: Final = (RELEASED, EXISTENCE, HELD, SILENT)


def parts(rules: CompiledRules) -> Iterator[Part]:
    """What must arrive, by sender; then what is put together, once."""
    for at in instants(rules):
        for desk in sorted(rules.desks):
            yield arriving(at, desk)
    yield from (_several_clauses, lifted_category, _texts, events, order_of_rules)


# What must arrive.


def arriving(at: Micros, desk: str) -> Part:
    """What a desk must get at an instant, from each sender."""

    def part(rules: CompiledRules, tally: Tally) -> None:
        seen: set[tuple[Any, ...]] = set()
        for source in sorted(rules.desks):
            if source == desk or not (is_party(rules, source, at) and is_party(rules, desk, at)):
                continue
            for invariant, category, given in _owed(rules, desk):
                found = rules.permits(source, desk).get(category, ())
                usable = tuple(each for each in found if _for_family(each))
                kind = (invariant, category, usable, tuple(given.items()))
                if kind not in seen:
                    seen.add(kind)
                    _must_arrive(
                        rules, tally, invariant, ClauseCase(source, desk, category, S, usable, at), given
                    )

    return part


def _for_family(permit: Permit) -> bool:
    return bool({"lead", "core_group"}.intersection(permit.roles))


def _owed(rules: CompiledRules, desk: str) -> Iterator[tuple[str, str, dict[Atom, Any]]]:
    """What a desk must get: of a child as the open family's lead (I18), what an override names (I19)."""
    certain: dict[Atom, Any] = {("unconfirmed", S): False, ("member", S): "member"}
    lead: dict[Atom, Any] = {("role", "lead", FAMILY): "held"}
    if rules.desks[desk].may_lead and rules.opposes_nobody(desk):
        child = {**certain, **lead, ("kind", S): "child", ("open",): True}
        for category in CATEGORIES.values():
            if category.name.startswith(FOR_THE_CHILD) and not category.free_text:
                yield "I18", category.name, child | {("forbid", category.name): "none"}
    core: dict[Atom, Any] = {("role", "core_group", FAMILY): "held"}
    for role, category_name, name in product((lead, core), BY_OVERRIDE, ("in force", LIFTING)):
        named: dict[Atom, Any] = {("override", S): name, ("somebody unknown",): False}
        yield "I19", category_name, certain | role | named


def _must_arrive(
    rules: CompiledRules, tally: Tally, invariant: str, case: ClauseCase, given: dict[Atom, Any]
) -> None:
    for facts, found in explore(lambda facts: case.decide(rules, facts), given):
        denied = facts.values.get(("forbid", case.category)) == "matches"
        tally.add(invariant, facts, case, holds=denied or found.result == RELEASED)


# Several clauses.


def _several_clauses(rules: CompiledRules, tally: Tally) -> None:
    """Of several clauses the one that holds longest; without one, existence only if all that are near say so."""
    desk, at = "none/none", 0
    clauses = tuple(_clause(*each) for each in _DIFFERENT)
    case = ClauseCase("some/where", desk, "support.summary", S, clauses, at)
    for facts, found in explore(lambda facts: case.decide(rules, facts), _ORDINARY):
        alone = [replace(case, permits=(each,)).decide(rules, facts) for each in clauses]
        out = [each for each in alone if each.result == RELEASED]
        tally.add("I01", facts, case, holds=bool(out) is (found.result == RELEASED))
        ends = [each.until for each in out]
        opening = [each.until for each in out if each.opens]
        until = min(max(ends), max(opening, default=FOREVER)) if ends else FOREVER
        tally.add("I10", facts, case, holds=found.until <= until or not ends)
        shown = found.result == EXISTENCE
        tally.add("I15", facts, case, holds=not shown or any(each.result == EXISTENCE for each in alone))
        other = case.decide(rules, facts, backwards=True)
        tally.add("I16", facts, case, holds=(other.result, other.until) == (found.result, found.until))


_ORDINARY: Final[dict[Atom, Any]] = {
    ("unconfirmed", S): False,
    ("somebody unknown",): False,
    ("member", S): "member",
    ("kind", S): "adult",
}
_DIFFERENT: Final[tuple[tuple[Any, ...], ...]] = (
    ("A", ("lead",), (), False, False, 9 * HOUR),
    ("B", ("core_group",), (("consent",),), True, True, 7 * HOUR),
    ("C", ("referrer",), (("no_objection",),), False, False, 8 * HOUR),
    ("D", ("lead",), (("override",),), False, True, 9 * HOUR),
)


def _clause(
    name: str,
    roles: tuple[str, ...],
    when: tuple[tuple[str, ...], ...],
    existence: bool,
    opens: bool,
    end: Micros,
) -> Permit:
    subjects = frozenset({"any"})
    override = ("override",) in when
    return Permit(name, False, roles, True, subjects, "support", when, existence, opens, -HOUR, end, override)


# A category that is lifted to protected whereabouts.


def lifted_category(rules: CompiledRules, tally: Tally) -> None:
    """Both categories where it is not certain, so that both must be released; nothing of V's for who opposes V.

    A place that is stated as something else must be released as that whatever is known of anybody: what protects
    opens nothing.
    """
    stated = ("contact.address", "support.summary")
    for desk, person, category in product(_two_desks(rules), (S, FAMILY), stated):
        where = f"{category} about {person or 'the family'}, to {desk}"
        run = _lifting(rules, desk, person, category)
        for facts, words in explore(run):
            tally.add("I07", facts, where, holds=category.startswith("contact.") or category in words)
            near = facts.values.get(("near",), facts.values)
            uncertain = near is None and WHEREABOUTS not in words
            tally.add("I09", facts, where, holds=not uncertain and bool(words))
            against = not rules.opposes_nobody(desk) and facts.ask(("opposes", V), NO_YES)
            told = [each for each in (("home",), ("near",)) if against and each in facts.values]
            tally.add("I05", facts, where, holds=all(_constant(run, facts, each) for each in told))


def _lifting(
    rules: CompiledRules, desk: str, person: str, category: str
) -> Callable[[Facts], tuple[str, ...]]:
    def run(facts: Facts) -> tuple[str, ...]:
        scene: Any = AbstractScene(facts, rules, desk, category, 0)
        return lifted(scene, desk, category, person, place=True)

    return run


def _constant(run: Callable[[Facts], Any], facts: Facts, atom: Atom) -> bool:
    result = run(Facts((), facts.values))
    options = next((each[2] for each in facts.trail if each[0] == atom), ())
    return all(found == result for value in options for _, found in explore(run, facts.having(atom, value)))


def _two_desks(rules: CompiledRules) -> list[str]:
    """One desk that may oppose somebody and one that never does, where there are such."""
    found = {rules.opposes_nobody(each): each for each in sorted(rules.desks, reverse=True)}
    return sorted(found.values())


# A text.


@dataclass(frozen=True, slots=True)
class _Text:
    addressed: tuple[str, ...]
    about: tuple[str, ...] | None
    bit: int = 1
    category: str = "support.dv_safety_plan"
    person: str = S


def _texts(rules: CompiledRules, tally: Tally) -> None:
    """A text goes out only if everybody in it may be shown; to a desk that opposes, only if addressed (F04)."""
    for desk, about in product(_two_desks(rules), (None, (), (S,), (S, V))):
        where = f"a text about {'nobody named' if about is None else about}, to {desk}"
        for facts, found in explore(_text(rules, desk, about)):
            named = [S, V] if about is None else [S, *about]
            parts = [facts.values.get(("part", each)) for each in named]
            third = about is not None or facts.values.get(("part", FAMILY)) == RELEASED
            opposes = not rules.opposes_nobody(desk) and any(
                facts.ask(("opposes", each), NO_YES) for each in (S, V)
            )
            chosen = facts.ask(("addressed",), NO_YES) or facts.ask(("override", S), OVERRIDE) == LIFTING
            good = all(each == RELEASED for each in parts) and third and (chosen or not opposes)
            tally.add("I02", facts, where, holds=found.result != RELEASED or good)


def _text(rules: CompiledRules, desk: str, about: tuple[str, ...] | None) -> Callable[[Facts], Outcome]:
    def run(facts: Facts) -> Outcome:
        scene: Any = AbstractScene(facts, rules, desk, "support.dv_safety_plan", 0)
        scene.everybody = dict.fromkeys((S, V), True)
        text: TextLike = _Text((desk,) if facts.ask(("addressed",), NO_YES) else (), about)

        def of(category: str, person: str, **_: Any) -> Outcome:
            whom = FAMILY if category == THIRD_PARTY else person
            return _any_outcome(facts.ask(("part", whom), _HIDDEN), category, person)

        return text_outcome(scene, desk, text, of, 0)

    return run


# An event.


def _any_outcome(result: str, category: str, person: str, *, opens: bool = False) -> Outcome:
    clause = "F01" if result == SILENT else "P01"
    return Outcome(result, category, person, clause, "", 5 if result == RELEASED else FOREVER, opens, 0, 1)


class _Event(Deciding):
    """An event whose parts have any outcome."""

    def __init__(self, scene: Any, item: Item) -> None:
        super().__init__(scene, item, 0)
        self.facts: Facts = scene.facts_asked

    def cell(self, desk: str, cell: Any) -> Outcome:  # noqa: ARG002 - one desk
        """Any outcome."""
        result = self.facts.ask(("part", cell.category, cell.person), _HIDDEN)
        opens = cell.category == "c" and result in (RELEASED, HELD) and self.facts.ask(("opens",), NO_YES)
        return _any_outcome(result, cell.category, cell.person, opens=opens)

    def text(self, desk: str, text: Any) -> Outcome:
        """Any outcome."""
        return self.cell(desk, text)

    def lifts_gate(self, desk: str, carrier: Outcome, gate: Outcome) -> bool:  # noqa: ARG002 - one desk
        """Either."""
        return bool(self.facts.ask(("the override lifts the gate",), NO_YES))


_GATES: Final = (CellItem(1, "gate", S), CellItem(2, "gate", V))
_CELLS: Final = (CellItem(4, "c", S), CellItem(8, "t", V))


def events(rules: CompiledRules, tally: Tally) -> None:
    """No field without a gate; nothing to who is suspended; withheld names what exists, and only beside a delivery."""
    for _facts, _holds in explore(lambda facts: _event(rules, facts, tally)):
        pass


def _event(rules: CompiledRules, facts: Facts, tally: Tally) -> None:
    forward, backward = (_verdict(rules, facts, turned=turned) for turned in (False, True))
    where = "an event about S and V with a field of each"
    suspended = facts.ask(("suspended",), ("nobody", "the desk", "the source"))
    gates = sum(each.bit for each in _GATES)
    tally.add("I14", facts, where, holds=not forward.mask or bool(forward.mask & gates))
    shown = {each.category for each in forward.outcomes if each.result == EXISTENCE}
    withheld = set(forward.withheld) == (shown if forward.mask else set())
    tally.add("I15", facts, where, holds=withheld)
    tally.add("I11", facts, where, holds=suspended == "nobody" or not forward.mask)
    tally.add("I07", facts, where, holds=suspended == "nobody" or not forward.mask)
    same = (forward.mask, forward.withheld, forward.held, forward.valid_until) == (
        backward.mask,
        backward.withheld,
        backward.held,
        backward.valid_until,
    )
    tally.add("I16", facts, where, holds=same)


def _verdict(rules: CompiledRules, facts: Facts, *, turned: bool) -> Any:
    step = -1 if turned else 1
    gates = _GATES[::step]
    items = Bundle(gates, (*gates, *_CELLS[::step]))
    scene: Any = AbstractScene(facts, rules, "the/desk", "c", 0)
    suspended = facts.ask(("suspended",), ("nobody", "the desk", "the source"))
    scene.suspended = frozenset(
        {"the"} if suspended == "the desk" else {"a"} if suspended != "nobody" else ()
    )
    return _Event(scene, Item("event", "a/source", items)).verdict("the/desk")


# The rules in another order.


def order_of_rules(rules: CompiledRules, tally: Tally) -> None:
    """The same agreements, clauses and desks in another order compile to the same clauses for everybody."""
    plain = rules.rules
    turned = compile_rules(
        replace(
            plain,
            agreements=tuple(
                replace(each, clauses=each.clauses[::-1]) for each in reversed(plain.agreements)
            ),
            desks=dict(reversed(list(plain.desks.items()))),
        )
    )
    for source, desk in product(sorted(rules.desks), repeat=2):
        same = rules.permits(source, desk) == turned.permits(source, desk)
        tally.add("I16", Facts(), f"the clauses from {source} to {desk}", holds=same)
