"""The demo's hub: Dorset's stack in a folder of its own, kept up while the story is told."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final

from hub.partnership.loader import load
from hub.settings import ROOT
from hub.stack.folder import SandboxTime
from hub.stack.stack import Stack
from hub.stack.supervisor import Supervisor

TICK: Final = 0.2
PARTITIONS: Final = 4
"""One router works on them all, and each that a batch touches has a position and a coverage entry of its own."""

Say = Callable[[str], None]


class DemoStack(Stack):
    """Dorset's stack, embedded. `begins` gives its sandbox clock once its servers stand, however long they take."""

    def __init__(self, folder: Path, begins: Callable[[], SandboxTime] | None = None) -> None:
        partnership = load(ROOT / "partnerships" / "dorset")
        desks = partnership.active_desks
        super().__init__(
            folder,
            desks=[desk.name for desk in desks if desk.receives],
            readers=[desk.name for desk in desks if not desk.receives],
            origin=f"wraparound/{partnership.name}",
            partitions=PARTITIONS,
        )
        self._begins = begins

    def start(self) -> None:
        """Start the servers, then set the clock."""
        super().start()
        if self._begins is not None:
            self.time = self._begins()
            self._describe()


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGINT and SIGTERM at once, as in a program without a loop: the loop's own handlers wait until it runs again."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in handlers:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def kill(supervisor: Supervisor, service: str, say: Say) -> None:
    """End the processes of a service as a crash would; the supervisor starts them again."""
    for each in supervisor.services:
        if each.service == service:
            say(f"            the hub's process `{service}` is killed, and starts again")
            each.kill()


@asynccontextmanager
async def kept_up(supervisor: Supervisor) -> AsyncIterator[None]:
    """What ends is started again; at the end everything is stopped, whatever happened."""

    async def tick() -> None:
        while True:
            supervisor.tick()
            await asyncio.sleep(TICK)

    ticking = asyncio.create_task(tick())
    try:
        yield
    finally:
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking
        supervisor.stop()
