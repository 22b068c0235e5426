"""Agreements, desks and the rule set, as values, and the digest that names a rule set.

`ruleset.py` reads them from the YAML shape of an agreement; `compiled.py` indexes them for decisions.
All times are microseconds since the epoch, UTC; every period is [start, end).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Final

Micros = int
FOREVER: Final[Micros] = 1 << 62


def is_of(desk: str, place: str) -> bool:
    """Whether a desk is a place, or inside it: a team in its agency, a worker behind a wall in their team."""
    return desk == place or desk.startswith(f"{place}/")


class RuleError(Exception):
    """A rule set that cannot be read or may not be used.

    `path` leads from the root to what is wrong, as keys and list positions: a loader can name file and line.
    """

    def __init__(self, path: tuple[str | int, ...], expected: str, came: object) -> None:
        where = ".".join(str(part) for part in path) or "(root)"
        super().__init__(f"{where}: expected {expected}, came {came!r}")
        self.path = path
        self.expected = expected
        self.came = came


@dataclass(frozen=True, slots=True)
class Basis:
    """The lawful basis of a clause: articles of the UK GDPR, DPA 2018 schedules ("1/18"), statutes in words.

    `starts` is set where the law itself has a date: the clause does not exist before it.
    """

    art6: tuple[str, ...] = ()
    art9: tuple[str, ...] = ()
    art10: tuple[str, ...] = ()
    schedule: tuple[str, ...] = ()
    law: tuple[str, ...] = ()
    starts: Micros | None = None


@dataclass(frozen=True, slots=True)
class Clause:
    """One sentence of an agreement.

    A permit lets `categories` about `subjects` go from `sources` (agencies, kinds or desks; None = any)
    to `to` (roles, `role:kind`, agencies, kinds, desks) for `purpose`, when all of `when` are true, each
    of which is a tuple of alternatives. A forbid denies `what` (a built-in set) or `categories` to `to`,
    save `but`.
    """

    id: str
    agreement: str
    effect: str
    sources: frozenset[str] | None
    to: tuple[str, ...]
    but: tuple[str, ...]
    subjects: frozenset[str]
    purpose: str
    words: tuple[str, ...]
    categories: tuple[str, ...]
    what: str | None
    when: tuple[tuple[str, ...], ...]
    basis: Basis
    if_denied: str
    retention: Micros | None
    with_gate: bool


@dataclass(frozen=True, slots=True)
class Agreement:
    """A signed agreement: who signed when, from when to when it is in force, and its clauses."""

    id: str
    version: int
    owner: str
    document: str
    policy_document: str | None
    parties: Mapping[str, Micros]
    start: Micros
    end: Micros
    review: Micros | None
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Agency:
    """A party; a rule that means any such agency names its `kind` (council, police, school, health …)."""

    id: str
    kind: str


@dataclass(frozen=True, slots=True)
class Desk:
    """A recipient: `agency/team`, or `agency/team/worker` inside a wall.

    `side` is `victim` or `perpetrator` where the team's specialism serves one side, else None. `may_lead`:
    it may open a family and lead it; `may_refer`: the partnership lets it refer although it does not lead.
    """

    name: str
    agency: str
    kind: str
    side: str | None = None
    may_lead: bool = False
    may_refer: bool = False


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All agreements of a partnership with its agencies and desks; `digest` names exactly this set."""

    agreements: tuple[Agreement, ...]
    agencies: Mapping[str, Agency]
    desks: Mapping[str, Desk]
    digest: str = field(default="")


def digest_of(
    agreements: tuple[Agreement, ...],
    agencies: Mapping[str, Agency],
    desks: Mapping[str, Desk],
    vocabulary: object,
) -> str:
    """SHA-256 (hex) of a rule set's canonical JSON, whatever the order of its parts."""
    content = {
        "agreements": [_plain(each) for each in sorted(agreements, key=lambda each: (each.id, each.version))],
        "agencies": {key: _plain(agencies[key]) for key in sorted(agencies)},
        "desks": {key: _plain(desks[key]) for key in sorted(desks)},
        "vocabulary": vocabulary,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), default=_json)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Agreement | Agency | Desk) -> dict[str, object]:
    result = _fields(value)
    if isinstance(value, Agreement):
        result["clauses"] = sorted(value.clauses, key=lambda each: each.id)
    return result


def _fields(value: Any) -> dict[str, object]:
    return {each.name: getattr(value, each.name) for each in fields(value)}


def _json(value: object) -> object:
    """What JSON has no form of: the parts of an agreement, and sets."""
    if is_dataclass(value):
        return _fields(value)
    if isinstance(value, (frozenset, set)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is no part of a rule set")
