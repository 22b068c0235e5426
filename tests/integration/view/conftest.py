"""The hub whose families are looked at, over HTTP."""

from collections.abc import AsyncIterator

import pytest

from hub.stack.stack import Stack
from tests.integration.view.looking import Looking


@pytest.fixture
async def hub(stack: Stack, database: str) -> AsyncIterator[Looking]:
    made = Looking(stack, database)
    await made.start()
    yield made
    await made.close()
