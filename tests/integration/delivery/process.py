"""The delivery service as a process of its own, killed where a test says."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from hub.events import HUB, Envelope
from hub.ids import derive
from hub.ledger import read_details
from hub.outbox import LogEvent, put
from tests.integration.delivery.world import Queued, Received, World

RUN = "from hub.settings import load; from services.delivery.main import main; raise SystemExit(main(load()))"
SILENT = "wraparound.hub.agency_resumed.v1"


async def spawn(world: World, crash_at: str = "") -> Process:
    """Start the service on the world's database."""
    environ = world.stack.environ("delivery", postgres=world.dsn)
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "error",
        "-c",
        RUN,
        env={**environ, "WRAPAROUND_CRASH_AT": crash_at},
        stdout=DEVNULL,
        stderr=PIPE if os.environ.get("SHOW") is None else None,
    )


@asynccontextmanager
async def running(world: World) -> AsyncIterator[Process]:
    """The service, stopped in order at the end: it must say nothing and exit 0."""
    process = await spawn(world)
    try:
        yield process
        await until_heeding(process)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def until_heeding(process: Process, *, seconds: float = 60) -> None:
    """Wait until it handles SIGTERM: on a busy machine it may still be starting, and another has done the work."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not _caught(process.pid) >> (signal.SIGTERM - 1) & 1:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.02)


def _caught(pid: int) -> int:
    """The signals that a process handles, as Linux tells them."""
    return int(Path(f"/proc/{pid}/status").read_text().split("SigCgt:")[1].split()[0], 16)


async def until_killed(process: Process) -> None:
    """Wait for the crash that was ordered."""
    assert await asyncio.wait_for(process.wait(), 60) == -signal.SIGKILL


async def until_some(world: World, *, seconds: float = 60) -> None:
    """Wait until something is delivered."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await world.one("SELECT count(*) FROM delivery WHERE status = 'delivered'"):
        assert asyncio.get_running_loop().time() < deadline, await world.statuses()
        await asyncio.sleep(0.1)


async def until_done(world: World, *, seconds: float = 60) -> None:
    """Wait until every delivery is delivered and the outbox is empty."""
    deadline = asyncio.get_running_loop().time() + seconds
    while await world.one(
        "SELECT (SELECT count(*) FROM delivery WHERE status <> 'delivered') + (SELECT count(*) FROM outbox)"
    ):
        assert asyncio.get_running_loop().time() < deadline, await world.statuses()
        await asyncio.sleep(0.1)


async def log_events(world: World, family: int, count: int) -> list[str]:
    """Put events into the outbox as acceptance does; their ids in order."""
    events = []
    for _ in range(count):
        world.made += 1
        event_id = derive(world.secret, "log", world.dsn, str(world.made))
        envelope = Envelope(
            id=event_id, type=SILENT, source=HUB, key=world.family(family), recorded_at=1, accepted_at=1
        )
        events.append(LogEvent(envelope, "events", b"body of " + event_id.encode(), world.family(family)))
    async with world.transaction() as conn:
        await world.kit.ring.create(conn, world.family(family), "family", 0)
        await put(conn, world.kit.ring, events)
    return [event.envelope.id for event in events]


class Feed:
    """Queues deliveries all the time, and knows what it queued."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.wanted: dict[str, list[str]] = defaultdict(list)
        self._going = True

    async def run(self) -> None:
        rules = await self.world.rules()
        while self._going:
            items = [Queued(number, rules=rules) for number in range(4)]
            for item, delivery_id in zip(items, await self.world.put(*items), strict=True):
                self.wanted[self.world.family(item.family)].append(delivery_id)
            await asyncio.sleep(0.05)

    def stop(self) -> None:
        self._going = False


@asynccontextmanager
async def feeding(world: World) -> AsyncIterator[Feed]:
    feed = Feed(world)
    task = asyncio.ensure_future(feed.run())
    yield feed
    feed.stop()
    await task


async def attempts_named(world: World) -> Counter[str]:
    """How many audit entries of attempts name each delivery."""
    rows = await world.rows("SELECT entry_id::text FROM audit_entry WHERE kind = 'delivery.attempted'")
    named: Counter[str] = Counter()
    async with world.transaction() as conn:
        for (entry_id,) in rows:
            details: dict[int, Any] = await read_details(conn, world.kit.ring, entry_id)
            named.update(details[0]["deliveries"])
    return named


def first_seen(records: list[Received]) -> dict[str, list[str]]:
    """The ids of each family in the order in which they were first received."""
    order: dict[str, list[str]] = defaultdict(list)
    for record in records:
        if record.delivery_id not in order[record.family_id]:
            order[record.family_id].append(record.delivery_id)
    return order


def unrecorded(records: list[Received], named: Counter[str]) -> Counter[str]:
    """Receipts beyond the attempts that the log names: what was released without a record."""
    return Counter(record.delivery_id for record in records) - named
