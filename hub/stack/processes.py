"""The hub's service processes: which there are, and keeping them up.

A process that ends is started again, after a pause that doubles up to half a minute and is forgotten once it has
run for a minute. Nothing here is needed for safety: a service may be killed at any point.
"""

import importlib
import importlib.util
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hub.errors import HubError
from hub.settings import ROOT, Settings
from hub.stack import owned

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 30.0
STEADY_SECONDS = 60.0
STOP_SECONDS = 15.0

SERVICES: Mapping[str, str] = {
    "gateway": "cli.gateway",
    "router": "services.referral_router.worker",
    "delivery": "services.delivery.main",
    "outcomes": "services.outcome_collector.worker",
    "sealer": "services.audit.sealer_main",
}
"""What `wraparound run` knows: a module with `main(settings) -> int`, which returns after SIGTERM.

The gateway's is composed of two services, which the command line alone may do.
"""

ONCE: Mapping[str, str] = {
    "secrets": "hub.stack.prepare:make_secrets",
    "prepare": "hub.stack.prepare:main",
}
"""Steps of a deployment that end by themselves (`hub.stack.prepare`)."""


class ServiceError(HubError):
    """A service is not there, or ended while it was starting."""


def exists(service: str) -> bool:
    """Whether this service is built."""
    module = SERVICES[service]
    parent, _, _ = module.rpartition(".")
    return importlib.util.find_spec(parent) is not None and importlib.util.find_spec(module) is not None


def entry(service: str) -> Callable[[Settings], int]:
    """The service's `main`. Raises `ServiceError`."""
    if service not in ONCE and not exists(service):
        raise ServiceError(f"{service} is not part of this version")
    module, _, name = ONCE.get(service, SERVICES.get(service, "")).partition(":")
    main: Callable[[Settings], int] = getattr(importlib.import_module(module), name or "main")
    return main


@dataclass(slots=True)
class ServiceProcess:
    """One process of a service, and its history. `name` is unique in the stack, such as `router-2`."""

    name: str
    service: str
    folder: Path
    environ: Mapping[str, str]
    child: owned.Child | None = None
    started: float = 0.0
    restarts: int = 0
    pause: float = FIRST_PAUSE
    not_before: float = 0.0
    last_exit: int | None = None
    watch_port: int = 0

    @property
    def running(self) -> bool:
        """Whether it runs now."""
        return self.child is not None and self.child.running

    @property
    def pid(self) -> int | None:
        """Its process id, while it runs."""
        return self.child.pid if self.child is not None and self.child.running else None

    def start(self) -> None:
        """Start it."""
        command = [sys.executable, "-m", "cli.main", "run", self.service]
        environ = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **self.environ}
        self.child = owned.spawn(self.folder, self.name, command, environ=environ, death=signal.SIGKILL)
        self.started = time.monotonic()

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self.child is not None:
            self.child.kill()

    def terminate(self) -> None:
        """Ask it to end; does not wait."""
        if self.child is not None:
            self.child.send(signal.SIGTERM)

    def wait(self, seconds: float = STOP_SECONDS) -> int | None:
        """Its exit status once it ended; after `seconds` it is killed."""
        return None if self.child is None else self.child.finish(seconds)

    def keep_up(self, now: float) -> bool:
        """Start it again if it ended and its pause is over; whether anything changed. `now` is monotonic."""
        assert self.child is not None
        if self.child.running:
            if now - self.started > STEADY_SECONDS:
                self.pause = FIRST_PAUSE
            return False
        if self.not_before == 0.0:
            self.last_exit = self.child.process.returncode
            self.not_before = now + self.pause
            self.pause = min(LONGEST_PAUSE, 2 * self.pause)
            return True
        if now < self.not_before:
            return False
        self.not_before = 0.0
        self.restarts += 1
        self.start()
        return True
