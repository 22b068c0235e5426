"""The second person of what acceptance itself decides: a task for another desk of the agency, and its one answer."""

from collections.abc import Mapping
from typing import Any, Final

from hub.clock import Micros
from hub.database import Connection
from hub.ids import derive
from services.consent.approvals import second_desks
from services.gateway import tasks
from services.gateway.checking import Published
from services.gateway.parts import Parts

APPROVAL: Final = "hub.approval_given"
KIND: Final = "approval"
REASON: Final = "second_person"
_ANSWERED: Final = """
UPDATE task SET done_at = %s, done_by = %s, detail = detail || jsonb_build_object('ended_by', %s::text)
WHERE task_id::text = %s AND kind = %s AND key = %s AND owner = %s AND done_at IS NULL AND detail ? %s
RETURNING detail
"""


def second_desk(parts: Parts, desk: str) -> str | None:
    """The desk that is asked when this one asks; None: its agency has no other."""
    entry = {"source": desk, "persons": {}}
    return second_desks({}, entry, parts.partnership.served)[desk.partition("/")[0]]


async def ask(
    conn: Connection,
    parts: Parts,
    request: str,
    by: str,
    *,
    at: Micros,
    due_at: Micros,
    detail: Mapping[str, Any],
) -> None:
    """Ask the second person about the event of a receipt. Nobody can agree: what is so stays."""
    asked = second_desk(parts, by)
    if asked is None:
        return
    await tasks.open_task(
        conn,
        task_id=derive(parts.secret, "task", KIND, request),
        kind=KIND,
        key=request,
        owned_by=asked,
        at=at,
        due_at=due_at,
        reason=REASON,
        detail={"asked_by": by, **detail},
    )


def is_answer(event: Published) -> bool:
    """Whether it may be a second person's word on what is about no family."""
    return event.kind == APPROVAL and not event.is_about_a_family


async def answered(conn: Connection, event: Published, at: Micros, about: str) -> Mapping[str, Any] | None:
    """The detail of the task that an answer ends, which has `about` in it; None: there is none for this desk."""
    datum, desk = event.datum, event.desk.name
    found = await conn.execute(
        _ANSWERED, (at, desk, event.receipt_id, datum["task"], KIND, datum["request"], desk, about)
    )
    row = await found.fetchone()
    return None if row is None else dict(row[0])
