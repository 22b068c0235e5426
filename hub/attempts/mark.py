"""What became of attempts: places in the inbox, back-off, the end of what cannot be sent.

| outcome | the delivery | released |
|--|--|--|
| sent | delivered | yes |
| unknown, or not marked in five seconds | failed: attempted anew at once | counts as released |
| unsent (the broker is away) | as before the attempt | no |
| refused by the broker | failed, with back-off; dead, and a task, after `TRIES` | no |

`attempt_id` stays only on what was surely sent: a delivery without it has still to reach the topic, also
when the inbox has released it and the router has decided it again since.

A delivery that the router decided again while it was being sent keeps what the router made of it, unless it
took a release for granted that did not happen: then it waits to be sent.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import orjson

from hub import ledger
from hub.attempts.begin import Attempt
from hub.attempts.row import LIFE, Now, Row
from hub.attempts.rows import COLUMNS, IN_LINE, Kit, array, to_row
from hub.clock import SECOND, Micros
from hub.database import Connection
from hub.ids import derive
from hub.producer import Outcome, Sent

TRIES: Final = 12
OPERATIONS: Final = "hub/operations"
LOW_STEP: Final = 50_000
"""How far a low-water mark moves at once, so that a long wait that ends costs no long transaction."""

Results = Mapping[str, Sent]


def back_off(tries: int) -> Micros:
    """How long a delivery waits after its `tries`-th refusal: from 0.2 s, doubling, to a minute."""
    return int(min(SECOND // 10 * 2 ** min(tries, 16), 60 * SECOND))


async def mark(
    conn: Connection, kit: Kit, attempts: Sequence[Attempt], results: Results, now: Now, *, safe: int
) -> dict[str, int]:
    """End these attempts; `results` has the outcome of each delivery id. Returns new low-water marks.

    Writes `delivery.failed` for what did not leave, so that the record of attempts names every release and
    no more. `safe` is the horizon up to which every row is visible.
    """
    open_ones = await _end(conn, attempts, now)
    rows = [(attempt, row) for attempt in attempts if attempt.attempt_id in open_ones for row in attempt.rows]
    released = [(attempt, row) for attempt, row in rows if results[row.delivery_id].released]
    kept = [(attempt, row) for attempt, row in rows if not results[row.delivery_id].released]
    desks = sorted({attempt.desk for attempt in attempts})
    places = await _places(conn, desks)
    await _released(conn, released, results, places, now)
    if kept:
        await _kept(conn, kit, kept, results, now)
    return await _move_low(conn, places, safe)


async def _end(conn: Connection, attempts: Sequence[Attempt], now: Now) -> set[str]:
    """End the attempts; those that were still open.

    One that was ended before was marked by a transaction of whose commit we did not learn, or by the next
    owner of its desk.
    """
    cursor = await conn.execute(
        "UPDATE attempt SET ended_mono = %s WHERE attempt_id = ANY(%s::uuid[]) AND ended_mono IS NULL"
        " RETURNING attempt_id::text",
        (now.mono, array(attempt.attempt_id for attempt in attempts)),
    )
    return {row[0] for row in await cursor.fetchall()}


async def _places(conn: Connection, desks: Sequence[str]) -> dict[str, int]:
    """The next place in each desk's inbox, locked: places are given by one at a time."""
    cursor = await conn.execute(
        "SELECT desk, inbox_next FROM relay_cursor WHERE desk = ANY(%s) ORDER BY desk FOR UPDATE",
        (list(desks),),
    )
    return dict(await cursor.fetchall())


async def _released(
    conn: Connection,
    rows: Iterable[tuple[Attempt, Row]],
    results: Results,
    places: dict[str, int],
    now: Now,
) -> None:
    ids: list[str] = []
    attempt_ids: list[str] = []
    given: list[int] = []
    ends: list[str] = []
    for attempt, row in rows:
        ids.append(row.delivery_id)
        attempt_ids.append(attempt.attempt_id)
        given.append(places[attempt.desk])
        ends.append("delivered" if results[row.delivery_id].outcome is Outcome.SENT else "failed")
        if row.place is None:
            places[attempt.desk] += 1
    if not ids:
        return
    await conn.execute(
        "WITH marked AS (UPDATE delivery d SET"
        "  status = CASE WHEN d.status = 'attempting' OR (d.status = 'delivered' AND u.ends = 'failed')"
        "           THEN u.ends ELSE d.status END,"
        "  released_at = coalesce(d.released_at, %s), inbox_seq = coalesce(d.inbox_seq, u.place), next_mono = 0,"
        "  attempt_id = CASE WHEN u.ends = 'failed' THEN NULL ELSE d.attempt_id END"
        " FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[], %s::text[]) AS u(id, attempt, place, ends)"
        " WHERE d.delivery_id = u.id AND d.attempt_id = u.attempt"
        " RETURNING d.desk, d.inbox_seq, d.delivery_id, u.place)"
        " INSERT INTO inbox (desk, place, delivery_id) SELECT desk, place, delivery_id FROM marked"
        " WHERE inbox_seq = place ON CONFLICT DO NOTHING",
        (now.hub, array(ids), array(attempt_ids), array(given), array(ends)),
    )


