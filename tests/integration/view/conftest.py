"""The hub whose families are looked at, over HTTP."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from hub.stack.stack import Stack
from tests.integration.gateway.world import Process
from tests.integration.view.looking import Looking


@pytest.fixture
async def hub(stack: Stack, database: str) -> AsyncIterator[Looking]:
    made = Looking(stack, database)
    await made.start()
    yield made
    await made.close()


@pytest.fixture
def process(stack: Stack, database: str, tmp_path: Path) -> Iterator[Process]:
    """A gateway in a process of its own, where the desks' profiles say that the hub is."""
    made = Process(stack, database, tmp_path)
    made.port, made.url = stack.http_port, stack.url
    try:
        made.start()
        yield made
    finally:
        made.child.kill()
        made.child.wait()
