"""The invariants on one clause at work, read anew from the facts, without the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from services.consent.agreement import Micros
from services.consent.compiled import CompiledRules, Permit
from services.consent.explain import TREATMENT
from services.consent.items import FAMILY
from services.consent.outcome import RELEASED, Outcome
from services.consent.proof.abstract import ANY, CONSENT, LATER, NO_YES, OVERRIDE, AbstractScene, S, V
from services.consent.proof.cases import ClauseCase
from services.consent.proof.explore import Atom, Facts, explore
from services.consent.vocabulary import FAMILY_ROLES

LIFTING: Final = "in force, lifting"
GOOD_OVERRIDE: Final = frozenset({"in force", LIFTING})
UNKNOWN: Final = frozenset({"unreadable", "unknown"})
_ENDS: Final[tuple[Micros, ...]] = tuple(sorted(LATER.values()))


@dataclass(frozen=True, slots=True)
class Run:
    """One combination of facts and what the engine made of it."""

    rules: CompiledRules
    case: ClauseCase
    facts: Facts
    outcome: Outcome

    @property
    def released(self) -> bool:
        """True if the item goes out."""
        return self.outcome.result == RELEASED

    @property
    def clause(self) -> Permit | None:
        """The clause relied on."""
        return next((each for each in self.case.permits if each.id == self.outcome.clause), None)

    def ask(self, *atom: Any, options: tuple[Any, ...] = NO_YES) -> Any:
        """A fact, asked for now if the engine did not need it."""
        return self.facts.ask(atom, options)

    def scene(self) -> AbstractScene:
        """The family, to ask what has a name."""
        return AbstractScene(self.facts, self.rules, self.case.desk, self.case.category, self.case.at)

    def again(self, atom: Atom, value: Any) -> Iterator[Run]:
        """The same with one fact changed, in every combination of what is then asked besides."""
        given = self.facts.having(atom, value)
        for facts, outcome in explore(lambda facts: self.case.decide(self.rules, facts), given):
            yield Run(self.rules, self.case, facts, outcome)

    def same(self, atom: Atom) -> bool:
        """The result is the same whatever that fact is."""
        options = next((each[2] for each in self.facts.trail if each[0] == atom), ())
        return all(
            again.outcome.result == self.outcome.result
            for value in options
            if value != self.facts.values[atom]
            for again in self.again(atom, value)
        )

    def at(self, later: Micros) -> Outcome:
        """What the engine makes of it some time later."""
        return self.case.decide(self.rules, self.facts, later=later)


def _pair(run: Run, scene: AbstractScene, permit: Permit) -> bool:
    persons = scene.roles.get(run.case.desk)
    supports = {each: any(role in persons[each] for role in permit.roles) for each in (S, V)}
    her = supports[S] and bool(run.ask("paired", S))
    return her or any(supports[each] and run.ask("pair", S, each, options=ANY) is True for each in (S, V))


_CONDITIONS: Final[dict[str, Callable[[Run, AbstractScene, Permit], bool]]] = {
    "open": lambda _, scene, __: scene.open,
    "statutory": lambda _, scene, __: scene.statutory,
    "s47": lambda _, scene, __: scene.s47,
    "consent": lambda run, _, __: consent_in_force(run),
    "no_objection": lambda run, scene, _: run.case.person == FAMILY or scene.person(S).objections == (),
    "override": lambda run, _, __: run.ask("override", S, options=OVERRIDE) in GOOD_OVERRIDE,
    "told": lambda run, _, __: run.ask("told", S, options=ANY) is True,
    "clear": lambda run, scene, _: not any(each in scene.everybody for each in scene.opposed(run.case.desk)),
    "pair": _pair,
    "addressed": lambda run, _, __: bool(run.ask("addressed")),
    "party": lambda run, _, __: bool(run.ask("party")),
}


def i01(run: Run) -> bool:
    """Released only by a clause in force, for who and what it names, with every condition true."""
    if not run.released:
        return True
    clause = run.clause
    if clause is None or not clause.start <= run.case.at < clause.end or not _names(run, clause):
        return False
    return all(any(_true(run, clause, each) for each in alternatives) for alternatives in clause.when)


def _names(run: Run, permit: Permit) -> bool:
    scene = run.scene()
    persons, family = scene.roles.get(run.case.desk), scene.family_roles.get(run.case.desk)
    of_child = permit.same and run.case.person == S and V in scene.parents_shielded(S)
    whom = [S, V] if not permit.same or of_child else [S]
    held = permit.direct or any(
        role in family
        if role in FAMILY_ROLES
        else (run.case.person == S and any(role in persons[each] for each in whom)) or not permit.same
        for role in permit.roles
    )
    about = "any" in permit.subjects or run.case.person == FAMILY
    special = run.case.category in ("worker.contact", "third_party.detail")
    return held and (about or special or any(scene.is_a(S, each) for each in permit.subjects))


def _true(run: Run, permit: Permit, condition: str) -> bool:
    """A condition, read from the facts; those of other surfaces are never true of an event."""
    read = _CONDITIONS.get(condition)
    return read is not None and read(run, run.scene(), permit)


def consent_in_force(run: Run) -> bool:
    """A consent of S for this very cell, given by whom the law lets give it."""
    found = run.ask("consent", S, options=CONSENT)
    kind = run.scene().kind(S)
    able = kind in ("adult", "grown") or (kind == "child" and run.ask("sixteen"))
    return (found == "given" and able) or (found == "by a parent" and kind == "child" and not able)


def i02(run: Run) -> bool:
    """Nothing that a forbid denies; what an override lifts, by its clause alone."""
    found = run.facts.values.get(("forbid", run.case.category), "none")
    clause = run.clause
    return (
        not run.released or found == "none" or (found == "lifted" and clause is not None and clause.override)
    )


def i06(run: Run) -> bool:
    """Treatment only with the consent of this person for this cell, or an override."""
    if not run.released or run.case.category not in TREATMENT:
        return True
    return consent_in_force(run) or run.ask("override", S, options=OVERRIDE) in GOOD_OVERRIDE


def i07(run: Run) -> bool:
    """A withdrawal, an objection, an end add nothing."""
    if not run.released:
        return all(run.at(each).result != RELEASED for each in _ENDS)
    active = ((("consent", S), "withdrawn", "given"), (("objects", S), True, False))
    return all(
        again.released
        for atom, value, before in active
        if run.facts.values.get(atom) == value
        for again in run.again(atom, before)
    )


def i08(run: Run) -> bool:
    """A consent for another cell, an override that names another desk, are as none."""
    values = run.facts.values
    for atom, other in ((("consent", S), "for another category"), (("override", S), "naming another desk")):
        if values.get(atom) == other:
            return all(each.outcome.result == run.outcome.result for each in run.again(atom, "none"))
    return True


def i09(run: Run) -> bool:
    """What goes out although a fact is unknown goes out whatever the fact is."""
    if not run.released:
        return True
    for atom, _, options in run.facts.trail:
        value = run.facts.values[atom]
        if value is None or value in UNKNOWN:
            known = [each for each in options if each is not None and each not in UNKNOWN]
            if not all(again.released for each in known for again in run.again(atom, each)):
                return False
    return run.facts.values.get(("forbid", run.case.category)) != "lifted" or all(
        again.released for again in run.again(("forbid", run.case.category), "none")
    )


def i10(run: Run) -> bool:
    """Released at every moment before `valid_until`, and not at it."""
    if not run.released:
        return True
    until = run.outcome.until - run.case.at
    if not all(run.at(each).result == RELEASED for each in _ENDS if each < until):
        return False
    if until > _ENDS[-1]:
        return True
    at_end = run.at(until)
    return at_end.result != RELEASED or at_end.until - run.case.at > until


def i11(run: Run) -> bool:
    """Nothing about somebody who is not confirmed."""
    return not run.released or run.case.person == FAMILY or not run.ask("unconfirmed", S)


def i12(run: Run) -> bool:
    """Another person's consent changes nothing."""
    return ("consent", V) not in run.facts.values or run.same(("consent", V))


def i13(run: Run) -> bool:
    """Another desk's roles change nothing."""
    return all(run.same(each) for each in list(run.facts.values) if each[0] == "another desk")


def i16(run: Run) -> bool:
    """Everything the other way round gives the same."""
    other = run.case.decide(run.rules, run.facts, backwards=True)
    return (other.result, other.until, other.opens) == (
        run.outcome.result,
        run.outcome.until,
        run.outcome.opens,
    )


def i17(run: Run) -> bool:
    """No consent by P, nor by a parent of somebody who turned 18."""
    clause = run.clause if run.released else None
    if clause is None or ("consent",) not in clause.when or run.case.person == FAMILY:
        return True
    given = run.ask("consent", S, options=CONSENT)
    return given != "by P" and not (given == "by a parent" and run.scene().kind(S) == "grown")


CHECKS: Final[dict[str, Callable[[Run], bool]]] = {
    "I01": i01,
    "I02": i02,
    "I06": i06,
    "I07": i07,
    "I08": i08,
    "I09": i09,
    "I10": i10,
    "I11": i11,
    "I12": i12,
    "I13": i13,
    "I16": i16,
    "I17": i17,
}
"""Invariant → its check on one clause."""
