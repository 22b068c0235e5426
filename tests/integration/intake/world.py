"""A gateway that reads the desks' topics, and desks that write to them: with the client, or byte by byte."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from client.events import NewEvent
from client.topic import KafkaAccess, TopicPublisher
from hub.ids import hub_subject
from hub.kafka import connection
from hub.ledger import read_details
from hub.partnership import Desk
from hub.schemas import wire
from hub.stack import access
from services.audit.coverage import CoverageSum
from services.gateway.topics import Topics
from tests.integration.gateway.world import TYPE, World, ref

DESK = "council/chesil"
Headers = list[tuple[str, bytes]]


def new(kind: str, data: Any, event_id: str) -> NewEvent:
    return NewEvent(event_id, TYPE.format(kind), data)


def opened(name: str, event_id: str | None = None, lead: str = DESK) -> NewEvent:
    return new("family.opened", {"family": ref(name), "lead": lead}, event_id or name)


@dataclass
class Kafka(World):
    """The gateway's world with its intake."""

    begun: dict[tuple[str, int], int] = field(default_factory=dict)

    async def begin_at_ends(self) -> None:
        """Positions where the topics end now: what others left in them is not this test's."""
        topics = [access.topic_from(desk.name) for desk in self.receiving]
        parts = [TopicPartition(topic, n) for topic in topics for n in range(access.DESK_PARTITIONS)]
        reader = AIOKafkaConsumer(**connection(self.stack.settings("gateway")), auto_offset_reset="none")
        await reader.start()
        self.begun = {
            (part.topic, part.partition): end for part, end in (await reader.end_offsets(parts)).items()
        }
        await reader.stop()
        async with self.connection() as conn, conn.cursor() as cursor:
            await cursor.executemany(
                "INSERT INTO position (processor, topic, partition, next_offset) VALUES ('gateway', %s, %s, %s)",
                [(topic, number, at) for (topic, number), at in self.begun.items()],
            )

    @property
    def receiving(self) -> list[Desk]:
        return [desk for desk in self.gateway.parts.partnership.active_desks if desk.receives]

    def access(self, desk: str) -> KafkaAccess:
        return KafkaAccess.load(self.stack.identities.profile(desk))

    async def send(self, events: Sequence[NewEvent], *, desk: str = DESK, key: str = "") -> None:
        """Publish with the client; its schemas come from the registry of this gateway."""
        publisher = TopicPublisher(self.access(desk))
        publisher._registry._http = self.http
        async with publisher:
            await publisher.publish(events, key=key)

    async def send_raw(self, records: Sequence[tuple[Headers, bytes | None]], *, desk: str = DESK) -> None:
        """Publish bytes as they are."""
        access = self.access(desk)
        producer = AIOKafkaProducer(**access.connection(), acks="all")
        await producer.start()
        try:
            for headers, value in records:
                await producer.send_and_wait(access.publish_to, value, desk.encode(), headers=headers)
        finally:
            await producer.stop()

    def value(self, kind: str, data: Any) -> bytes:
        """The wire form of data that fits its schema."""
        event_type = self.gateway.parts.catalogue.type(TYPE.format(kind))
        datum, problems = event_type.read_json(data)
        assert datum is not None, problems
        return wire.encode(event_type, datum)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """The intake at work."""
        settings = self.stack.settings("gateway", postgres=self.dsn)
        stopping = asyncio.Event()
        task = asyncio.create_task(Topics(self.gateway.parts, settings, self.receiving).run(stopping))
        try:
            yield
        finally:
            stopping.set()
            await task

    async def accounted(self, records: int, *, seconds: float = 120) -> None:
        """Wait until the positions account for so many records."""
        deadline = time.monotonic() + seconds
        while (found := await self.positions()) < records:
            assert time.monotonic() < deadline, f"{found} of {records} records were accounted for"
            await asyncio.sleep(0.05)
        assert found == records

    async def positions(self) -> int:
        rows = await self.rows(
            "SELECT coalesce(sum(next_offset), 0) FROM position WHERE processor = 'gateway'"
        )
        return int(rows[0][0]) - sum(self.begun.values())

    async def rejections(self) -> list[dict[str, Any]]:
        """What went back to desks, in order."""
        return [row.data for row in await self.events() if row.kind == "hub.event_rejected"]

    async def covered(self) -> dict[str, int]:
        """The fates of all records, from the coverage entries; they must add up to the positions."""
        total = CoverageSum()
        parts = self.gateway.parts
        async with self.connection() as conn:
            await parts.ring.load(conn, [hub_subject(parts.secret)])
            entries = await self.rows("SELECT entry_id::text FROM audit_entry WHERE kind = 'coverage'")
            for (entry,) in entries:
                total.add((await read_details(conn, parts.ring, entry))[0])
        query = "SELECT processor, topic, partition, next_offset FROM position"
        positions = {
            (processor, topic, number): at for processor, topic, number, at in await self.rows(query)
        }
        begins = {place: self.begun[place[1:]] for place in positions}
        assert total.check(positions, begins) == []
        counts: dict[str, int] = {}
        for line in total.result():
            for fate, number in line.counts.items():
                counts[fate] = counts.get(fate, 0) + number
        return {fate: number for fate, number in counts.items() if number}
