"""Tasks that a processor opens and closes."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import orjson

from hub.clock import Micros
from hub.database import Connection
from hub.effects import CloseTask, Left

IS_THERE: Final = "(opened_at <= %(now)s OR kind <> 'renewal')"
"""Which tasks are there at a time of the hub: a renewal opens ahead of it; a clock that is set back hides no other."""


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task to open. The same id twice is one task. `left`: what its detail is to list."""

    task_id: str
    kind: str
    key: str
    owner: str
    opened_at: Micros
    due_at: Micros | None
    reason: str
    detail: dict[str, Any]
    shared: bool = False
    left: Left | None = None


@dataclass(frozen=True, slots=True)
class Closing:
    """Tasks to close, at a time, by an event."""

    closed: CloseTask
    at: Micros
    event_id: str


ENDED_BY: Final = "ended_by"
"""In the detail of a closed task: the id of the event, or of its receipt, that closed it. The hub's own."""


async def write_tasks(conn: Connection, steps: Iterable[TaskRow | Closing]) -> None:
    """Open and close tasks, in the order in which it was asked for: what ends may begin again within one batch."""
    for each in steps:
        if isinstance(each, TaskRow):
            await _open(conn, each)
        else:
            await _close(conn, each)


async def _open(conn: Connection, task: TaskRow) -> None:
    """Open a task; one that is there already stays as it is.

    Only a key that was driven again and has stopped again is somebody's anew, under the task that it has always had,
    and what a log ended and opens again.
    """
    await conn.execute(
        "INSERT INTO task (task_id, kind, key, owner, opened_at, due_at, reason, detail)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (task_id) DO UPDATE"
        " SET owner = EXCLUDED.owner, opened_at = EXCLUDED.opened_at, done_at = NULL, done_by = NULL"
        " WHERE task.done_at IS NOT NULL AND (task.kind = 'parked'"
        " OR (%s AND task.detail ->> 'family' = EXCLUDED.detail ->> 'family'))",
        (
            task.task_id,
            task.kind,
            task.key,
            task.owner,
            task.opened_at,
            task.due_at,
            task.reason,
            orjson.dumps(task.detail, option=orjson.OPT_SORT_KEYS).decode(),
            task.shared,
        ),
    )


async def _close(conn: Connection, closing: Closing) -> None:
    closed = closing.closed
    await conn.execute(
        "UPDATE task SET done_at = %s, done_by = %s, detail = detail || jsonb_build_object(%s::text, %s::text)"
        " WHERE kind = %s AND key = %s AND done_at IS NULL AND due_at IS NOT DISTINCT FROM coalesce(%s, due_at)"
        " AND (%s::text IS NULL OR detail ->> 'family' = %s) AND NOT owner = ANY(%s)",
        (
            *(closing.at, closed.by, ENDED_BY, closing.event_id),
            *(closed.kind, closed.key, closed.due_at, closed.log, closed.log, sorted(closed.but)),
        ),
    )
