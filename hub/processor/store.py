"""What a processor reads and writes in PostgreSQL: positions, fates, states, parked keys, dead letters.

Every function works inside the caller's transaction. `advance` is its first statement.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from hub.clock import Micros
from hub.copying import Rows, int4, int8, optional_int8, uuid
from hub.database import Connection
from hub.effects import Queued, Waiting
from hub.errors import HubError
from hub.events import Envelope, Event
from hub.keys import KeyRing
from hub.outbox import seal_context
from hub.processor.machine import Kept
from hub.schemas import Catalogue, wire


class ShapeError(HubError):
    """A state was written by a newer version than this worker: it must not go on."""


@dataclass(frozen=True, slots=True)
class Move:
    """A partition's position, as this worker believes it to be and as it is to become.

    `latest`: the latest time among the records between them.
    """

    partition: int
    start: int
    end: int
    latest: Micros = 0


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of an event under this processor."""

    event_id: str
    kind: str
    partition: int
    offset: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task to open. The same id twice is one task."""

    task_id: str
    kind: str
    key: str
    owner: str
    opened_at: Micros
    due_at: Micros | None
    reason: str
    detail: dict[str, Any]


_ADVANCE = """
WITH move AS (
    SELECT * FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::bigint[]) AS m(partition, start, ends, latest)
), was AS MATERIALIZED (
    SELECT p.processor, p.topic, p.partition, p.latest_at AS before, m.ends, greatest(p.latest_at, m.latest) AS latest
    FROM position p JOIN move m ON p.partition = m.partition AND p.next_offset = m.start
    WHERE p.processor = %s AND p.topic = %s
    ORDER BY p.partition FOR UPDATE OF p
)
UPDATE position p SET next_offset = was.ends, latest_at = was.latest FROM was
WHERE (p.processor, p.topic, p.partition) = (was.processor, was.topic, was.partition)
RETURNING p.partition, was.before
"""


async def advance(
    conn: Connection, processor: str, topic: str, moves: Sequence[Move]
) -> dict[int, Micros] | None:
    """Compare and set every position, in partition order; None: somebody else owns one of them.

    Gives the latest time of each partition's log before its move.
    """
    cursor = await conn.execute(
        _ADVANCE,
        (
            [move.partition for move in moves],
            [move.start for move in moves],
            [move.end for move in moves],
            [move.latest for move in moves],
            processor,
            topic,
        ),
    )
    times: dict[int, Micros] = dict(await cursor.fetchall())
    return times if len(times) == len(moves) else None


async def open_positions(
    conn: Connection, processor: str, topic: str, partitions: Iterable[int]
) -> dict[int, int]:
    """The next offset of each partition; a partition never seen begins at 0."""
    wanted = sorted(partitions)
    await conn.execute(
        "INSERT INTO position (processor, topic, partition, next_offset)"
        " SELECT %s, %s, p, 0 FROM unnest(%s::int[]) AS p ORDER BY p ON CONFLICT DO NOTHING",
        (processor, topic, wanted),
    )
    cursor = await conn.execute(
        "SELECT partition, next_offset FROM position WHERE processor = %s AND topic = %s AND partition = ANY(%s)",
        (processor, topic, wanted),
    )
    return dict(await cursor.fetchall())


async def known_fates(conn: Connection, processor: str, event_ids: Sequence[str]) -> set[str]:
    """Which of these events already have a fate under this processor."""
    cursor = await conn.execute(
        "SELECT event_id::text FROM fate WHERE processor = %s AND event_id = ANY(%s::uuid[])",
        (processor, event_ids),
    )
    return {row[0] for row in await cursor.fetchall()}


async def parked_keys(conn: Connection, processor: str, keys: Collection[str]) -> set[str]:
    """Which of these keys are parked under this processor."""
    cursor = await conn.execute(
        "SELECT DISTINCT key::text FROM parked WHERE processor = %s AND key = ANY(%s::uuid[])",
        (processor, list(keys)),
    )
    return {row[0] for row in await cursor.fetchall()}


def state_context(table: str, key: str) -> bytes:
    """What binds a sealed state to its key."""
    return f"state|{table}|{key}".encode()


async def load_states(
    conn: Connection, keys: Collection[str], *, table: str, shape: int, ring: KeyRing | None
) -> dict[str, Kept]:
    """The stored states of these keys; a key without one is absent. `ring` opens them where they are sealed.

    Raises `ShapeError` when a state is newer than `shape`.
    """
    cursor = await conn.execute(
        f"SELECT key, shape, state, latest_at FROM {table} WHERE key = ANY(%s::uuid[])",
        (list(keys),),
        binary=True,
    )
    found: dict[str, Kept] = {}
    for key, stored_shape, raw, latest in await cursor.fetchall():
        name = str(key)
        if stored_shape > shape:
            raise ShapeError(
                f"{table} {name} has shape {stored_shape}, this worker knows {shape}: update the worker"
            )
        body = bytes(raw) if ring is None else ring.open(name, state_context(table, name), bytes(raw))
        found[name] = Kept(body, latest, older=stored_shape < shape)
    return found


async def load_history(
    conn: Connection, processor: str, topic: str, key: str, *, ring: KeyRing, catalogue: Catalogue
) -> list[Event]:
    """What took effect under a processor in the log `topic`/`key`, in order."""
    columns = ", ".join(f"e.{name}" for name in STORED.split(", "))
    cursor = await conn.execute(
        f"""
        SELECT {columns} FROM event e JOIN fate f ON f.event_id = e.event_id AND f.processor = %s
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


