"""Keys that stand still after a fault of ours: what is kept of them in order, until somebody has it driven again."""

from collections.abc import Collection, Sequence

from hub.copying import Rows, int4, int8, uuid
from hub.database import Connection
from hub.events import Event
from hub.keys import KeyRing
from hub.processor.positions import Fate
from hub.processor.stored import STORED_OF_E, stored_event
from hub.schemas import Catalogue


async def parked_keys(conn: Connection, processor: str, keys: Collection[str]) -> set[str]:
    """Which of these keys are parked under this processor."""
    cursor = await conn.execute(
        "SELECT DISTINCT key::text FROM parked WHERE processor = %s AND key = ANY(%s::uuid[])",
        (processor, list(keys)),
    )
    return {row[0] for row in await cursor.fetchall()}


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
    cursor = await conn.execute(
        f"SELECT {STORED_OF_E} FROM parked p JOIN event e USING (event_id)"
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


async def reject_redriven(conn: Connection, processor: str, reasons: Sequence[tuple[str, str]]) -> None:
    """Of what was driven again, what broke a rule of the data: event and reason."""
    for event_id, reason in reasons:
        await conn.execute(
            "UPDATE fate SET kind = 'rejected', reason = %s WHERE event_id = %s AND processor = %s",
            (reason, event_id, processor),
        )
