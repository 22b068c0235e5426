"""A hub around the relay alone: families, guards and queued deliveries put straight into a real database."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import psycopg
from aiokafka import AIOKafkaConsumer, TopicPartition

from hub.attempts.rows import Kit, body_context, make_kit
from hub.clock import FakeClock
from hub.copying import Rows, boolean, int8, int8_array, optional_int8, uuid, uuid_array
from hub.database import Connection
from hub.ids import derive
from hub.kafka import Producer, connection
from hub.keys import KeyRing
from hub.schemas import Catalogue, wire
from hub.settings import ROOT, Settings
from hub.stack.stack import Stack
from services.delivery.relay import Relay

SECRET = b"\x07" * 32
MASTER = b"\x09" * 32
RULES = "rules-1"
TYPE = "wraparound.hub.agency_resumed.v1"
DESK = "s2w/sft"
OTHER_DESK = "reach/sft"
THIRD_DESK = "police/dorset"

COLUMNS = (
    "delivery_id", "desk", "family_id", "event_id", "type", "status", "persons", "counts", "rules", "valid_until",
    "urgent", "recorded_at", "body",
)  # fmt: skip


@dataclass(frozen=True)
class Received:
    """A record of a desk's topic."""

    delivery_id: str
    family_id: str
    partition: int
    offset: int
    value: bytes
    headers: dict[str, bytes]


@dataclass
class World:
    """Everything that a test of delivery needs."""

    stack: Stack
    dsn: str
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.catalogue = load_catalogue()
        self.kit = self.make_kit()
        self._made = 0

    def make_kit(self, rules: str = RULES) -> Kit:
        return make_kit(SECRET, KeyRing(MASTER), self.catalogue, code="code", rules=lambda _: rules)

    def settings(self, user: str) -> Settings:
        return self.stack.settings(user, postgres=self.dsn)

    def relay(self, *desks: str, kit: Kit | None = None, **rest: Any) -> Relay:
        topics = {desk: f"to-{desk.replace('/', '-')}" for desk in desks or (DESK,)}
        producer = Producer(self.settings("delivery"), name="relay-test")
        return Relay(self.dsn, kit or self.make_kit(), producer, topics, clock=self.clock, **rest)

    def family(self, number: int) -> str:
        return derive(SECRET, "family", self.dsn, str(number))

    def person(self, number: int) -> str:
        return derive(SECRET, "person", self.dsn, str(number))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        async with await psycopg.AsyncConnection.connect(self.dsn, autocommit=True) as conn:
            async with conn.transaction():
                yield conn

    async def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        async with self.transaction() as conn:
            return await (await conn.execute(query, values)).fetchall()

    async def one(self, query: str, *values: Any) -> Any:
        return (await self.rows(query, *values))[0][0]

    async def statuses(self) -> dict[str, int]:
        return dict(await self.rows("SELECT status, count(*) FROM delivery GROUP BY status"))

    async def families(self, *numbers: int) -> None:
        async with self.transaction() as conn:
            await self.kit.ring.create_all(conn, map(self.family, numbers), "family", 0)

    async def enqueue(self, conn: Connection, items: Sequence["Queued"]) -> list[str]:
        """Insert deliveries as the router does: in a transaction that has its id before it takes a number."""
        await conn.execute("SELECT pg_current_xact_id()")
        families = {self.family(item.family) for item in items}
        await self.kit.ring.create_all(conn, families, "family", 0)
        rows = Rows("delivery", COLUMNS)
        ids = []
        for item in items:
            self._made += 1
            family = self.family(item.family)
            event_id = derive(SECRET, "event", self.dsn, str(self._made))
            delivery_id = derive(SECRET, "delivery", event_id, item.desk)
            persons = sorted(map(self.person, item.persons))
            counts = item.counts or (0,) * len(persons)
            body = item.body if item.body is not None else f"body {self._made}".encode()
            rows.add(
                uuid(delivery_id), item.desk.encode(), uuid(family), uuid(event_id), item.type.encode(),
                item.status.encode(), uuid_array(persons), int8_array(counts), item.rules.encode(),
                optional_int8(item.valid_until), boolean(item.urgent), int8(self.clock.now()),
                self.kit.ring.seal(family, body_context(delivery_id), body),
            )  # fmt: skip
            ids.append(delivery_id)
        await rows.write(conn)
        return ids

    async def put(self, *items: "Queued") -> list[str]:
        async with self.transaction() as conn:
            return await self.enqueue(conn, items)

    async def accept_protective(self, *persons: int) -> None:
        """What acceptance of a protective event does to the guards."""
        async with self.transaction() as conn:
            await raise_guards(conn, sorted(map(self.person, persons)))

    async def ends(self, desk: str = DESK) -> dict[int, int]:
        async with self._reader(desk) as (reader, partitions):
            return {tp.partition: offset for tp, offset in (await reader.end_offsets(partitions)).items()}

    async def received(self, since: dict[int, int], desk: str = DESK) -> list[Received]:
        """Everything in the desk's topic behind these offsets, in the order of each partition."""
        found: list[Received] = []
        async with self._reader(desk) as (reader, partitions):
            ends = await reader.end_offsets(partitions)
            for tp in partitions:
                reader.seek(tp, since[tp.partition])
            while [tp for tp in partitions if await reader.position(tp) < ends[tp]]:
                for tp, records in (await reader.getmany(timeout_ms=200)).items():
                    for record in records:
                        headers = dict(record.headers)
                        found.append(
                            Received(
                                headers["ce_id"].decode(),
                                record.key.decode(),
                                tp.partition,
                                record.offset,
                                record.value,
                                headers,
                            )
                        )
        return found

    @asynccontextmanager
    async def _reader(self, desk: str) -> AsyncIterator[tuple[Any, list[TopicPartition]]]:
        """The desk's own consumer, without a group."""
        name = desk.replace("/", "-")
        reader = AIOKafkaConsumer(**connection(self.settings(name)))
        await reader.start()
        try:
            partitions = [TopicPartition(f"to-{name}", partition) for partition in range(4)]
            reader.assign(partitions)
            yield reader, partitions
        finally:
            await reader.stop()


