"""Adding up coverage against a plain model: the set of offsets."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.audit.coverage import CoverageError, CoverageSum

PLACE = ("router", "events", 0)


def detail(start: int, end: int, **counts: int) -> dict[str, object]:
    place = {"processor": "router", "topic": "events", "partition": 0}
    return place | {"from": start, "to": end, "counts": counts or {"done": end - start}}


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=12), st.randoms(use_true_random=False), st.integers(0, 5)
)
def test_ranges_join_when_they_come_in_any_order(lengths: list[int], random: Random, first: int) -> None:
    ranges, start = [], first
    for length in lengths:
        ranges.append((start, start + length))
        start += length
    random.shuffle(ranges)
    coverage = CoverageSum()
    for low, high in ranges:
        coverage.add(detail(low, high))
    assert [(line.first, line.to) for line in coverage.result()] == [(first, start)]
    assert coverage.check({PLACE: start}, {PLACE: first}) == []
    assert (coverage.check({PLACE: start}) == []) == (first == 0)


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(1, 6)), max_size=8), st.randoms(use_true_random=False)
)
def test_gap_or_overlap_is_found_when_and_only_when_an_offset_has_no_fate_or_two(
    pairs: list[tuple[int, int]],
    random: Random,
) -> None:
    ranges = [(0, 3), *((start, start + length) for start, length in pairs)]
    offsets = [offset for low, high in ranges for offset in range(low, high)]
    position = max(offsets) + 1
    sound = sorted(offsets) == list(range(position))
    coverage = CoverageSum()
    random.shuffle(ranges)
    try:
        for low, high in ranges:
            coverage.add(detail(low, high))
        agrees = coverage.check({PLACE: position}) == []
    except CoverageError:
        agrees = False
    assert agrees == sound


@pytest.mark.parametrize(
    "entry",
    [
        {},
        detail(5, 5),
        detail(-1, 3),
        detail(3, 1),
        detail(0, 3, done=2),
        detail(0, 3, done=4, absent=-1),
        detail(0, 3) | {"counts": [3]},
        detail(0, 3) | {"partition": "x"},
        detail(0, 3) | {"counts": {"done": None}},
    ],
)
def test_entry_is_refused_when_it_is_malformed_or_does_not_add_up(entry: dict[str, object]) -> None:
    with pytest.raises(CoverageError):
        CoverageSum().add(entry)


def test_position_is_held_to_the_coverage_when_they_differ() -> None:
    coverage = CoverageSum()
    coverage.add(detail(0, 4))
    assert coverage.check({PLACE: 5}) == ["router events/0: covered up to 4, but the position is 5"]
    assert coverage.check({}) == ["router events/0: covered up to 4, and there is no position"]
    assert coverage.check({PLACE: 4, ("people", "people", 0): 0}) == []
    assert coverage.check({PLACE: 4, ("people", "people", 0): 2}) == [
        "people people/0: the position is 2, and nothing is covered"
    ]


def test_first_offsets_are_missed_when_what_covered_them_is_gone() -> None:
    coverage = CoverageSum()
    coverage.add(detail(4, 9))
    assert coverage.check({PLACE: 9}) == ["router events/0: offsets 0 to 3 have no fate"]


def test_partition_is_missed_when_its_coverage_and_its_position_are_gone() -> None:
    coverage = CoverageSum()
    coverage.add(detail(0, 4))
    positions = {PLACE: 4, ("router", "events", 2): 0}
    assert coverage.check(positions) == ["router events/1: nothing is covered, and there is no position"]
