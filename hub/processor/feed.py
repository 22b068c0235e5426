"""Where a processor's records come from: Kafka, or the stored events where Kafka's log has been cut.

The position in SQL is the truth. On assignment a partition is sought to it, whatever Kafka's committed offset
says. A position before the beginning of Kafka's log is fed from the stored events by (partition, offset), as
the
topic's first processor recorded them, until Kafka has it; if neither reaches the position the feed stops and
says so.

aiokafka may return records of a partition while its assignment is still being awaited: whatever is not of a
partition loaded here, or not at the expected offset, is dropped and read again from the position.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from hub.clock import SECOND, SystemClock
from hub.database import Database
from hub.errors import HubError
from hub.kafka import BrokerAwayError
from hub.keys import KeyRing
from hub.processor.positions import Move, open_positions
from hub.processor.records import Record
from hub.processor.stored import stored_records
from hub.processor.watchdog import Sight

log = logging.getLogger("wraparound.feed")

FIRST_PROCESSOR = {"events": "router", "people": "people"}
"""Who records the offsets of a topic's stored events, in its fates."""


class UnreachablePositionError(HubError):
    """Neither Kafka nor the stored events reach back to a position: going on would skip events."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Records in partition order, and the moves of the positions that account for all of them."""

    moves: tuple[Move, ...]
    records: tuple[Record, ...]


