"""A stack's folder: whose it is, by a lock that ends with its owner however that ends, and its clock."""

import fcntl
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hub.clock import Micros, parse_micros
from hub.errors import HubError


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


def known_time(folder: Path) -> SandboxTime | None:
    """The sandbox clock that a stack in this folder had: its time goes on, also while nothing ran."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        clock = json.loads((folder / "stack.json").read_text())["clock"]
        return SandboxTime(parse_micros(clock["start"]), float(clock["speed"]), parse_micros(clock["anchor"]))
    return None
