"""A connection that owns things: advisory locks and transactions on one session, so that both end together.

Whoever loses the connection loses what it owned in the same moment, and cannot write as its owner any more.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import psycopg
from psycopg import errors

from hub.attempts.begin import ContendedError
from hub.clock import SECOND, SystemClock
from hub.database import GONE, PLANS, Connection, DatabaseAwayError
from hub.errors import PeerError
from hub.telemetry.metrics import count, put
from hub.telemetry.steps import step as under_way

log = logging.getLogger("wraparound.session")

LOCK_MS: Final = 200
"""Longest wait for a row or guard that somebody else holds; then everything is rolled back and begun anew."""
PATIENT_MS: Final = 900
"""The same where guards are not held meanwhile. Below the second after which PostgreSQL ends a deadlock by
ending one of the two: it is always the relay that gives way.
"""

_OPTIONS: Final = (
    f"{PLANS} -c lock_timeout={LOCK_MS} -c statement_timeout=30000"
    " -c idle_in_transaction_session_timeout=10000"
)
_CONTENTION: Final = (errors.LockNotAvailable, errors.DeadlockDetected, errors.SerializationFailure)


class Session:
    """One connection to PostgreSQL, made when it is needed; `lost` is called when it goes."""

    def __init__(self, dsn: str, name: str, lost: Callable[[], None]) -> None:
        self._dsn = dsn
        self._name = name
        self._lost = lost
        self._conn: Connection | None = None

    async def connect(self) -> Connection:
        """The connection. Raises `DatabaseAwayError`."""
        if self._conn is not None:
            return self._conn
        try:
            self._conn = await psycopg.AsyncConnection.connect(
                self._dsn,
                autocommit=True,
                application_name=self._name,
                connect_timeout=5,
                prepare_threshold=1,
                options=_OPTIONS,
                tcp_user_timeout=10_000,
            )
        except (psycopg.OperationalError, OSError) as error:
            raise DatabaseAwayError(f"PostgreSQL is away: {type(error).__name__}") from error
        return self._conn

    async def close(self) -> None:
        """Let go of the connection and of all that it owned."""
        conn, self._conn = self._conn, None
        if conn is not None:
            await conn.close()
            self._lost()

    @asynccontextmanager
    async def transaction(self, *, patient: bool = False) -> AsyncIterator[Connection]:
        """A transaction; `patient` waits longer for a row. Only where no guard is held.

        Raises `ContendedError` (begin anew) and `DatabaseAwayError` (everything owned is lost).
        """
        async with self.statements() as conn, conn.transaction():
            if patient:
                await conn.execute(f"SET LOCAL lock_timeout = {PATIENT_MS}")
            yield conn

    @asynccontextmanager
    async def statements(self) -> AsyncIterator[Connection]:
        """The connection for statements that each commit by themselves. Raises as `transaction`."""
        conn = await self.connect()
        try:
            yield conn
        except _CONTENTION as error:
            raise ContendedError(type(error).__name__) from error
        except (*GONE, psycopg.InterfaceError, OSError) as error:
            await self.close()
            raise DatabaseAwayError(f"PostgreSQL is away: {type(error).__name__}") from error
        except asyncio.CancelledError:
            # A statement may be under way: the connection is in no known state.
            await self.close()
            raise

    async def try_locks(self, family: int, names: Sequence[str]) -> list[str]:
        """Those of the names that this session now owns, until it ends. Not for what it owns already."""
        if not names:
            return []
        async with self.transaction() as conn:
            cursor = await conn.execute(
                "SELECT name FROM unnest(%s::text[]) AS name WHERE pg_try_advisory_lock(%s, hashtext(name))",
                (list(names), family),
            )
            return [row[0] for row in await cursor.fetchall()]


WAITS: Final[set[str]] = set()
"""The loops of this process that wait for a server."""


async def keep_going(name: str, step: Callable[[], Awaitable[float]], stopping: asyncio.Event) -> None:
    """Repeat `step`, which says how long to rest (seconds); wait with back-off while a server is away.

    Logs one line when that begins and one when it is over.
    """
    loop, pause = name.rpartition("-")[0] or name, 0.0
    while not stopping.is_set():
        try:
            with under_way(loop):
                rest = await step()
        except ContendedError:
            rest = 0.005
        except PeerError as error:
            count("peer_errors_total", process=loop)
            WAITS.add(loop)
            if not pause:
                log.warning("%s: %s; waiting", name, error)
            pause = rest = min(max(0.05, pause * 2), 2.0)
        else:
            if pause:
                log.warning("%s: goes on", name)
            pause = 0.0
            WAITS.discard(loop)
            put("progress_timestamp_seconds", SystemClock().now() / SECOND, loop=loop)
        await pause_for(rest, stopping)


async def pause_for(seconds: float, stopping: asyncio.Event) -> None:
    """Sleep, or less when the stop comes; at 0 give way to others once."""
    if seconds <= 0:
        await asyncio.sleep(0)
        return
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return
