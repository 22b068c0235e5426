"""What the gateway does by itself: a task for what has waited a minute, and forgetting tokens that have expired."""

import asyncio
import logging
from typing import Final

from hub.clock import SECOND, Micros, SystemClock
from hub.database import Connection
from hub.errors import PeerError
from hub.ids import derive
from services.consent.event import kind_of
from services.gateway import tasks
from services.gateway.parts import Parts

log = logging.getLogger("wraparound.gateway")

EVERY_SECONDS: Final = 5.0
WAITED: Final = 60 * SECOND
AT_ONCE: Final = 500
_OVERDUE: Final = """
SELECT w.receipt_id::text, w.desk, w.type, w.reason FROM waiting w
WHERE w.reason = 'unidentified' AND w.accepted_mono <= %s
  AND NOT EXISTS (SELECT FROM task t WHERE t.key = w.receipt_id::text AND t.kind = 'unidentified' AND t.done_at IS NULL)
ORDER BY w.seq LIMIT %s
"""


async def open_overdue(conn: Connection, parts: Parts, mono: Micros) -> int:
    """Open a task for each event that has waited a minute and has none. Gives how many.

    Which family an event names is in its sealed body; the desk that decides is found without opening it.
    """
    found = await conn.execute(_OVERDUE, (mono - WAITED, AT_ONCE))
    rows = await found.fetchall()
    now = parts.clock.now()
    for receipt, desk, type_, reason in rows:
        await tasks.open_task(
            conn,
            task_id=derive(parts.secret, "task", "unidentified", receipt),
            kind="unidentified",
            key=receipt,
            owned_by=await tasks.owner(conn, parts.partnership, parts.partnership.desk(desk), []),
            at=now,
            due_at=tasks.due(kind_of(type_), now),
            reason=reason,
            detail={"desk": desk, "type": type_},
        )
    return len(rows)


async def forget_tokens(conn: Connection, mono: Micros) -> None:
    """Drop the ids of tokens that have expired: they are refused for that from now on."""
    await conn.execute("DELETE FROM token_use WHERE expires_mono < %s", (mono - 60 * SECOND,))


async def run(parts: Parts, stopping: asyncio.Event) -> None:
    """Do both every few seconds until told to stop; a database that is away is waited for."""
    clock = SystemClock()
    while not stopping.is_set():
        try:
            async with parts.database.transaction() as conn:
                await open_overdue(conn, parts, clock.now())
                await forget_tokens(conn, clock.now())
        except PeerError as error:
            log.warning("timers: %s", error)
        try:
            await asyncio.wait_for(stopping.wait(), EVERY_SECONDS)
        except TimeoutError:
            continue
