"""The desks of the small story as processes of their own, and what they say of themselves."""

import asyncio
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hub.clock import format_micros
from hub.errors import HubError
from hub.settings import ROOT
from hub.stack.identities import Identities
from hub.stack.stack import SandboxTime

SILENT_SECONDS: Final = 40.0
"""As long as this nothing happened at any desk: whatever they wait for does not come."""
LONGEST_LINE: Final = 2**20

Line = Mapping[str, Any]


class StoryError(HubError):
    """The year could not be told to its end."""


@dataclass(slots=True)
class DeskProcess:
    """One desk: its process, and every line that it said."""

    name: str
    process: asyncio.subprocess.Process
    mailbag: Path
    log: Path
    lines: list[Line] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def told(self, did: str) -> list[Line]:
        """The lines of one kind, in order."""
        return [line for line in self.lines if line["did"] == did]

    def write(self, line: str) -> None:
        """A line to its standard input; one that has ended is found out by who reads it."""
        assert self.process.stdin is not None
        if not self.process.stdin.is_closing():
            self.process.stdin.write(f"{line}\n".encode())


class Room:
    """All desks. Each hears what the others publish, as people who work in one room do."""

    def __init__(self, folder: Path, said: Callable[[str, Line], None]) -> None:
        self.desks: dict[str, DeskProcess] = {}
        self._folder = folder
        self._said = said
        self._readers: list[asyncio.Task[None]] = []

    async def start(self, names: Sequence[str]) -> None:
        """Start a process for each desk; each waits until it is told to begin."""
        identities = Identities(self._folder)
        for name in names:
            slug = name.replace("/", "-")
            mailbag = self._folder / "mailbags" / slug
            log = self._folder / "logs" / f"desk-{slug}.log"
            for file in (mailbag, log):
                file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with log.open("ab") as errors:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    *["-m", "simulation", name, str(identities.profile(name)), str(mailbag)],
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=errors,
                    # A desk has its own profile, and nothing of the hub's environment.
                    env={"PYTHONPATH": str(ROOT)},
                    start_new_session=True,
                    limit=LONGEST_LINE,
                )
            self.desks[name] = DeskProcess(name, process, mailbag, log)
        self._readers = [asyncio.create_task(self._read(desk)) for desk in self.desks.values()]

    async def live(self, time: SandboxTime) -> None:
        """Begin, now that the hub is up, until every desk has done all that it had to do. Raises `StoryError`."""
        numbers = ",".join([format_micros(time.start), str(time.speed), format_micros(time.anchor)])
        for desk in self.desks.values():
            desk.write(f"begin {numbers}")
        await self._together(asyncio.gather(*(desk.done.wait() for desk in self.desks.values())))

    async def close(self) -> None:
        """Have every desk read what is left for it, and end. Raises `StoryError`."""
        for desk in self.desks.values():
            desk.write("close")
        await self._together(asyncio.gather(*(d.process.wait() for d in self.desks.values())))
        await asyncio.gather(*self._readers)

    async def end(self) -> None:
        """End whatever still runs, at once."""
        for desk in self.desks.values():
            if desk.process.returncode is None:
                desk.process.kill()
                await desk.process.wait()
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)

    async def _together(self, waiting: asyncio.Future[Any]) -> None:
        """Wait, but no longer than until a desk fails or all are silent. Raises `StoryError`."""
        try:
            while not waiting.done():
                heard = sum(len(desk.lines) for desk in self.desks.values())
                readers = [reader for reader in self._readers if not reader.done()]
                done, _ = await asyncio.wait(
                    [waiting, *readers], timeout=SILENT_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                for reader in done - {waiting}:
                    reader.result()
                if not done and heard == sum(len(desk.lines) for desk in self.desks.values()):
                    late = sorted(name for name, desk in self.desks.items() if not desk.done.is_set())
                    raise StoryError(
                        f"nothing happens any more; still at work: {', '.join(late) or 'nobody'}"
                    )
        finally:
            if not waiting.done():
                waiting.cancel()
                with suppress(asyncio.CancelledError):
                    await waiting

    async def _read(self, desk: DeskProcess) -> None:
        assert desk.process.stdout is not None
        async for raw in desk.process.stdout:
            line = json.loads(raw)
            desk.lines.append(line)
            self._said(desk.name, line)
            if line["did"] in {"published", "remarked"}:
                self._pass_on(desk.name, line["tag"])
            elif line["did"] == "done":
                desk.done.set()
        code = await desk.process.wait()
        if code != 0 or not desk.told("closed"):
            last = desk.log.read_text(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise StoryError(f"{desk.name} ended with {code}: {last[0]} (see {desk.log})")

    def _pass_on(self, name: str, tag: str) -> None:
        for other in self.desks.values():
            if other.name != name:
                other.write(f"cue {name}:{tag}")
