"""How a task was closed, as the desk whose task it was may know it."""

from typing import Any

from hub.clock import Micros, format_micros
from services.gateway.doing import Task


def closed(task: Task, at: Micros) -> dict[str, Any]:
    """When it was closed, by which desk, and how.

    `how`: the action that was done; `event`: an event of the desk's own; `redrive`: its log ran again, at a time that
    no task keeps; `overtaken`: by the hub, since nothing waits any more. What an event of another desk closed the hub
    closed: that there was one is not for this desk to learn.
    """
    noted = task.detail.get("closed") or {}
    if noted.get("at") == at:
        return {"at": format_micros(at), "by": task.owner, "how": noted["how"]}
    if task.done_by == "redrive":
        return {"at": None, "by": task.owner, "how": "redrive"}
    if task.done_by == task.owner:
        return {"at": format_micros(at), "by": task.owner, "how": "event"}
    return {"at": format_micros(at), "by": "hub", "how": "overtaken"}
