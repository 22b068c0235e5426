"""Which rows somebody else is at: while the router decides a family again, only that family waits.

A relay's transaction concerns many families at once. Where it has just been undone because one of their rows was
being written, it asks first, and leaves those rows where they stand; else a busy family could hold up all.
"""

from collections.abc import Sequence

from hub.attempts.begin import UnguardedError
from hub.attempts.row import Row
from hub.attempts.rows import array
from hub.database import Connection


async def busy_rows(conn: Connection, rows: Sequence[Row]) -> frozenset[str]:
    """Lock these rows and their guards as far as nobody else has; the delivery ids of all others.

    Others are those that somebody is writing, has written since they were read, or whose guard is being
    raised. What is locked stays as it is until this transaction ends. Raises `UnguardedError`.
    """
    persons = sorted({person for row in rows for person in row.persons})
    cursor = await conn.execute(
        "SELECT p::text FROM unnest(%s::uuid[]) AS p WHERE NOT EXISTS (SELECT FROM guard WHERE person_id = p)",
        (array(persons),),
    )
    unguarded = [row[0] for row in await cursor.fetchall()]
    if unguarded:
        raise UnguardedError(unguarded)
    cursor = await conn.execute(
        "SELECT person_id::text FROM guard WHERE person_id = ANY(%s::uuid[]) ORDER BY person_id"
        " FOR SHARE SKIP LOCKED",
        (array(persons),),
    )
    steady = {row[0] for row in await cursor.fetchall()}
    cursor = await conn.execute(
        "SELECT delivery_id::text, xmin::text FROM delivery WHERE delivery_id = ANY(%s::uuid[])"
        " FOR NO KEY UPDATE SKIP LOCKED",
        (array(row.delivery_id for row in rows),),
    )
    ours: dict[str, str] = dict(await cursor.fetchall())
    return frozenset(
        row.delivery_id
        for row in rows
        if ours.get(row.delivery_id) != row.version or not steady.issuperset(row.persons)
    )
