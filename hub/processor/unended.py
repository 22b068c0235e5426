"""What of a family may still leave: deliveries that have not ended, and events that wait for facts (ADR 0024)."""

from collections.abc import Collection, Sequence
from uuid import UUID

from hub.database import Connection
from hub.effects import Queued, Waiting
from hub.events import Event
from hub.keys import KeyRing
from hub.processor.stored import STORED, stored_event
from hub.schemas import Catalogue


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
    """Keep the events that begin to wait, in order, and who has theirs; let go of what is decided for everybody."""
    if waiting:
        await conn.execute(
            "INSERT INTO undecided (event_id, family_id, recorded_at, desks)"
            " SELECT e, f, t, string_to_array(d, ',') FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[],"
            " %s::text[]) WITH ORDINALITY AS u(e, f, t, d, n) ORDER BY n"
            " ON CONFLICT (event_id) DO UPDATE SET desks = EXCLUDED.desks",
            (
                [each.event.id for each in waiting],
                [each.event.envelope.key for each in waiting],
                [each.recorded for each in waiting],
                [",".join(each.desks) for each in waiting],
            ),
        )
    if settled:
        await conn.execute("DELETE FROM undecided WHERE event_id = ANY(%s::uuid[])", (list(settled),))


DELIVERY = (
    "delivery_id", "desk", "family_id", "event_id", "type", "status", "persons", "counts", "rules", "valid_until",
    "urgent", "recorded_at", "body", "reason",
)  # fmt: skip
