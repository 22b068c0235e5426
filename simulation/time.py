"""The sandbox's time, as a desk tells it: from the clock's three numbers and the machine's own clock."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta


@dataclass(frozen=True, slots=True)
class SandboxTime:
    """The hub's clock stood at `start` when the machine's stood at `anchor`, and runs `speed` times as fast."""

    start: datetime
    speed: float
    anchor: datetime

    @classmethod
    def parse(cls, text: str) -> "SandboxTime":
        """From `start,speed,anchor`; both times RFC 3339 in UTC. Raises `ValueError`."""
        start, speed, anchor = text.split(",")
        return cls(_instant(start), float(speed), _instant(anchor))

    def at(self, machine: datetime) -> datetime:
        """The hub's time when the machine's clock says `machine`; before the anchor it stands."""
        return self.start + max(timedelta(), machine - self.anchor) * self.speed

    def now(self) -> datetime:
        """The hub's time."""
        return self.at(datetime.now(UTC))

    def seconds_until(self, day: date, machine: datetime) -> float:
        """Machine seconds from `machine` to nine in the morning of that day at the hub; 0 if that is over."""
        morning = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
        due = self.anchor + max(timedelta(), morning - self.start) / self.speed
        return max(0.0, (due - machine).total_seconds())

    async def until(self, day: date) -> None:
        """Wait for that morning."""
        await asyncio.sleep(self.seconds_until(day, datetime.now(UTC)))


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
