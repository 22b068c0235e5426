"""What the owner of desks remembers of their lines, so that a row that waits costs the others nothing.

Everything here can be forgotten at any time: it is found again from the low-water mark in SQL.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hub.attempts.judge import PACE
from hub.attempts.row import Row
from hub.attempts.rows import COLUMNS, IN_LINE, array, to_row
from hub.database import Connection

STUCK_AT_ONCE: Final = 200
STUCK_ROWS: Final = 20


class Horizon:
    """Up to which `seq` every row that will ever be is visible.

    Two transactions may take numbers and commit in another order than they took them, so the highest number
    that is visible proves nothing. This does: a number that was given out; then a transaction id of our own,
    which is higher than that of any transaction that holds such a number; then a look at what is running in
    which every transaction below ours has ended.

    # INVARIANT: whoever inserts deliveries has a transaction id before it takes a number. (A processor's
    # first statement is the compare-and-set of its position.)
    """

    def __init__(self) -> None:
        self.safe = 0
        self._candidate: tuple[int, int] | None = None

    def look(self, given: int, oldest: int) -> bool:
        """Take the oldest running transaction and, read after it, the highest number given out.

        Returns whether a transaction id of our own is wanted, from now on, for the numbers up to `given`.
        """
        if self._candidate is not None and oldest > self._candidate[1]:
            self.safe = max(self.safe, self._candidate[0])
            self._candidate = None
        return self._candidate is None and given > self.safe

    def wait_for(self, given: int, own: int) -> None:
        """The numbers up to `given` are safe when every transaction up to `own` has ended."""
        self._candidate = (given, own)


@dataclass(slots=True)
class Line:
    """A desk's line: below `low` nothing is to be sent; from `ahead` on it has not been looked at.

    `stuck` are families with rows between the two: what comes later of theirs waits behind those.
    """

    desk: str
    low: int = 0
    ahead: int = 0
    stuck: set[str] = field(default_factory=set)
    _turn: int = 0

    def some_stuck(self) -> list[str]:
        """The stuck families to look at now: each in its turn."""
        if len(self.stuck) <= STUCK_AT_ONCE:
            return list(self.stuck)
        families = sorted(self.stuck)
        self._turn %= len(families)
        taken = (families + families)[self._turn : self._turn + STUCK_AT_ONCE]
        self._turn += STUCK_AT_ONCE
        return taken

    def looked(self, rows: Sequence[Row], limit: int, safe: int) -> None:
        """Rows from `ahead` on were read, `limit` at most: go on behind them, but never past what is safe."""
        end = rows[-1].seq if len(rows) == limit else safe
        self.ahead = max(self.ahead, min(end, safe) + 1)


async def observe(conn: Connection, horizon: Horizon) -> None:
    """Bring the horizon up to date. Before anything is written in this transaction: its id must be new."""
    cursor = await conn.execute(
        "SELECT CASE WHEN is_called THEN last_value ELSE 0 END, pg_snapshot_xmin(s)::text::bigint"
        " FROM delivery_seq, pg_current_snapshot() AS s"
    )
    found: Any = await cursor.fetchone()
    if horizon.look(*found):
        cursor = await conn.execute("SELECT pg_current_xact_id()::text::bigint")
        own: Any = await cursor.fetchone()
        horizon.wait_for(found[0], own[0])


async def read_ahead(conn: Connection, lines: Iterable[Line], limit: int) -> list[Row]:
    """The rows of these lines that have not been looked at, in order: `limit` a desk."""
    ahead = {line.desk: line.ahead for line in lines}
    cursor = await conn.execute(
        f"SELECT r.* FROM unnest(%s::text[], %s::bigint[]) AS c(desk, ahead) CROSS JOIN LATERAL"
        f" (SELECT {COLUMNS} FROM delivery d WHERE d.desk = c.desk AND d.seq >= c.ahead AND {IN_LINE}"
        " ORDER BY d.seq LIMIT %s) AS r",
        (list(ahead), array(ahead.values()), limit),
        binary=True,
    )
    return [to_row(values) for values in await cursor.fetchall()]


async def read_stuck(conn: Connection, stuck: Sequence[Line]) -> list[Row]:
    """The rows in which stuck families of these lines wait, line by line in order; who waits no longer is let go."""
    looked = {line.desk: line.some_stuck() for line in stuck}
    asked = [(line, family) for line in stuck for family in looked[line.desk]]
    cursor = await conn.execute(
        "SELECT r.* FROM unnest(%s::text[], %s::uuid[], %s::bigint[], %s::bigint[]) AS f(desk, id, low, ahead)"
        f" CROSS JOIN LATERAL (SELECT {COLUMNS} FROM delivery d WHERE d.family_id = f.id AND d.desk = f.desk"
        f" AND d.seq >= f.low AND d.seq < f.ahead AND {IN_LINE} ORDER BY d.seq LIMIT %s) AS r",
        (
            [line.desk for line, _ in asked],
            array(family for _, family in asked),
            array(line.low for line, _ in asked),
            array(line.ahead for line, _ in asked),
            STUCK_ROWS,
        ),
        binary=True,
    )
    rows = [to_row(values) for values in await cursor.fetchall()]
    found = {(row.desk, row.family_id) for row in rows}
    for line in stuck:
        line.stuck.difference_update(each for each in looked[line.desk] if (line.desk, each) not in found)
    return sorted(rows, key=lambda row: (row.desk, row.seq))


async def read_out(conn: Connection, lines: Iterable[Line]) -> dict[str, int]:
    """How many rows of each of these lines are being decided again, wherever they stand; past `PACE`, enough."""
    low = {line.desk: line.low for line in lines}
    cursor = await conn.execute(
        "SELECT f.desk, (SELECT count(*) FROM (SELECT FROM delivery d WHERE d.desk = f.desk AND d.seq >= f.low"
        " AND d.status = 'lapsed' LIMIT %s) AS l) FROM unnest(%s::text[], %s::bigint[]) AS f(desk, low)",
        (PACE, list(low), array(low.values())),
    )
    return dict(await cursor.fetchall())


async def read_low(conn: Connection, desks: Sequence[str]) -> dict[str, int]:
    """The low-water mark of each desk; a desk never seen begins at 0."""
    await conn.execute(
        "INSERT INTO relay_cursor (desk) SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", (sorted(desks),)
    )
    cursor = await conn.execute("SELECT desk, low FROM relay_cursor WHERE desk = ANY(%s)", (list(desks),))
    return dict(await cursor.fetchall())
