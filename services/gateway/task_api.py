"""`/v1/tasks`: what waits for a person of the caller's desk, and the actions on it (INTERFACES.md section 1).

A task names ids and codes, and nobody but the colleague who asked for what takes two, with their reason (asking.py).
One that lists what left is shown to who says why they look, and that look is recorded (left.py).
To do something about one takes a token that says who does it (`sub`), for which `purpose` and `reason`. A task that is
done is listed no more and can be looked at by its id; another desk's is not there.
"""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from hub.clock import Micros, format_micros
from hub.database import Connection
from hub.looks import Look, stated
from hub.processor.tasks import ENDED_BY
from hub.shown import answer, ref
from services.gateway import left
from services.gateway.api import Doors
from services.gateway.asking import HIDDEN, asked, asked_in_words, awaits
from services.gateway.closing import closed, closed_in_words
from services.gateway.doing import Doing, Task, a_task, open_task, open_tasks
from services.gateway.identity import Caller
from services.gateway.problems import CLOSED, NOT_FOUND, Fault, ProblemError
from services.gateway.unknown import told
from services.gateway.work import AWAITED, act, actions, prepare

MOST: Final = 500
_HIDDEN: Final = HIDDEN | {"closed", "copies", ENDED_BY, "family", left.LEFT, "other", "person", "persons"}
"""What of a task's detail the hub keeps for itself."""

_EXAMPLE: Final[dict[str, Any]] = {
    "task": "5b1f7c0e-4a7d-8c3e-9f10-00000000000a",
    "kind": "unidentified",
    "about": "2f6d0f5a-1c1f-8f0e-a7a1-00000000000b",
    "reason": "unidentified",
    "opened_at": "2026-04-14T10:30:00.000000Z",
    "due_at": "2026-04-14T14:30:00.000000Z",
    "detail": {"desk": "s2w/sft", "unknown": [{"names": "person", "scheme": "paris"}]},
    "asked": [],
    "state": "open",
    "closed": None,
    "actions": ["confirm", "discard", "place"],
}
_DONE: Final = {"task": _EXAMPLE["task"], "action": "confirm", "state": "asked"}


class Ref(BaseModel):
    """An id in a scheme."""

    scheme: Annotated[str, Field(max_length=100)]
    value: Annotated[str, Field(max_length=200)]


class Given(BaseModel):
    """What an action needs: `confirm` says whose an id is, `discard` of what waits why, `answer` what was done.

    `decide` says what comes of an objection in `why`; where it is overruled, on what `ground`, and when its person was
    told.
    """

    person: Ref | None = None
    identifier: Ref | None = None
    why: Annotated[str, Field(max_length=40)] | None = None
    ground: Annotated[str, Field(max_length=40)] | None = None
    told_on: Annotated[str, Field(max_length=10)] | None = None


def build(doors: Doors) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/v1/tasks", tags=["tasks"])
    parts = doors.parts

    @router.get(
        "",
        summary="What waits for a person of this desk",
        responses={200: answer("Open tasks", ref("Tasks"), {"tasks": [_EXAMPLE]})},
    )
    async def listing(
        caller: Annotated[Caller, Depends(doors.caller)],
        kind: Annotated[str | None, Query(max_length=40, pattern="^[a-z_]*$")] = None,
        limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
    ) -> Response:
        """The open tasks of the caller's desk, the one due first first."""
        async with parts.database.transaction() as conn:
            found = await open_tasks(conn, caller.desk.name, kind, limit, at=parts.clock.now())
            found = await told(conn, parts, found)
        return JSONResponse({"tasks": [_shown(each) for each in found]})

    @router.get("/{task}", summary="One task", responses={200: answer("The task", ref("Task"), _EXAMPLE)})
    async def show(task: str, request: Request, caller: Annotated[Caller, Depends(doors.caller)]) -> Response:
        """What it is, and what can be done about it; who asked for what takes two, and how it was closed.

        One that lists what left takes a token that says who looks, for which `purpose` and `reason`.
        """
        async with parts.database.transaction() as conn:
            found = await a_task(conn, caller.desk.name, _id(task), at=parts.clock.now())
            if found is None:
                raise ProblemError(NOT_FOUND)
            (found,) = await told(conn, parts, [found])
            asked_for = await asked_in_words(conn, parts.ring, found)
            shown = _shown(found) | {
                "asked": asked_for,
                "closed": await closed_in_words(conn, parts.ring, found),
            }
            if found.kind == left.KIND:
                look = _look(caller, request)
                shown["left"] = await left.listed(conn, parts, found, look)
        return JSONResponse(shown, headers={"cache-control": "no-store"})

    @router.post(
        "/{task}/{action}",
        status_code=202,
        summary="Do something about a task",
        responses={202: answer("What became of it", ref("Done"), _DONE)},
        openapi_extra={"x-problems": ["conflict", "task-closed"]},
    )
    async def do(
        task: str,
        action: Annotated[str, Path(max_length=40)],
        request: Request,
        caller: Annotated[Caller, Depends(doors.caller)],
        given: Given | None = None,
    ) -> Response:
        """202 with the state: `done`, `asked` (an event is on its way), or that a second person must say so too.

        A task that is closed: 409 with when, by which desk and how.
        """
        look = _look(caller, request)
        async with parts.database.transaction() as conn:
            await prepare(conn, action)
            now = parts.clock.now()
            found = await open_task(conn, caller.desk.name, _id(task), at=now)
            if found is None:
                raise await _not_open(conn, caller.desk.name, _id(task), now)
            values = {} if given is None else given.model_dump(exclude_none=True)
            state = await act(Doing(conn, parts, found, look, now, values, action))
        return JSONResponse({"task": task, "action": action, "state": state}, status_code=202)

    return router


async def _not_open(conn: Connection, desk: str, task: str, now: Micros) -> ProblemError:
    """That a task of the desk's own was closed, when, by which desk and how, as its look says; else the one 404."""
    found = await a_task(conn, desk, task, at=now)
    if found is None or found.done_at is None:
        return ProblemError(NOT_FOUND)
    how = closed(found, found.done_at)
    at = f" at {how['at']}" if how["at"] else ""
    came = f"one that {how['by']} closed{at}: {how['how']}"
    return ProblemError(CLOSED, [Fault("", "closed", "a task that is open", came)])


def _look(caller: Caller, request: Request) -> Look:
    return stated(caller.desk.name, caller.subject, caller.claims, str(request.state.instance))


def _shown(task: Task) -> dict[str, Any]:
    return {
        "task": task.id,
        "kind": task.kind,
        "about": task.key,
        "reason": task.reason,
        "opened_at": format_micros(task.opened_at),
        "due_at": None if task.due_at is None else format_micros(task.due_at),
        "detail": {name: value for name, value in task.detail.items() if name not in _HIDDEN},
        "asked": list(asked(task)),
        "state": _state(task),
        "closed": None if task.done_at is None else closed(task, task.done_at),
        "actions": actions(task),
    }


def _state(task: Task) -> str:
    if task.done_at is not None:
        return "closed"
    return AWAITED if awaits(task) else "open"


def _id(task: str) -> str:
    try:
        if str(UUID(task)) == task:
            return task
    except ValueError:
        pass
    raise ProblemError(NOT_FOUND)
