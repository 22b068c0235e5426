"""Proves the invariants of a rule set: every combination of facts, by the engine's own code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from services.consent.compiled import CompiledRules
from services.consent.proof import clauses, denials, whole
from services.consent.proof.cases import ClauseCase, ForbidCase, clause_cases, forbid_cases
from services.consent.proof.explore import Facts, explore
from services.consent.proof.found import Tally

Part = Callable[[CompiledRules, Tally], None]


def parts(rules: CompiledRules) -> Iterator[Part]:
    """The proof in pieces that need nothing of each other, the larger first."""
    for clause in clause_cases(rules):
        yield clause_part(clause, clauses.CHECKS)
    for case in forbid_cases(rules):
        yield forbid_part(case, denials.CHECKS)
    yield from whole.parts(rules)


def prove(rules: CompiledRules) -> Tally:
    """All of it, in this process."""
    tally = Tally()
    for part in parts(rules):
        part(rules, tally)
    return tally


def share(rules: CompiledRules, every: Sequence[Part], index: int, of: int) -> Tally:
    """One of several equal shares of all parts; together they are the proof."""
    tally = Tally()
    for part in every[index::of]:
        part(rules, tally)
    return tally


def clause_part(case: ClauseCase, checks: Mapping[str, Callable[[clauses.Run], bool]]) -> Part:
    """Some invariants on one clause at work."""

    def part(rules: CompiledRules, tally: Tally) -> None:
        for name, check in checks.items():
            for facts, holds in explore(_checking(rules, case, check)):
                tally.add(name, facts, case, holds=holds)

    return part


def _checking(
    rules: CompiledRules, case: ClauseCase, check: Callable[[clauses.Run], bool]
) -> Callable[..., bool]:
    return lambda facts: check(clauses.Run(rules, case, facts, case.decide(rules, facts)))


def forbid_part(case: ForbidCase, checks: Mapping[str, Callable[[denials.Denial], bool]]) -> Part:
    """Some invariants on the forbids at work."""

    def part(rules: CompiledRules, tally: Tally) -> None:
        for name, check in checks.items():
            for facts, holds in explore(_denying(rules, case, check)):
                tally.add(name, facts, case, holds=holds)

    return part


def _denying(
    rules: CompiledRules, case: ForbidCase, check: Callable[[denials.Denial], bool]
) -> Callable[..., bool]:
    def run(facts: Facts) -> bool:
        clause, lifted = case.decide(rules, facts)
        return check(denials.Denial(rules, case, facts, clause is not None, lifted))

    return run
