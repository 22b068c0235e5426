"""The desks' topics: a test begins at their ends, and each module leaves them empty for others."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from hub.stack.stack import Stack
from tests.integration.gateway.world import Process
from tests.integration.intake.world import Kafka


@pytest.fixture(scope="module")
def topics(stack: Stack) -> Iterator[Stack]:
    stack.forget_topics()
    yield stack
    stack.forget_topics()


@pytest.fixture
async def world(topics: Stack, database: str) -> AsyncIterator[Kafka]:
    made = Kafka(topics, database)
    await made.begin_at_ends()
    yield made
    await made.close()


@pytest.fixture
def process(world: Kafka, tmp_path: Path) -> Iterator[Process]:
    made = Process(world.stack, world.dsn, tmp_path)
    yield made
    if hasattr(made, "child") and made.child.poll() is None:
        made.child.kill()
        made.child.wait()
