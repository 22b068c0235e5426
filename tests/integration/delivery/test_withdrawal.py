"""Exactly: no attempt begins after a protective event is accepted, in whatever order the statements meet."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from hub.attempts import inbox, lines
from hub.attempts.begin import ContendedError, UnguardedError, begin, lapse, look, register
from hub.attempts.judge import judge
from hub.attempts.lines import Line
from hub.attempts.row import Now
from hub.attempts.rows import Kit
from hub.clock import SystemClock
from hub.database import Connection
from tests.integration.delivery.world import DESK, Queued, World, raise_guards

Step = Callable[[], Awaitable[None]]


@dataclass
class Actor:
    """One connection that works through its steps, one at a time, each when it is told."""

    conn: Connection
    name: str
    log: list[str]
    steps: list[Step] = field(default_factory=list)
    running: "asyncio.Task[None] | None" = None

    async def go(self, patience: float) -> bool:
        """Start the next step, or wait a little for the one that is blocked. False: nothing left to do."""
        if self.running is None:
            if not self.steps:
                return False
            self.running = asyncio.ensure_future(self.steps.pop(0)())
        await asyncio.wait([self.running], timeout=patience)
        if self.running.done():
            running, self.running = self.running, None
            try:
                running.result()
            except (
                UnguardedError,
                ContendedError,
                psycopg.errors.LockNotAvailable,
                psycopg.errors.DeadlockDetected,
            ):
                self.steps.clear()
                await self.conn.execute("ROLLBACK")
                self.log.append(f"{self.name} gave up")
        return True


def acceptance(actor: Actor, persons: Sequence[str]) -> None:
    """A protective event: its guards in id order, one by one, then the commit."""

    async def start() -> None:
        await actor.conn.execute("BEGIN")

    async def commit() -> None:
        await actor.conn.execute("COMMIT")
        actor.log.append("accepted")

    def step(person: str) -> Step:
        return lambda: raise_guards(actor.conn, [person])

    actor.steps = [start, *map(step, sorted(persons)), commit]


def attempt(actor: Actor, kit: Kit, *, lock: bool) -> None:
    """A relay's attempt: read, compare, record, then the commit."""
    taken: list[Any] = []

    async def start() -> None:
        await actor.conn.execute("BEGIN")
        await actor.conn.execute("SET LOCAL lock_timeout = 500")

    async def compare() -> None:
        now = Now(0, SystemClock().now())
        rows = await lines.read_ahead(actor.conn, [Line(DESK)], 100)
        verdict = judge(rows, await look(actor.conn, kit, rows, now, lock=lock))
        await lapse(actor.conn, kit, verdict.lapse, now)
        taken.extend(await begin(actor.conn, kit, verdict.take, now, "kafka"))

    async def commit() -> None:
        await actor.conn.execute("COMMIT")
        actor.log.append("began" if taken else "lapsed")

    actor.steps = [start, compare, commit]


def reading(actor: Actor, kit: Kit) -> None:
    """A desk reads its inbox."""
    pages: list[inbox.Page] = []

    async def start() -> None:
        await actor.conn.execute("BEGIN")
        await actor.conn.execute("SET LOCAL lock_timeout = 500")

    async def read() -> None:
        pages.append(await inbox.read(actor.conn, kit, DESK, 0, 10, Now(0, SystemClock().now())))

    async def commit() -> None:
        await actor.conn.execute("COMMIT")
        actor.log.append("began" if pages[0].attempt is not None else "lapsed")

    actor.steps = [start, read, commit]


async def play(actors: Sequence[Actor], rng: random.Random) -> None:
    """Let the actors go on in a random order until all have finished."""
    going = list(actors)
    while going:
        actor = rng.choice(going)
        if not await actor.go(0.004):
            going.remove(actor)


async def interleave(
    world: World, connections: Sequence[Connection], rng: random.Random, *, lock: bool, with_inbox: bool
) -> list[str]:
    """One acceptance against attempts; the log of what committed when."""
    log: list[str] = []
    known = rng.random() < 0.8
    persons = [rng.randrange(10**6) for _ in range(3)]
    await world.put(Queued(rng.randrange(5), persons=tuple(persons[:2])))
    if known:
        async with world.transaction() as conn:
            await register(conn, persons=[world.person(person) for person in persons])
    accepting, sending, second = (
        Actor(conn, name, log)
        for conn, name in zip(connections, ("acceptance", "attempt", "second"), strict=True)
    )
    acceptance(accepting, [world.person(person) for person in rng.sample(persons[:2], rng.choice([1, 2]))])
    attempt(sending, world.kit, lock=lock)
    actors = [accepting, sending]
    if with_inbox:
        reading(second, world.kit)
        actors.append(second)
    await play(actors, rng)
    await world.rows("DELETE FROM inbox RETURNING place")
    await world.rows("DELETE FROM delivery RETURNING seq")
    return log


def violations(log: list[str]) -> int:
    """Attempts that began after the acceptance."""
    return log[log.index("accepted") :].count("began") if "accepted" in log else 0


async def try_many(world: World, count: int, *, lock: bool) -> list[list[str]]:
    """The logs of so many interleavings."""
    async with world.transaction() as conn:
        await register(conn, agencies=["s2w"])
        await world.kit.ring.create(conn, world.kit.desk_key(DESK), "desk", 0)
        await world.kit.ring.create_all(conn, map(world.family, range(5)), "family", 0)
    connections = [await world.connect() for _ in range(3)]
    logs = [
        await interleave(
            world, connections, random.Random(seed), lock=lock, with_inbox=lock and seed % 3 == 0
        )
        for seed in range(count)
    ]
    for connection in connections:
        await connection.close()
    return logs


async def test_no_attempt_begins_after_the_acceptance_in_hundreds_of_interleavings(world: World) -> None:
    logs = await try_many(world, 300, lock=True)
    assert sum(map(violations, logs)) == 0
    # The interleavings are worth something: both ends occur, and every acceptance went through.
    assert sum("began" in log for log in logs) > 30
    assert sum("lapsed" in log for log in logs) > 30
    assert all("accepted" in log for log in logs)


async def test_the_checker_sees_an_attempt_begin_too_late_when_guards_are_read_without_a_lock(
    world: World,
) -> None:
    logs = await try_many(world, 60, lock=False)
    assert sum(map(violations, logs)) > 0
