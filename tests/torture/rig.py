"""The hub's real processes on a stack of their own, and the hands that break them.

Children end with the thread that starts them, so a rig is used from one thread that lasts.
"""

import signal
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

import psycopg

from hub.clock import SystemClock, parse_micros
from hub.errors import PeerError
from hub.partnership.loader import load
from hub.settings import ROOT
from hub.stack.processes import ServiceProcess
from hub.stack.stack import SandboxTime, Stack

START: Final = parse_micros("2024-03-01T09:00:00Z")
"""The sandbox's time at the start: Dorset's agreement is in force."""

STANDARD: Final = ("sealer-1", "gateway-1", "delivery-1", "router-1", "router-2")
READERS: Final = {"router": "events", "people": "people"}
OPEN: Final = "('pending', 'failed', 'attempting', 'lapsed')"


class Rig:
    """A stack and its processes. `names` are `service-instance`; `dsn` overrides where all of them find PostgreSQL."""

    def __init__(
        self,
        folder: Path,
        *,
        names: Sequence[str] = STANDARD,
        brokers: int = 1,
        plant: str = "",
        quick_start: bool = True,
    ) -> None:
        partnership = load(ROOT / "partnerships" / "dorset")
        self.desks = [desk.name for desk in partnership.active_desks if desk.receives]
        readers = [desk.name for desk in partnership.active_desks if not desk.receives]
        self.stack = Stack(
            folder,
            brokers=brokers,
            desks=self.desks,
            readers=readers,
            time=SandboxTime(START, 1.0, SystemClock().now()),
            quick_start=quick_start,
        )
        self.names = tuple(names)
        self.plant = plant
        self.processes: dict[str, ServiceProcess] = {}
        self.dsn_for: dict[str, str] = {}
        self.more: dict[str, object] = {}
        self.kills = 0
        self.own_ends: list[str] = []
        self._stopped: set[str] = set()

    def __enter__(self) -> Self:
        self.stack.start()
        try:
            self._note_commits()
        except BaseException:  # Ctrl-C as well: no server outlives this
            self.stack.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self.processes):
            with suppress(ProcessLookupError):
                self.resume(name)
            self.processes[name].terminate()
        for process in self.processes.values():
            process.wait()
        self.stack.stop()

    def _note_commits(self) -> None:
        """Have PostgreSQL keep the time of each commit: what was recorded before what is checked by it."""
        with psycopg.connect(self.stack.dsn, autocommit=True) as conn:
            conn.execute("ALTER SYSTEM SET track_commit_timestamp = on")
        assert self.stack.postgres is not None
        self.stack.postgres.stop()
        self.stack.postgres.restart()

    # Processes -------------------------------------------------------------------------------------------------

    def up(self, names: Iterable[str] = ()) -> None:
        """Start these processes, or all."""
        for name in names or self.names:
            self.start(name)

    def start(self, name: str, **environ: str) -> None:
        """Start, or start again, one process; `environ` adds variables for this run of it."""
        service, _, instance = name.rpartition("-")
        settings: dict[str, object] = {"instance": instance, "log_level": "warning", **self.more}
        if name in self.dsn_for:
            settings["postgres"] = self.dsn_for[name]
        base = self.stack.environ(service, **settings)
        if self.plant:
            base |= {"TORTURE_PLANT": self.plant}
        if self.plant or any(variable.startswith("TORTURE_") for variable in environ):
            base["PYTHONPATH"] = f"{Path(__file__).with_name('site')}:{ROOT}"
        process = ServiceProcess(name, service, self.stack.folder, base | environ)
        process.start()
        self.processes[name] = process

    def end(self, name: str) -> None:
        """Stop a process in order, and forget it until it is started again."""
        process = self.processes.pop(name)
        process.terminate()
        process.wait()

    def kill(self, name: str) -> None:
        """SIGKILL."""
        self.processes[name].kill()
        self.kills += 1

    def pause(self, name: str) -> None:
        """SIGSTOP."""
        self._signal(name, signal.SIGSTOP)
        self._stopped.add(name)

    def resume(self, name: str) -> None:
        """SIGCONT."""
        if name in self._stopped:
            self._signal(name, signal.SIGCONT)
            self._stopped.discard(name)

    def _signal(self, name: str, number: int) -> None:
        child = self.processes[name].child
        assert child is not None
        child.send(number)

    def is_stopped(self, name: str) -> bool:
        """Whether the process stands still, by our hand or its own."""
        import psutil

        pid = self.processes[name].pid
        return pid is not None and psutil.Process(pid).status() == psutil.STATUS_STOPPED

    def note_stopped(self, name: str) -> None:
        """The process stopped itself: it is to be continued by `resume`."""
        self._stopped.add(name)

    def keep_up(self) -> None:
        """Start again what ended, as the supervisor does; what ended without our doing is remembered."""
        for name, process in list(self.processes.items()):
            if not process.running:
                assert process.child is not None
                status = process.child.process.returncode
                if status != -signal.SIGKILL:
                    self.own_ends.append(f"{name} exit {status}: {process.child.last_lines(2)[-300:]}")
                self.start(name)

    def wait_ready(self, seconds: float = 300.0) -> None:
        """Until the gateway answers."""
        import urllib.request

        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.keep_up()
            with suppress(OSError), urllib.request.urlopen(f"{self.stack.url}/readyz", timeout=2) as answer:
                if answer.status == 200:
                    return
            time.sleep(0.1)
        raise TimeoutError("the gateway is not ready")

    # Until nothing moves ---------------------------------------------------------------------------------------

    def wait_drained(self, seconds: float, longest: float) -> list[str]:
        """Until everything accepted has gone all its way.

        Gives what has not, after `seconds` without a change or `longest` in all: a hub with a planted bug may go round.
        """
        end = time.monotonic() + longest
        deadline = time.monotonic() + seconds
        left = ["not looked"]
        calm = 0
        while calm < 2:
            if time.monotonic() > min(deadline, end):
                return left
            self.keep_up()
            time.sleep(0.3)
            before = left
            try:
                left = self.left()
            except (psycopg.OperationalError, PeerError) as error:
                left = [type(error).__name__]
            if left != before:
                deadline = time.monotonic() + seconds
            calm = 0 if left else calm + 1
        return []

    def left(self) -> list[str]:
        """What is on its way still, in words; nothing when the hub is at rest."""
        ends = self.ends(READERS.values())
        with psycopg.connect(self.stack.dsn) as conn:
            counts = {
                "in the outbox": "SELECT count(*) FROM outbox",
                "waiting": "SELECT count(*) FROM waiting",
                "not sealed": "SELECT count(*) FROM audit_pending",
                "attempts open": "SELECT count(*) FROM attempt WHERE ended_mono IS NULL AND channel = 'kafka'",
                "undecided": "SELECT count(*) FROM undecided",
                "undelivered": f"SELECT count(*) FROM delivery WHERE status IN {OPEN}",
                "to be sent again": "SELECT count(*) FROM delivery WHERE status = 'delivered' AND attempt_id IS NULL",
            }
            found = {name: int(conn.execute(query).fetchone()[0]) for name, query in counts.items()}  # type: ignore[index]
            positions = {
                (processor, topic, partition): offset
                for processor, topic, partition, offset in conn.execute(
                    "SELECT processor, topic, partition, next_offset FROM position"
                )
            }
        behind = sum(
            end - positions.get((processor, topic, partition), 0)
            for processor, topic in READERS.items()
            for (name, partition), end in ends.items()
            if name == topic
        )
        return [f"{count} {name}" for name, count in (*found.items(), ("not handled", behind)) if count]

    def ends(self, topics: Iterable[str]) -> dict[tuple[str, int], int]:
        """The end offset of every partition of these topics."""
        from tests.torture.kafka import ends

        return ends(self.stack, topics)

    def database(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """A connection of our own."""
        return psycopg.connect(self.stack.dsn, autocommit=True)