async def save_states(
    conn: Connection, states: dict[str, Kept], *, table: str, shape: int, ring: KeyRing | None
) -> None:
    """Insert or replace the states of these keys; of most, only the time has moved."""
    new = {key: kept.body for key, kept in states.items() if kept.body is not None}
    if new:
        bodies = [
            body if ring is None else ring.seal(key, state_context(table, key), body)
            for key, body in new.items()
        ]
        await conn.execute(
            f"INSERT INTO {table} (key, shape, state, latest_at)"
            " SELECT k, %s, s, t FROM unnest(%s::uuid[], %b::bytea[], %s::bigint[]) AS u(k, s, t)"
            " ON CONFLICT (key) DO UPDATE"
            " SET shape = EXCLUDED.shape, state = EXCLUDED.state, latest_at = EXCLUDED.latest_at",
            (shape, list(new), bodies, [states[key].latest for key in new]),
            binary=True,
        )
    moved = {key: kept.latest for key, kept in states.items() if kept.body is None}
    if moved:
        await conn.execute(
            f"UPDATE {table} SET latest_at = t FROM unnest(%s::uuid[], %s::bigint[]) AS u(k, t) WHERE key = k",
            (list(moved), list(moved.values())),
        )


async def perhaps_released(conn: Connection, delivery_ids: Collection[str]) -> set[str]:
    """Which of these deliveries left, or may have."""
    if not delivery_ids:
        return set()
    cursor = await conn.execute(
        "SELECT delivery_id::text FROM delivery WHERE delivery_id = ANY(%s::uuid[])"
        " AND (released_at IS NOT NULL OR attempt_id IS NOT NULL)",
        (sorted(delivery_ids),),
    )
    return {row[0] for row in await cursor.fetchall()}


UNENDED = (
    "(d.status IN ('pending', 'failed', 'lapsed', 'held', 'attempting')"
    # Released by the inbox, or perhaps: the topic has yet to have it.
    " OR (d.status = 'delivered' AND d.attempt_id IS NULL))"
)
"""The deliveries of which something may still leave."""


