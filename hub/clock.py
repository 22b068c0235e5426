"""Time as the hub sees it: whole microseconds since 1970-01-01T00:00:00Z.

The hub's clock gives recorded, release, timer and log time. Tokens, leases and timeouts use the machine's own
(`SystemClock`, or `time.monotonic`). In a sandbox the hub's clock runs from a chosen start at a chosen speed;
every process computes it from the same three numbers and the machine's clock, so all agree without talking.
"""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

Micros = int
"""Microseconds since the epoch, UTC."""

SECOND: Micros = 1_000_000
MINUTE: Micros = 60 * SECOND
HOUR: Micros = 60 * MINUTE
DAY: Micros = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", flags=re.ASCII
)


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> Micros:
        """The present, in microseconds since the epoch."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> Micros:
        """The machine's time."""
        return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class SandboxClock:
    """A clock that stood at `start` when the machine's stood at `anchor`; `speed` times as fast since."""

    start: Micros
    speed: float
    anchor: Micros

    def now(self) -> Micros:
        """The sandbox's time; before the anchor it stands at the start."""
        elapsed = max(0, time.time_ns() // 1000 - self.anchor)
        return self.start + int(elapsed * self.speed)


@dataclass(slots=True)
class Stamps:
    """The times that one process gives out: each later than the one before, though the clock says the same.

    What is published in one batch, or while a sandbox's clock stands still, keeps its order by them. A clock that was
    set back is followed: other processes follow it too.
    """

    last: Micros = -1

    def next(self, now: Micros) -> Micros:
        """The present, or just after what was given last."""
        self.last = max(now, self.last + 1) if self.last - now < MINUTE else now
        return self.last


@dataclass(slots=True)
class FakeClock:
    """A clock held in the hand: it moves when told, and never back."""

    at: Micros = 1_735_689_600 * SECOND

    def now(self) -> Micros:
        """Where it was put."""
        return self.at

    def advance(self, by: Micros) -> Micros:
        """Move on by `by` (0 or more) and return the new time."""
        if by < 0:
            raise ValueError("expected to move forward")
        self.at += by
        return self.at


def parse_micros(text: str) -> Micros:
    """Read an RFC 3339 date-time; what is finer than a microsecond is cut, 23:59:60 is 00:00:00.

    Raises `ValueError`, which does not quote the text.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError("expected a time such as 2026-01-31T09:30:00Z")
    date, clock, fraction, zone = match.groups()
    leap = clock.endswith(":60")
    if leap:
        clock = clock[:-2] + "59"
    offset = "+00:00" if zone in "Zz" else zone
    try:
        moment = datetime.fromisoformat(f"{date}T{clock}{offset}")
        whole = (moment - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError) as error:
        raise ValueError("expected a time that exists, such as 2026-01-31T09:30:00Z") from error
    if leap:
        return whole + SECOND
    return whole + int((fraction or "")[:6].ljust(6, "0"))


def format_micros(at: Micros) -> str:
    """Write RFC 3339 in UTC with six digits of fraction, so that text order is time order."""
    return (_EPOCH + timedelta(microseconds=at)).isoformat(timespec="microseconds")[:-6] + "Z"
