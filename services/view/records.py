"""What engineers and information governance read: an event's stages, who saw a family, what is linked to whom.

- `GET /v1/operations/events/{id}`: for the engineers' desk, ids, times and states only.
- `GET /v1/families/{id}/looks`, `GET /v1/identities/{id}`: for information governance; recorded before they answer.

For everybody else there is nothing here.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse

from hub.clock import Micros
from hub.looks import Look
from hub.shown import answer
from services.view import identities, stages, who
from services.view.api import Caller, governs, instant, look_of, refused
from services.view.viewer import Viewer

ENGINEERS: Final = "hub/operations"
FOREVER: Final[Micros] = 2**62

_ID: Final = "5b1f7c0e-4a7d-8c3e-9f10-00000000000a"
_EVENT: Final[dict[str, Any]] = {
    "id": _ID,
    "waiting": None,
    "copies": [],
    "dead_letter": None,
    "tasks": [],
    "stage": "accepted",
}
_LOOKS: Final[dict[str, Any]] = {"family": _ID, "looks": [], "releases": []}
_LINKS: Final[dict[str, Any]] = {"id": _ID, "families": []}


def build(viewer: Viewer, caller: Callable[..., Any]) -> APIRouter:
    """The routes. `caller` is the dependency that gives the `Caller`."""
    router = APIRouter(tags=["operations"])
    database, kit = viewer.database, viewer.kit

    @router.get(
        "/v1/operations/events/{event}",
        summary="Where an event is",
        responses={200: answer("Its stages", {"type": "object"}, _EVENT)},
    )
    async def event(event: str, caller_: Annotated[Any, Depends(caller)]) -> Response:
        """Every stage of an event, by the id of its receipt, of itself, or of a delivery."""
        if caller_.desk.name != ENGINEERS or not _is_uuid(event):
            raise HTTPException(404)
        async with database.transaction() as conn:
            found = await stages.stages(conn, event, at=viewer.clock.now())
        return _answer(found)

    @router.get(
        "/v1/families/{family}/looks",
        summary="Who saw a family's data, and why",
        responses={200: answer("Looks and releases", {"type": "object"}, _LOOKS)},
    )
    async def looks(
        family: str,
        request: Request,
        caller_: Annotated[Any, Depends(caller)],
        since: Annotated[str | None, Query(max_length=64)] = None,
        until: Annotated[str | None, Query(max_length=64)] = None,
    ) -> Response:
        """Looks by people and releases to desks in [since, until). The asking is a look itself."""
        _governs(caller_, family)
        look = look_of(caller_, request)
        start, end = instant("since", since), instant("until", until)
        start, end = 0 if start is None else start, FOREVER if end is None else end
        if end <= start:
            raise refused("until", "after_since")
        async with database.transaction() as conn:
            await _must_exist(conn, "SELECT FROM family WHERE family_id = %s", family)
            found = {
                "family": family,
                "looks": await who.looks(conn, kit.ring, family, start, end),
                "releases": await who.releases(conn, family, start, end),
            }
            await _record(conn, look, {family: {"what": "who looked"}})
        return JSONResponse(found)

    @router.get(
        "/v1/identities/{person}",
        summary="What is linked to a person",
        responses={200: answer("Links, families, releases", {"type": "object"}, _LINKS)},
    )
    async def identity(person: str, request: Request, caller_: Annotated[Any, Depends(caller)]) -> Response:
        """The links of a person or family of the hub, by scheme, and what was released on them."""
        _governs(caller_, person)
        look = look_of(caller_, request)
        async with database.transaction() as conn:
            found = await identities.identity(conn, person)
            if found is not None:
                families = {each["family"]: {"what": "identity", "of": person} for each in found["families"]}
                await _record(conn, look, families, {"id": person})
        return _answer(found)

    async def _record(conn: Any, look: Look, families: Any, detail: Any = None) -> None:
        await viewer.recorder().record(conn, "family.viewed", look, viewer.clock.now(), families, detail)

    return router


async def _must_exist(conn: Any, query: str, about: str) -> None:
    if await (await conn.execute(query, (about,))).fetchone() is None:
        raise HTTPException(404)


def _governs(caller: Caller, about: str) -> None:
    if not governs(caller) or not _is_uuid(about):
        raise HTTPException(404)


def _answer(found: dict[str, Any] | None) -> Response:
    if found is None:
        raise HTTPException(404)
    return JSONResponse(found, headers={"cache-control": "no-store"})


def _is_uuid(value: str) -> bool:
    try:
        return str(UUID(value)) == value
    except ValueError:
        return False
