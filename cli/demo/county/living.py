"""The county's year on a hub of its own: week after week, desk after desk, and what is asked of the hub afterwards."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import ceil
from pathlib import Path
from typing import Any, Final, TypeVar

from cli import lag
from cli.demo import proof
from cli.demo.county import asked
from cli.demo.county.asked import Facts, Seen
from cli.demo.county.dates import at
from cli.demo.county.offices import Offices
from cli.demo.county.stillness import Stillness
from cli.demo.hub import DemoStack, Say, interruptible, kept_up, kill
from cli.demo.proof import LogHead
from hub.clock import DAY
from hub.led_clock import ClockHand
from hub.stack.stack import Stack
from hub.stack.supervisor import Supervisor
from simulation.county import scripts
from simulation.county.county import County, make, script
from simulation.county.letters import TURNS, WEEKS, Letter

KILLED: Final = {(20, "council/chesil"): ("router", "delivery")}
"""When that desk has sent its letters of that week, these services are killed (SIGKILL), in the middle of it all."""
LOOK_WEEKS: Final = 2
"""How often inboxes are read."""
CLOCK: Final = "clock"
COUNTY: Final = "county"
MONTHS: Final = 13
"""December 2022 to December 2023."""

T = TypeVar("T")
Progress = Callable[[int, int, int], None]
"""Told after each week: the weeks that are over, of how many, and the events published so far."""


@dataclass(frozen=True, slots=True)
class Lived:
    """All that is known once the year is over. `work`: the folder of scripts, mailbags and journals."""

    county: County
    weeks: Sequence[Sequence[Letter]]
    work: Path
    status: Mapping[str, Any]
    facts: Facts
    views: Sequence[Seen]
    seconds: Mapping[str, float]
    restarts: Mapping[str, int]

    @property
    def is_whole(self) -> bool:
        """Whether the whole year was lived."""
        return len(self.weeks) == WEEKS


async def live(
    folder: Path,
    seed: int,
    months: int,
    say: Say,
    progress: Progress,
    read: Callable[[Lived], T],
    show: Callable[[T, LogHead, str], None],
    *,
    stay: bool,
    passing: bool = False,
) -> None:
    """Run so many months in this folder, show them, and stop everything; with `stay` only when interrupted.

    `read` makes of the year what `show` needs, while the log is verified. `passing`: the folder is removed afterwards.

    Raises the stack's errors, `StoryError`, `UnfinishedError`.
    """
    began = time.monotonic()
    seconds: dict[str, float] = {}
    work = folder / COUNTY
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stack = DemoStack(folder)
    stack.passing = passing
    hand = ClockHand(folder / CLOCK, at(0, 0) - 6 * DAY)
    stack.clock_file = folder / CLOCK
    supervisor = Supervisor(stack)
    offices = Offices(folder, work)
    try:
        await offices.start()
        preparing = asyncio.get_running_loop().run_in_executor(None, _prepare, seed, months, work)
        # Blocks, since what it starts ends with this very thread.
        with interruptible():
            supervisor.start(say)
        county, weeks = await preparing
        async with kept_up(supervisor):
            seconds["up"] = time.monotonic() - began
            try:
                offices.begin()
                await _year(stack, supervisor, hand, offices, weeks, say, progress)
                seconds["year"] = time.monotonic() - began - seconds["up"]
                say("everything is decided and delivered; the desks read what is left")
                await offices.close()
                with Stillness(stack) as stillness:
                    await stillness.wait()
                status = await asyncio.to_thread(lag.look, folder, os.getpid())
            finally:
                # Before the hub: a desk that is still there would try again and again.
                await offices.end()
            say("one family, as two desks see it; verifying the log")
            facts = await asyncio.to_thread(asked.facts, stack.dsn)
            views = await asyncio.to_thread(asked.views, stack, county.lives, chain(*weeks))
            with proof.verifying(stack) as head:
                restarts = {each.service: each.restarts for each in supervisor.services}
                known = read(Lived(county, weeks, work, status, facts, views, seconds, restarts))
                verified = await asyncio.wrap_future(head)
            seconds["all"] = time.monotonic() - began
            show(known, verified, stack.url)
            if stay:
                await asyncio.Event().wait()
    finally:
        await offices.end()


def _prepare(seed: int, months: int, work: Path) -> tuple[County, list[list[Letter]]]:
    county = make(seed)
    weeks = script(county)[: ceil(WEEKS * months / MONTHS)]
    scripts.write(work, weeks)
    return county, weeks


async def _year(
    stack: Stack,
    supervisor: Supervisor,
    hand: ClockHand,
    offices: Offices,
    weeks: Sequence[Sequence[Letter]],
    say: Say,
    progress: Progress,
) -> None:
    """Each week in turn; the next begins when the hub has come to rest, every other one when inboxes are read too."""
    published = 0
    with Stillness(stack) as stillness:
        for number, week in enumerate(weeks):
            writing = {letter.desk for letter in week}
            for turn, desks in enumerate(TURNS):
                sending = [desk for desk in desks if desk in writing]
                if not sending:
                    continue
                hand.move(at(number, turn))
                published += await offices.post(number, sending)
                if (number, sending[0]) in KILLED:
                    for service in KILLED[number, sending[0]]:
                        kill(supervisor, service, say)
                    # Else it would answer this turn at the next one's time, or not, as the machine is fast or slow.
                    await stillness.wait()
            await stillness.wait()
            if number % LOOK_WEEKS == 0:
                await offices.look()
            progress(number + 1, len(weeks), published)
        # What is read is answered; what was asked again before the answer came is read as well.
        for _ in range(2):
            await offices.look()
            await stillness.wait()
        await offices.look()
