"""An agency is suspended, or comes back: both take a second person, of another desk of the council (RULES.md 2, 4.11).

A suspension holds from its acceptance on, and the second person's refusal ends it. It does not lapse as an override
does: that would release what nobody agreed to release. A return has no effect until it is approved.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from hub.clock import HOUR, Micros
from hub.database import Connection
from services.gateway import guards, seconding
from services.gateway.checking import Published
from services.gateway.parts import Parts

SUSPENDED: Final = "hub.agency_suspended"
RESUMED: Final = "hub.agency_resumed"
WITHIN: Final = 24 * HOUR
_OVERTAKEN: Final = """
UPDATE task SET done_at = %s, done_by = 'hub'
WHERE kind = %s AND done_at IS NULL AND detail ->> 'agency' = %s AND detail ->> 'type' = %s
"""


async def may_return(conn: Connection, events: Iterable[Published]) -> bool:
    """Whether one of these may be the word on which an agency comes back, and what waited for that enters."""
    answered = [event.datum["task"] for event in events if seconding.is_answer(event)]
    if not answered:
        return False
    found = await conn.execute(
        "SELECT FROM task WHERE task_id::text = ANY(%s) AND kind = %s AND detail ? 'agency'",
        (answered, seconding.KIND),
    )
    return await found.fetchone() is not None


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
        case seconding.APPROVAL if seconding.is_answer(event):
            return await _answered(conn, event, at)
    return {}


async def _suspended(
    conn: Connection, parts: Parts, event: Published, suspended: Mapping[str, bool], at: Micros
) -> dict[str, bool]:
    agency = event.datum["agency"]
    await conn.execute(_OVERTAKEN, (at, seconding.KIND, agency, RESUMED))
    if not await _is_closed(conn, suspended, agency):
        await _ask(conn, parts, event, at)
    return {agency: True}


async def _is_closed(conn: Connection, suspended: Mapping[str, bool], agency: str) -> bool:
    return suspended[agency] if agency in suspended else await guards.is_closed(conn, agency)


async def _ask(conn: Connection, parts: Parts, event: Published, at: Micros) -> None:
    detail = {"type": event.kind, "agency": event.datum["agency"]}
    if event.datum["reason"] is not None:
        detail |= {"why": event.datum["reason"]}
    await seconding.ask(
        conn, parts, event.receipt_id, event.desk.name, at=at, due_at=at + WITHIN, detail=detail
    )


async def _answered(conn: Connection, event: Published, at: Micros) -> dict[str, bool]:
    detail = await seconding.answered(conn, event, at, "agency")
    if detail is None:
        return {}
    back = (detail["type"] == RESUMED) == (event.datum["decision"] == "approved")
    return {detail["agency"]: False} if back else {}
