"""A delivery as an attempt sees it. Pure."""

from dataclasses import dataclass
from typing import Final

from hub.clock import SECOND, Micros

LIFE: Final[Micros] = 5 * SECOND
"""How long an attempt may last: nothing is written later; what is not marked by then counts as released."""


@dataclass(frozen=True, slots=True)
class Row:
    """One delivery.

    `persons` and `counts` are what its decision rests on; `since_mono` is when an attempt last took it, or had it
    decided again; `version` changes with every update.
    """

    delivery_id: str
    seq: int
    desk: str
    family_id: str
    type: str
    status: str
    persons: tuple[str, ...]
    counts: tuple[int, ...]
    rules: str
    valid_until: Micros | None
    urgent: bool
    recorded_at: Micros
    body: bytes | None
    tries: int
    next_mono: Micros
    released_at: Micros | None
    place: int | None
    since_mono: Micros | None
    version: str


@dataclass(frozen=True, slots=True)
class Now:
    """The hub's time, which rules look at, and the machine's, which leases and back-off look at."""

    hub: Micros
    mono: Micros


def agency(desk: str) -> str:
    """The agency of a desk."""
    return desk.partition("/")[0]
