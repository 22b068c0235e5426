"""A desk reads its inbox: what was released and is not acknowledged, by its place, then what is next.

Each reading is an attempt: compared, recorded and committed before anything is answered. An item that the
desk may not have now keeps its place and loses its body: `recalled` for good, or `waiting` until it is
decided again (served.py).
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Final

from hub.attempts.begin import Attempt, ContendedError, begin, closed_agencies, lapse, look
from hub.attempts.judge import World, judge, paced
from hub.attempts.lines import read_low
from hub.attempts.row import Now, Row
from hub.attempts.rows import COLUMNS, Kit, body_context, to_row
from hub.attempts.served import Item, concerns, met, sort
from hub.clock import Micros
from hub.database import Connection
from hub.schemas import wire

FOREVER: Final[Micros] = 2**62


@dataclass(frozen=True, slots=True)
class Page:
    """What a reading answers, and the attempt that it is (None: it releases nothing).

    `unsettled`: it answers nothing, and is to be begun anew in a moment.
    """

    items: tuple[Item, ...]
    attempt: Attempt | None
    unsettled: bool = False


async def read(
    conn: Connection,
    kit: Kit,
    desk: str,
    after: int,
    limit: int,
    now: Now,
    *,
    fresh: bool = True,
    patient: bool = False,
) -> Page:
    """The next `limit` items behind the place `after`; without `fresh` only what the relay has released.

    `patient`: no answer while an item waits that will have been decided again in a moment.

    The caller commits before it answers. Raises `UnguardedError` and `ContendedError`: roll back and begin
    anew.
    """
    if await closed_agencies(conn, [desk]):
        return Page((), None)
    low, next_place = await _cursor(conn, desk)
    placed = await _placed(conn, desk, after, limit)
    unplaced = await _next(conn, desk, low, limit - len(placed)) if fresh and len(placed) < limit else []
    if not placed and not unplaced:
        return Page((), None)
    world = await look(conn, kit, [*placed, *unplaced], now)
    # Back-off is the topic's: what waits it out there may be read here.
    verdict = judge(unplaced, replace(world, now=Now(now.hub, FOREVER)))
    served = sort(placed, world, await _concerned(conn, kit, placed, world))
    await lapse(conn, kit, [*paced(served.lapses, {}), *verdict.lapse], now)
    if served.unsettled and patient:
        return Page((), None, unsettled=True)
    items = [*served.items, *(Item(next_place + i, "released", row) for i, row in enumerate(verdict.take))]
    await _release(conn, desk, next_place, verdict.take, now)
    attempts = await begin(conn, kit, [item.row for item in items if item.state == "released"], now, "inbox")
    attempt = attempts[0] if attempts else None
    return Page(tuple(_without_erased(items, attempt)), attempt)


async def has_news(conn: Connection, desk: str, after: int) -> bool:
    """Whether a reading could find anything behind the place `after`. Locks nothing: for whoever waits."""
    cursor = await conn.execute(
        "SELECT EXISTS (SELECT FROM inbox WHERE desk = %s AND place > %s) OR EXISTS ("
        " SELECT FROM relay_cursor c, LATERAL ("
        "  SELECT FROM delivery d WHERE d.desk = c.desk AND d.seq >= c.low AND d.inbox_seq IS NULL"
        "  AND d.status IN ('pending', 'failed', 'attempting') ORDER BY d.seq LIMIT 1"
        " ) AS waits WHERE c.desk = %s)",
        (desk, after, desk),
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


def _without_erased(items: Sequence[Item], attempt: Attempt | None) -> Iterator[Item]:
    """What could not be attempted because its family was erased is recalled."""
    attempted = {row.delivery_id for row in attempt.rows} if attempt is not None else set()
    for item in items:
        is_erased = item.state == "released" and item.row.delivery_id not in attempted
        yield replace(item, state="recalled") if is_erased else item


async def _cursor(conn: Connection, desk: str) -> tuple[int, int]:
    """Where the desk's line begins and its next place in the inbox; locked, so one reading at a time."""
    found = "SELECT low, inbox_next FROM relay_cursor WHERE desk = %s FOR UPDATE"
    row = await (await conn.execute(found, (desk,))).fetchone()
    if row is None:
        await read_low(conn, [desk])
        row = await (await conn.execute(found, (desk,))).fetchone()
    assert row is not None
    return row[0], row[1]


