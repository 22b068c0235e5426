"""What left about somebody since a time, for the task that is to list it (RULES.md section 7, *Exact*)."""

from collections.abc import Collection

from hub.attempts.rows import body_context
from hub.clock import Micros
from hub.database import Connection
from hub.keys import KeyRing
from hub.processor.stored import STORED_OF_E, stored_event
from hub.schemas import Catalogue, wire
from hub.schemas.event_type import EventType
from hub.schemas.refs import Datum

_LEFT = (
    "SELECT d.delivery_id::text, d.family_id::text,"
    " CASE WHEN d.status = 'delivered' AND d.attempt_id IS NOT NULL THEN d.body END,"
    f" {STORED_OF_E} FROM delivery d JOIN event e USING (event_id)"
    " WHERE d.family_id IN (SELECT family_id FROM membership WHERE person_id = ANY(%s::uuid[]))"
    " AND (d.released_at >= %s OR (d.released_at IS NULL AND d.attempt_id IS NOT NULL))"
    " ORDER BY d.seq"
)
"""What a topic has had is what its row holds; of all else that left, the row may have been decided again since."""


async def left_since(
    conn: Connection, persons: Collection[str], since: Micros, *, ring: KeyRing, catalogue: Catalogue
) -> list[str]:
    """The deliveries about any of these persons that left since then, or may be leaving: those of all their families.

    An erased family's cannot be read.
    """
    cursor = await conn.execute(_LEFT, (sorted(persons), since), binary=True)
    rows = await cursor.fetchall()
    erased = await ring.load(conn, sorted({row[1] for row in rows}))
    found = []
    for delivery, family, body, *stored in rows:
        if family in erased:
            continue
        if body is None:
            event = stored_event(stored, ring, catalogue)
            given = catalogue.type(event.type), event.data
        else:
            given = wire.decode(catalogue, ring.open(family, body_context(delivery), bytes(body)))
        if is_about(*given, persons):
            found.append(delivery)
    return found


def is_about(event_type: EventType, given: Datum, persons: Collection[str]) -> bool:
    """Whether it says something of one of these persons; a text that does not say whom it is about may."""
    items = event_type.items(given)
    texts = [each.about for each in items.texts]
    return None in texts or not {*items.people}.union(*(about or () for about in texts)).isdisjoint(persons)
