"""The county's desks as processes: a few, each with some desks in it, told whose turn it is."""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from cli.demo.room import StoryError
from hub.settings import ROOT
from hub.stack.identities import Identities

TOGETHER: Final = (
    ("council/chesil", "council/dorchester", "council/west", "council/minutes", "council/ig"),
    ("s2w/sft", "reach/sft", "paragon/victim", "probation/perp", "police/dorset"),
    ("school/st-brannocks", "school/harbour-lane", "school/westhaven", "health/gp"),
)
"""Which desks share a process; those that send in one turn do."""
ANSWER_SECONDS: Final = 600.0


class Office:
    """One process, and the file of what it says when it fails."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self._log = log

    def write(self, line: str) -> None:
        """A line to its standard input."""
        assert self.process.stdin is not None
        if not self.process.stdin.is_closing():
            self.process.stdin.write(f"{line}\n".encode())

    async def answer(self) -> dict[str, Any]:
        """The next line that it says. Raises `StoryError`."""
        assert self.process.stdout is not None
        async with asyncio.timeout(ANSWER_SECONDS):
            raw = await self.process.stdout.readline()
        if not raw:
            last = self._log.read_text(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise StoryError(f"some desks have ended: {last[0]} (see {self._log})")
        answer: dict[str, Any] = json.loads(raw)
        return answer


class Offices:
    """All of them."""

    def __init__(self, folder: Path, work: Path) -> None:
        self._folder = folder
        self._work = work
        self._all: list[Office] = []
        self._of: dict[str, Office] = {}

    async def start(self) -> None:
        """Start the processes; each waits until it is told to begin."""
        profiles = Identities(self._folder).profile("x/y").parent
        for number, desks in enumerate(TOGETHER, 1):
            log = self._folder / "logs" / f"desks-{number}.log"
            log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with log.open("ab") as errors:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    *["-m", "simulation.county.office", str(profiles), str(self._work), *desks],
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=errors,
                    # A desk has its own profile, and nothing of the hub's environment.
                    env={"PYTHONPATH": str(ROOT)},
                    start_new_session=True,
                )
            office = Office(process, log)
            self._all.append(office)
            self._of.update(dict.fromkeys(desks, office))

    def begin(self) -> None:
        """The hub is up."""
        for office in self._all:
            office.write("begin")

    async def post(self, week: int, desks: Sequence[str]) -> int:
        """Have desks of one process send their letters of a week, all at once; gives how many. Raises `StoryError`."""
        (office,) = {self._of[desk] for desk in desks}
        office.write(f"post {week} {' '.join(desks)}")
        return int((await office.answer())["count"])

    async def look(self) -> None:
        """Have the desks that read their inbox read what has come. Raises `StoryError`."""
        for office in self._all:
            office.write("look")
        for office in self._all:
            await office.answer()

    async def close(self) -> None:
        """Have every desk read what is left for it, and end. Raises `StoryError`."""
        for office in self._all:
            office.write("close")
        for office in self._all:
            await office.answer()
        await asyncio.gather(*(office.process.wait() for office in self._all))

    async def end(self) -> None:
        """End whatever still runs, at once."""
        for office in self._all:
            if office.process.returncode is None:
                office.process.kill()
                await office.process.wait()


def desks() -> Sequence[str]:
    """Every desk of the county."""
    return [desk for together in TOGETHER for desk in together]
