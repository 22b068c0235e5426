"""A task as it stands, and one user's action on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from hub.clock import Micros
from hub.database import Connection
from hub.looks import Look, user_subject
from hub.processor.tasks import IS_THERE
from services.gateway import words
from services.gateway.parts import Parts


@dataclass(frozen=True, slots=True)
class Task:
    """A task as it stands."""

    id: str
    kind: str
    key: str
    owner: str
    opened_at: Micros
    due_at: Micros | None
    reason: str
    detail: Mapping[str, Any]
    is_stored: bool
    """Of a dead letter, whether it is an event that the hub has stored: bytes of nobody cannot enter a log."""
    done_at: Micros | None = None
    done_by: str | None = None


@dataclass(frozen=True, slots=True)
class Doing:
    """One action on one task by one user."""

    conn: Connection
    parts: Parts
    task: Task
    look: Look
    at: Micros
    given: Mapping[str, Any]
    action: str
    said: dict[str, Any] = field(default_factory=dict)
    """What the record of it says besides."""


_COLUMNS: Final = (
    "task_id::text, kind, key, owner, opened_at, due_at, reason, detail, CASE WHEN kind = 'dead_letter'"
    " THEN EXISTS (SELECT FROM event WHERE event_id = task.key::uuid) ELSE true END, done_at, done_by"
)


async def open_tasks(conn: Connection, owner: str, kind: str | None, limit: int, *, at: Micros) -> list[Task]:
    """The tasks of a desk that are open at a time of the hub, the one due first first."""
    found = await conn.execute(
        f"SELECT {_COLUMNS} FROM task WHERE owner = %(owner)s AND done_at IS NULL AND {IS_THERE}"
        " AND kind = coalesce(%(kind)s, kind) ORDER BY due_at NULLS LAST, opened_at, task_id LIMIT %(limit)s",
        {"owner": owner, "now": at, "kind": kind, "limit": limit},
    )
    return [Task(*row) for row in await found.fetchall()]


async def open_task(conn: Connection, owner: str, task_id: str, *, at: Micros) -> Task | None:
    """A task of a desk that is open at a time of the hub, locked; None if it is not there, not the desk's, or done."""
    found = await conn.execute(
        f"SELECT {_COLUMNS} FROM task WHERE task_id = %(task)s AND owner = %(owner)s AND done_at IS NULL"
        f" AND {IS_THERE} FOR UPDATE",
        {"task": task_id, "owner": owner, "now": at},
    )
    row = await found.fetchone()
    return None if row is None else Task(*row)


async def a_task(conn: Connection, owner: str, task_id: str, *, at: Micros) -> Task | None:
    """A task of a desk at a time of the hub, open or closed; None if it is not there, or not the desk's."""
    found = await conn.execute(
        f"SELECT {_COLUMNS} FROM task WHERE task_id = %(task)s AND owner = %(owner)s AND {IS_THERE}",
        {"task": task_id, "owner": owner, "now": at},
    )
    row = await found.fetchone()
    return None if row is None else Task(*row)


async def end(doing: Doing) -> None:
    """The task is done, by this user, for what they gave as the reason."""
    ring, task = doing.parts.ring, doing.task.id
    me = user_subject(doing.parts.secret, doing.look.desk, doing.look.user)
    await ring.create(doing.conn, me, "user", doing.at)
    closed = {
        "at": doing.at,
        "how": doing.action,
        "why": doing.given.get("why"),
        "sealed": words.sealed(ring, me, words.CLOSED, task, doing.look),
    }
    await doing.conn.execute(
        "UPDATE task SET done_at = %s, done_by = %s, detail = detail || jsonb_build_object('closed', %s::jsonb)"
        " WHERE task_id = %s",
        (doing.at, me, orjson.dumps(closed).decode(), task),
    )
