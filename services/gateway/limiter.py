"""Requests a second per agency: a token bucket each, in this process's memory (partnership `limits.yaml`).

Sustained `requests_per_second`, `requests_burst` at once. A batch counts as one request. Several gateways limit each
for itself.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from services.gateway.problems import LIMITED, ProblemError


@dataclass(slots=True)
class _Bucket:
    """What an agency may still send at once, as of an instant."""

    left: float
    at: float


class Limiter:
    """Counts the requests of agencies; `now` gives seconds that only grow."""

    def __init__(self, rate: int, burst: int, now: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._now = now
        self._buckets: dict[str, _Bucket] = {}

    def take(self, agency: str) -> None:
        """Count one request. Raises `ProblemError` (429), which says in how many seconds there is room."""
        now = self._now()
        bucket = self._buckets.setdefault(agency, _Bucket(self._burst, now))
        bucket.left = min(self._burst, bucket.left + (now - bucket.at) * self._rate)
        bucket.at = now
        if bucket.left < 1:
            raise ProblemError(LIMITED, retry=math.ceil((1 - bucket.left) / self._rate))
        bucket.left -= 1
