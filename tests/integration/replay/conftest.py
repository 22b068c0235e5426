"""A line, and an empty database beside it."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from hub.stack.stack import Stack
from tests.integration.replay.line import Line


@pytest.fixture
async def line(clean_stack: Stack, database: str) -> AsyncIterator[Line]:
    made = Line(clean_stack, database)
    await made.start()
    yield made
    await made.close()


@pytest.fixture
def empty(stack: Stack, _template: str) -> Iterator[str]:
    """A database in which nothing but the migrations ran."""
    assert stack.postgres is not None
    name = f"test_{uuid4().hex}"
    yield stack.postgres.create_database(name, template=_template)
    stack.postgres.drop_database(name)