@dataclass(frozen=True)
class Queued:
    """A delivery to put into the queue."""

    family: int = 1
    desk: str = DESK
    persons: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()
    status: str = "pending"
    rules: str = RULES
    valid_until: int | None = None
    urgent: bool = False
    body: bytes | None = None
    type: str = TYPE

    def with_family(self, family: int) -> "Queued":
        return replace(self, family=family)


async def raise_guards(conn: Connection, persons: Sequence[str]) -> None:
    await conn.execute(
        "INSERT INTO guard (person_id, raises) SELECT p, 1 FROM unnest(%s::uuid[]) AS p ORDER BY p"
        " ON CONFLICT (person_id) DO UPDATE SET raises = guard.raises + 1",
        (list(persons),),
    )


async def cycles(relay: Relay, count: int = 12) -> None:
    """Run a relay for some cycles."""
    for _ in range(count):
        await relay.cycle()
        await asyncio.sleep(0.01)


async def stop(relay: Relay) -> None:
    """Let a relay mark what it sent and end."""
    stopping = asyncio.Event()
    stopping.set()
    await relay.run(stopping)


_catalogue: list[Catalogue] = []


def load_catalogue() -> Catalogue:
    if not _catalogue:
        _catalogue.append(Catalogue.load(ROOT / "schemas"))
    return _catalogue[0]


def example(catalogue: Catalogue, name: str) -> bytes:
    """The wire form of a committed example."""
    short = name.removeprefix("wraparound.")
    data = orjson.loads((ROOT / "schemas" / "examples" / f"{short}.json").read_bytes())
    event_type = catalogue.type(name)
    return wire.encode(event_type, event_type.from_json(data))
