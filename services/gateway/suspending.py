"""An agency is suspended, or comes back: both take a second person, of another desk of the council (RULES.md 2, 4.11).

A suspension holds from its acceptance on, and the second person's refusal ends it. It does not lapse as an override
does: that would release what nobody agreed to release. A return has no effect until it is approved.
"""

from collections.abc import Mapping
from typing import Final

from hub.clock import HOUR, Micros
from hub.database import Connection
from hub.ids import derive
from services.consent.approvals import second_desks
from services.gateway import guards, tasks
from services.gateway.checking import Published
from services.gateway.parts import Parts

SUSPENDED: Final = "hub.agency_suspended"
RESUMED: Final = "hub.agency_resumed"
APPROVAL: Final = "hub.approval_given"
KIND: Final = "approval"
REASON: Final = "second_person"
WITHIN: Final = 24 * HOUR
_ANSWERED: Final = """
UPDATE task SET done_at = %s, done_by = %s
WHERE task_id::text = %s AND kind = %s AND key = %s AND owner = %s AND done_at IS NULL AND detail ? 'agency'
RETURNING detail ->> 'agency', detail ->> 'type'
"""
_OVERTAKEN: Final = """
UPDATE task SET done_at = %s, done_by = 'hub'
WHERE kind = %s AND done_at IS NULL AND detail ->> 'agency' = %s AND detail ->> 'type' = %s
"""


async def concluded(
    conn: Connection, parts: Parts, event: Published, suspended: Mapping[str, bool], at: Micros
) -> dict[str, bool]:
    """Agency → whether it is suspended from now on, by this event. `suspended`: by what was accepted with it before."""
    match event.kind:
        case "hub.agency_suspended":
            return await _suspended(conn, parts, event, suspended, at)
        case "hub.agency_resumed":
            agency = event.datum["agency"]
            if await _is_closed(conn, suspended, agency):
                await _ask(conn, parts, event, at)
            return {}
        case "hub.approval_given" if is_answer(event):
            return await _answered(conn, event, at)
    return {}


def is_answer(event: Published) -> bool:
    """Whether it may be a second person's word on an agency."""
    return event.kind == APPROVAL and not event.is_about_a_family


async def _suspended(
    conn: Connection, parts: Parts, event: Published, suspended: Mapping[str, bool], at: Micros
) -> dict[str, bool]:
    agency = event.datum["agency"]
    await conn.execute(_OVERTAKEN, (at, KIND, agency, RESUMED))
    if not await _is_closed(conn, suspended, agency):
        await _ask(conn, parts, event, at)
    return {agency: True}


async def _is_closed(conn: Connection, suspended: Mapping[str, bool], agency: str) -> bool:
    return suspended[agency] if agency in suspended else await guards.is_closed(conn, agency)


async def _ask(conn: Connection, parts: Parts, event: Published, at: Micros) -> None:
    entry = {"source": event.desk.name, "persons": {}}
    asked = second_desks({}, entry, parts.partnership.served)[event.desk.agency]
    if asked is None:  # nobody can agree: what is so stays
        return
    await tasks.open_task(
        conn,
        task_id=derive(parts.secret, "task", KIND, event.receipt_id),
        kind=KIND,
        key=event.receipt_id,
        owned_by=asked,
        at=at,
        due_at=at + WITHIN,
        reason=REASON,
        detail={"asked_by": event.desk.name, "type": event.kind, "agency": event.datum["agency"]},
    )


async def _answered(conn: Connection, event: Published, at: Micros) -> dict[str, bool]:
    datum, desk = event.datum, event.desk.name
    found = await conn.execute(_ANSWERED, (at, desk, datum["task"], KIND, datum["request"], desk))
    row = await found.fetchone()
    if row is None:
        return {}
    agency, asked = row
    back = (asked == RESUMED) == (datum["decision"] == "approved")
    return {agency: False} if back else {}
