"""A hub of its own in a folder, the year on its clock, and what is asked of it afterwards."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
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

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Year:
    """All that is known once the year is over."""

    desks: Mapping[str, DeskProcess]
    status: Mapping[str, Any]
    decisions: Mapping[str, Any]
    head: LogHead
    seconds: Mapping[str, float]


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
    county = County(folder, said)
    try:
        await county.start(list(SCRIPTS))
        # Blocks: what it starts ends with this very thread.
        supervisor.start(say)
        async with _kept_up(supervisor):
            seconds["up"] = time.monotonic() - began
            assert stack.time is not None
            await county.live(stack.time)
            seconds["year"] = time.monotonic() - began - seconds["up"]
            say("waiting until everything is decided, delivered and sealed")
            status = await proof.rest(folder, os.getpid())
            await county.close()
            say("asking why, as information governance; verifying the log")
            decisions = await proof.decisions(stack.identities.profile(GOVERNANCE), _receipts(county))
            head = await proof.verified(stack)
            seconds["all"] = time.monotonic() - began
            show(Year(county.desks, status, decisions, head, seconds), stack)
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
