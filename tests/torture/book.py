"""What is written in PostgreSQL and Kafka when all is at rest, as plain values: the checker's second witness.

Read with SQL and a Kafka client of our own. Sealed details are opened with the master key (hub/keys.py says how they
are sealed). A row's time is that of the commit of the transaction that wrote it, as PostgreSQL kept it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import psycopg

from hub.keys import Cipher
from hub.settings import read_key
from hub.stack.stack import Stack
from tests.torture.kafka import Message, ends, read

LOGS = ("events", "people")
_AT = "(extract(epoch FROM pg_xact_commit_timestamp({}.xmin)) * 1000000)::bigint"


@dataclass(frozen=True, slots=True)
class EventRow:
    """A stored event; `at` is when its acceptance, or what caused it, was committed (microseconds)."""

    id: str
    receipt: str | None
    topic: str
    key: str
    type: str
    raises: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class FateRow:
    """What became of an event under a processor, and where the record lay that took effect."""

    event: str
    processor: str
    kind: str
    partition: int
    offset: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A delivery as it ended."""

    id: str
    desk: str
    family: str
    event: str
    status: str


@dataclass(frozen=True, slots=True)
class Attempted:
    """An entry `delivery.attempted`: which deliveries were to leave, and when that was durable (microseconds)."""

    desk: str
    channel: str
    deliveries: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Decided:
    """An entry `decision.made`: for each desk in it the result, and whether something was held back to wait."""

    event: str
    results: Mapping[str, str]
    held: frozenset[str]


@dataclass(frozen=True, slots=True)
class Covered:
    """An entry `coverage`: the offsets from `start` to before `end`, and how many had which fate."""

    processor: str
    topic: str
    partition: int
    start: int
    end: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Book:
    """Everything that the checker compares with the client's record."""

    events: tuple[EventRow, ...]
    fates: tuple[FateRow, ...]
    deliveries: tuple[DeliveryRow, ...]
    attempts: tuple[Attempted, ...]
    decisions: tuple[Decided, ...]
    """In the order of the log."""
    coverage: tuple[Covered, ...]
    positions: Mapping[tuple[str, str, int], int]
    ends: Mapping[tuple[str, int], int]
    guards: Mapping[str, int]
    person_raises: Mapping[str, int]
    log: tuple[Message, ...]
    """The topics `events` and `people`."""
    wire: tuple[Message, ...]
    """Every desk's topic."""
    waiting: frozenset[str]


class Details:
    """Opens the sealed details of the audit log, and bodies."""

    def __init__(self, stack: Stack, conn: "psycopg.Connection[Any]") -> None:
        self._master = Cipher(read_key(stack.identities.master_key, "master_key_file"))
        rows = conn.execute("SELECT key_id::text, data_key FROM subject_key").fetchall()
        self._wrapped = {key_id: bytes(data) for key_id, data in rows}
        self._ciphers: dict[str, Cipher] = {}

    def open(self, key_id: str, context: str, sealed: bytes) -> bytes:
        """The plaintext of what was sealed under a subject's key."""
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            data_key = self._master.open(f"data|{key_id}".encode(), self._wrapped[key_id])
            cipher = self._ciphers[key_id] = Cipher(data_key)
        return cipher.open(context.encode(), sealed)


def read_book(stack: Stack) -> Book:
    """Read everything. The hub should be at rest."""
    log = read(stack, LOGS)
    wire = read(stack, [f"to-{desk.replace('/', '-')}" for desk in stack.desks])
    with psycopg.connect(stack.dsn) as conn:
        details = Details(stack, conn)
        return Book(
            events=tuple(_events(conn)),
            fates=tuple(
                FateRow(*row)
                for row in conn.execute(
                    'SELECT event_id::text, processor, kind, partition, "offset", reason FROM fate'
                )
            ),
            deliveries=tuple(
                DeliveryRow(*row)
                for row in conn.execute(
                    "SELECT delivery_id::text, desk, family_id::text, event_id::text, status FROM delivery"
                )
            ),
            attempts=tuple(_attempts(conn, details)),
            decisions=tuple(_decisions(conn, details)),
            coverage=tuple(_coverage(conn, details)),
            positions={
                (processor, topic, partition): offset
                for processor, topic, partition, offset in conn.execute(
                    "SELECT processor, topic, partition, next_offset FROM position"
                )
            },
            ends=ends(stack, LOGS),
            guards=dict(_pairs(conn, "SELECT person_id::text, raises FROM guard")),
            person_raises={
                key: orjson.loads(bytes(state))["raises"]
                for key, state in conn.execute("SELECT key::text, state FROM person_state")
            },
            log=tuple(log),
            wire=tuple(wire),
            waiting=frozenset(row[0] for row in conn.execute("SELECT receipt_id::text FROM waiting")),
        )


def _pairs(conn: "psycopg.Connection[Any]", query: str) -> Iterable[tuple[Any, Any]]:
    return ((one, two) for one, two in conn.execute(query))


def _events(conn: "psycopg.Connection[Any]") -> Iterable[EventRow]:
    query = (
        "SELECT event_id::text, receipt_id::text, topic, key::text, type, raises::text[], "
        + _AT.format("event")
        + " FROM event"
    )
    for event, receipt, topic, key, kind, raises, at in conn.execute(query):
        yield EventRow(event, receipt, topic, key, kind, tuple(raises), at)


def _entries(conn: "psycopg.Connection[Any]", details: Details, kind: str) -> Iterable[tuple[Any, int]]:
    query = (
        f"SELECT e.entry_id::text, d.part, d.key_id::text, d.ciphertext, {_AT.format('e')}"
        " FROM audit_entry e JOIN audit_detail d USING (entry_id) LEFT JOIN log_leaf l USING (entry_id)"
        " WHERE e.kind = %s ORDER BY l.idx"
    )
    for entry_id, part, key_id, sealed, at in conn.execute(query, (kind,)):
        yield orjson.loads(details.open(key_id, f"audit|{entry_id}|{part}", bytes(sealed))), at


def _attempts(conn: "psycopg.Connection[Any]", details: Details) -> Iterable[Attempted]:
    for said, at in _entries(conn, details, "delivery.attempted"):
        yield Attempted(said["desk"], said["channel"], tuple(said["deliveries"]), at)


def _decisions(conn: "psycopg.Connection[Any]", details: Details) -> Iterable[Decided]:
    for said, _ in _entries(conn, details, "decision.made"):
        desks = said["desks"]
        yield Decided(
            said["event"],
            {desk: verdict["result"] for desk, verdict in desks.items()},
            frozenset(desk for desk, verdict in desks.items() if "hold" in verdict),
        )


def _coverage(conn: "psycopg.Connection[Any]", details: Details) -> Iterable[Covered]:
    for said, _ in _entries(conn, details, "coverage"):
        yield Covered(
            said["processor"], said["topic"], said["partition"], said["from"], said["to"], said["counts"]
        )
