"""What this process is in the middle of, and for how long: a server that hangs raises no error, it answers nothing.

Each loop says when a step begins and ends. A step takes milliseconds, or a few seconds where a server is away and the
driver says so; one that takes longer hangs, and the process is not ready until it ends.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

LONGEST: Final = 15.0
"""Seconds. Above every timeout of ours on one statement's way to a server that is away."""

_BEGAN: Final[dict[str, float]] = {}


@contextmanager
def step(loop: str) -> Iterator[None]:
    """The loop of this name is at work while the body runs."""
    _BEGAN[loop] = time.monotonic()
    try:
        yield
    finally:
        _BEGAN.pop(loop, None)


def hanging(now: float | None = None) -> str | None:
    """The loops whose step takes too long, as a reason; None: none does. `now`: seconds of the monotonic clock."""
    at = time.monotonic() if now is None else now
    found = sorted(loop for loop, began in _BEGAN.items() if at - began > LONGEST)
    return f"hangs: {', '.join(found)}" if found else None
