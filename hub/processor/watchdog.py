"""A processor that stands still although there is work is ended, so that it is started again.

Consumers are known to stop silently. The end of the log is asked of the broker by itself, not of what was fetched: a
consumer that has stopped believes that it is at the end. Not standing still: waiting for a server that is away, for
the retry loop says so itself.
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Final, Protocol

from hub.clock import SECOND, SystemClock
from hub.errors import HubError, PeerError
from hub.telemetry.metrics import put

log = logging.getLogger("wraparound.watchdog")

EVERY_SECONDS: Final = 5.0
STUCK_SECONDS: Final = 120.0


class NoProgressError(HubError):
    """There is work, the servers answer, and nothing moves."""


@dataclass(frozen=True, slots=True)
class Sight:
    """One look: the positions, the records behind them, and the age of the oldest."""

    at: float
    positions: tuple[tuple[int, int], ...]
    records: int
    seconds: float


def stuck_since(before: float | None, last: Sight | None, now: Sight, *, waits: bool) -> float | None:
    """Since when nothing has moved although there is work; None: it moves, is done, or waits for a server."""
    if waits or not now.records or last is None or last.positions != now.positions:
        return None
    return last.at if before is None else before


class Watched(Protocol):
    """What is watched: a processor's feed, and whether its loop waits for a server."""

    async def sight(self) -> Sight:
        """One look. Raises `PeerError`."""

    @property
    def waits(self) -> bool:
        """Whether a server is being waited for."""


async def watch(
    watched: Watched, *, processor: str, topic: str, stuck_seconds: float = STUCK_SECONDS
) -> None:
    """Look every few seconds and tell the metrics. Raises `NoProgressError`."""
    last: Sight | None = None
    since: float | None = None
    while True:
        try:
            now = await watched.sight()
        except PeerError:
            last = since = None
        else:
            put("lag_records", now.records, processor=processor, topic=topic)
            put("lag_seconds", now.seconds, processor=processor, topic=topic)
            put(
                "lag_measured_timestamp_seconds",
                SystemClock().now() / SECOND,
                processor=processor,
                topic=topic,
            )
            since = stuck_since(since, last, now, waits=watched.waits)
            last = now
            if since is None:
                put("progress_timestamp_seconds", SystemClock().now() / SECOND, loop=processor)
            elif now.at - since >= stuck_seconds:
                log.critical(
                    "%s has not moved for %.0f s with %d records behind it",
                    processor,
                    now.at - since,
                    now.records,
                )
                raise NoProgressError(f"{processor} stands still with {now.records} records behind it")
        await asyncio.sleep(EVERY_SECONDS)
