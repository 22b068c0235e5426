from collections.abc import AsyncIterator

import pytest

from hub.database import Database
from tests.integration.audit.world import Log


@pytest.fixture
async def log(database: str) -> AsyncIterator[Log]:
    """An empty log in a database of its own."""
    pool = Database(database, size=3)
    yield Log(pool)
    await pool.close()
