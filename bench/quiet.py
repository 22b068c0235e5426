"""Knows when the hub has done everything, by looks that cost next to nothing: what is measured shares these cores."""

import asyncio
import time
from collections.abc import Callable

from hub.attempts.rows import IN_LINE
from hub.database import Database

PATIENCE = 600.0
EVERY = 0.1

POSITION = "SELECT coalesce(sum(next_offset), 0) FROM position WHERE processor = 'router'"
_LEFT = (
    "SELECT EXISTS (SELECT FROM outbox) OR EXISTS (SELECT FROM audit_pending) OR EXISTS (SELECT FROM undecided)"
    " OR EXISTS"
    f" (SELECT FROM relay_cursor c JOIN delivery d ON d.desk = c.desk AND d.seq >= c.low AND {IN_LINE})"
)
_BEHIND = (
    "SELECT (SELECT count(*) FROM event WHERE topic IN ('events', 'people'))"
    " - (SELECT sum(next_offset) FROM position)"
)


async def scalar(database: Database, statement: str) -> int:
    """One number."""
    async with database.transaction() as conn:
        row = await (await conn.execute(statement)).fetchone()
    assert row is not None
    return int(row[0])


async def until_quiet(database: Database, position: int, alive: Callable[[], object]) -> float:
    """Wait until the router's positions add up to this, and everything that followed is delivered and sealed.

    Gives the time (monotonic) of the first look that found it so; `alive` raises where a process has ended.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        looked = time.monotonic()
        if await _is_quiet(database, position):
            return looked
        alive()
        await asyncio.sleep(EVERY)
    raise SystemExit(
        f"not quiet in {PATIENCE:.0f} s: router at {await scalar(database, POSITION)} of {position}"
    )


async def _is_quiet(database: Database, position: int) -> bool:
    """The looks in the order of what they cost; once more at the end, since one part may hand on to another."""
    if await scalar(database, POSITION) < position or await scalar(database, _LEFT):
        return False
    return await scalar(database, _BEHIND) <= 0 and not await scalar(database, _LEFT)
