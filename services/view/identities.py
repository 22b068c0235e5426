"""What is linked to a person: ids by their scheme, since when, on whose word, and what was released on that.

The value of an id is nowhere; a link is known by its scheme and the event that made it. For information governance.
"""

from typing import Any, Final

from hub.clock import Micros, format_micros
from hub.database import Connection
from services.view.told import kept

_LINKS: Final = """
SELECT i.scheme, i.kind, i.status, i.since, i.ended_at, i.event_id::text, r.desk, r.type FROM identity i
LEFT JOIN receipt r ON r.receipt_id = i.event_id OR r.receipt_id =
    (SELECT e.receipt_id FROM event e WHERE e.event_id = i.event_id)
WHERE i.hub_id = %s AND i.scheme <> 'hub' ORDER BY i.since, i.scheme
"""
_FAMILIES: Final = "SELECT family_id::text, since, until FROM membership WHERE person_id = %s ORDER BY since"
_RESTED: Final = """
SELECT d.delivery_id::text, d.desk, d.type, d.released_at FROM delivery d
WHERE d.family_id = ANY(%s::uuid[]) AND d.persons @> ARRAY[%s::uuid] AND d.released_at >= %s
ORDER BY d.released_at, d.delivery_id
"""
"""Every one, however many: whoever undoes a link is to know of each (RULES.md 4.12)."""


async def identity(conn: Connection, person: str) -> dict[str, Any] | None:
    """Everything linked to a person or family of the hub; None if nothing is known by that id."""
    links = await (await conn.execute(_LINKS, (person,))).fetchall()
    families = await (await conn.execute(_FAMILIES, (person,))).fetchall()
    if not links and not families:
        return None
    since = min((row[3] for row in links), default=0)
    logs = [row[0] for row in families]
    rested = await (await conn.execute(_RESTED, (logs, person, since))).fetchall() if logs else []
    return {
        "id": person,
        "links": [_link(*row) for row in links],
        "families": [
            {"family": row[0], "since": format_micros(row[1])} | kept(until=_time(row[2])) for row in families
        ],
        "rested_on_it": [
            {"delivery": row[0], "desk": row[1], "type": row[2], "released_at": format_micros(row[3])}
            for row in rested
        ],
    }


def _link(
    scheme: str,
    kind: str,
    status: str,
    since: Micros,
    ended: Micros | None,
    event: str,
    source: str | None,
    type_: str | None,
) -> dict[str, Any]:
    return {
        "scheme": scheme,
        "kind": kind,
        "status": status,
        "since": format_micros(since),
        "event": event,
    } | kept(by=source, type=type_, ended_at=_time(ended))


def _time(at: Micros | None) -> str | None:
    return None if at is None else format_micros(at)
