"""How a task was closed, as the desk whose task it was may know it."""

from typing import Any

from hub.clock import Micros, format_micros
from hub.database import Connection
from hub.keys import KeyRing
from services.gateway import words
from services.gateway.doing import Task


def closed(task: Task, at: Micros) -> dict[str, Any]:
    """When it was closed, by which desk, and how.

    `how`: the action that was done; `event`: an event of the desk's own; `redrive`: its log ran again, at a time that
    no task keeps; `overtaken`: by the hub, since nothing waits any more. What an event of another desk closed the hub
    closed: that there was one is not for this desk to learn.
    """
    noted = task.detail.get("closed") or {}
    if noted.get("at") == at:
        return {"at": format_micros(at), "by": task.owner, "how": noted["how"], "why": noted.get("why")}
    if task.done_by == "redrive":
        return {"at": None, "by": task.owner, "how": "redrive", "why": None}
    if task.done_by == task.owner:
        return {"at": format_micros(at), "by": task.owner, "how": "event", "why": None}
    return {"at": format_micros(at), "by": "hub", "how": "overtaken", "why": None}


async def closed_in_words(conn: Connection, ring: KeyRing, task: Task) -> dict[str, Any] | None:
    """As `closed`, with who of the desk did it and their own words, unless they were erased; None: it is open."""
    if task.done_at is None:
        return None
    found = closed(task, task.done_at)
    noted = task.detail.get("closed") or {}
    if noted.get("at") != task.done_at or "sealed" not in noted or task.done_by is None:
        return found
    if await ring.load(conn, [task.done_by]):
        return found
    return found | words.opened(ring, task.done_by, words.CLOSED, task.id, noted["sealed"])
