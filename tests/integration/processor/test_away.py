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
