"""The one way to PostgreSQL: a pool, transactions, migrations.

SQLAlchemy keeps the pool; statements are SQL text on the driver's own connection (psycopg 3), because the hot
paths need COPY and arrays and the cold ones gain nothing from a second language.

Errors: `DatabaseAwayError` when PostgreSQL cannot be reached, refuses, or goes away in the middle; whatever
was in hand is rolled back, or was committed without our learning of it. Callers repeat from their own record
(position, receipt), never from memory.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from psycopg.errors import IdleInTransactionSessionTimeout
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from hub.errors import PeerError

MIGRATIONS = Path(__file__).parent / "migrations"

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

GONE = (psycopg.OperationalError, IdleInTransactionSessionTimeout)
"""What the driver raises when the server has gone, or has ended a transaction that stood still too long."""


class DatabaseAwayError(PeerError):
    """PostgreSQL cannot be reached; nothing is lost, try again."""


def sqlalchemy_url(dsn: str) -> str:
    """The DSN `postgresql://…` with the driver's name in it."""
    return dsn.replace("postgresql://", "postgresql+psycopg://", 1)


def migrate(dsn: str) -> None:
    """Bring the database to the newest version; a second caller waits for the first (advisory lock)."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(sqlalchemy_url(dsn))
    try:
        with engine.connect() as lock, engine.connect() as connection:
            lock.exec_driver_sql("SELECT pg_advisory_lock(710001)")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
    finally:
        engine.dispose()


class Database:
    """A pool of connections to one PostgreSQL."""

    def __init__(self, dsn: str, *, size: int = 8, name: str = "wraparound") -> None:
        self.dsn = dsn
        self.engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(dsn),
            pool_size=size,
            max_overflow=0,
            pool_timeout=5,
            pool_pre_ping=True,
            connect_args={
                "application_name": name,
                "connect_timeout": 5,
                "prepare_threshold": 1,
                "options": "-c idle_in_transaction_session_timeout=10000 -c lock_timeout=10000",
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
            async with self.engine.connect() as pooled:
                raw = await pooled.get_raw_connection()
                driver = raw.driver_connection
                assert isinstance(driver, psycopg.AsyncConnection)
                try:
                    async with driver.transaction():
                        yield driver
                except GONE:
                    await pooled.invalidate()
                    raise
        except (*GONE, PoolTimeoutError, OSError) as error:
            raise DatabaseAwayError(f"PostgreSQL is away: {type(error).__name__}") from error
        except DBAPIError as error:
            if error.connection_invalidated or isinstance(error.orig, GONE):
                raise DatabaseAwayError(f"PostgreSQL is away: {type(error.orig).__name__}") from error
            raise

    async def close(self) -> None:
        """Close every pooled connection."""
        await self.engine.dispose()
