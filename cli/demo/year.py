"""A hub of its own in a folder, the year on its clock, and what is asked of it afterwards."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cli.demo import proof
from cli.demo.county import County, DeskProcess, Line
from cli.demo.proof import LogHead
from hub.clock import SECOND, Micros, SystemClock, parse_micros
from hub.partnership.loader import load
from hub.settings import ROOT
from hub.stack.folder import SandboxTime
from hub.stack.stack import Stack
from hub.stack.supervisor import Supervisor
from simulation.scripts import SCRIPTS

START: Final[Micros] = parse_micros("2023-01-09T06:00:00Z")
SPEED: Final = 1_000_000.0
"""A year in 31.5 seconds. The agreement in force ends on 2024-12-01, which is a minute of the machine's time."""
SETTLE: Final[Micros] = 6 * SECOND
"""From the servers' start to the clock's: the services begin meanwhile."""
TICK: Final = 0.2
GOVERNANCE: Final = "council/ig"
KILLED: Final = {"q-supervision": "router", "resumed": "delivery"}
"""When a desk has published that, this service is killed (SIGKILL), in the middle of its work."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Year:
    """All that is known once the year is over."""

    desks: Mapping[str, DeskProcess]
    status: Mapping[str, Any]
    decisions: Mapping[str, Any]
    head: LogHead
    seconds: Mapping[str, float]
    restarts: Mapping[str, int]


class DemoStack(Stack):
    """Dorset's stack, embedded; its sandbox clock begins once its servers stand, however long they take."""

    def __init__(self, folder: Path) -> None:
        partnership = load(ROOT / "partnerships" / "dorset")
        desks = partnership.active_desks
        super().__init__(
            folder,
            desks=[desk.name for desk in desks if desk.receives],
            readers=[desk.name for desk in desks if not desk.receives],
            origin=f"wraparound/{partnership.name}",
        )

    def start(self) -> None:
        """Start the servers, then set the clock."""
        super().start()
        self.time = SandboxTime(START, SPEED, SystemClock().now() + SETTLE)
        self._describe()


async def live(
    folder: Path,
    say: Say,
    said: Callable[[str, Line], None],
    show: Callable[[Year, Stack], None],
    *,
    stay: bool = False,
) -> None:
    """Run the year in this folder, show it, and stop everything; with `stay` only when interrupted.

    `say` is told each step, `said` each line of a desk. Raises the stack's errors, `StoryError`, `UnfinishedError`.
    """
    began = time.monotonic()
    seconds: dict[str, float] = {}
    stack = DemoStack(folder)
    supervisor = Supervisor(stack)

    def heard(desk: str, line: Line) -> None:
        said(desk, line)
        if line["did"] == "published":
            _kill(supervisor, KILLED.get(line["tag"], ""), say)

    county = County(folder, heard)
    try:
        await county.start(list(SCRIPTS))
        # Blocks, since what it starts ends with this very thread.
        with _interruptible():
            supervisor.start(say)
        async with _kept_up(supervisor):
            seconds["up"] = time.monotonic() - began
            try:
                assert stack.time is not None
                await county.live(stack.time)
                seconds["year"] = time.monotonic() - began - seconds["up"]
                say("waiting until everything is decided, delivered and sealed")
                status = await proof.rest(folder, os.getpid())
                await county.close()
            finally:
                # Before the hub: a desk that is still there would try again and again.
                await county.end()
            say("asking why, as information governance; verifying the log")
            decisions = await proof.decisions(stack.identities.profile(GOVERNANCE), _receipts(county))
            head = await proof.verified(stack)
            seconds["all"] = time.monotonic() - began
            restarts = {each.service: each.restarts for each in supervisor.services}
            show(Year(county.desks, status, decisions, head, seconds, restarts), stack)
            if stay:
                await asyncio.Event().wait()
    finally:
        await county.end()


def _receipts(county: County) -> dict[str, str]:
    """`desk:tag` → the receipt of what was published."""
    return {
        f"{name}:{line['tag']}": line["receipt"]
        for name, desk in county.desks.items()
        for line in desk.told("published")
    }


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGINT and SIGTERM at once, as in a program without a loop: the loop's own handlers wait until it runs again."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in handlers:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _kill(supervisor: Supervisor, service: str, say: Say) -> None:
    for each in supervisor.services:
        if each.service == service:
            say(f"            the hub's process `{service}` is killed, and starts again")
            each.kill()


@asynccontextmanager
async def _kept_up(supervisor: Supervisor) -> AsyncIterator[None]:
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
