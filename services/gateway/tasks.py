"""What acceptance leaves to a person: an id that nobody knows, or that may stand for several (DESIGN.md section 2).

Both are decided by the council, which alone says who is in a family, and never by the desk that published: whether the
hub knows somebody is not for everybody to learn. The owner is the publishing desk if it may lead; else the desk that
opened the family; else the first desk that may lead. A task holds ids and codes, never a publisher's id.
"""

from collections.abc import Sequence
from typing import Final

import orjson

from hub.clock import HOUR, Micros
from hub.database import Connection
from hub.partnership import Desk, Partnership

DECIDED_WITHIN: Final = 4 * HOUR
URGENT_WITHIN: Final = HOUR
URGENT: Final = frozenset({"child.section_47_started", "child.section_47_ended"})
_OPENING: Final = ("wraparound.family.opened.v1", "wraparound.family.lead_changed.v1")


def due(kind: str, at: Micros) -> Micros:
    """When a person must have decided whom an event is about (RULES.md 4.12)."""
    return at + (URGENT_WITHIN if kind in URGENT else DECIDED_WITHIN)


async def owner(conn: Connection, partnership: Partnership, desk: Desk, families: Sequence[str]) -> str:
    """The desk that decides about an event of `desk` in one of these families (none: not known yet)."""
    if desk.may_lead:
        return desk.name
    if families:
        found = await conn.execute(
            "SELECT source FROM event WHERE key = ANY(%s::uuid[]) AND type = ANY(%s) ORDER BY recorded_at DESC LIMIT 1",
            (list(families), list(_OPENING)),
        )
        row = await found.fetchone()
        if row is not None and partnership.has_desk(row[0]) and partnership.desk(row[0]).may_lead:
            return str(row[0])
    return next(each.name for each in partnership.active_desks if each.may_lead)


async def open_task(
    conn: Connection,
    *,
    task_id: str,
    kind: str,
    key: str,
    owned_by: str,
    at: Micros,
    due_at: Micros,
    reason: str,
    detail: dict[str, object],
) -> None:
    """Open a task; one that is open stays as it is, one that was done opens anew, with nothing of what it held."""
    await conn.execute(
        "INSERT INTO task (task_id, kind, key, owner, opened_at, due_at, reason, detail)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s::jsonb) ON CONFLICT (task_id) DO UPDATE SET"
        " owner = EXCLUDED.owner, opened_at = EXCLUDED.opened_at, due_at = EXCLUDED.due_at,"
        " reason = EXCLUDED.reason, detail = EXCLUDED.detail, done_at = NULL, done_by = NULL"
        " WHERE task.done_at IS NOT NULL",
        (task_id, kind, key, owned_by, at, due_at, reason, orjson.dumps(detail).decode()),
    )
