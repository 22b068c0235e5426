"""What the oracle is given: the rules, a log, what nobody can read of it, and the instant of release."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from services.consent.agreement import RuleSet

Micros = int
SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
NOBODY = ""
"""The person of what is about the family as a whole."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, eq=False)
class Said:
    """One event of the log. `body` is as its schema has it, with the hub's references."""

    id: str
    kind: str
    source: str
    recorded: Micros
    receipt: str
    body: Mapping[str, Any]

    @property
    def when(self) -> tuple[Micros, str]:
        """Its place among what was accepted: by its time, then by its receipt."""
        return self.recorded, self.receipt

    def who(self, name: str = "person") -> str | None:
        """The person whom a reference names."""
        return who(self.body.get(name))

    def rows(self, name: str) -> list[Mapping[str, Any]]:
        """The rows of a list."""
        return list(self.body.get(name) or [])

    @property
    def occurred(self) -> Micros:
        """When it happened: as said, but never after it was recorded."""
        said = instant(self.body.get("occurred_at"))
        return self.recorded if said is None else min(said, self.recorded)


@dataclass(frozen=True, eq=False)
class World:
    """A family's log and the instant `at` (u of rule 4.9) at which something is to be released.

    `asked` is the id of the event that is decided; `unread` are the facts that cannot be read, by the names that
    the functions here give them; `strangers` the members whose own logs have not answered.
    """

    rules: RuleSet
    log: tuple[Said, ...]
    at: Micros
    asked: str
    suspended: frozenset[str] = frozenset()
    probable: frozenset[str] = frozenset()
    unread: frozenset[tuple[str, ...]] = frozenset()
    strangers: frozenset[str] = frozenset()
    memory: dict[Any, Any] = field(default_factory=dict)

    def said(self, *kinds: str) -> Iterator[Said]:
        """The events of these kinds, in the log's order."""
        return (each for each in self.log if each.kind in kinds)


P = ParamSpec("P")
R = TypeVar("R")


def remembered(function: Callable[P, R]) -> Callable[P, R]:
    """Asked twice of the same world, it is worked out once: for speed alone."""

    @wraps(function)
    def answer(*args: P.args, **kwargs: P.kwargs) -> R:
        memory: dict[Any, R] = args[0].memory  # type: ignore[attr-defined]  # each is asked of a world
        key = (function, args[1:])
        if key not in memory:
            memory[key] = function(*args, **kwargs)
        return memory[key]

    return answer


def who(reference: object) -> str | None:
    """The hub's id in a reference."""
    return reference.get("value") if isinstance(reference, Mapping) else None


def instant(value: object) -> Micros | None:
    """An instant as microseconds."""
    if isinstance(value, datetime):
        return (value.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)
    return value if isinstance(value, int) else None


def day(value: object) -> date | None:
    """A date."""
    if isinstance(value, int):
        return _EPOCH.date() + timedelta(days=value)
    return value if isinstance(value, date) else None


def start_of(value: date) -> Micros:
    """The first instant of a day."""
    return (datetime(value.year, value.month, value.day, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)


def birthday(born: date, years: int) -> Micros:
    """The first instant at which somebody is so many years old; born on 29 February: on 28 February."""
    try:
        return start_of(born.replace(year=born.year + years))
    except ValueError:
        return start_of(born.replace(year=born.year + years, day=28))


def months_later(at: Micros, months: int) -> Micros:
    """The same day and time so many months later, or the last day of a shorter month."""
    then = _EPOCH + timedelta(microseconds=at)
    count = then.year * 12 + then.month - 1 + months
    for last in range(then.day, 0, -1):
        try:
            later = then.replace(year=count // 12, month=count % 12 + 1, day=last)
        except ValueError:
            continue
        return (later - _EPOCH) // timedelta(microseconds=1)
    raise AssertionError(at)


def covers(start: Micros, end: Micros | None, at: Micros) -> bool:
    """All periods are [start, end)."""
    return start <= at and (end is None or at < end)


def agency_of(desk: str) -> str:
    """The agency of a desk."""
    return desk.split("/", 1)[0]


def means(word: str, category: str) -> bool:
    """A bare prefix (contact) means all under it."""
    return category == word or category.startswith(word + ".")
