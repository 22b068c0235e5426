"""The hot path: from record in `events` to acknowledged in `to-*` and sealed."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from bench.events import Maker, Told
from bench.families import Family, asking, opening, supporting
from bench.load import PORTION, Loader
from bench.mix import news
from bench.quiet import POSITION, scalar, until_quiet
from bench.stand import Stand
from hub.clock import Micros
from hub.database import Database

_COUNTS = """
SELECT (SELECT count(*) FROM delivery), (SELECT count(*) FROM audit_entry),
       (SELECT count(*) FROM event WHERE topic = 'events' AND source = 'hub'),
       (SELECT count(*) FROM event WHERE topic = 'people'),
       (SELECT count(*) FROM event WHERE type = 'wraparound.hub.decision_lapsed.v1'),
       (SELECT count(*) FROM fate WHERE kind <> 'done')
"""
_NAMES = ("deliveries", "audit_entries", "derived_events", "people_events", "lapses", "not_done")

_LATENCY = """
SELECT count(*), percentile_disc(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY released_at - recorded_at)
FROM delivery WHERE recorded_at >= %s AND released_at IS NOT NULL
"""


class HotPath:
    """Both measurements, on one stand."""

    def __init__(self, stand: Stand, database: Database, loader: Loader, maker: Maker) -> None:
        self._stand, self._database, self._loader, self._maker = stand, database, loader, maker
        self.starts: dict[int, int] = {}
        """Where the events of the throughput run begin, by partition of `events`."""
        self._clock = stand.stack.settings("router").clock()

    async def prepare(self, families: list[Family]) -> None:
        """Open the families and start their support, and wait until the hub has taken all of it in."""
        await self._loader.register(families, self._clock.now())
        for step in (opening, asking, supporting):
            await self._all(families, step)

    async def _all(self, families: list[Family], step: Callable[[Maker, Family, Micros], Any]) -> None:
        at = self._clock.now()
        before = await scalar(self._database, POSITION)
        told: list[Told] = [each for family in families for each in step(self._maker, family, at)]
        count = await self._loader.put(told)
        await until_quiet(self._database, before + count, self._stand.check)

    async def throughput(self, families: list[Family], events: int, in_flight: int) -> dict[str, Any]:
        """Events a second and CPU an event, while so many events are kept on their way."""
        database = self._database
        ready = [each.log_event() for each in news(self._maker, families, self._clock.now(), events, seed=1)]
        self.starts = await self._positions()
        counts, position = await self._counts(), await scalar(database, POSITION)
        given = await self._loader.enter(ready[:in_flight])
        while (reached := await scalar(database, POSITION)) < position + in_flight // 2:
            await asyncio.sleep(0.01)
        cpu, began = await self._cpu(), time.monotonic()
        while given < events:
            room = in_flight - (given - (await scalar(database, POSITION) - position))
            if room < PORTION:
                await asyncio.sleep(0.02)
            else:
                given += await self._loader.enter(ready[given : given + PORTION])
        ended = await until_quiet(database, position + events, self._stand.check)
        spent = {part: value - cpu.get(part, 0.0) for part, value in (await self._cpu()).items()}
        counted = position + events - reached
        after = await self._counts()
        return {
            "events": counted,
            **{name: after[name] - counts[name] for name in _NAMES},
            "seconds": round(ended - began, 2),
            "events_per_second": round(counted / (ended - began)),
            "cpu_us_per_event": {part: round(value / counted * 1e6) for part, value in sorted(spent.items())},
            "cpu_us_per_event_in_all": round(sum(spent.values()) / counted * 1e6),
        }

    async def _cpu(self) -> dict[str, float]:
        async with self._database.transaction() as conn:
            found = await conn.execute(
                "SELECT pid, application_name FROM pg_stat_activity WHERE application_name <> ''"
            )
            return self._stand.cpu(dict(await found.fetchall()))

    async def _positions(self) -> dict[int, int]:
        async with self._database.transaction() as conn:
            found = await conn.execute(
                "SELECT partition, next_offset FROM position WHERE processor = 'router'"
            )
            return dict(await found.fetchall())

    async def _counts(self) -> dict[str, int]:
        async with self._database.transaction() as conn:
            row = await (await conn.execute(_COUNTS)).fetchone()
        assert row is not None
        return dict(zip(_NAMES, row, strict=True))

    async def latency(self, families: list[Family], rate: int, seconds: int) -> dict[str, Any]:
        """From commit in the outbox to acknowledged in `to-*`, at a steady rate, in ms."""
        first = self._clock.now()
        began = time.monotonic()
        portion = max(1, rate // 50)
        before = await scalar(self._database, POSITION)
        count = 0
        while count < rate * seconds:
            told = news(self._maker, families, self._clock.now(), portion, seed=1_000_000 + count)
            count += await self._loader.put(told)
            await asyncio.sleep(max(0.0, began + count / rate - time.monotonic()))
        offered = count / (time.monotonic() - began)
        await until_quiet(self._database, before + count, self._stand.check)
        async with self._database.transaction() as conn:
            row = await (await conn.execute(_LATENCY, (first,))).fetchone()
        assert row is not None
        p50, p99 = (value / 1000 for value in row[1])
        return {
            "offered_per_second": round(offered),
            "deliveries": row[0],
            "p50_ms": round(p50),
            "p99_ms": round(p99),
        }
