"""A referral's life in days: when it is answered, allocated, started and ended, as its way wants it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final

from simulation.county.figures import COUNTED_ON, LAST_DAY
from simulation.county.people import Referral

DAY: Final = timedelta(days=1)
WEEK: Final = 7 * DAY
LATEST_END: Final = COUNTED_ON - 14 * DAY
SUPPORTED: Final = frozenset({"open", "completed", "ended"})


@dataclass(frozen=True, slots=True)
class Life:
    """`answered`: accepted, or what else became of it; `started` and `ended` where there was support."""

    referral: Referral
    answered: date
    allocated: date | None = None
    started: date | None = None
    ended: date | None = None

    @property
    def is_supported(self) -> bool:
        """Whether support came of it."""
        return self.started is not None

    def runs(self, day: date) -> bool:
        """Whether support was under way on that day."""
        return self.started is not None and self.started <= day and (self.ended is None or day < self.ended)

    def months(self) -> Iterator[date]:
        """A day in each month of support after its start."""
        if self.started is None:
            return
        day, last = self.started + 3 * WEEK, (self.ended or LAST_DAY) - WEEK
        while day < last:
            yield day
            day += 30 * DAY


def live(referral: Referral, rng: Random) -> Life:
    """The life of a referral."""
    if referral.how not in SUPPORTED:
        return Life(referral, referral.requested + DAY * rng.randrange(14, 45))
    answered = referral.requested + DAY * rng.randrange(7, 13)
    allocated = answered + DAY * rng.randrange(5, 12)
    started = allocated + DAY * rng.randrange(5, 14)
    return Life(referral, answered, allocated, started, _ended(referral, started, rng))


def _ended(referral: Referral, started: date, rng: Random) -> date | None:
    if referral.how == "open":
        return None
    closed = referral.family.closed
    latest = LATEST_END if closed is None else closed - 21 * DAY
    return min(latest, started + DAY * rng.randrange(75, 190))