async def load_queue(
    conn: Connection, keys: Collection[str], *, ring: KeyRing, catalogue: Catalogue
) -> dict[str, list[Queued]]:
    """The deliveries of these families that have not ended, locked, in order, with the events they carry.

    Locked: an attempt that is being begun on one of them waits for us. One that was begun already is here too: if
    its bytes never leave, what goes out in their stead must be what is decided now.
    """
    cursor = await conn.execute(
        "SELECT d.family_id, d.delivery_id, d.desk, d.status, d.released_at IS NOT NULL, d.recorded_at,"
        " d.attempt_id IS NOT NULL AND d.status <> 'attempting', d.body IS NULL,"
        " e.event_id, e.type, e.source, e.key, e.recorded_at, e.accepted_at,"
        " e.receipt_id, e.raises, e.is_primary, e.cause, e.key_id, e.body"
        " FROM delivery d JOIN event e USING (event_id)"
        f" WHERE d.family_id = ANY(%s::uuid[]) AND {UNENDED} ORDER BY d.seq FOR UPDATE OF d",
        (list(keys),),
        binary=True,
    )
    rows = await cursor.fetchall()
    await ring.load(conn, sorted({str(row[18]) for row in rows if row[18] is not None}))
    queue: dict[str, list[Queued]] = {}
    events: dict[UUID, Event] = {}
    for row in rows:
        event = events.get(row[8])
        if event is None:
            event = events[row[8]] = stored_event(row[8:], ring, catalogue)
        queue.setdefault(str(row[0]), []).append(
            Queued(str(row[1]), row[2], row[3], row[4], row[5], event, row[6], row[7])
        )
    return queue


async def load_undecided(
    conn: Connection, keys: Collection[str], *, ring: KeyRing, catalogue: Catalogue
) -> dict[str, list[Waiting]]:
    """The events of these families that wait for facts, in order."""
    cursor = await conn.execute(
        "SELECT event_id, recorded_at, desks FROM undecided WHERE family_id = ANY(%s::uuid[]) ORDER BY seq",
        (list(keys),),
    )
    waiting = await cursor.fetchall()
    if not waiting:
        return {}
    cursor = await conn.execute(
        f"SELECT {STORED} FROM event WHERE event_id = ANY(%s)", ([row[0] for row in waiting],), binary=True
    )
    rows = {row[0]: row for row in await cursor.fetchall()}
    await ring.load(conn, sorted({str(row[10]) for row in rows.values() if row[10] is not None}))
    queue: dict[str, list[Waiting]] = {}
    for event_id, recorded, desks in waiting:
        event = stored_event(rows[event_id], ring, catalogue)
        queue.setdefault(event.envelope.key, []).append(Waiting(event, recorded, tuple(desks)))
    return queue


async def write_undecided(conn: Connection, waiting: Sequence[Waiting], settled: Collection[str]) -> None:
    """Keep the events that begin to wait, in order; let go of those that are decided for everybody."""
    if waiting:
        await conn.execute(
            "INSERT INTO undecided (event_id, family_id, recorded_at, desks)"
            " SELECT e, f, t, string_to_array(d, ',') FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[],"
            " %s::text[]) WITH ORDINALITY AS u(e, f, t, d, n) ORDER BY n ON CONFLICT (event_id) DO NOTHING",
            (
                [each.event.id for each in waiting],
                [each.event.envelope.key for each in waiting],
                [each.recorded for each in waiting],
                [",".join(each.desks) for each in waiting],
            ),
        )
    if settled:
        await conn.execute("DELETE FROM undecided WHERE event_id = ANY(%s::uuid[])", (list(settled),))


STORED = "event_id, type, source, key, recorded_at, accepted_at, receipt_id, raises, is_primary, cause, key_id, body"


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


async def source_ids(conn: Connection, receipts: Sequence[str]) -> dict[str, str]:
    """The id that each of these receipts' publishers gave its event."""
    cursor = await conn.execute(
        "SELECT receipt_id::text, source_id FROM receipt WHERE receipt_id = ANY(%s::uuid[])",
        (list(receipts),),
    )
    return dict(await cursor.fetchall())


