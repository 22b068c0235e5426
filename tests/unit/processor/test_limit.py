"""How large the next batch may be, and how many states are kept."""

from hypothesis import given
from hypothesis import strategies as st

from hub.processor.loop import BATCH_SECONDS, LEAST, forget_oldest, next_limit


def test_it_doubles_up_to_the_most_when_full_batches_are_quick() -> None:
    assert next_limit(256, 2000, 256, 0.1) == 512
    assert next_limit(1024, 2000, 1024, 0.1) == 2000


def test_it_stays_when_a_quick_batch_was_not_full() -> None:
    assert next_limit(512, 2000, 40, 0.1) == 512


def test_it_shrinks_to_what_fits_the_time_when_a_batch_took_long() -> None:
    assert next_limit(2000, 2000, 2000, 10 * BATCH_SECONDS) == 200


def test_it_shrinks_by_what_was_taken_when_a_batch_was_not_full() -> None:
    assert next_limit(2000, 2000, 400, 2 * BATCH_SECONDS) == 200


@given(st.integers(LEAST, 5_000), st.integers(1, 20_000), st.integers(0, 5_000), st.floats(0, 1e6))
def test_it_lies_within_its_bounds_whatever_was_measured(
    limit: int, most: int, records: int, seconds: float
) -> None:
    found = next_limit(limit, most, records, seconds)
    assert min(LEAST, most) <= found <= most


def test_the_oldest_states_go_when_there_are_too_many() -> None:
    states = {"first": 1, "second": 2, "third": 3}
    forget_oldest(states, 2)
    assert states == {"second": 2, "third": 3}
    forget_oldest(states, 2)
    assert states == {"second": 2, "third": 3}
