"""A processor that comes after Kafka's log was cut: complete from what is stored, or it stops and says so."""

import asyncio
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from hub.effects import Done, Outcome, Queue
from hub.events import Envelope, Event
from hub.processor.feed import UnreachablePositionError
from hub.processor.machine import Kept
from hub.settings import ROOT
from services.referral_router.composition import assemble
from tests.integration.replay import snapshot
from tests.integration.replay.inputs import give
from tests.integration.replay.line import Line, Reader
from tests.integration.replay.snapshot import Snapshot


@dataclass
class Watcher:
    """A machine that is new: it sees every event, and changes nothing."""

    name: str = "outcomes"
    topic: str = "events"
    table: str = "person_state"
    shape: int = 1
    sealed: bool = False
    seen: dict[str, list[tuple[Envelope, bytes]]] = field(default_factory=lambda: defaultdict(list))

    def initial(self, key: str) -> str:
        return key

    def dump(self, state: str, stored: str | None) -> Kept:
        return Kept(state.encode(), 0)

    def load(self, kept: Kept) -> str:
        return (kept.body or b"").decode()

    def needs_queue(self, event: Event) -> bool:
        return False

    def needs_history(self, state: str, event: Event) -> bool:
        return False

    def rebuild(self, history: Sequence[Event]) -> str:
        return history[0].envelope.key

    def handle(self, state: str, event: Event, queued: Queue, history: Sequence[Event] = ()) -> Outcome:
        self.seen[event.envelope.key].append((event.envelope, event.raw))
        return Done(state)


def cut(line: Line, ends: dict[int, int]) -> dict[int, int]:
    """Delete the older half of every partition, as retention does. Gives where each begins now."""
    begins = {partition: end // 2 for partition, end in ends.items() if end > 1}
    admin = line.stack.admin()
    from kafka import TopicPartition

    try:
        admin.delete_records({TopicPartition("events", p): offset for p, offset in begins.items()})
    finally:
        admin.close()
    return begins


async def lived(line: Line) -> dict[int, int]:
    """A hub with a past, at rest. Gives where the partitions of `events` end."""
    await line.begin_life()
    await line.live(30, seed=7)
    for (family,) in await line.rows("SELECT family_id::text FROM family"):
        await line.rubbish(family)
    await line.live(30, seed=8)
    await line.settle()
    ends = await line.readers[0].ends()
    await line.rest()
    return ends


async def test_what_the_cut_took_is_read_from_what_is_stored_and_where_nothing_is_the_processor_stops(
    line: Line, empty: str
) -> None:
    ends = await lived(line)
    await give(line.dsn, empty)
    parts = assemble(line.stack.settings("router", postgres=empty))
    try:
        whole, stored = Watcher(), Watcher()
        await read(Reader(parts, whole, line.stack, service="outcomes"))
        assert sum(cut(line, ends).values()) > 50
        await read(Reader(line.parts, stored, line.stack, service="outcomes", batch=7))
        assert stored.seen == whole.seen
        assert_complete(await snapshot.take(parts), await snapshot.take(line.parts), ends)
        with pytest.raises(UnreachablePositionError, match="in neither; restore the database or the topic"):
            await read(Reader(parts, parts.machines[0], line.stack))
    finally:
        await parts.database.close()
    environ = line.stack.environ("router", postgres=empty)
    ended = await asyncio.to_thread(run, [sys.executable, "-m", "cli.main", "run", "router"], environ)
    assert ended.returncode == 1
    assert "the events between are in neither" in ended.stderr + ended.stdout


def assert_complete(whole: Snapshot, cut_off: Snapshot, ends: dict[int, int]) -> None:
    """Whoever came before the cut and whoever came after it gave every record the same fate, and left none out."""
    assert {fate for fate in cut_off.fates if fate[0] == "outcomes"} == whole.fates
    assert cut_off.letters == whole.letters
    for partition, end in ends.items():
        if end:
            assert cut_off.covered["outcomes", "events", partition][:2] == (0, end)


async def read(reader: Reader) -> None:
    """To the end."""
    await reader.start()
    await reader.finish()


def run(command: list[str], environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A process to its end."""
    return subprocess.run(
        command, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
