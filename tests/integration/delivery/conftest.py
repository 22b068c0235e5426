"""The world of the delivery tests."""

from collections.abc import AsyncIterator

import pytest

from hub.stack.stack import Stack
from tests.integration.delivery.world import World


@pytest.fixture
async def world(stack: Stack, database: str) -> AsyncIterator[World]:
    made = World(stack, database)
    yield made
    await made.close()
