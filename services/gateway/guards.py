"""Guards: the protective events accepted, by person, and whether an agency is suspended (STREAMING.md section 5).

Rows are taken in the order of their ids, each once, by everybody; so nobody waits in a circle.
"""

from collections.abc import Mapping

from hub.clock import Micros
from hub.database import Connection


async def raise_all(conn: Connection, raises: Mapping[str, int]) -> None:
    """Add to the guards of these persons; until the caller commits, no attempt that rests on them begins."""
    if not raises:
        return
    persons = sorted(raises)
    await conn.execute(
        "SELECT FROM guard WHERE person_id = ANY(%s::uuid[]) ORDER BY person_id FOR UPDATE", (persons,)
    )
    await conn.execute(
        "UPDATE guard SET raises = guard.raises + new.raises"
        " FROM unnest(%s::uuid[], %s::bigint[]) AS new (person_id, raises) WHERE guard.person_id = new.person_id",
        (persons, [raises[person] for person in persons]),
    )


async def is_closed(conn: Connection, agency: str) -> bool:
    """Whether the agency is suspended."""
    found = await conn.execute("SELECT closed FROM agency_guard WHERE agency = %s", (agency,), binary=True)
    row = await found.fetchone()
    return row is not None and bool(row[0])


async def set_closed(conn: Connection, agency: str, *, closed: bool, since: Micros) -> None:
    """Suspend the agency, or let it come back."""
    await conn.execute(
        "INSERT INTO agency_guard (agency, closed, since) VALUES (%s, %s, %s)"
        " ON CONFLICT (agency) DO UPDATE SET closed = EXCLUDED.closed, since = EXCLUDED.since",
        (agency, closed, since),
    )