async def _kept(
    conn: Connection, kit: Kit, rows: Sequence[tuple[Attempt, Row]], results: Results, now: Now
) -> None:
    tries: list[int] = []
    statuses: list[str] = []
    due: list[int] = []
    for _, row in rows:
        refused = results[row.delivery_id].outcome is Outcome.REFUSED
        tries.append(row.tries + refused)
        dead = refused and row.tries + 1 >= TRIES
        statuses.append("dead" if dead else "failed" if refused or row.status == "failed" else "pending")
        due.append(now.mono + back_off(row.tries) if refused else 0)
    await conn.execute(
        "UPDATE delivery d SET status = CASE WHEN d.status IN ('attempting', 'delivered') THEN u.status"
        " ELSE d.status END, tries = u.tries, next_mono = u.due, reason = u.reason, attempt_id = NULL"
        " FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::int[], %s::bigint[], %s::text[])"
        " AS u(id, attempt, status, tries, due, reason) WHERE d.delivery_id = u.id AND d.attempt_id = u.attempt",
        (
            [row.delivery_id for _, row in rows],
            [attempt.attempt_id for attempt, _ in rows],
            statuses,
            tries,
            due,
            [results[row.delivery_id].reason or None for _, row in rows],
        ),
    )
    by_attempt: dict[str, tuple[Attempt, list[Row]]] = {}
    for attempt, row in rows:
        by_attempt.setdefault(attempt.attempt_id, (attempt, []))[1].append(row)
    await kit.ring.load(
        conn, sorted({row.family_id for _, row in rows} | {kit.desk_key(a.desk) for a, _ in rows})
    )
    await ledger.write(
        conn, [_failure(kit, attempt, failed, results, now) for attempt, failed in by_attempt.values()]
    )
    for (_, row), status in zip(rows, statuses, strict=True):
        if status == "dead":
            await _open_task(conn, kit, row, results[row.delivery_id].reason, now)


def _failure(kit: Kit, attempt: Attempt, rows: Sequence[Row], results: Results, now: Now) -> ledger.Entry:
    detail = {
        "attempt": attempt.attempt_id,
        "deliveries": [row.delivery_id for row in rows],
        "desk": attempt.desk,
        "outcomes": [results[row.delivery_id].outcome.value for row in rows],
    }
    return ledger.entry(
        kit.ring,
        kind="delivery.failed",
        entry_id=derive(kit.secret, "delivery.failed", attempt.attempt_id),
        recorded_at=now.hub,
        rules=kit.rules(now.hub),
        code=kit.code,
        subjects=tuple(dict.fromkeys(row.family_id for row in rows)),
        details=[(kit.desk_key(attempt.desk), detail)],
    )


async def _open_task(conn: Connection, kit: Kit, row: Row, reason: str, now: Now) -> None:
    detail = {"desk": row.desk, "tries": row.tries + 1}
    await conn.execute(
        "INSERT INTO task (task_id, kind, key, owner, opened_at, reason, detail)"
        " VALUES (%s, 'undelivered', %s, %s, %s, %s, %s) ON CONFLICT (task_id) DO UPDATE SET"
        " opened_at = EXCLUDED.opened_at, reason = EXCLUDED.reason, detail = EXCLUDED.detail,"
        " done_at = NULL, done_by = NULL WHERE task.done_at IS NOT NULL",
        (
            derive(kit.secret, "task", "undelivered", row.delivery_id),
            row.delivery_id,
            OPERATIONS,
            now.hub,
            reason,
            orjson.dumps(detail).decode(),
        ),
    )


async def _move_low(conn: Connection, places: Mapping[str, int], safe: int) -> dict[str, int]:
    """Store the next places; move each mark to the first row still to be sent, never past the horizon."""
    cursor = await conn.execute(
        "UPDATE relay_cursor c SET inbox_next = u.next, low = greatest(c.low, least(coalesce("
        f"  (SELECT d.seq FROM delivery d WHERE d.desk = c.desk AND d.seq >= c.low AND d.seq < c.low + {LOW_STEP}"
        f"   AND {IN_LINE} ORDER BY d.seq LIMIT 1), c.low + {LOW_STEP}), %s))"
        " FROM unnest(%s::text[], %s::bigint[]) AS u(desk, next) WHERE c.desk = u.desk RETURNING c.desk, c.low",
        (safe + 1, list(places), list(places.values())),
    )
    return dict(await cursor.fetchall())


async def end_overdue(
    conn: Connection, kit: Kit, desks: Sequence[str], lows: Mapping[str, int], now: Now, *, safe: int
) -> set[tuple[str, str]]:
    """End the attempts that nobody marked within `LIFE`: they count as released, and begin anew.

    Returns the desks and families of their deliveries. Only the owner of the desks may call this.
    """
    cursor = await conn.execute(
        "SELECT attempt_id::text, entry_id::text, desk, began_mono FROM attempt"
        " WHERE ended_mono IS NULL AND began_mono < %s AND channel = 'kafka' AND desk = ANY(%s)",
        (now.mono - LIFE, list(desks)),
    )
    found = await cursor.fetchall()
    if not found:
        return set()
    touched: set[tuple[str, str]] = set()
    attempts: list[Attempt] = []
    for attempt_id, entry_id, desk, began in found:
        cursor = await conn.execute(
            f"SELECT {COLUMNS} FROM delivery d WHERE d.desk = %s AND d.seq >= %s AND d.attempt_id = %s"
            " ORDER BY d.seq",
            (desk, lows[desk], attempt_id),
            binary=True,
        )
        rows = tuple(to_row(values) for values in await cursor.fetchall())
        touched |= {(desk, row.family_id) for row in rows}
        attempts.append(Attempt(attempt_id, entry_id, desk, "kafka", began, rows))
    over = Sent(Outcome.UNKNOWN, "over")
    results = {row.delivery_id: over for attempt in attempts for row in attempt.rows}
    await mark(conn, kit, attempts, results, now, safe=safe)
    return touched
