"""The gateway reads the desks' topics: one gateway owns a topic at a time, and the position in SQL is the truth.

A topic is owned by an advisory lock on a connection of its own: it ends with the process, and another gateway goes on.
Whoever owned it and does not know yet loses by the position's compare-and-set. Partitions are assigned, not negotiated,
and sought to their positions; Kafka's committed offset is a hint for tools.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from hub.kafka import BrokerAwayError, consumer
from hub.partnership import Desk
from hub.processor.positions import Move, open_positions
from hub.session import Session, keep_going
from hub.settings import Settings
from hub.stack import access
from services.gateway.intake import NAME, Intake, LostPositionError
from services.gateway.parts import Parts
from services.gateway.records import Record

log = logging.getLogger("wraparound.intake")

INTAKE_LOCK: Final = 710_011
AT_ONCE: Final = 500
WAIT_MS: Final = 200
CLAIM_EVERY: Final = 5.0
HINT_EVERY: Final = 2.0


class Topics:
    """The intake of every desk's topic that this gateway owns."""

    def __init__(self, parts: Parts, settings: Settings, desks: Sequence[Desk]) -> None:
        self._parts = parts
        self._settings = settings
        topics = {access.topic_from(desk.name): desk for desk in desks}
        self._intakes = {topic: Intake(parts, desk, topic) for topic, desk in topics.items()}
        self._session = Session(settings.postgres, "intake", self._lost)
        self._consumer: AIOKafkaConsumer | None = None
        self._owned: set[str] = set()
        self._next: dict[TopicPartition, int] = {}
        self._stale = True
        self._claim_at = 0.0
        self._hint_at = 0.0

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until told to stop."""
        try:
            await keep_going("intake", self.cycle, stopping)
        finally:
            await self._drop()
            await self._session.close()

    async def cycle(self) -> float:
        """Own what can be owned, take what has come, account for it. Returns how long to rest."""
        now = asyncio.get_running_loop().time()
        if now >= self._claim_at:
            await self._claim()
            self._claim_at = now + CLAIM_EVERY
        if not self._owned:
            return 1.0
        try:
            client = await self._connected()
            if self._stale:
                await self._resume(client)
            await self._take(client)
            if now >= self._hint_at:
                await self._hint(client)
                self._hint_at = now + HINT_EVERY
        except KafkaError as error:
            await self._drop()
            raise BrokerAwayError(f"Kafka is away: {type(error).__name__}") from error
        except LostPositionError as error:
            log.warning("%s; reading the positions again", error)
            self._stale = True
        except BaseException:  # cancelled as well: the commit may have happened
            # Whether the last transaction was committed, only the positions know.
            self._stale = True
            raise
        return 0.0

    def _lost(self) -> None:
        self._owned.clear()
        self._claim_at = 0.0
        self._stale = True

    async def _claim(self) -> None:
        missing = sorted(self._intakes.keys() - self._owned)
        gained = await self._session.try_locks(INTAKE_LOCK, missing)
        if not missing:
            # The locks are this session's: that it still is there is what owning means.
            async with self._session.transaction() as conn:
                await conn.execute("SELECT 1")
        if gained:
            self._owned.update(gained)
            self._stale = True

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            made = consumer(self._settings, group=NAME, isolation="read_committed")
            try:
                await made.start()
            except (KafkaError, OSError) as error:
                with suppress(KafkaError, OSError):
                    await made.stop()
                raise BrokerAwayError(f"Kafka is away: {type(error).__name__}") from error
            self._consumer = made
            self._stale = True
        return self._consumer

    async def _drop(self) -> None:
        client, self._consumer = self._consumer, None
        if client is not None:
            with suppress(KafkaError, OSError):
                await client.stop()

    async def _resume(self, client: AIOKafkaConsumer) -> None:
        """Read the positions and seek every partition that is owned to its own."""
        parts = [
            TopicPartition(topic, number)
            for topic in sorted(self._owned)
            for number in range(access.DESK_PARTITIONS)
        ]
        client.assign(parts)
        begins, ends = await client.beginning_offsets(parts), await client.end_offsets(parts)
        positions: dict[TopicPartition, int] = {}
        async with self._parts.database.transaction() as conn:
            for topic in sorted(self._owned):
                found = await open_positions(conn, NAME, topic, range(access.DESK_PARTITIONS))
                positions |= {TopicPartition(topic, number): at for number, at in found.items()}
        for part, at in positions.items():
            if begins[part] <= at <= ends[part]:
                client.seek(part, at)
                continue
            # INVARIANT: nothing is skipped: a partition that cannot be read on from its position stands still.
            log.error(
                "%s/%d: position %d, Kafka has %d to %d: a person must say where to go on",
                *(part.topic, part.partition, at, begins[part], ends[part]),
            )
            client.pause(part)
        self._next = positions
        self._stale = False

    async def _take(self, client: AIOKafkaConsumer) -> None:
        try:
            fetched = await client.getmany(timeout_ms=WAIT_MS, max_records=AT_ONCE)
        except OffsetOutOfRangeError:
            self._stale = True
            return
        by_topic: dict[str, list[tuple[Move, list[Record]]]] = {}
        for part, batch in sorted(fetched.items()):
            start = self._next[part]
            fresh = [_record(each) for each in batch if each.offset >= start]
            if fresh:
                move = Move(part.partition, start, fresh[-1].offset + 1)
                by_topic.setdefault(part.topic, []).append((move, fresh))
        for topic, taken in by_topic.items():
            moves = [move for move, _ in taken]
            await self._intakes[topic].take(moves, [record for _, records in taken for record in records])
            for move in moves:
                self._next[TopicPartition(topic, move.partition)] = move.end

    async def _hint(self, client: AIOKafkaConsumer) -> None:
        try:
            await client.commit(self._next)
        except KafkaError as error:
            log.info("offsets not committed, the positions in SQL stand: %s", type(error).__name__)


def _record(found: Any) -> Record:
    return Record(found.partition, found.offset, found.headers, found.value)
