"""A hub around the relay alone: families, guards and queued deliveries put straight into a real database."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import psycopg
from aiokafka import AIOKafkaConsumer, TopicPartition

from hub import effects
from hub.attempts.begin import ContendedError
from hub.attempts.rows import Kit, body_context, make_kit
from hub.clock import FakeClock
from hub.copying import Rows, boolean, int8, int8_array, optional_int8, uuid, uuid_array
from hub.database import Connection
from hub.events import Envelope, Event
from hub.ids import derive
from hub.kafka import connection
from hub.keys import KeyRing
from hub.partnership import load
from hub.processor.writer import Writer
from hub.producer import Producer
from hub.schemas import Catalogue, wire
from hub.settings import ROOT, Settings, read_key
from hub.stack.stack import Stack
from services.consent.load import load_rules
from services.delivery.relay import Relay

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


async def nothing(_: Connection) -> None:
    """The rules never change here."""


@dataclass
class World:
    """Everything that a test of delivery needs."""

    stack: Stack
    dsn: str
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        settings = self.settings("delivery")
        self.secret = read_key(settings.hub_secret_file, "hub_secret_file")
        self.master = read_key(settings.master_key_file, "master_key_file")
        self.catalogue = load_catalogue()
        self.kit = self.make_kit()
        self.made = 0
        self._rules = ""
        self._idle: list[Connection] = []

    def make_kit(self, rules: str = RULES) -> Kit:
        return make_kit(
            self.secret,
            KeyRing(self.master),
            self.catalogue,
            code="code",
            rules=lambda _: rules,
            catch_up=nothing,
        )

    def settings(self, user: str) -> Settings:
        return self.stack.settings(user, postgres=self.dsn)

    def relay(self, *desks: str, kit: Kit | None = None, **rest: Any) -> Relay:
        topics = {desk: f"to-{desk.replace('/', '-')}" for desk in desks or (DESK,)}
        producer = Producer(self.settings("delivery"), name="relay-test")
        return Relay(self.dsn, kit or self.make_kit(), producer, topics, clock=self.clock, **rest)

    def family(self, number: int) -> str:
        return derive(self.secret, "family", self.dsn, str(number))

    def person(self, number: int) -> str:
        return derive(self.secret, "person", self.dsn, str(number))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        conn = self._idle.pop() if self._idle else await self.connect()
        try:
            async with conn.transaction():
                yield conn
        finally:
            if not conn.closed:
                self._idle.append(conn)

    async def connect(self) -> Connection:
        """A connection of the caller's own."""
        return await psycopg.AsyncConnection.connect(self.dsn, autocommit=True)

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().close()

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
            self.made += 1
            family = self.family(item.family)
            event_id = derive(self.secret, "event", self.dsn, str(self.made))
            delivery_id = derive(self.secret, "delivery", event_id, item.desk)
            persons = sorted(map(self.person, item.persons))
            counts = item.counts or (0,) * len(persons)
            body = item.body if item.body is not None else f"body {self.made}".encode()
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

    async def revise(self, delivery_id: str, before: str, after: Any, family: int = 1) -> None:
        """Decide a queued delivery again, as the router writes it."""
        event = Event(Envelope(delivery_id, TYPE, DESK, self.family(family), 1, 1), {})
        queued = effects.Queued(delivery_id, DESK, before, False, 1, event)
        body = f"body of {delivery_id}".encode() if after == "pending" else None
        writer = Writer(self.secret, self.kit.ring, self.catalogue, rules=self.kit.rules, code="code")
        release = effects.Release(after, body, (), (), None, RULES)
        writer.carry_out(event, 1, [effects.Revise(queued, release)])
        async with self.transaction() as conn:
            await conn.execute("SELECT pg_current_xact_id()")
            await writer.write(conn, frozenset())

    async def accept_protective(self, *persons: int) -> None:
        """What acceptance of a protective event does to the guards."""
        async with self.transaction() as conn:
            await raise_guards(conn, sorted(map(self.person, persons)))

    async def rules(self) -> str:
        """The digest of the rule set that a service process loads."""
        if not self._rules:
            folder = self.settings("delivery").partnership
            self._rules = load_rules(folder, load(folder)).digest
        return self._rules

    async def ends(self, desk: str = DESK) -> dict[int, int]:
        name = desk.replace("/", "-")
        return await self.ends_of(f"to-{name}", name)

    async def received(self, since: dict[int, int], desk: str = DESK) -> list[Received]:
        """Everything in the desk's topic behind these offsets, in the order of each partition."""
        name = desk.replace("/", "-")
        return await self.received_of(f"to-{name}", name, since)

    async def ends_of(self, topic: str, user: str) -> dict[int, int]:
        async with self._reader(topic, user) as (reader, partitions):
            return {tp.partition: offset for tp, offset in (await reader.end_offsets(partitions)).items()}

    async def received_of(self, topic: str, user: str, since: dict[int, int]) -> list[Received]:
        found: list[Received] = []
        async with self._reader(topic, user) as (reader, partitions):
            ends = await reader.end_offsets(partitions)
            for tp in partitions:
                reader.seek(tp, since[tp.partition])
            while [tp for tp in partitions if await reader.position(tp) < ends[tp]]:
                for tp, records in (await reader.getmany(timeout_ms=200)).items():
                    found += [to_received(tp.partition, record) for record in records]
        return found

    @asynccontextmanager
    async def _reader(self, topic: str, user: str) -> AsyncIterator[tuple[Any, list[TopicPartition]]]:
        """A consumer without a group."""
        reader = AIOKafkaConsumer(**connection(self.settings(user)))
        await reader.start()
        try:
            count = 4 if topic.startswith("to-") else self.settings(user).partitions
            partitions = [TopicPartition(topic, partition) for partition in range(count)]
            reader.assign(partitions)
            yield reader, partitions
        finally:
            await reader.stop()


def to_received(partition: int, record: Any) -> Received:
    headers = dict(record.headers)
    delivery_id = headers["ce_id"].decode()
    return Received(delivery_id, record.key.decode(), partition, record.offset, record.value, headers)


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


async def cycle(relay: Relay) -> None:
    """One cycle; where the relay would begin anew because somebody else was at a row, it does at its next."""
    with suppress(ContendedError):
        await relay.cycle()


async def cycles(relay: Relay, count: int = 12) -> None:
    """Run a relay for some cycles."""
    for _ in range(count):
        await cycle(relay)
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
