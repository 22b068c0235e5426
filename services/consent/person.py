"""One person's facts, as the rules ask for them: roles as periods, pairs, objections, what was told.

Three-valued where a permit or a forbid asks: True, False, None (unknown). No record is False, an unreadable
one None. `read_person.py` reads them from registers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, NamedTuple

from services.consent.agreement import Micros
from services.consent.giving import Act, Responsible
from services.consent.shields import Override, Shield

Tri = bool | None
Plain = Mapping[str, Any]
"""Registers in their JSON form: key → [at, by, value]."""

Stamp = tuple[int, str]
NEVER: Final[Stamp] = (-1, "")

UNKNOWN: Final = "unknown"
"""The side of a person about whom something unreadable was stated."""


class Span(NamedTuple):
    """A role that a desk holds for this person in [start, end); `ended_by`: the event that ended it.

    `perhaps`: it is held for somebody who may be this person. It sets its desk against others, and permits nothing.
    """

    role: str
    desk: str
    cause: str
    start: Micros
    end: Micros | None
    ended_by: str | None
    perhaps: bool = False


class Bond(NamedTuple):
    """What was said of two people being one: the stamps of the last word for it, by two people, and against it."""

    said: Stamp = NEVER
    confirmed: Stamp = NEVER
    ended: Stamp = NEVER

    @property
    def holds(self) -> bool:
        """Whether they are one, or may be."""
        return max(self.said, self.confirmed) > self.ended

    @property
    def is_sure(self) -> bool:
        """Whether two people have said so, and nobody has undone it."""
        return self.confirmed > self.ended


class Objection(NamedTuple):
    """An objection's scope (None: everything) and whether it stands: True, or None if unreadable.

    `at` and `receipt` are of its raising; `pending`: nobody has decided it.
    """

    purposes: frozenset[str] | None
    categories: frozenset[str] | None
    desks: frozenset[str] | None
    stands: Tri
    at: int = 0
    receipt: str = ""
    pending: bool = False


class Refusal(NamedTuple):
    """A refusal or withdrawal of a cell (`*`: any), with its stamp, or for `refused` when it occurred."""

    purpose: str
    category: str
    desk: str
    at: int
    by: str
    act: str


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """What the rules may ask of a person."""

    registers: Plain
    known: bool
    givings: Mapping[tuple[str, ...], tuple[list[Any], ...]] = field(default_factory=dict)
    """Purpose, category and desk → the registers of every giving, the last one last."""
    spans: tuple[Span, ...] = ()
    victims: Mapping[str, Tri] = field(default_factory=dict)
    perpetrators: Mapping[str, Tri] = field(default_factory=dict)
    since: Mapping[str, Micros] = field(default_factory=dict)
    owners: set[str] = field(default_factory=set)
    """The agencies that first recorded this person's pairs as a victim: theirs is the word to lift the shield."""
    exposed: Mapping[str, Tri] = field(default_factory=dict)
    side: str | None = None
    needs: tuple[tuple[str, Tri, Micros], ...] = ()
    side_since: Micros = 0
    told: Tri = False
    died: bool = False
    confirmed: bool = True
    nobody: bool = False
    """A stand-in for an id that turned out to be somebody else's: nothing about it is ever shown."""
    household: str | None = None
    capacity: tuple[tuple[int, str, Tri], ...] = ()
    competence: tuple[tuple[int, str, Tri], ...] = ()
    responsible: Mapping[str, Responsible] = field(default_factory=dict)
    representatives: Mapping[str, Responsible] = field(default_factory=dict)
    acts: tuple[Act, ...] = ()
    objections: tuple[Objection, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    refused: tuple[Refusal, ...] = ()
    shields: tuple[Shield, ...] = ()
    overrides: tuple[Override, ...] = ()
    edges: tuple[Micros, ...] = ()
    same: Mapping[str, Bond] = field(default_factory=dict)
    """Who was ever said to be one with them."""
    selves: frozenset[str] = frozenset()
    """Who is one with them for certain: the acts of these are theirs."""

    def given(self, cell: tuple[str, ...]) -> tuple[list[Any], ...]:
        """The givings of a cell, the last one last."""
        return self.givings.get(cell, ())

    def differs_in_consent_alone(self, other: PersonFacts) -> bool:
        """Whether what was given, refused and stated by whom is all in which these facts may differ from others."""
        return all(getattr(self, name) == getattr(other, name) for name in _BESIDE_CONSENT)


_OF_CONSENT: Final = frozenset({"registers", "givings", "acts", "refusals", "refused", "edges"})
"""What a consent, a refusal or a withdrawal changes; registers and edges say nothing of their own."""
_BESIDE_CONSENT: Final = tuple(each.name for each in fields(PersonFacts) if each.name not in _OF_CONSENT)
