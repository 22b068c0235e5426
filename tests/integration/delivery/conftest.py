"""The world of the delivery tests."""

import pytest

from hub.stack.stack import Stack
from tests.integration.delivery.world import World


@pytest.fixture
def world(stack: Stack, database: str) -> World:
    return World(stack, database)
