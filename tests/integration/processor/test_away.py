"""What counts as the database being away: nothing of it is a fault of an event."""

import asyncio

import pytest

from hub.database import Database, DatabaseAwayError


async def test_database_is_away_when_it_has_ended_a_transaction_that_stood_still(database: str) -> None:
    opened = Database(database)

    async def stand_still() -> None:
        async with opened.transaction() as conn:
            await conn.execute("SET LOCAL idle_in_transaction_session_timeout = 20")
            await asyncio.sleep(0.2)
            await conn.execute("SELECT 1")

    with pytest.raises(DatabaseAwayError):
        await stand_still()
    async with opened.transaction() as conn:
        assert await (await conn.execute("SELECT 2")).fetchone() == (2,)
    await opened.close()


async def test_transaction_begins_when_every_pooled_connection_has_gone(database: str) -> None:
    opened = Database(database, size=3)
    other = Database(database, size=1)
    async with opened.transaction(), opened.transaction(), opened.transaction():
        pass
    async with other.transaction() as conn:
        gone = await conn.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert await gone.fetchone() == (3,)
    async with opened.transaction() as conn:
        assert await (await conn.execute("SELECT 1")).fetchone() == (1,)
    await opened.close()
    await other.close()
