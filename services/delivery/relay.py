"""The relay: begins attempts for the desks that it owns, sends them, and marks what became of them.

One relay owns a desk at a time, by an advisory lock on the very connection on which it begins and marks
attempts. A cycle is one transaction (the last attempts marked, the next begun), then one send, awaited
whole: so the order of each desk and family is kept, and a crash anywhere repeats deliveries under their own
ids, never skips one.

Where another transaction was at one of the rows, all is undone and begun anew, for a while with patience: what
was sent is marked by itself, and rows that somebody is at wait without holding up the other families.

The relay decides nothing: what does not compare lapses, and the router decides again.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from hub.attempts import lines
from hub.attempts.begin import (
    Attempt,
    ContendedError,
    UnguardedError,
    begin,
    closed_agencies,
    lapse,
    look,
    register,
)
from hub.attempts.contention import busy_rows
from hub.attempts.judge import World, judge
from hub.attempts.lines import Horizon, Line
from hub.attempts.mark import end_overdue, mark
from hub.attempts.row import LIFE, Now, Row, agency
from hub.attempts.rows import Kit
from hub.clock import SECOND, Clock, SystemClock
from hub.crash import point
from hub.database import Connection
from hub.errors import PeerError
from hub.kafka import BrokerAwayError
from hub.keys import KeyErasedError, SealError
from hub.producer import Message, Outcome, Producer, Sent, stopwatch
from hub.session import Session, keep_going
from hub.telemetry import traces
from hub.telemetry.metrics import count
from services.delivery.messages import to_message

DESK_LOCK: Final = 710_002
LIMIT: Final = 500
BUSY: Final = 0.02
IDLE: Final = 0.1
CLAIM_EVERY: Final = 1.0
STUCK_EVERY: Final = 0.1
STUCK_ROW: Final = 0.001
"""Seconds to rest for each stuck row that was looked at, up to `STUCK_EVERY`; longer, while nothing comes of it."""
PATIENCE: Final = 5.0
"""Seconds after a contention in which rows that somebody is at are asked for first."""


class Relay:
    """One relay. `topics` names the topic of each desk that may be served; its locks say which are."""

    def __init__(
        self,
        dsn: str,
        kit: Kit,
        producer: Producer,
        topics: Mapping[str, str],
        *,
        clock: Clock,
        name: str = "relay",
        limit: int = LIMIT,
    ) -> None:
        self.kit = kit
        self.topics = dict(topics)
        self.limit = limit
        self.lines: dict[str, Line] = {}
        self.delivered = 0
        self._name = name
        self._session = Session(dsn, name, self._lost)
        self._producer = producer
        self._clock = clock
        self._machine = SystemClock()
        self._horizon = Horizon()
        self._claim_at = 0.0
        self._stuck_at = 0.0
        self._stuck_rest = 0.0
        self._patient_until = 0.0
        self._quiet = 0
        self._closed: frozenset[str] = frozenset()
        self._unmarked: tuple[list[Attempt], dict[str, Sent]] | None = None
        self._unguarded: tuple[str, ...] | None = None

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until told to stop; then mark what was sent and let go."""
        try:
            await keep_going(self._name, self.cycle, stopping)
            if self._unmarked is not None:
                with suppress(PeerError):
                    await self._transact(sending=False)
        finally:
            await self._producer.stop()
            await self._session.close()

    def _lost(self) -> None:
        self.lines.clear()
        self._claim_at = 0.0

    def now(self) -> Now:
        """The present on both clocks."""
        return Now(self._clock.now(), self._machine.now())

    async def cycle(self) -> float:
        """Mark the last attempts, begin the next, send them. Returns how long to rest afterwards."""
        try:
            return await self._cycle()
        except ContendedError:
            self._patient_until = stopwatch() + PATIENCE
            raise

    @property
    def _patient(self) -> bool:
        return stopwatch() < self._patient_until

    async def _cycle(self) -> float:
        started = stopwatch()
        if self._unguarded is not None:
            await self._register()
        if started >= self._claim_at:
            await self._claim()
            self._claim_at = started + CLAIM_EVERY
        await self._producer_or_mark()
        if self._patient and self._unmarked is not None:
            await self._transact(sending=False)
        try:
            attempts = await self._transact(sending=True)
        except UnguardedError as error:
            self._unguarded = error.persons
            return 0.0
        if attempts:
            point("attempt.committed")
            results = await self._send(attempts, started)
            point("attempt.sent")
            self._unmarked = (attempts, results)
            point("attempt.before_mark")
            self._quiet = 0
            return max(0.0, BUSY - (stopwatch() - started))
        self._quiet += 1
        return BUSY if self._quiet < 50 or any(line.stuck for line in self.lines.values()) else IDLE

    async def _producer_or_mark(self) -> None:
        """Have a broker to send to, or at least mark what was sent before it went away."""
        try:
            await self._producer.start()
        except BrokerAwayError:
            if self._unmarked is not None:
                await self._transact(sending=False)
            raise

    async def _transact(self, *, sending: bool) -> list[Attempt]:
        """One transaction: mark, then begin."""
        now = self.now()
        failed: set[tuple[str, str]] = set()
        lows: dict[str, int] = {}
        attempts: list[Attempt] = []
        ahead: list[Row] = []
        waiting: frozenset[tuple[str, str]] = frozenset()
        looked: list[str] = []
        async with self._session.transaction(patient=self._patient and not sending) as conn:
            await lines.observe(conn, self._horizon)
            safe = self._horizon.safe
            if self._unmarked is not None:
                lows = await mark(conn, self.kit, *self._unmarked, now, safe=safe)
                failed = _not_sent(*self._unmarked)
            if sending and self.lines:
                attempts, ahead, waiting, looked = await self._begin(conn, failed, now)
        self._unmarked = None
        self._remember(looked, ahead, waiting | failed, lows, safe)
        return attempts

    async def _begin(
        self, conn: Connection, failed: set[tuple[str, str]], now: Now
    ) -> tuple[list[Attempt], list[Row], frozenset[tuple[str, str]], list[str]]:
        """The attempts begun, the rows seen ahead, who waits, and the desks whose lines were looked at.

        Nothing is locked, and so nothing written, where no row is waiting.
        """
        chosen = [line for desk, line in self.lines.items() if agency(desk) not in self._closed]
        desks = [line.desk for line in chosen]
        stuck = await self._read_stuck(conn, chosen)
        ahead = await lines.read_ahead(conn, chosen, self.limit)
        if not stuck and not ahead:
            return [], [], frozenset(), desks
        closed = await closed_agencies(conn, [row.desk for row in (*stuck, *ahead)])
        if closed:
            self._closed |= closed
            desks = [desk for desk in desks if agency(desk) not in closed]
            stuck = [row for row in stuck if agency(row.desk) not in closed]
            ahead = [row for row in ahead if agency(row.desk) not in closed]
        world = await self._look(conn, [*stuck, *ahead], now)
        first = judge(stuck, world)
        if stuck:
            longer = min(STUCK_EVERY, max(BUSY, 2 * self._stuck_rest))
            self._stuck_rest = 0.0 if first.take or first.lapse else longer
        out = Counter(world.out) + Counter(each.row.desk for each in first.lapse)
        behind = failed | {(line.desk, family) for line in chosen for family in line.stuck}
        second = judge(ahead, replace(world, out=out), behind)
        await lapse(conn, self.kit, [*first.lapse, *second.lapse], now)
        attempts = await begin(conn, self.kit, [*first.take, *second.take], now, "kafka")
        return attempts, ahead, first.waiting | second.waiting, desks

    async def _look(self, conn: Connection, rows: Sequence[Row], now: Now) -> World:
        busy = await busy_rows(conn, rows) if self._patient else frozenset()
        free = [row for row in rows if row.delivery_id not in busy]
        world = await look(conn, self.kit, free, now)
        paced = {row.desk for row in rows if row.rules != world.rules}
        out = await lines.read_out(conn, [self.lines[desk] for desk in paced]) if paced else {}
        return replace(world, busy=busy, out=out)

    async def _read_stuck(self, conn: Connection, chosen: Sequence[Line]) -> list[Row]:
        if stopwatch() < self._stuck_at:
            return []
        stuck = [line for line in chosen if line.stuck]
        rows = await lines.read_stuck(conn, stuck) if stuck else []
        self._stuck_at = stopwatch() + min(STUCK_EVERY, max(self._stuck_rest, STUCK_ROW * len(rows)))
        return rows

    def _remember(
        self,
        desks: Sequence[str],
        ahead: Sequence[Row],
        waiting: frozenset[tuple[str, str]],
        lows: Mapping[str, int],
        safe: int,
    ) -> None:
        """After the commit: how far each line was looked at, and who waits in what was."""
        by_desk: dict[str, list[Row]] = {desk: [] for desk in desks}
        for row in ahead:
            by_desk[row.desk].append(row)
        for desk, rows in by_desk.items():
            self.lines[desk].looked(rows, self.limit, safe)
        for desk, family in waiting:
            if desk in self.lines and family not in self.lines[desk].stuck:
                self.lines[desk].stuck.add(family)
                self._stuck_rest = 0.0
        for desk, low in lows.items():
            if desk in self.lines:
                self.lines[desk].low = low

    async def _send(self, attempts: Sequence[Attempt], started: float) -> dict[str, Sent]:
        """Send everything that can be opened; the outcome of every delivery."""
        results: dict[str, Sent] = {}
        messages: list[Message] = []
        ids: list[str] = []
        for attempt in attempts:
            topic = self.topics[attempt.desk]
            for row in attempt.rows:
                try:
                    messages.append(to_message(self.kit, topic, row))
                    ids.append(row.delivery_id)
                except (KeyErasedError, SealError) as error:
                    results[row.delivery_id] = Sent(Outcome.REFUSED, type(error).__name__)
        receipts = await self._trace(ids, messages) if traces.on() else {}
        left = LIFE / SECOND - (stopwatch() - started)
        began = traces.now()
        results.update(zip(ids, await self._producer.send(messages, seconds=left), strict=True))
        sent = sum(1 for each in results.values() if each.outcome is Outcome.SENT)
        self.delivered += sent
        count("delivered_total", sent)
        for attempt in attempts if receipts else ():
            found = (receipts.get(row.delivery_id, "") for row in attempt.rows)
            traces.stage("deliver", (each for each in found if each), began, desk=attempt.desk)
        return results

    async def _trace(self, ids: Sequence[str], messages: list[Message]) -> dict[str, str]:
        """The receipts of these deliveries' events; each message says in its header which trace it goes on with."""
        async with self._session.transaction() as conn:
            cursor = await conn.execute(
                "SELECT d.delivery_id::text, e.receipt_id::text FROM delivery d JOIN event e USING (event_id)"
                " WHERE d.delivery_id = ANY(%s::uuid[]) AND e.receipt_id IS NOT NULL",
                (list(ids),),
            )
            receipts: dict[str, str] = dict(await cursor.fetchall())
        for number, delivery in enumerate(ids):
            if delivery in receipts:
                headers = [*messages[number].headers, traces.traceparent(receipts[delivery])]
                messages[number] = replace(messages[number], headers=headers)
        return receipts

    async def _claim(self) -> None:
        """Try for the desks that nobody serves; end what their last owner left open."""
        unserved = [desk for desk in self.topics if desk not in self.lines]
        new = await self._session.try_locks(DESK_LOCK, unserved)
        self._closed = frozenset()
        if new:
            async with self._session.transaction() as conn:
                await register(conn, agencies=[agency(desk) for desk in new])
                for desk in new:
                    await self.kit.ring.create(conn, self.kit.desk_key(desk), "desk", self._clock.now())
                lows = await lines.read_low(conn, new)
            self.lines.update({desk: Line(desk, low=low, ahead=low) for desk, low in lows.items()})
        if self.lines:
            async with self._session.transaction(patient=self._patient) as conn:
                lows = {desk: line.low for desk, line in self.lines.items()}
                over = await end_overdue(
                    conn, self.kit, list(lows), lows, self.now(), safe=self._horizon.safe
                )
            for desk, family in over:
                self.lines[desk].stuck.add(family)

    async def _register(self) -> None:
        persons, self._unguarded = self._unguarded or (), None
        async with self._session.transaction(patient=self._patient) as conn:
            await register(conn, persons=persons, agencies=[agency(desk) for desk in self.lines])


def _not_sent(attempts: Sequence[Attempt], results: Mapping[str, Sent]) -> set[tuple[str, str]]:
    return {
        (attempt.desk, row.family_id)
        for attempt in attempts
        for row in attempt.rows
        if results[row.delivery_id].outcome is not Outcome.SENT
    }
