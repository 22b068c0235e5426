"""One hub for the whole folder: it takes seconds to start."""

from collections.abc import Iterator

import pytest

from hub.stack.stack import Stack
from tests.integration.whole.hub import Whole


@pytest.fixture(scope="package")
def whole(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    stack.forget_topics()
    with Whole(stack, tmp_path_factory.mktemp("whole")).running() as hub:
        yield hub
