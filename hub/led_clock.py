"""A sandbox's clock that somebody leads: it stands at the instant in a file until it is moved on.

Every process has the file's eight bytes mapped, so a read costs no system call and all see the same. A simulated
year then has its dates whatever the machine's speed.
"""

import mmap
import struct
from pathlib import Path
from typing import Final

from hub.clock import Micros

_INSTANT: Final = struct.Struct("<q")


class LedClock:
    """Follows the file. Raises `OSError` or `ValueError` where there is none."""

    def __init__(self, file: Path) -> None:
        with file.open("rb") as opened:
            self._bytes = mmap.mmap(opened.fileno(), _INSTANT.size, access=mmap.ACCESS_READ)

    def now(self) -> Micros:
        """Where it was led."""
        return int(_INSTANT.unpack_from(self._bytes)[0])


class ClockHand:
    """Leads the clocks of a file, which it makes; never back."""

    def __init__(self, file: Path, start: Micros) -> None:
        file.write_bytes(_INSTANT.pack(start))
        with file.open("r+b") as opened:
            self._bytes = mmap.mmap(opened.fileno(), _INSTANT.size)
        self._at = start

    def move(self, to: Micros) -> None:
        """Move all of them on to that instant, if it is later."""
        self._at = max(self._at, to)
        # INVARIANT: one aligned store of eight bytes, so that no reader sees half of it.
        _INSTANT.pack_into(self._bytes, 0, self._at)
