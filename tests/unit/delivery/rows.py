"""Delivery rows made by hand."""

from dataclasses import replace
from typing import Any

from hub.attempts.judge import World
from hub.attempts.row import Now, Row

RULES = "rules-1"
NOW = Now(hub=1_000, mono=5_000)

PLAIN = Row(
    delivery_id="d0",
    seq=1,
    desk="s2w/sft",
    family_id="f1",
    type="wraparound.hub.agency_resumed.v1",
    status="pending",
    persons=(),
    counts=(),
    rules=RULES,
    valid_until=None,
    urgent=False,
    recorded_at=0,
    body=b"",
    tries=0,
    next_mono=0,
    released_at=None,
    place=None,
    since_mono=None,
    version="1",
)


def line(*changes: dict[str, Any]) -> list[Row]:
    """Rows in the order of a line, each with these changes."""
    rows = []
    for seq, change in enumerate(changes, 1):
        fields: dict[str, Any] = {"delivery_id": f"d{seq}", "seq": seq} | change
        rows.append(replace(PLAIN, **fields))
    return rows


def world(*, parked: set[str] | None = None, rules: str = RULES, **raises: int) -> World:
    """What is met; persons by name with their raises."""
    return World(raises, frozenset(parked or ()), rules, NOW)
