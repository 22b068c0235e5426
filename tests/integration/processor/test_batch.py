"""One batch, one transaction, on real PostgreSQL: what commits, what repeats, what is parked, what is driven again."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from hub.database import Connection, Database
from hub.effects import Done, Outcome, Queue, Rejected
from hub.events import Envelope, Event, to_headers
from hub.ids import derive, hub_subject
from hub.keys import KeyRing
from hub.outbox import LogEvent, put
from hub.processor.batch import REDRIVE, Batch, Context, LostPartitionError
from hub.processor.loop import Processor
from hub.processor.machine import Kept
from hub.processor.positions import Move, open_positions
from hub.processor.records import Record
from hub.schemas import Catalogue, wire
from hub.settings import ROOT

SECRET = b"s" * 32
NOTE = "wraparound.hub.person_fact.v1"
KEY, OTHER = derive(SECRET, "key"), derive(SECRET, "other")


@dataclass
class Counter:
    """A machine that counts a key's events, rejects what says so, and fails where it is told to."""

    name: str = "people"
    topic: str = "people"
    table: str = "person_state"
    shape: int = 1
    sealed: bool = False
    broken: set[str] = field(default_factory=set)

    def initial(self, key: str) -> int:
        return 0

    def dump(self, state: int, stored: int | None) -> Kept:
        return Kept(None if state == stored else orjson.dumps(state), state)

    def load(self, kept: Kept) -> int:
        return int(orjson.loads(kept.body or b""))

    def needs_queue(self, event: Event) -> bool:
        return False

    def needs_history(self, state: int, event: Event) -> bool:
        return False

    def rebuild(self, history: Sequence[Event]) -> int:
        return len(history)

    def handle(self, state: int, event: Event, queued: Queue, history: Sequence[Event] = ()) -> Outcome:
        if event.id in self.broken:
            raise ZeroDivisionError
        if event.data["raised"] and event.data["raises"] == 7:
            return Rejected("seven")
        return Done(state + 1)


@dataclass
class Bench:
    """What a test holds in its hands."""

    context: Context
    machine: Counter
    database: Database
    states: dict[str, Any] = field(default_factory=dict)

    def record(self, offset: int, key: str = KEY, *, name: str = "", rejected: bool = False) -> Record:
        event_id = derive(SECRET, "event", name or str(offset))
        envelope = Envelope(event_id, NOTE, "hub", key, 1_000_000 + offset, 1_000_000)
        data: dict[str, Any] = {
            "person": {"scheme": "hub", "value": key},
            "facts": [],
            "raises": 7 if rejected else None,
            "raised": int(rejected),
        }
        body = wire.encode(self.context.catalogue.type(NOTE), data)
        return Record(0, offset, to_headers(envelope), body)

    async def stored(self, records: Sequence[Record]) -> None:
        """Store the events as acceptance would: a parked event is driven again from there."""
        async with self.database.transaction() as conn:
            for record in records:
                head = Envelope(
                    dict(record.headers)["ce_id"].decode(),
                    dict(record.headers)["ce_type"].decode(),
                    "hub",
                    dict(record.headers)["ce_subject"].decode(),
                    1,
                    1,
                )
                assert record.value is not None
                await put(conn, self.context.ring, [LogEvent(head, "people", record.value, None)])

    def redrive(self, offset: int, key: str) -> Record:
        envelope = Envelope(derive(SECRET, "redrive", str(offset)), REDRIVE, "hub", key, 2_000_000, 2_000_000)
        schema = self.context.catalogue.type(REDRIVE)
        data: dict[str, Any] = {each["name"]: each.get("default") for each in schema.schema["fields"]}
        body = wire.encode(schema, data | {"processor": "people", "key": key})
        return Record(0, offset, to_headers(envelope), body)

    async def run(self, start: int, records: Sequence[Record], *, end: int | None = None) -> None:
        move = Move(0, start, records[-1].offset + 1 if end is None else end)
        await Batch(self.context, self.states, records, park=False).run([move])

    async def attempt(self, start: int, records: Sequence[Record]) -> None:
        """As the loop does it, with everything that isolates a fault."""
        processor = Processor(self.context, batch_size=10, batch_wait_ms=1)
        await processor._attempt([Move(0, start, records[-1].offset + 1)], records)

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        async with self.database.transaction() as conn:
            return await (await conn.execute(statement)).fetchall()

    async def count(self, key: str) -> int:
        found = await self.rows(f"SELECT state FROM person_state WHERE key = '{key}'")
        return int(found[0][0]) if found else 0


