"""What left about somebody since a time, for the task that is to list it (RULES.md section 7, *Exact*)."""

from collections.abc import Collection
from typing import Final

from hub.attempts.rows import body_context
from hub.clock import Micros
from hub.database import Connection
from hub.keys import KeyRing
from hub.processor.stored import STORED, stored_event
from hub.schemas import Catalogue, wire
from hub.schemas.event_type import EventType
from hub.schemas.refs import Datum

AT_ONCE: Final = 500
"""Deliveries in memory at a time: what is said to have been years ago lists years."""

_LEFT: Final = (
    "SELECT d.delivery_id::text, d.family_id::text, d.event_id::text,"
    " CASE WHEN d.status = 'delivered' AND d.attempt_id IS NOT NULL THEN d.body END FROM delivery d"
    " WHERE d.family_id IN (SELECT family_id FROM membership WHERE person_id = ANY(%s::uuid[]))"
    " AND (d.released_at >= %s OR (d.released_at IS NULL AND d.attempt_id IS NOT NULL))"
    " ORDER BY d.seq"
)
"""What a topic has had is what its row holds; of all else that left, the row may have been decided again since."""
_EVENTS: Final = f"SELECT {STORED} FROM event WHERE event_id = ANY(%s::uuid[])"


async def left_since(
    conn: Connection, persons: Collection[str], since: Micros, *, ring: KeyRing, catalogue: Catalogue
) -> list[str]:
    """The deliveries about any of these persons that left since then, or may be leaving: those of all their families.

    An erased family's cannot be read. An event is opened once, however many desks had it.
    """
    found, about = list[str](), dict[str, bool]()
    async with conn.cursor("left_since", binary=True) as cursor:
        await cursor.execute(_LEFT, (sorted(persons), since))
        while rows := await cursor.fetchmany(AT_ONCE):
            erased = await ring.load(conn, sorted({family for _, family, *_ in rows}))
            rows = [row for row in rows if row[1] not in erased]
            unread = {event for *_, event, body in rows if body is None} - about.keys()
            for row in await (await conn.execute(_EVENTS, (sorted(unread),), binary=True)).fetchall():
                event = stored_event(row, ring, catalogue)
                about[event.envelope.id] = is_about(catalogue.type(event.type), event.data, persons)
            for delivery, family, event_id, body in rows:
                if body is None:
                    is_theirs = about[event_id]
                else:
                    given = wire.decode(catalogue, ring.open(family, body_context(delivery), bytes(body)))
                    is_theirs = is_about(*given, persons)
                if is_theirs:
                    found.append(delivery)
    return found


def is_about(event_type: EventType, given: Datum, persons: Collection[str]) -> bool:
    """Whether it says something of one of these persons; a text that does not say whom it is about may."""
    items = event_type.items(given)
    texts = [each.about for each in items.texts]
    return None in texts or not {*items.people}.union(*(about or () for about in texts)).isdisjoint(persons)
