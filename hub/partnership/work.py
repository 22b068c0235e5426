"""What a partnership does, as values: working days, specialisms, posts, pathways, indicators.

Dates are calendar days of the partnership's time zone; periods are [start, end).
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hub.clock import SECOND, Micros


@dataclass(frozen=True, slots=True)
class Named:
    """A code and what people call it."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Post:
    """A funded post: full-time equivalents, the cases it can hold at once, and the days that it exists."""

    name: str
    title: str
    fte: float
    cases: int
    start: date
    end: date | None
    counted: bool


@dataclass(frozen=True, slots=True)
class Specialism:
    """What an adult can be referred for: the desk that does it, its posts and the interventions it offers."""

    name: str
    title: str
    agency: str
    desk: str
    since: date
    interventions: tuple[Named, ...]
    posts: tuple[Post, ...]


@dataclass(frozen=True, slots=True)
class Criterion:
    """A question that a referrer answers.

    Another answer than `needed` returns the request with `reason` and `instead`.
    """

    name: str
    question: str
    needed: bool
    reason: str
    instead: str


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of a pathway."""

    name: str
    title: str
    optional: bool


@dataclass(frozen=True, slots=True)
class Pathway:
    """How a referral travels in a specialism.

    Waits and clocks are working days, waits by risk rating (RAG).
    """

    name: str
    title: str
    specialism: str
    localities: tuple[str, ...]
    criteria: tuple[Criterion, ...]
    stages: tuple[Stage, ...]
    target_waits: Mapping[str, int]
    clocks: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Indicator:
    """A figure of the outcomes framework and the event types that it is made of."""

    number: int
    name: str
    title: str
    better: str
    counts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days count where a deadline is in working days; `weekdays` as `date.weekday()`, Monday 0."""

    timezone: str
    weekdays: frozenset[int]
    holidays: frozenset[date]

    def is_working_day(self, day: date) -> bool:
        """True on a working weekday that is no bank holiday."""
        return day.weekday() in self.weekdays and day not in self.holidays

    def after(self, day: date, working_days: int) -> date:
        """The day that many working days later; a start on a day off counts from the next working day."""
        while not self.is_working_day(day):
            day += timedelta(days=1)
        for _ in range(working_days):
            day += timedelta(days=1)
            while not self.is_working_day(day):
                day += timedelta(days=1)
        return day

    def deadline(self, at: Micros, working_days: int) -> Micros:
        """The end of the day that many working days after an instant: where the next day begins."""
        return self._end(self.after(self.day(at), working_days))

    def a_month_after(self, at: Micros) -> Micros:
        """The end of the same day of the next month, else of its last; on a day off, of the next working day.

        As the time for answering a person's request counts (UK GDPR, Article 12(3)).
        """
        day = self.day(at)
        year, month = (day.year + day.month // 12, day.month % 12 + 1)
        last = monthrange(year, month)[1]
        return self._end(self.after(date(year, month, min(day.day, last)), 0))

    def day(self, at: Micros) -> date:
        """The day that it is then, where the partnership is."""
        return datetime.fromtimestamp(at / SECOND, UTC).astimezone(ZoneInfo(self.timezone)).date()

    def _end(self, day: date) -> Micros:
        over = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(self.timezone))
        return int(over.timestamp()) * SECOND
