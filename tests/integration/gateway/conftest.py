"""The world of the gateway's tests."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from hub.stack.stack import Stack
from tests.integration.gateway.world import Process, World


@pytest.fixture
async def world(stack: Stack, database: str) -> AsyncIterator[World]:
    made = World(stack, database)
    yield made
    await made.close()


@pytest.fixture
def process(stack: Stack, database: str, tmp_path: Path) -> Iterator[Process]:
    made = Process(stack, database, tmp_path)
    yield made
    if hasattr(made, "child") and made.child.poll() is None:
        made.child.kill()
        made.child.wait()
