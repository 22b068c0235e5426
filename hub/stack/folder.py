"""A stack's folder: whose it is, by a lock that ends with its owner however that ends, and its clock."""

import fcntl
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from hub.clock import Clock, Micros, SandboxClock, SystemClock, parse_micros
from hub.errors import HubError
from hub.led_clock import LedClock


class InUseError(HubError):
    """Somebody else runs a stack in this folder."""

    exit_code = 5


def take(folder: Path) -> IO[str]:
    """Make the folder and take its lock; the caller closes it. Raises `InUseError`, which names the owner."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = (folder / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "?"
        lock.close()
        raise InUseError(
            f"{folder} is in use by process {holder}: `wraparound down --folder {folder}` stops it"
        ) from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def owner(folder: Path) -> int | None:
    """The process that runs a stack in this folder now, or None."""
    try:
        lock = (folder / "lock").open()
    except FileNotFoundError:
        return None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(lock.read().strip() or 0) or None
        return None


@dataclass(frozen=True, slots=True)
class SandboxTime:
    """The sandbox clock's three numbers, the same for every process of the stack."""

    start: Micros
    speed: float
    anchor: Micros


def known(folder: Path) -> dict[str, Any]:
    """What a stack in this folder said of itself when it last started; nothing if none ever did."""
    with suppress(OSError, ValueError):
        found = json.loads((folder / "stack.json").read_text())
        return found if isinstance(found, dict) else {}
    return {}


def known_time(folder: Path) -> SandboxTime | None:
    """The sandbox clock that a stack in this folder had: its time goes on, also while nothing ran."""
    with suppress(ValueError, KeyError, TypeError):
        clock = known(folder)["clock"]
        return SandboxTime(parse_micros(clock["start"]), float(clock["speed"]), parse_micros(clock["anchor"]))
    return None


def known_clock(folder: Path) -> Clock:
    """The clock of the stack that is in this folder."""
    time, led = known_time(folder), known_clock_file(folder)
    if led is not None:
        return LedClock(led)
    return SystemClock() if time is None else SandboxClock(time.start, time.speed, time.anchor)


def known_clock_file(folder: Path) -> Path | None:
    """The file that leads the clock of a stack in this folder, where one does and it is there."""
    name = known(folder).get("clock_file")
    found = folder / name if isinstance(name, str) else None
    return found if found is not None and found.is_file() else None
