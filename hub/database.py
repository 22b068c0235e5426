"""The one way to PostgreSQL: a pool and transactions.

SQLAlchemy keeps the pool; statements are SQL text on the driver's own connection (psycopg 3), because the hot
paths need COPY and arrays and the cold ones gain nothing from a second language.

Errors: `DatabaseAwayError` when PostgreSQL cannot be reached, refuses, or goes away in the middle; whatever
was in hand is rolled back, or was committed without our learning of it. Callers repeat from their own record
(position, receipt), never from memory.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import psycopg
from psycopg.errors import IdleInTransactionSessionTimeout
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from hub.errors import PeerError

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

PLANS = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
"""A service's statements find a few rows by an index, and are planned once for all their values.

Left to itself the planner, which knows nothing of a young hub's tables, reads them whole and joins by hashing: what a
statement costs then grows with the log.
"""

GONE = (psycopg.OperationalError, IdleInTransactionSessionTimeout)
"""What the driver raises when the server has gone, or has ended a transaction that stood still too long."""


class DatabaseAwayError(PeerError):
    """PostgreSQL cannot be reached; nothing is lost, try again."""


def sqlalchemy_url(dsn: str) -> str:
    """The DSN `postgresql://…` with the driver's name in it."""
    return dsn.replace("postgresql://", "postgresql+psycopg://", 1)


class Database:
    """A pool of connections to one PostgreSQL."""

    def __init__(self, dsn: str, *, size: int = 8, name: str = "wraparound") -> None:
        self.dsn = dsn
        self._size = size
        self.engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(dsn),
            pool_size=size,
            max_overflow=0,
            pool_timeout=5,
            connect_args={
                "application_name": name,
                "connect_timeout": 5,
                "prepare_threshold": 1,
                "options": f"{PLANS} -c idle_in_transaction_session_timeout=10000 -c lock_timeout=10000",
                "tcp_user_timeout": 10000,
            },
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One transaction on one connection: commits at the end, rolls back on any exception.

        Raises `DatabaseAwayError` for every loss of the server, also when the loss hits the COMMIT itself; then
        the outcome is unknown, and the caller must read its own record before it repeats.
        """
        try:
            driver, ending = await self._begin()
            async with ending:
                yield driver
        except (*GONE, PoolTimeoutError, OSError) as error:
            raise DatabaseAwayError(f"PostgreSQL is away: {type(error).__name__}") from error
        except DBAPIError as error:
            if error.connection_invalidated or isinstance(error.orig, GONE):
                raise DatabaseAwayError(f"PostgreSQL is away: {type(error.orig).__name__}") from error
            raise

    async def _begin(self) -> tuple[Connection, AsyncExitStack]:
        """A connection with a transaction begun, and what ends both. A connection that has gone meanwhile is let go.

        BEGIN finds that out: to ask before each transaction would cost as much as two statements.
        """
        for _ in range(self._size):
            with suppress(*GONE):
                return await self._begin_on_next()
        return await self._begin_on_next()

    async def _begin_on_next(self) -> tuple[Connection, AsyncExitStack]:
        async with AsyncExitStack() as stack:
            pooled = await stack.enter_async_context(self.engine.connect())
            stack.push_async_exit(_letting_go(pooled))
            driver = (await pooled.get_raw_connection()).driver_connection
            assert isinstance(driver, psycopg.AsyncConnection)
            await stack.enter_async_context(driver.transaction())
            return driver, stack.pop_all()

    async def close(self) -> None:
        """Close every pooled connection."""
        await self.engine.dispose()


def _letting_go(pooled: AsyncConnection) -> Callable[..., Awaitable[None]]:
    async def leave(_kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, GONE):
            await pooled.invalidate()

    return leave