async def nothing(_: Connection) -> None:
    """The rules never change here."""


@pytest.fixture
async def bench(database: str) -> AsyncIterator[Bench]:
    opened = Database(database)
    ring = KeyRing(b"m" * 32)
    machine = Counter()
    context = Context(
        machine,
        opened,
        ring,
        Catalogue.load(ROOT / "schemas"),
        SECRET,
        hub_subject(SECRET),
        lambda _: "rules",
        "code",
        nothing,
    )
    async with opened.transaction() as conn:
        await ring.create(conn, context.hub_key, "hub", 1)
        await open_positions(conn, "people", "people", [0])
    yield Bench(context, machine, opened)
    await opened.close()


async def test_every_offset_has_one_fate_when_a_batch_holds_duplicates_gaps_and_rubbish(bench: Bench) -> None:
    records = [
        bench.record(0),
        bench.record(1, name="0"),
        bench.record(3, OTHER),
        Record(0, 4, [], b"\x00rubbish"),
        bench.record(5, rejected=True),
    ]
    await bench.run(0, records)
    assert await bench.count(KEY) == 1
    assert await bench.rows("SELECT next_offset FROM position") == [(6,)]
    kinds = await bench.rows('SELECT "offset", kind, reason FROM fate ORDER BY 1')
    assert kinds == [
        (0, "done", None),
        (3, "done", None),
        (4, "rejected", "undecodable"),
        (5, "rejected", "seven"),
    ]
    assert await bench.rows("SELECT kind, reason FROM task") == [("dead_letter", "undecodable")]
    details = await bench.rows(
        "SELECT d.ciphertext, e.entry_id::text FROM audit_entry e JOIN audit_detail d USING (entry_id)"
        " WHERE e.kind = 'coverage'"
    )
    assert len(details) == 1
    ring = bench.context.ring
    raw = ring.open(bench.context.hub_key, f"audit|{details[0][1]}|0".encode(), bytes(details[0][0]))
    assert orjson.loads(raw)["counts"] == {"done": 2, "duplicate": 1, "rejected": 2, "absent": 1}


async def test_record_that_nobody_can_read_has_the_time_of_its_log_when_it_comes_first_in_a_batch(
    bench: Bench,
) -> None:
    await bench.run(0, [bench.record(0), bench.record(1)])
    await bench.run(2, [Record(0, 2, [], b"\x00rubbish")])
    repeat = bench.record(0)
    await bench.run(3, [Record(0, 3, repeat.headers, repeat.value)])
    assert await bench.rows("SELECT opened_at FROM task") == [(1_000_001,)]
    entries = "SELECT kind, recorded_at FROM audit_entry ORDER BY 1, 2"
    assert await bench.rows(entries) == [
        ("coverage", 1_000_001),
        ("coverage", 1_000_001),
        ("coverage", 1_000_001),
        ("event.rejected", 1_000_001),
    ]


async def test_nothing_changes_when_somebody_else_moved_the_position(bench: Bench) -> None:
    await bench.run(0, [bench.record(0)])
    with pytest.raises(LostPartitionError):
        await bench.run(0, [bench.record(0), bench.record(1)])
    assert await bench.count(KEY) == 1
    assert len(await bench.rows("SELECT 1 FROM fate")) == 1


