"""The hub's time: text to microseconds and back, and clocks that agree."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.clock import DAY, SECOND, FakeClock, SandboxClock, Stamps, SystemClock, format_micros, parse_micros

INSTANTS = st.integers(min_value=-62_135_596_800 * SECOND, max_value=253_402_300_799 * SECOND)


@given(INSTANTS)
def test_an_instant_survives_when_written_and_read(at: int) -> None:
    text = format_micros(at)
    assert parse_micros(text) == at
    assert len(text) == len("2026-01-31T09:30:00.000000Z")


@given(INSTANTS, INSTANTS)
def test_text_order_is_time_order_when_instants_are_written(first: int, second: int) -> None:
    assert (format_micros(first) < format_micros(second)) == (first < second)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-01-31T09:30:00Z", "2026-01-31T09:30:00.000000Z"),
        ("2026-01-31t09:30:00z", "2026-01-31T09:30:00.000000Z"),
        ("2026-01-31T09:30:00.123456789+01:00", "2026-01-31T08:30:00.123456Z"),
        ("2026-01-31T09:30:00.1-05:30", "2026-01-31T15:00:00.100000Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
    ],
)
def test_rfc_3339_is_read_when_it_is_in_its_form(text: str, said: str) -> None:
    assert format_micros(parse_micros(text)) == said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2027-03-04",
        "2026-01-31 09:30:00Z",
        "2027-03-04T05:06:07",
        "2026-02-30T00:00:00Z",
        "2026-01-31T25:00:00Z",
        "2026-01-31T09:30:00.Z",
        "٢٠٢٦-01-31T09:30:00Z",
        "2026-01-31T09:30:00+99:00",
        "2026-01-31T09:30:00Z\n",
    ],
)
def test_what_is_no_time_is_refused_without_being_quoted_when_it_is_read(text: str) -> None:
    with pytest.raises(ValueError, match="expected a time") as caught:
        parse_micros(text)
    assert not text or text not in str(caught.value)


def test_the_system_clock_is_the_machines_when_asked() -> None:
    assert abs(SystemClock().now() - time.time_ns() // 1000) < SECOND


def test_sandbox_clocks_agree_when_they_have_the_same_three_numbers() -> None:
    start = parse_micros("2025-01-01T00:00:00Z")
    anchor = SystemClock().now() - 10 * SECOND
    one, other = SandboxClock(start, 3600, anchor), SandboxClock(start, 3600, anchor)
    assert abs(one.now() - other.now()) < 3600 * SECOND
    assert 36_000 * SECOND <= one.now() - start < DAY


def test_a_sandbox_clock_stands_at_its_start_when_the_anchor_is_ahead() -> None:
    assert SandboxClock(17, 2.0, SystemClock().now() + DAY).now() == 17


def test_a_fake_clock_moves_when_told_and_never_back() -> None:
    clock = FakeClock()
    before = clock.now()
    assert clock.advance(DAY) == clock.now() == before + DAY
    with pytest.raises(ValueError, match="forward"):
        clock.advance(-1)
    assert datetime.fromisoformat(format_micros(before)) == datetime(2025, 1, 1, tzinfo=UTC)
    assert timedelta(microseconds=DAY) == timedelta(days=1)


def test_each_stamp_is_later_when_the_clock_stands_still_and_follows_one_that_was_set_back() -> None:
    stamps = Stamps()

    assert [stamps.next(DAY) for _ in range(3)] == [DAY, DAY + 1, DAY + 2]
    assert [stamps.next(DAY + each) for each in (1, 5)] == [DAY + 3, DAY + 5]
    assert stamps.next(SECOND) == SECOND
