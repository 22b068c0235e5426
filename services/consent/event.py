"""An event as the sharing rules read it: who published what and when, and its body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from services.consent.agreement import Micros

HUB: Final = "hub"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = 86_400_000_000


@dataclass(frozen=True, slots=True)
class PlainEvent:
    """One event of a log.

    `kind` is the type without its frame (`referral.requested`). `source` is the desk that published it
    (`hub` for a derived one). `data` is the body: references are `{scheme: "hub", value: id}`, instants are
    microseconds or datetimes, dates are days since the epoch or dates.
    """

    id: str
    kind: str
    source: str
    family: str
    recorded: Micros
    accepted: Micros
    receipt: str
    data: Mapping[str, object]
    entered: Micros = 0
    """When it came to its log, by the hub's clock: after its acceptance, if it waited."""

    @property
    def known(self) -> Micros:
        """From when its log could know of it: nobody who ended something before meant this."""
        return max(self.accepted, self.entered)

    @property
    def occurred(self) -> Micros:
        """When it happened: as its publisher says, but never after it was accepted, or recorded.

        What waited before the log is recorded later than it was accepted.
        """
        stated, known = instant(self.data.get("occurred_at")), min(self.accepted, self.recorded)
        return known if stated is None else min(stated, known)

    @property
    def corrects(self) -> bool:
        """True if it corrects or retracts an earlier event."""
        return bool(self.data.get("corrects")) or self.retracted

    @property
    def retracted(self) -> bool:
        """True if it says that an earlier event never was."""
        return self.data.get("retracted") is True

    def person(self, field: str = "person") -> str | None:
        """The id that a reference of the body holds, or None."""
        return ref(self.data.get(field))

    def people(self, field: str) -> tuple[str, ...]:
        """The ids that a list of references holds."""
        return tuple(found for each in items(self.data.get(field)) if (found := ref(each)))

    def word(self, field: str) -> str | None:
        """A code or id of the body, or None."""
        return word(self.data.get(field))

    def words(self, field: str) -> tuple[str, ...] | None:
        """A list of codes, or None where the body has none."""
        value = self.data.get(field)
        return None if value is None else tuple(found for each in items(value) if (found := word(each)))

    def rows(self, field: str) -> Iterator[Mapping[str, object]]:
        """The rows of a list of records."""
        return (each for each in items(self.data.get(field)) if isinstance(each, Mapping))


def kind_of(type_: str) -> str:
    """`referral.requested` of `wraparound.referral.requested.v1`."""
    return type_.removeprefix("wraparound.").rsplit(".v", 1)[0]


def ref(value: object) -> str | None:
    """The hub's id in a reference; None for no reference or one that the hub has not resolved."""
    if isinstance(value, Mapping) and value.get("scheme") == HUB:
        return word(value.get("value"))
    return None


def word(value: object) -> str | None:
    """A text that is not empty, or None."""
    return value if isinstance(value, str) and value else None


def items(value: object) -> Sequence[object]:
    """The members of a list; none for what is no list."""
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


def instant(value: object) -> Micros | None:
    """Microseconds since the epoch of an instant, or None."""
    if isinstance(value, datetime):
        since = (value if value.tzinfo else value.replace(tzinfo=UTC)) - _EPOCH
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value


def day(value: object) -> date | None:
    """A date of a body, given as a date or as days since the epoch."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return date.fromordinal(_EPOCH.toordinal() + value)
    return None


def midnight(value: date) -> Micros:
    """The first instant of a day, UTC."""
    return (value.toordinal() - _EPOCH.toordinal()) * _DAY


def add_months(at: Micros, months: int) -> Micros:
    """The same day and time that many calendar months later (the last day of a shorter month)."""
    days, rest = divmod(at, _DAY)
    start = date.fromordinal(_EPOCH.toordinal() + days)
    years, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    last = (date(years + month // 11, (month + 1) % 12 + 1, 1) - date.resolution).day
    return midnight(date(years, month + 1, min(start.day, last))) + rest
