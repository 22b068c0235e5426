"""The hub of the attacks."""

from collections.abc import AsyncIterator

import pytest

from hub.stack.stack import Stack
from tests.integration.attack.hub import Hub


@pytest.fixture
async def hub(stack: Stack, database: str) -> AsyncIterator[Hub]:
    made = Hub(stack, database)
    await made.start()
    yield made
    await made.close()
