"""What is linked to a person: ids by their scheme, since when, on whose word, and what was released on that.

The value of an id is nowhere; a link is known by its scheme and the event that made it. Also who was said to be one
with the person, and each release that rested on both since then, in the families of either. For information governance.
"""

from collections.abc import AsyncIterator
from typing import Any, Final

import orjson

from hub.clock import Micros, format_micros
from hub.database import Connection
from services.consent.agreement import FOREVER
from services.consent.person import NEVER, Bond
from services.consent.read_person import person_facts
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
_FACTS: Final = "SELECT state FROM person_state WHERE key = %s"
_DESK: Final = "SELECT desk FROM receipt WHERE receipt_id = %s::uuid"
_RESTED_ON_BOTH: Final = """
SELECT d.delivery_id::text, d.desk, d.type, d.released_at FROM delivery d
WHERE d.family_id IN (SELECT family_id FROM membership WHERE person_id = ANY(%s::uuid[]))
  AND d.persons @> %s::uuid[] AND d.released_at >= %s AND d.released_at < %s
ORDER BY d.released_at, d.delivery_id
"""


async def identity(conn: Connection, person: str) -> dict[str, Any] | None:
    """Everything linked to a person or family of the hub; None if nothing is known by that id."""
    links = await (await conn.execute(_LINKS, (person,))).fetchall()
    families = await (await conn.execute(_FAMILIES, (person,))).fetchall()
    same = [each async for each in _same(conn, person)]
    if not links and not families and not same:
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
        "rested_on_it": [_delivery(*row) for row in rested],
        "same_as": same,
    }


async def _same(conn: Connection, person: str) -> AsyncIterator[dict[str, Any]]:
    """Who is, was, or may be one with the person, on whose word, and what was released on that."""
    row = await (await conn.execute(_FACTS, (person,))).fetchone()
    facts = {} if row is None else orjson.loads(bytes(row[0]))["facts"]
    for other, bond in sorted(person_facts(facts, known=True).same.items()):
        said = max(bond.said, bond.confirmed)
        if said == NEVER:
            continue
        since = min(each[0] for each in (bond.said, bond.confirmed) if each != NEVER)
        ended = None if bond.holds else bond.ended[0]
        both = [person, other]
        rested = await conn.execute(_RESTED_ON_BOTH, (both, both, since, FOREVER if ended is None else ended))
        by = await (await conn.execute(_DESK, (said[1],))).fetchone()
        yield {
            "person": other,
            "status": _status(bond),
            "since": format_micros(since),
            "rested_on_it": [_delivery(*each) for each in await rested.fetchall()],
        } | kept(by=None if by is None else by[0], ended_at=_time(ended))


def _status(bond: Bond) -> str:
    return "confirmed" if bond.is_sure else "probable" if bond.holds else "ended"


def _delivery(delivery: str, desk: str, type_: str, released: Micros) -> dict[str, Any]:
    return {"delivery": delivery, "desk": desk, "type": type_, "released_at": format_micros(released)}


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
