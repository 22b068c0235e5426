"""Runs a stack with its services until told to stop: what `wraparound up` leaves in the background.

Brokers, database and services that end are started again. `services.json` in the folder says what runs, and
`logs/supervisor.log` what was started, ended, started again and stopped, and why.
"""

import json
import logging
import signal
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.error import URLError

from hub import settings
from hub.errors import WraparoundError
from hub.stack import secret_files
from hub.stack.ports import LOOPBACK, free_ports
from hub.stack.processes import ServiceError, ServiceProcess, exists
from hub.stack.stack import Stack
from hub.telemetry import logs

READY_SECONDS = 120.0
STARTED_SECONDS = 1.0
TICK = 0.2
LOG = logging.getLogger(__name__)
LOG.setLevel(logging.INFO)
LOG.propagate = False
DEFAULT_SERVICES = ("sealer", "gateway", "delivery", "router", "outcomes")


@dataclass(slots=True)
class Supervisor:
    """A started or starting stack and its service processes."""

    stack: Stack
    routers: int = 1
    wanted: Sequence[str] = DEFAULT_SERVICES
    services: list[ServiceProcess] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _why: str = "its owner ends"
    _ended: set[str] = field(default_factory=set)
    _log: logging.Handler | None = None

    def start(self, say: Callable[[str], None] = lambda _: None) -> None:
        """Start everything, in order; returns when it can do its job. `say` gets a line per step.

        Raises the stack's errors and `ServiceError`; then nothing is left running.
        """
        say("starting Kafka and PostgreSQL")
        self.stack.start()
        self._log = logs.to_file(settings.load(), "supervisor", self.stack.folder / "logs" / "supervisor.log")
        LOG.addHandler(self._log)
        LOG.info("Kafka and PostgreSQL are up")
        try:
            for name, service in self._names():
                (port,) = free_ports(1)
                environ = self.stack.environ(service, instance=name.rpartition("-")[2], watch_port=port)
                process = ServiceProcess(name, service, self.stack.folder, environ, watch_port=port)
                say(f"starting {name}")
                process.start()
                LOG.info("%s started, process %s", name, process.pid)
                self.services.append(process)
            self._wait_ready()
        except BaseException as error:  # Ctrl-C as well: no service that was started outlives this
            self.stop(f"it could not start: {type(error).__name__}")
            raise
        LOG.info("ready")
        self._describe()

    def run(self) -> None:
        """Keep everything up until SIGTERM or SIGINT, then stop in order. Only in the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told)
        try:
            while not self._stopping.wait(TICK):
                self.tick()
        finally:
            self.stop(self._why)

    def _told(self, number: int, _: object) -> None:
        self._why = signal.Signals(number).name
        self._stopping.set()

    def tick(self) -> None:
        """One look at everything: what ended is started again."""
        now = time.monotonic()
        changed = [service for service in self.services if service.keep_up(now)]
        for service in changed:
            say_change(service)
        if changed:
            self._describe()
        # A server that cannot be started now is tried again at the next look.
        with suppress(WraparoundError):
            self.stack.keep_up(self._say_server)

    def _say_server(self, name: str, is_up: bool) -> None:
        """A server has ended, which is said once however often it is tried; or it was started again."""
        if is_up:
            self._ended.discard(name)
            LOG.info("%s started again", name)
        elif name not in self._ended:
            self._ended.add(name)
            LOG.warning("%s ended; to be started again", name)

    def stop(self, why: str = "its owner ends") -> None:
        """Services first, all at once, then the servers. `why` stands in the log."""
        LOG.info("stops: %s", why)
        for service in self.services:
            if self.stack.passing:
                service.kill()
            else:
                service.terminate()
        for service in self.services:
            service.wait()
        self.services.clear()
        (self.stack.folder / "services.json").unlink(missing_ok=True)
        self.stack.stop()
        LOG.info("stopped")
        if self._log is not None:
            LOG.removeHandler(self._log)
            self._log.close()
            self._log = None

    def _names(self) -> list[tuple[str, str]]:
        names = []
        for service in self.wanted:
            if exists(service):
                count = self.routers if service == "router" else 1
                names += [(f"{service}-{number + 1}", service) for number in range(count)]
        return names

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            for service in self.services:
                if not service.running:
                    self._raise_ended(service)
            young = [s for s in self.services if time.monotonic() - s.started < STARTED_SECONDS]
            if not young and self._gateway_ready():
                return
            if time.monotonic() > deadline:
                raise ServiceError(f"the gateway is not ready in time (see {self.stack.folder}/logs)")
            if self._stopping.wait(0.05):
                raise ServiceError("stopped while starting")

    def _raise_ended(self, service: ServiceProcess) -> None:
        assert service.child is not None
        reason = service.child.last_lines(1) or f"exit {service.child.process.returncode}"
        raise ServiceError(f"{service.name} ended while starting: {reason} (see {service.child.log})")

    def _gateway_ready(self) -> bool:
        if not any(service.service == "gateway" for service in self.services):
            return True
        try:
            with urllib.request.urlopen(f"{self.stack.url}/readyz", timeout=2) as answer:  # noqa: S310 - our own
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def _describe(self) -> None:
        rows = [
            {
                "name": service.name,
                "service": service.service,
                "pid": service.pid,
                "restarts": service.restarts,
                "last_exit": service.last_exit,
                "watch": f"http://{LOOPBACK}:{service.watch_port}",
            }
            for service in self.services
        ]
        secret_files.write(self.stack.folder / "services.json", json.dumps(rows, indent=1) + "\n", 0o644)


def say_change(service: ServiceProcess) -> None:
    """A service has ended, and why; or it was started again."""
    if service.running:
        LOG.info("%s started again, process %s, restart %s", service.name, service.pid, service.restarts)
    else:
        LOG.warning("%s ended: %s; to be started again", service.name, _ending(service.last_exit))


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit {code}"