class Feed(ConsumerRebalanceListener):
    """The partitions of one topic that this process owns, for one processor.

    `lock` is held while a batch is in hand, so that a rebalance waits for it; `lost` is called, under the
    lock,
    when partitions go, so that caches go with them.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        database: Database,
        ring: KeyRing,
        *,
        processor: str,
        topic: str,
        lost: Callable[[], None],
    ) -> None:
        self._consumer = consumer
        self._database = database
        self._ring = ring
        self._processor = processor
        self._topic = topic
        self._lost = lost
        self._next: dict[int, int] = {}
        self._stale = True
        self._from_store: set[int] = set()
        self._read_twice: dict[int, int] = {}
        self._stamps: dict[int, float] = {}
        self.lock = asyncio.Lock()

    async def start(self) -> None:
        """Join the group. Raises `BrokerAwayError`."""
        try:
            await self._consumer.start()
        except (KafkaError, OSError) as error:
            raise BrokerAwayError(f"Kafka is away: {type(error).__name__}") from error
        self._consumer.subscribe([self._topic], listener=self)

    async def stop(self) -> None:
        """Leave the group."""
        await self._consumer.stop()

    @property
    def positions(self) -> dict[int, int]:
        """The next offset of each partition owned."""
        return dict(self._next)

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:  # noqa: ARG002 - aiokafka's form
        """Wait for the batch in hand, then forget everything about every partition."""
        async with self.lock:
            self.forget()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:  # noqa: ARG002
        """The positions are read before anything is taken of the new partitions."""
        async with self.lock:
            self.forget()

    def forget(self) -> None:
        """Own nothing until the positions have been read again."""
        self._next.clear()
        self._from_store.clear()
        self._stale = True
        self._lost()

    async def _resume(self) -> None:
        """Read the positions and seek every assigned partition to its own."""
        partitions = sorted(tp.partition for tp in self._consumer.assignment())
        if not partitions:
            return
        async with self._database.transaction() as conn:
            positions = await open_positions(conn, self._processor, self._topic, partitions)
        tps = {p: TopicPartition(self._topic, p) for p in partitions}
        try:
            beginnings = await self._consumer.beginning_offsets(list(tps.values()))
            ends = await self._consumer.end_offsets(list(tps.values()))
            for partition, offset in positions.items():
                self._place(tps[partition], offset, beginnings[tps[partition]], ends[tps[partition]])
        except IllegalStateError:
            # The assignment has changed under our hands: begin anew with the next one.
            self._from_store.clear()
            return
        except KafkaError as error:
            raise BrokerAwayError(f"Kafka is away: {type(error).__name__}") from error
        self._next = positions
        self._stale = False

    def _place(self, tp: TopicPartition, offset: int, beginning: int, end: int) -> None:
        """Have a partition read on from a position, whatever was made of it before."""
        if offset > end:
            raise UnreachablePositionError(
                f"{tp.topic}/{tp.partition}: position {offset} lies past Kafka's end {end}:"
                " this is not the log that the position belongs to"
            )
        if offset < beginning:
            self._from_store.add(tp.partition)
            self._consumer.pause(tp)
        else:
            self._consumer.seek(tp, offset)
            self._consumer.resume(tp)

    async def take(self, limit: int, wait_ms: int) -> Taken:
        """The next records, up to `limit`, waiting up to `wait_ms` for the first.

        The caller does not hold the lock. Raises `BrokerAwayError`, `DatabaseAwayError`,
        `UnreachablePositionError`.
        """
        if self._stale:
            async with self.lock:
                await self._resume()
        if self._from_store:
            return await self._take_stored(min(self._from_store), limit)
        try:
            fetched = await self._consumer.getmany(timeout_ms=wait_ms, max_records=limit)
        except (NoOffsetForPartitionError, OffsetOutOfRangeError):
            # Just assigned, or cut by retention: only the positions say where to read on.
            self._stale = True
            return Taken((), ())
        except KafkaError as error:
            raise BrokerAwayError(f"Kafka is away: {type(error).__name__}") from error
        moves: list[Move] = []
        records: list[Record] = []
        for tp, batch in sorted(fetched.items(), key=lambda pair: pair[0].partition):
            start = self._next.get(tp.partition)
            if start is None or tp.partition in self._from_store:
                continue
            fresh = [r for r in batch if r.offset >= start]
            if not fresh:
                continue
            if fresh[0].offset > start and not await self._is_absent(tp, start):
                continue
            records += [Record(tp.partition, r.offset, r.headers, r.value) for r in fresh]
            moves.append(Move(tp.partition, start, fresh[-1].offset + 1))
            self._stamps[tp.partition] = fresh[-1].timestamp / 1000
        return Taken(tuple(moves), tuple(records))

    async def _is_absent(self, tp: TopicPartition, start: int) -> bool:
        """Whether the log itself holds nothing between our position and what came, and not only what we were given.

        Our topics have no such gaps by themselves, so one is believed only when it is read a second time.
        """
        begin = (await self._offsets(tp))[tp]
        if begin > start:
            log.warning("%s/%d: Kafka begins at %d, we are at %d", tp.topic, tp.partition, begin, start)
            self._stale = True
            return False
        if self._read_twice.get(tp.partition) == start:
            return True
        self._read_twice[tp.partition] = start
        # The next call of `take` seeks to the position.
        self._stale = True
        return False

    async def sight(self) -> Sight:
        """The records behind the positions, as the broker says, and the age of the newest that was taken before them.

        Raises `BrokerAwayError`.
        """
        positions = self.positions
        tps = {p: TopicPartition(self._topic, p) for p in positions}
        try:
            ends = await self._consumer.end_offsets(list(tps.values())) if tps else {}
        except (KafkaError, IllegalStateError) as error:
            raise BrokerAwayError(f"Kafka is away: {type(error).__name__}") from error
        behind = {p: ends[tps[p]] - at for p, at in positions.items() if ends[tps[p]] > at}
        now = SystemClock().now() / SECOND
        seconds = max((now - self._stamps[p] for p in behind if p in self._stamps), default=0.0)
        return Sight(
            time.monotonic(), tuple(sorted(positions.items())), sum(behind.values()), max(0.0, seconds)
        )

    async def _offsets(self, tp: TopicPartition) -> dict[TopicPartition, int]:
        try:
            found: dict[TopicPartition, int] = await self._consumer.beginning_offsets([tp])
        except KafkaError as error:
            # What was taken and not handed on is read again.
            self._stale = True
            raise BrokerAwayError(f"Kafka is away: {type(error).__name__}") from error
        return found

    def advanced(self, moves: Iterable[Move]) -> None:
        """The batch was committed: these are the new positions."""
        for move in moves:
            if move.partition in self._next:
                self._next[move.partition] = move.end

    async def hint(self) -> None:
        """Commit the positions to Kafka: for tools that show lag. A failure is no error."""
        offsets = {TopicPartition(self._topic, p): o for p, o in self._next.items()}
        try:
            if offsets:
                await self._consumer.commit(offsets)
        except KafkaError as error:
            log.info("offsets not committed, the positions in SQL stand: %s", type(error).__name__)

    async def _take_stored(self, partition: int, limit: int) -> Taken:
        tp = TopicPartition(self._topic, partition)
        start = self._next[partition]
        begin = (await self._offsets(tp))[tp]
        if start >= begin:
            self._from_store.discard(partition)
            self._consumer.seek(tp, start)
            self._consumer.resume(tp)
            return Taken((), ())
        first = FIRST_PROCESSOR[self._topic]
        async with self._database.transaction() as conn:
            reached = (await open_positions(conn, first, self._topic, [partition]))[partition]
            if reached < begin:
                raise UnreachablePositionError(
                    f"{self._topic}/{partition}: position {start}, Kafka begins at {begin}, stored events end at"
                    f" {reached}: the events between are in neither; restore the database or the topic"
                )
            end = min(start + limit, reached)
            records = await stored_records(conn, self._ring, first, self._topic, partition, start, end)
        return Taken((Move(partition, start, end),), tuple(records))