async def write_fates(conn: Connection, processor: str, fates: Sequence[Fate]) -> None:
    """Insert the fates of a batch."""
    rows = Rows("fate", ("event_id", "processor", "kind", "partition", '"offset"', "reason"))
    name = processor.encode()
    for fate in fates:
        rows.add(
            uuid(fate.event_id),
            name,
            fate.kind.encode(),
            int4(fate.partition),
            int8(fate.offset),
            fate.reason.encode() if fate.reason is not None else None,
        )
    await rows.write(conn)


async def reject_redriven(conn: Connection, processor: str, reasons: Sequence[tuple[str, str]]) -> None:
    """Of what was driven again, what broke a rule of the data: event and reason."""
    for event_id, reason in reasons:
        await conn.execute(
            "UPDATE fate SET kind = 'rejected', reason = %s WHERE event_id = %s AND processor = %s",
            (reason, event_id, processor),
        )


async def write_tasks(conn: Connection, tasks: Sequence[TaskRow]) -> None:
    """Open tasks; one that is there already stays as it is.

    Only a key that was driven again and has stopped again is somebody's anew, under the task that it has always had.
    """
    for task in tasks:
        await conn.execute(
            "INSERT INTO task (task_id, kind, key, owner, opened_at, due_at, reason, detail)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (task_id) DO UPDATE"
            " SET opened_at = EXCLUDED.opened_at, done_at = NULL, done_by = NULL"
            " WHERE task.kind = 'parked' AND task.done_at IS NOT NULL",
            (
                task.task_id,
                task.kind,
                task.key,
                task.owner,
                task.opened_at,
                task.due_at,
                task.reason,
                orjson.dumps(task.detail, option=orjson.OPT_SORT_KEYS).decode(),
            ),
        )


async def write_parked(
    conn: Connection, processor: str, task_id: str, key: str, fates: Sequence[Fate]
) -> None:
    """Keep these events of a key in order, until somebody has it driven again."""
    rows = Rows("parked", ("processor", "key", "partition", '"offset"', "event_id", "task_id"))
    for fate in fates:
        rows.add(
            processor.encode(),
            uuid(key),
            int4(fate.partition),
            int8(fate.offset),
            uuid(fate.event_id),
            uuid(task_id),
        )
    await rows.write(conn)


async def take_parked(
    conn: Connection, processor: str, key: str, *, ring: KeyRing, catalogue: Catalogue
) -> list[Event]:
    """The parked events of a key, in order.

    They leave the list, their fate becomes `redriven`, their task is done; all of that is undone if the caller's
    transaction does not commit.
    """
    columns = ", ".join(f"e.{name}" for name in STORED.split(", "))
    cursor = await conn.execute(
        f"SELECT {columns} FROM parked p JOIN event e USING (event_id)"
        ' WHERE p.processor = %s AND p.key = %s ORDER BY p.partition, p."offset"',
        (processor, key),
        binary=True,
    )
    rows = await cursor.fetchall()
    await ring.load(conn, sorted({str(row[10]) for row in rows if row[10] is not None}))
    await conn.execute(
        "UPDATE fate SET kind = 'redriven' FROM parked p WHERE p.processor = %s AND p.key = %s"
        " AND fate.event_id = p.event_id AND fate.processor = p.processor",
        (processor, key),
    )
    await conn.execute(
        "UPDATE task SET done_at = opened_at, done_by = 'redrive' WHERE done_at IS NULL AND task_id IN"
        " (SELECT task_id FROM parked WHERE processor = %s AND key = %s)",
        (processor, key),
    )
    await conn.execute("DELETE FROM parked WHERE processor = %s AND key = %s", (processor, key))
    return [stored_event(row, ring, catalogue) for row in rows]


DELIVERY = (
    "delivery_id", "desk", "family_id", "event_id", "type", "status", "persons", "counts", "rules", "valid_until",
    "urgent", "recorded_at", "body", "reason",
)  # fmt: skip

__all__ = ["DELIVERY", "STORED", "Fate", "Move", "ShapeError", "TaskRow", "advance", "optional_int8"]
