"""What stood in a log, as SQL has it: for a processor that comes after Kafka's retention has cut the log.

Bodies of events are stored once, by acceptance or with what derived them; of what could not be read the bytes are
kept in a dead letter. The offsets are in the fates that the topic's first processor wrote.
"""

from hub.database import Connection
from hub.events import to_headers
from hub.keys import KeyRing
from hub.processor.records import Record
from hub.processor.store import STORED, stored_body


async def stored_records(
    conn: Connection, ring: KeyRing, processor: str, topic: str, partition: int, start: int, end: int
) -> list[Record]:
    """What stood at these offsets, as the fates that `processor` wrote have it, in order.

    Events as they are stored; what could not be read as the dead letter has it, with the id that it was kept under.
    Offsets of repeats are not there: the fate is that of the record that took effect.
    """
    columns = ", ".join(f"e.{name}" for name in STORED.split(", "))
    cursor = await conn.execute(
        f'SELECT f."offset", f.event_id, d.task_id, d.key_id, d.body, {columns} FROM fate f'
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
