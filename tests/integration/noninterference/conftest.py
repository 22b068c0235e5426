"""Databases, as many as a test has lives."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from hub.stack.stack import Stack


@pytest.fixture
def fresh(stack: Stack, _template: str) -> Iterator[Callable[[], str]]:
    """Gives an empty database each time it is asked; all are dropped at the end."""
    assert stack.postgres is not None
    names: list[str] = []

    def make() -> str:
        assert stack.postgres is not None
        names.append(f"test_{uuid4().hex}")
        return stack.postgres.create_database(names[-1], template=_template)

    yield make
    for name in names:
        stack.postgres.drop_database(name)