async def test_an_event_takes_effect_once_when_it_comes_again_in_a_later_batch(bench: Bench) -> None:
    await bench.run(0, [bench.record(0)])
    await bench.run(1, [bench.record(1, name="0"), bench.record(2)])
    assert await bench.count(KEY) == 2


async def test_the_key_alone_is_parked_when_our_own_code_fails(bench: Bench) -> None:
    records = [bench.record(0), bench.record(1, OTHER), bench.record(2), bench.record(3, OTHER)]
    await bench.stored(records)
    bench.machine.broken = {derive(SECRET, "event", "0")}
    await bench.attempt(0, records)
    assert (await bench.count(KEY), await bench.count(OTHER)) == (0, 2)
    parked = await bench.rows('SELECT "offset" FROM parked ORDER BY 1')
    assert parked == [(0,), (2,)]
    assert await bench.rows("SELECT kind, key, owner FROM task") == [("parked", KEY, "hub/operations")]


async def test_parked_events_run_in_order_when_somebody_has_them_driven_again(bench: Bench) -> None:
    records = [bench.record(0), bench.record(1), bench.record(2, OTHER)]
    await bench.stored(records)
    bench.machine.broken = {derive(SECRET, "event", "0")}
    await bench.attempt(0, records)
    assert await bench.count(KEY) == 0
    bench.machine.broken = set()
    await bench.attempt(3, [bench.redrive(3, KEY), bench.record(4)])
    assert await bench.count(KEY) == 3
    assert await bench.rows("SELECT 1 FROM parked") == []
    assert await bench.rows("SELECT count(*) FROM task WHERE done_at IS NULL") == [(0,)]
    fates = dict(await bench.rows('SELECT "offset", kind FROM fate'))
    assert fates == {0: "redriven", 1: "redriven", 2: "done", 3: "done", 4: "done"}


async def test_everything_stays_parked_when_the_fault_is_still_there(bench: Bench) -> None:
    records = [bench.record(0), bench.record(1)]
    await bench.stored(records)
    bench.machine.broken = {derive(SECRET, "event", "0")}
    await bench.attempt(0, records)
    redrive = bench.redrive(2, KEY)
    await bench.stored([redrive])
    await bench.attempt(2, [redrive])
    assert await bench.count(KEY) == 0
    assert await bench.rows('SELECT "offset" FROM parked ORDER BY 1') == [(0,), (1,), (2,)]


async def test_a_state_is_kept_longer_when_it_has_changed_again(bench: Bench) -> None:
    await bench.run(0, [bench.record(0), bench.record(1, OTHER)])
    await bench.run(2, [bench.record(2)])
    assert list(bench.states) == [OTHER, KEY]


async def test_state_is_rebuilt_from_its_log_when_it_is_of_an_older_shape(bench: Bench) -> None:
    records = [bench.record(0), bench.record(1, rejected=True), bench.record(2), bench.record(3)]
    await bench.stored(records)
    await bench.run(0, records[:3])
    bench.states.clear()
    await bench.rows("UPDATE person_state SET shape = 0, state = 'old' RETURNING key")
    await bench.run(3, records[3:])
    assert await bench.count(KEY) == 3
    assert await bench.rows("SELECT shape FROM person_state") == [(1,)]


async def test_parked_event_is_rejected_when_it_is_driven_again_and_breaks_a_rule(bench: Bench) -> None:
    records = [bench.record(0), bench.record(1, rejected=True)]
    await bench.stored(records)
    bench.machine.broken = {derive(SECRET, "event", "0")}
    await bench.attempt(0, records)
    bench.machine.broken.clear()
    await bench.run(2, [bench.redrive(2, KEY)])
    kinds = await bench.rows('SELECT "offset", kind, reason FROM fate ORDER BY 1')
    assert kinds == [(0, "redriven", None), (1, "rejected", "seven"), (2, "done", None)]
