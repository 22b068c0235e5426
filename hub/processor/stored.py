"""What stood in a log, as SQL has it: for a processor that comes after Kafka's retention has cut the log.

Bodies of events are stored once, by acceptance or with what derived them; of what could not be read the bytes are
kept in a dead letter. The offsets are in the fates that the topic's first processor wrote.
"""

from collections.abc import Sequence
from typing import Any

from hub.database import Connection
from hub.events import Envelope, Event, to_headers
from hub.keys import KeyRing
from hub.outbox import seal_context
from hub.processor.records import Record
from hub.schemas import Catalogue, wire

STORED = "event_id, type, source, key, recorded_at, accepted_at, receipt_id, raises, is_primary, cause, key_id, body"
STORED_OF_E = ", ".join(f"e.{name}" for name in STORED.split(", "))
"""The same columns of `event e`."""


def stored_event(row: Sequence[Any], ring: KeyRing, catalogue: Catalogue) -> Event:
    """An event from its row: the columns of `STORED`, in that order. Its key must be loaded in `ring`."""
    envelope, body = stored_body(row, ring)
    _, data = wire.decode(catalogue, body)
    return Event(envelope, data, body)


def stored_body(row: Sequence[Any], ring: KeyRing) -> tuple[Envelope, bytes]:
    """The envelope and the wire form of a stored event."""
    envelope = Envelope(
        id=str(row[0]),
        type=row[1],
        source=row[2],
        key=str(row[3]),
        recorded_at=row[4],
        accepted_at=row[5],
        receipt=str(row[6]) if row[6] else "",
        raises=tuple(str(person) for person in row[7]),
        primary=row[8],
        cause=str(row[9]) if row[9] else "",
    )
    body = bytes(row[11])
    return envelope, body if row[10] is None else ring.open(str(row[10]), seal_context(envelope.id), body)


async def load_history(
    conn: Connection, processor: str, topic: str, key: str, *, ring: KeyRing, catalogue: Catalogue
) -> list[Event]:
    """What took effect under a processor in the log `topic`/`key`, in order."""
    cursor = await conn.execute(
        f"""
        SELECT {STORED_OF_E} FROM event e JOIN fate f ON f.event_id = e.event_id AND f.processor = %s
            AND f.kind IN ('done', 'redriven')
        WHERE e.key = %s AND e.topic = %s AND NOT EXISTS (SELECT FROM dead_letter d
            WHERE d.topic = e.topic AND d.partition = f.partition AND d."offset" = f."offset")
        ORDER BY f.partition, f."offset"
        """,
        (processor, key, topic),
        binary=True,
    )
    rows = await cursor.fetchall()
    await ring.load(conn, sorted({str(row[10]) for row in rows if row[10] is not None}))
    return [stored_event(row, ring, catalogue) for row in rows]


async def source_ids(conn: Connection, receipts: Sequence[str]) -> dict[str, str]:
    """The id that each of these receipts' publishers gave its event."""
    cursor = await conn.execute(
        "SELECT receipt_id::text, source_id FROM receipt WHERE receipt_id = ANY(%s::uuid[])",
        (list(receipts),),
    )
    return dict(await cursor.fetchall())


async def stored_records(
    conn: Connection, ring: KeyRing, processor: str, topic: str, partition: int, start: int, end: int
) -> list[Record]:
    """What stood at these offsets, as the fates that `processor` wrote have it, in order.

    Events as they are stored; what could not be read as the dead letter has it, with the id that it was kept under.
    Offsets of repeats are not there: the fate is that of the record that took effect.
    """
    cursor = await conn.execute(
        f'SELECT f."offset", f.event_id, d.task_id, d.key_id, d.body, {STORED_OF_E} FROM fate f'
        " LEFT JOIN event e ON e.event_id = f.event_id AND e.topic = %(topic)s LEFT JOIN dead_letter d"
        ' ON d.topic = %(topic)s AND d.partition = f.partition AND d."offset" = f."offset"'
        ' WHERE f.processor = %(processor)s AND f.partition = %(partition)s AND f."offset" >= %(start)s'
        ' AND f."offset" < %(end)s AND (e.event_id IS NOT NULL OR d.task_id IS NOT NULL) ORDER BY f."offset"',
        {"processor": processor, "topic": topic, "partition": partition, "start": start, "end": end},
        binary=True,
    )
    rows = await cursor.fetchall()
    await ring.load(conn, sorted({str(key) for row in rows for key in (row[3], row[15]) if key is not None}))
    records = []
    for offset, event_id, task_id, key_id, letter, *stored in rows:
        if task_id is not None:
            body = ring.open(str(key_id), dead_context(str(task_id)), letter)
            records.append(Record(partition, offset, [("ce_id", str(event_id).encode())], body))
        else:
            envelope, body = stored_body(stored, ring)
            records.append(Record(partition, offset, to_headers(envelope), body))
    return records


def dead_context(task_id: str) -> bytes:
    """What binds the sealed bytes of a dead letter to its task."""
    return f"dead|{task_id}".encode()


async def write_dead_letter(
    conn: Connection,
    ring: KeyRing,
    *,
    task_id: str,
    topic: str,
    partition: int,
    offset: int,
    key_id: str,
    body: bytes,
) -> None:
    """Keep the bytes of a record that could not be read, sealed: they may hold anything."""
    sealed = ring.seal(key_id, dead_context(task_id), body)
    await conn.execute(
        'INSERT INTO dead_letter (task_id, topic, partition, "offset", key_id, body) VALUES (%s, %s, %s, %s, %s, %s)'
        " ON CONFLICT (task_id) DO NOTHING",
        (task_id, topic, partition, offset, key_id, sealed),
        binary=True,
    )
