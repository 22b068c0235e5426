"""What a processor is fed while assignments, connections and answers change under its hands."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, KafkaTimeoutError

from hub.database import Database
from hub.kafka import BrokerAwayError
from hub.keys import KeyRing
from hub.processor.feed import Feed, Taken

ZERO, ONE = TopicPartition("people", 0), TopicPartition("people", 1)


@dataclass
class Given:
    """A record as the client hands it over."""

    offset: int
    headers: tuple[tuple[str, bytes], ...] = ()
    value: bytes | None = None
    timestamp: int = 0


@dataclass
class FakeConsumer:
    """A log of two partitions, and a client of it that can lose its place, be paused, and lose what it had."""

    logs: dict[TopicPartition, list[int]]
    begins: dict[TopicPartition, int] = field(default_factory=dict)
    at: dict[TopicPartition, int] = field(default_factory=dict)
    assigned: set[TopicPartition] = field(default_factory=lambda: {ZERO, ONE})
    paused: set[TopicPartition] = field(default_factory=set)
    away: bool = False

    def assignment(self) -> set[TopicPartition]:
        return self.assigned

    async def beginning_offsets(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        if self.away:
            raise KafkaTimeoutError
        return {tp: self.begins.get(tp, 0) for tp in tps}

    async def end_offsets(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {tp: self.logs[tp][-1] + 1 for tp in tps}

    def seek(self, tp: TopicPartition, offset: int) -> None:
        if tp not in self.assigned:
            raise IllegalStateError
        self.at[tp] = offset

    def pause(self, tp: TopicPartition) -> None:
        self.paused.add(tp)

    def resume(self, tp: TopicPartition) -> None:
        self.paused.discard(tp)

    async def getmany(self, **_: Any) -> dict[TopicPartition, list[Given]]:
        found = {}
        for tp in sorted(self.assigned - self.paused):
            offsets = [offset for offset in self.logs[tp] if offset >= self.at.get(tp, 0)]
            if offsets:
                self.at[tp] = offsets[-1] + 1
                found[tp] = [Given(offset) for offset in offsets]
        return found


@pytest.fixture
async def opened(database: str) -> AsyncIterator[Database]:
    made = Database(database)
    yield made
    await made.close()


def feed_of(consumer: FakeConsumer, database: Database) -> Feed:
    ring = KeyRing(b"m" * 32)
    client: Any = consumer
    return Feed(client, database, ring, processor="people", topic="people", lost=lambda: None)


async def take(feed: Feed) -> Taken:
    """Take, and commit as the loop does."""
    taken = await feed.take(100, 1)
    async with feed._database.transaction() as conn:
        for move in taken.moves:
            await conn.execute(
                "UPDATE position SET next_offset = %s WHERE partition = %s", (move.end, move.partition)
            )
    feed.advanced(taken.moves)
    return taken


def offsets(taken: Taken, partition: int = 0) -> list[int]:
    return [record.offset for record in taken.records if record.partition == partition]


async def test_nothing_is_skipped_when_the_client_has_lost_its_place(opened: Database) -> None:
    consumer = FakeConsumer({ZERO: [0, 1, 2], ONE: [0]})
    feed = feed_of(consumer, opened)
    await take(feed)
    consumer.logs = {ZERO: [*range(9)], ONE: [0, 1]}
    consumer.at[ZERO] = 6
    first = await take(feed)
    assert (offsets(first), offsets(first, 1)) == ([], [1])
    assert offsets(await take(feed)) == [3, 4, 5, 6, 7, 8]


async def test_a_gap_is_believed_when_the_log_shows_it_twice(opened: Database) -> None:
    consumer = FakeConsumer({ZERO: [0, 1, 5, 6], ONE: [3]})
    feed = feed_of(consumer, opened)
    taken = [await take(feed) for _ in range(4)]
    assert next(move for each in taken for move in each.moves if move.partition == 1).start == 0
    assert feed.positions == {0: 7, 1: 4}
    assert [offset for each in taken for offset in offsets(each)] == [0, 1, 5, 6]


async def test_partition_flows_again_when_the_end_of_its_stored_events_was_committed_unseen(
    opened: Database,
) -> None:
    consumer = FakeConsumer({ZERO: [4, 5, 6], ONE: [0]}, begins={ZERO: 4})
    feed = feed_of(consumer, opened)
    await feed._resume()
    assert consumer.paused == {ZERO}
    # The batch up to where Kafka begins is committed; its answer is lost, so everything is forgotten.
    async with opened.transaction() as conn:
        await conn.execute("UPDATE position SET next_offset = 4 WHERE partition = 0")
    feed.forget()
    assert offsets(await take(feed)) == [4, 5, 6]


async def test_it_begins_anew_when_the_assignment_changes_while_positions_are_read(opened: Database) -> None:
    consumer = FakeConsumer({ZERO: [0], ONE: [0]})
    feed = feed_of(consumer, opened)
    seek = consumer.seek

    def revoked(tp: TopicPartition, offset: int) -> None:
        consumer.assigned = {ONE}
        consumer.seek = seek  # type: ignore[method-assign]
        seek(tp, offset)

    consumer.seek = revoked  # type: ignore[method-assign]
    assert (await take(feed)).moves == ()
    assert offsets(await take(feed), 1) == [0]
    assert feed.positions == {1: 1}


async def test_it_waits_for_the_broker_and_reads_again_when_it_goes_while_a_gap_is_looked_at(
    opened: Database,
) -> None:
    consumer = FakeConsumer({ZERO: [0, 1, 2], ONE: [0]})
    feed = feed_of(consumer, opened)
    await take(feed)
    consumer.logs[ZERO] = [*range(6)]
    consumer.at[ZERO], consumer.away = 5, True
    with pytest.raises(BrokerAwayError):
        await take(feed)
    consumer.away = False
    assert offsets(await take(feed)) == [3, 4, 5]
