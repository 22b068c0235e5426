"""A family as a view reads it: one snapshot of its state and log, and the guards, locked, of everybody it rests on.

The caller's transaction is `REPEATABLE READ`: state, log and fates are of one instant. The guards are read under the
lock that attempts take, so that no protective event is accepted between the comparison and the commit of the view's
audit entry; one that was accepted since the snapshot makes PostgreSQL refuse the lock, and the reading begins anew.
"""

from collections.abc import Callable, Collection
from typing import Any, Final, NamedTuple

import orjson

from hub.attempts.begin import closed_agencies, compare
from hub.attempts.rows import Kit
from hub.clock import Micros
from hub.database import Connection
from hub.ids import derive, is_id
from hub.processor import stored
from hub.processor.states import load_states
from services.consent.family import SHAPE
from services.consent.family_facts import FamilyFacts
from services.view.rules import Family, Guards, Logged, concerned

TABLE: Final = "family_state"
SNAPSHOT: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
"""The first statement of a reading's transaction."""

_LOG: Final = (
    f"SELECT {stored.STORED_OF_E} FROM event e JOIN fate f ON f.event_id = e.event_id AND f.processor = 'router'"
    " AND f.kind IN ('done', 'redriven')"
    " WHERE e.key = %s AND e.topic = 'events' AND NOT EXISTS (SELECT FROM dead_letter d WHERE d.topic = e.topic"
    ' AND d.partition = f.partition AND d."offset" = f."offset") ORDER BY f.partition, f."offset"'
)
"""What was parked took effect where it stands; a dead letter did as a new event, which stands at the end."""
_FAMILIES: Final = """
SELECT i.hub_id::text, i.hub_id::text FROM identity i
    WHERE i.scheme = %(scheme)s AND i.token = %(token)s AND i.kind = 'family'
    AND i.ended_at IS NULL AND i.status = 'confirmed'
UNION
SELECT coalesce(m.family_id, r.family_id)::text, i.hub_id::text FROM identity i
    LEFT JOIN membership m ON m.person_id = i.hub_id LEFT JOIN referral r ON r.referral_id = i.hub_id
    WHERE i.scheme = %(scheme)s AND i.token = %(token)s AND i.kind IN ('person', 'referral')
    AND i.ended_at IS NULL AND i.status = 'confirmed' AND (m.family_id IS NOT NULL OR r.family_id IS NOT NULL)
ORDER BY 1, 2 LIMIT %(limit)s
"""
MOST_FAMILIES: Final = 20
"""Families that one id may lead to."""


async def is_suspended(conn: Connection, desk: str) -> bool:
    """Whether the desk's agency is: nothing is shown to it. Raises `UnguardedError`."""
    return bool(await closed_agencies(conn, [desk]))


async def family(conn: Connection, kit: Kit, family_id: str, desk: str) -> Family | None:
    """The family as it is stored, for a view of that desk; None if there is none, or it was erased.

    Raises `UnguardedError`: roll back, register them, and begin anew.
    """
    if await kit.ring.load(conn, [family_id]):
        return None
    states = await load_states(conn, [family_id], table=TABLE, shape=SHAPE, ring=kit.ring)
    if family_id not in states:
        return None
    plain: dict[str, Any] = orjson.loads(states[family_id].body or b"{}")
    log = await log_of(conn, kit, family_id, lambda event_id: derive(kit.secret, "delivery", event_id, desk))
    found = Family(family_id, FamilyFacts.of(plain), log, Guards({}))
    raises, parked = await compare(conn, concerned(kit.catalogue, found), [family_id])
    return Family(family_id, found.facts, log, Guards(raises, parked))


async def log_of(
    conn: Connection, kit: Kit, family_id: str, shown_as: Callable[[str], str]
) -> tuple[Logged, ...]:
    """What took effect, in order; its time is its stamp, but never before what stands before it."""
    cursor = await conn.execute(_LOG, (family_id,), binary=True)
    rows = await cursor.fetchall()
    erased = await kit.ring.load(conn, sorted({str(row[10]) for row in rows if row[10] is not None}))
    found, time = [], 0
    for row in rows:
        if str(row[10]) in erased:
            continue
        event = stored.stored_event(row, kit.ring, kit.catalogue)
        time = max(time, event.envelope.recorded_at)
        found.append(Logged(event, time, shown_as(event.id)))
    return tuple(found)


async def families_of(conn: Connection, scheme: str, token: bytes) -> dict[str, set[str]]:
    """Families → whose id it is there: the family's, or those of its members or referrals, known for certain."""
    cursor = await conn.execute(_FAMILIES, {"scheme": scheme, "token": token, "limit": MOST_FAMILIES})
    found: dict[str, set[str]] = {}
    for family_id, named in await cursor.fetchall():
        found.setdefault(family_id, set()).add(named)
    return found


class Delivered(NamedTuple):
    """A delivery to a desk: of which family and type, when recorded, when first released (None: never)."""

    family: str
    type: str
    recorded: Micros
    released: Micros | None


async def delivered(conn: Connection, delivery: str, desk: str) -> Delivered | None:
    """A delivery to this desk; None: it has none of that id."""
    if not is_id(delivery):
        return None
    found = await conn.execute(
        "SELECT family_id::text, type, recorded_at, released_at FROM delivery WHERE delivery_id = %s AND desk = %s",
        (delivery, desk),
    )
    row = await found.fetchone()
    return None if row is None else Delivered(*row)


async def feeds(conn: Connection, desks: Collection[str]) -> dict[str, Micros]:
    """When each desk's system last sent anything, about whomever."""
    cursor = await conn.execute(
        "SELECT d, (SELECT accepted_at FROM receipt WHERE desk = d ORDER BY accepted_at DESC LIMIT 1)"
        " FROM unnest(%s::text[]) AS d",
        (list(desks),),
    )
    return {desk: at for desk, at in await cursor.fetchall() if at is not None}


async def begin(
    conn: Connection, desk: str, attempt_id: str, entry_id: str, shown: int, mono: Micros
) -> None:
    """A view is an attempt: while it is answered, what it may have met is not said to be in effect."""
    await conn.execute(
        "INSERT INTO attempt (attempt_id, desk, channel, began_mono, deliveries, entry_id)"
        " VALUES (%s, %s, 'view', %s, %s, %s)",
        (attempt_id, desk, mono, shown, entry_id),
    )