async def _placed(conn: Connection, desk: str, after: int, limit: int) -> list[Row]:
    cursor = await conn.execute(
        f"SELECT {COLUMNS} FROM inbox i JOIN delivery d USING (delivery_id) WHERE i.desk = %s AND i.place > %s"
        " ORDER BY i.place LIMIT %s",
        (desk, after, limit),
        binary=True,
    )
    return [to_row(values) for values in await cursor.fetchall()]


async def _next(conn: Connection, desk: str, low: int, limit: int) -> list[Row]:
    """The rows of the line that were never released, in order."""
    cursor = await conn.execute(
        f"SELECT {COLUMNS} FROM delivery d WHERE d.desk = %s AND d.seq >= %s AND d.inbox_seq IS NULL"
        " AND d.status IN ('pending', 'failed', 'attempting', 'lapsed') ORDER BY d.seq LIMIT %s",
        (desk, low, limit),
        binary=True,
    )
    return [to_row(values) for values in await cursor.fetchall()]


async def _concerned(conn: Connection, kit: Kit, placed: Sequence[Row], world: World) -> AbstractSet[str]:
    """The items that what they met concerns."""
    rows = [(row, persons) for row in placed if (persons := met(row, world))]
    erased = await kit.ring.load(conn, sorted({row.family_id for row, _ in rows}))
    found = set()
    for row, persons in rows:
        assert row.body is not None
        if row.family_id not in erased:
            body = kit.ring.open(row.family_id, body_context(row.delivery_id), row.body)
            if not concerns(*wire.decode(kit.catalogue, body), persons):
                continue
        found.add(row.delivery_id)
    return found


async def _release(conn: Connection, desk: str, first: int, rows: Sequence[Row], now: Now) -> None:
    """Give these their places: this is their first release."""
    if not rows:
        return
    cursor = await conn.execute(
        "UPDATE delivery d SET released_at = coalesce(d.released_at, %s), inbox_seq = u.place"
        " FROM unnest(%s::uuid[], %s::xid[], %s::bigint[]) AS u(id, version, place)"
        " WHERE d.delivery_id = u.id AND d.xmin = u.version",
        (
            now.hub,
            [row.delivery_id for row in rows],
            [row.version for row in rows],
            list(range(first, first + len(rows))),
        ),
    )
    if cursor.rowcount != len(rows):
        raise ContendedError(
            f"released {cursor.rowcount} of {len(rows)} deliveries: the others changed meanwhile"
        )
    await conn.execute(
        "INSERT INTO inbox (desk, place, delivery_id) SELECT %s, p, d FROM unnest(%s::bigint[], %s::uuid[]) AS u(p, d)",
        (desk, list(range(first, first + len(rows))), [row.delivery_id for row in rows]),
    )
    await conn.execute("UPDATE relay_cursor SET inbox_next = %s WHERE desk = %s", (first + len(rows), desk))


async def end(conn: Connection, attempt_id: str, now: Now) -> None:
    """The answer has been written: the attempt is over."""
    await conn.execute("UPDATE attempt SET ended_mono = %s WHERE attempt_id = %s", (now.mono, attempt_id))


async def acknowledge(conn: Connection, desk: str, ids: Sequence[str], at: Micros) -> frozenset[str]:
    """The desk has these: they leave its inbox. What is not its own or not there is passed over.

    Gives those that it has acknowledged, now or before.
    """
    found = await conn.execute(
        "WITH done AS (UPDATE delivery SET ack_at = %s WHERE delivery_id = ANY(%s::uuid[]) AND desk = %s"
        " AND inbox_seq IS NOT NULL AND ack_at IS NULL RETURNING delivery_id, inbox_seq),"
        " gone AS (DELETE FROM inbox WHERE desk = %s AND place IN (SELECT inbox_seq FROM done))"
        " SELECT delivery_id::text FROM done UNION ALL SELECT delivery_id::text FROM delivery"
        " WHERE delivery_id = ANY(%s::uuid[]) AND desk = %s AND ack_at IS NOT NULL",
        (at, list(ids), desk, desk, list(ids), desk),
    )
    return frozenset([row[0] for row in await found.fetchall()])
