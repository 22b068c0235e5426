"""How often Python looks for cycles."""

import gc
from collections.abc import Iterator

import pytest

from hub import garbage


class Knot:
    """Refers to itself."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def test_what_was_loaded_is_looked_at_no_more_when_the_collector_looks_rarely() -> None:
    before = gc.get_freeze_count()
    garbage.rarely()
    assert gc.get_freeze_count() > before
    assert gc.get_threshold() == garbage.THRESHOLDS


def test_cycles_still_go_when_the_collector_looks_rarely() -> None:
    garbage.rarely()
    alive = len([each for each in gc.get_objects() if isinstance(each, Knot)])
    for _ in range(2 * garbage.THRESHOLDS[0]):
        Knot()
    knots = [each for each in gc.get_objects() if isinstance(each, Knot)]
    assert alive == 0
    assert len(knots) <= garbage.THRESHOLDS[0]
