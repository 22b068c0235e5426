"""Every combination of facts, asked for one by one: a run asks, and is repeated until all answers were given.

A fact that a run never asks for cannot change its result: what was not asked need not be enumerated. So the runs of
`explore` are complete, however many facts there are.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, Final

Atom = tuple[Hashable, ...]
"""The name of a fact, such as `("told", "S")`."""
_MISSING: Final[Any] = object()


class Facts:
    """The facts of one run. The first option of a fact is the ordinary one: nothing recorded."""

    __slots__ = ("_script", "given", "trail", "values")

    def __init__(self, script: tuple[int, ...] = (), given: Mapping[Atom, Any] | None = None) -> None:
        self._script = script
        self.given: Mapping[Atom, Any] = given or {}
        self.values: dict[Atom, Any] = dict(self.given)
        self.trail: list[tuple[Atom, int, tuple[Any, ...]]] = []

    def ask(self, atom: Atom, options: tuple[Any, ...]) -> Any:
        """The value of a fact in this run; the same whenever it is asked for."""
        found = self.values.get(atom, _MISSING)
        if found is _MISSING:
            place = len(self.trail)
            index = self._script[place] if place < len(self._script) else 0
            found = self.values[atom] = options[index]
            self.trail.append((atom, index, options))
        return found

    def weight(self) -> int:
        """How many facts are out of the ordinary."""
        return sum(1 for _, index, _ in self.trail if index)

    def told(self) -> dict[Atom, Any]:
        """The facts that are out of the ordinary."""
        return {atom: options[index] for atom, index, options in self.trail if index}

    def having(self, atom: Atom, value: Any) -> dict[Atom, Any]:
        """All facts of this run with one of them changed, as the given facts of others."""
        return {**self.values, atom: value}


def explore(
    run: Callable[[Facts], Any], given: Mapping[Atom, Any] | None = None
) -> Iterator[tuple[Facts, Any]]:
    """Run with every combination of answers; yields the facts and the result of each run."""
    script: tuple[int, ...] | None = ()
    while script is not None:
        facts = Facts(script, given)
        result = run(facts)
        yield facts, result
        script = _next(facts)


def _next(facts: Facts) -> tuple[int, ...] | None:
    trail = facts.trail
    for place in range(len(trail) - 1, -1, -1):
        _, index, options = trail[place]
        if index + 1 < len(options):
            return (*(each[1] for each in trail[:place]), index + 1)
    return None
