"""What collects a person's facts while their registers are read, and how registers name what they are about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.consent.agreement import Micros
from services.consent.person import PersonFacts, Plain, Span


class Reader:
    """Collects what registers say."""

    def __init__(self, registers: Plain) -> None:
        self.registers = registers
        self.found: dict[str, Any] = {}
        self.spans: list[Span] = []
        self.edges: set[Micros] = set()

    def value(self, key: str) -> Mapping[str, Any]:
        """What a register says; nothing where there is none, or none to be read."""
        register = self.registers.get(key)
        return register[2] if register is not None and isinstance(register[2], dict) else {}

    def map(self, name: str) -> dict[Any, Any]:
        """A mapping of the facts, to be added to."""
        found: dict[Any, Any] = self.found.setdefault(name, {})
        return found

    def add(self, name: str, value: object) -> None:
        """One more of a list of the facts."""
        self.found[name] = (*self.found.get(name, ()), value)

    def result(self, known: bool) -> PersonFacts:
        """The facts, with every instant at which they change."""
        spans = tuple(self.spans)
        for span in spans:
            self.edges.add(span.start)
            if span.end is not None:
                self.edges.add(span.end)
        for cell, every in self.map("givings").items():
            self.found["givings"][cell] = tuple(sorted(every, key=lambda each: (each[0], each[1])))
        return PersonFacts(
            registers=self.registers, known=known, spans=spans, edges=tuple(sorted(self.edges)), **self.found
        )


def desks_of(registers: Plain, word: str, name: str) -> set[str]:
    """The desks that stated a restriction or an objection of this id: each desk gives its own ids."""
    parts = (key.split("|", 2) for key in registers if key.startswith(f"{word}|"))
    return {source for _, source, *rest in parts if rest and before(rest[0]) == name}


def before(rest: str) -> str:
    """The id before a receipt. It is a desk's own, and may hold any character."""
    return rest.rpartition("|")[0]
