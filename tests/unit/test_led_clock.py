"""A clock that is led stands where its file says, in every process that follows it."""

import subprocess
import sys
from pathlib import Path

import pytest

from hub.led_clock import ClockHand, LedClock
from hub.settings import load

FOLLOW = """
import sys
from pathlib import Path
from hub.led_clock import LedClock
print(LedClock(Path(sys.argv[1])).now())
"""


def test_clock_stands_where_it_was_led_when_nobody_moves_it(tmp_path: Path) -> None:
    hand = ClockHand(tmp_path / "clock", 1_000)
    clock = LedClock(tmp_path / "clock")
    assert clock.now() == clock.now() == 1_000
    hand.move(2_000)
    assert clock.now() == 2_000


def test_clock_never_goes_back_when_it_is_told_to(tmp_path: Path) -> None:
    hand = ClockHand(tmp_path / "clock", 1_000)
    hand.move(500)
    assert LedClock(tmp_path / "clock").now() == 1_000


def test_another_process_sees_the_same_time_when_it_follows_the_file(tmp_path: Path) -> None:
    ClockHand(tmp_path / "clock", 1_000).move(1_669_852_800_000_000)
    said = subprocess.run(
        [sys.executable, "-c", FOLLOW, str(tmp_path / "clock")], capture_output=True, text=True, check=True
    )
    assert int(said.stdout) == 1_669_852_800_000_000


def test_the_hub_follows_the_file_when_a_setting_names_it(tmp_path: Path) -> None:
    ClockHand(tmp_path / "clock", 7)
    assert load({"WRAPAROUND_CLOCK_FILE": str(tmp_path / "clock")}).clock().now() == 7


def test_clock_is_refused_when_its_file_is_too_short(tmp_path: Path) -> None:
    (tmp_path / "clock").write_bytes(b"1")
    with pytest.raises(ValueError, match="mmap"):
        LedClock(tmp_path / "clock")
