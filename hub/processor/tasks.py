"""Tasks that a processor opens and closes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from hub.clock import Micros
from hub.database import Connection
from hub.effects import CloseTask


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task to open. The same id twice is one task."""

    task_id: str
    kind: str
    key: str
    owner: str
    opened_at: Micros
    due_at: Micros | None
    reason: str
    detail: dict[str, Any]


async def write_tasks(conn: Connection, tasks: Sequence[TaskRow]) -> None:
    """Open tasks; one that is there already stays as it is.

    Only a key that was driven again and has stopped again is somebody's anew, under the task that it has always had.
    """
    for task in tasks:
        await conn.execute(
            "INSERT INTO task (task_id, kind, key, owner, opened_at, due_at, reason, detail)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (task_id) DO UPDATE"
            " SET opened_at = EXCLUDED.opened_at, done_at = NULL, done_by = NULL"
            " WHERE task.kind = 'parked' AND task.done_at IS NOT NULL",
            (
                task.task_id,
                task.kind,
                task.key,
                task.owner,
                task.opened_at,
                task.due_at,
                task.reason,
                orjson.dumps(task.detail, option=orjson.OPT_SORT_KEYS).decode(),
            ),
        )


async def close_tasks(conn: Connection, closed: Sequence[tuple[CloseTask, Micros]]) -> None:
    """Close what is open of these, each at its time."""
    for each, at in closed:
        await conn.execute(
            "UPDATE task SET done_at = %s, done_by = %s WHERE kind = %s AND key = %s AND done_at IS NULL"
            " AND due_at IS NOT DISTINCT FROM coalesce(%s, due_at)",
            (at, each.by, each.kind, each.key, each.due_at),
        )
