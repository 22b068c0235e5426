"""A hub of its own in a folder, the year on its clock, and what is asked of it afterwards."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cli.demo import proof
from cli.demo.hub import DemoStack, Say, interruptible, kept_up, kill
from cli.demo.proof import LogHead
from cli.demo.room import DeskProcess, Line, Room
from hub.clock import SECOND, Micros, SystemClock, parse_micros
from hub.stack.folder import SandboxTime
from hub.stack.supervisor import Supervisor
from simulation.scripts import SCRIPTS

START: Final[Micros] = parse_micros("2023-01-09T06:00:00Z")
SPEED: Final = 1_000_000.0
"""A year in 31.5 seconds. The agreement in force ends on 2024-12-01, which is a minute of the machine's time."""
SETTLE: Final[Micros] = 6 * SECOND
"""From the servers' start to the clock's: the services begin meanwhile."""
GOVERNANCE: Final = "council/ig"
KILLED: Final = {"q-supervision": "router", "resumed": "delivery"}
"""When a desk has published that, this service is killed (SIGKILL), in the middle of its work."""


@dataclass(frozen=True, slots=True)
class Year:
    """All that is known once the year is over."""

    desks: Mapping[str, DeskProcess]
    status: Mapping[str, Any]
    decisions: Mapping[str, Any]
    head: LogHead
    seconds: Mapping[str, float]
    restarts: Mapping[str, int]


def clock() -> SandboxTime:
    """The sandbox clock of a year that begins in a moment."""
    return SandboxTime(START, SPEED, SystemClock().now() + SETTLE)


async def live(
    folder: Path,
    say: Say,
    said: Callable[[str, Line], None],
    show: Callable[[Year, str], None],
    *,
    stay: bool = False,
) -> None:
    """Run the year in this folder, show it, and stop everything; with `stay` only when interrupted.

    `say` is told each step, `said` each line of a desk. Raises the stack's errors, `StoryError`, `UnfinishedError`.
    """
    began = time.monotonic()
    seconds: dict[str, float] = {}
    stack = DemoStack(folder, clock)
    supervisor = Supervisor(stack)

    def heard(desk: str, line: Line) -> None:
        said(desk, line)
        if line["did"] == "published":
            kill(supervisor, KILLED.get(line["tag"], ""), say)

    county = Room(folder, heard)
    try:
        await county.start(list(SCRIPTS))
        # Blocks, since what it starts ends with this very thread.
        with interruptible():
            supervisor.start(say)
        async with kept_up(supervisor):
            seconds["up"] = time.monotonic() - began
            try:
                assert stack.time is not None
                await county.live(stack.time)
                seconds["year"] = time.monotonic() - began - seconds["up"]
                say("waiting until everything is decided, delivered and sealed")
                await proof.rest(folder, os.getpid())
                await county.close()
                # What a desk reads at the very end it may answer, and that ends what waited for its answer.
                status = await proof.rest(folder, os.getpid())
            finally:
                # Before the hub: a desk that is still there would try again and again.
                await county.end()
            say("asking why, as information governance; verifying the log")
            decisions = await proof.decisions(stack.identities.profile(GOVERNANCE), _receipts(county))
            head = await proof.verified(stack.dsn, stack.identities)
            seconds["all"] = time.monotonic() - began
            restarts = {each.service: each.restarts for each in supervisor.services}
            show(Year(county.desks, status, decisions, head, seconds, restarts), stack.url)
            if stay:
                await asyncio.Event().wait()
    finally:
        await county.end()


def _receipts(county: Room) -> dict[str, str]:
    """`desk:tag` → the receipt of what was published."""
    return {
        f"{name}:{line['tag']}": line["receipt"]
        for name, desk in county.desks.items()
        for line in desk.told("published")
    }
