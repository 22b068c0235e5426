"""What the hub tells one desk, whom it names: a notice, a chase, a rejection (RULES.md section 7, 4.20).

The rules decide nothing about it: it holds ids and codes of what that desk said or may have had. Of a notice it is
known whether its desk has answered, when and how, or by when it is due; a chase says so of the notice that it is about.
"""

from typing import Any, Final

from hub.clock import Micros, format_micros
from hub.database import Connection
from hub.processor import stored
from services.consent.notified import ACKNOWLEDGED
from services.gateway.parts import Parts

NOTICE_SENT: Final = "wraparound.hub.notice_sent.v1"
NAMING: Final = frozenset({NOTICE_SENT, "wraparound.hub.chased.v1", "wraparound.hub.event_rejected.v1"})
"""The types that name the one desk to which they go."""
_NEVER_HAD: Final = "never_had"

_EVENT: Final = f"SELECT {stored.STORED} FROM event WHERE event_id = %s"
_ANSWERS: Final = (
    f"SELECT {stored.STORED_OF_E} FROM event e JOIN fate f ON f.event_id = e.event_id AND f.processor = 'router'"
    " AND f.kind IN ('done', 'redriven') WHERE e.key = %s AND e.topic = 'events' AND e.type = %s"
    " ORDER BY e.recorded_at, e.event_id"
)
_NOT_TOLD: Final = "SELECT EXISTS (SELECT FROM delivery WHERE event_id = %s AND reason = %s)"


async def notice_of(conn: Connection, parts: Parts, event: str, family: str) -> dict[str, Any]:
    """To whom such an event goes, what kind it is, and what became of it: ids, codes and times alone.

    `{to, kind, answer_by, answered_at, how}`: `answer_by` is None where no answer is asked, of a desk that is told
    nothing either. `{erased}` once the family's key is destroyed.
    """
    found = await conn.execute(_EVENT, (event,), binary=True)
    row = await found.fetchone()
    if row is None or (row[10] is not None and await parts.ring.load(conn, [str(row[10])])):
        return {"erased": True}
    data = stored.stored_event(row, parts.ring, parts.catalogue).data
    said = await _answer(conn, parts, family, data["notice"]) if data.get("notice") else None
    is_told = await (await conn.execute(_NOT_TOLD, (event, _NEVER_HAD))).fetchone() == (False,)
    due = data.get("answer_by") if is_told else None
    return {
        "to": data["to"],
        "kind": data["kind"] if "kind" in data else data["reason"],
        "answer_by": None if due is None else format_micros(due),
        "answered_at": None if said is None else format_micros(said[0]),
        "how": None if said is None else said[1],
    }


async def _answer(conn: Connection, parts: Parts, family: str, notice: str) -> tuple[Micros, str] | None:
    """When and how its desk answered a notice; of several answers the last, as the family's log has it."""
    found = await conn.execute(_ANSWERS, (family, f"wraparound.{ACKNOWLEDGED}.v1"), binary=True)
    rows = await found.fetchall()
    await parts.ring.load(conn, sorted({str(row[10]) for row in rows if row[10] is not None}))
    events = [stored.stored_event(row, parts.ring, parts.catalogue) for row in rows]
    said = [
        (each.envelope.recorded_at, each.data["done"]) for each in events if each.data["notice"] == notice
    ]
    return said[-1] if said else None
