"""Child processes that die with us, and what a predecessor left behind.

A child's pid stands in `<folder>/pids/<name>` with the moment it was born, so that the next owner of the
folder can end what a killed one left, and never a stranger that was given the same pid.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from hub.errors import HubError

WRAPPER = Path(__file__).with_name("owned_exec.py")
KILL_WAIT = 10.0


class ProcessError(HubError):
    """A child did not start, or ended too early. The message names its log file."""


class Child:
    """One running program of ours."""

    def __init__(self, name: str, process: "subprocess.Popen[bytes]", record: Path, log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log
        self._record = record

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    @property
    def running(self) -> bool:
        """Whether it still runs; reaps it when it does not."""
        return self.process.poll() is None

    def wait(self, seconds: float) -> int | None:
        """Its exit status, negative for a signal, or None if it still runs after `seconds`."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def send(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.running:
            self.process.send_signal(number)

    def kill(self) -> None:
        """End it at once (SIGKILL) and wait until it is gone."""
        self.send(signal.SIGKILL)
        self.process.wait(KILL_WAIT)
        self._record.unlink(missing_ok=True)

    def stop(self, seconds: float, number: int = signal.SIGTERM) -> int:
        """Ask it to end; end it after `seconds`. Returns its exit status."""
        self.send(number)
        return self.finish(seconds)

    def finish(self, seconds: float) -> int:
        """Let it end, as it was asked to; end it after `seconds`. Returns its exit status.

        It is not asked twice: a second signal may meet a process that has put its handlers away already.
        """
        if self.wait(seconds) is None:
            self.kill()
        self._record.unlink(missing_ok=True)
        return self.process.returncode

    def last_lines(self, count: int = 3) -> str:
        """The end of its log, for an error message to a person."""
        with contextlib.suppress(OSError):
            lines = self.log.read_bytes()[-4000:].decode(errors="replace").splitlines()
            return " | ".join(line.strip() for line in lines[-count:] if line.strip())
        return ""


def spawn(
    folder: Path,
    name: str,
    command: Sequence[str | Path],
    *,
    environ: Mapping[str, str] | None = None,
    death: int = signal.SIGKILL,
    user: str | None = None,
) -> Child:
    """Start a program whose owner is this process; its output goes to `<folder>/logs/<name>.log`.

    It leads a session of its own, so that Ctrl-C reaches us first and we stop it in order. `death` is the
    signal it gets when the calling *thread* ends, so call this from one that lasts.
    """
    log = folder / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    record = folder / "pids" / name
    record.parent.mkdir(parents=True, exist_ok=True)
    wrapper = [sys.executable, "-I", "-S", str(WRAPPER), str(os.getpid()), str(int(death)), user or "-"]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*wrapper, *(str(part) for part in command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environ is None else dict(environ),
            start_new_session=True,
        )
    record.write_text(json.dumps({"pid": process.pid, "born": _born(process.pid)}))
    return Child(name, process, record, log)


def _born(pid: int) -> float | None:
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def left_behind(record: Path) -> psutil.Process | None:
    """The process that a record names, if it is still the same one."""
    try:
        found = json.loads(record.read_text())
        process = psutil.Process(int(found["pid"]))
        same = found["born"] is not None and abs(process.create_time() - float(found["born"])) < 1.0
        if same and process.status() != psutil.STATUS_ZOMBIE:
            return process
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        # A record cut short by the kill, or a process that is gone: either way nothing of ours runs.
        pass
    return None


def _all_end(family: Sequence[psutil.Process], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(_runs(member) for member in family):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _runs(process: psutil.Process) -> bool:
    # One that has ended and whom nobody has waited for holds nothing any more.
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def end_left_behind(folder: Path, seconds: float = KILL_WAIT) -> list[str]:
    """End what a killed owner of this folder left running, with its descendants; returns the names.

    Raises `ProcessError` for one that cannot be ended.
    """
    ended = []
    for record in sorted((folder / "pids").glob("*")):
        process = left_behind(record)
        if process is not None:
            try:
                family = [process, *process.children(recursive=True)]
            except psutil.Error:
                family = [process]
            for member in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.kill()
            if not _all_end(family, seconds):
                raise ProcessError(
                    f"process {process.pid} ({record.name}) of an earlier run does not end: end it first"
                )
            ended.append(record.name)
        record.unlink(missing_ok=True)
    return ended
