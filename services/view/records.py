"""What engineers and information governance read: an event's stages, who saw a family, what is linked to whom.

- `GET /v1/operations/events/{id}`: for the engineers' desk, ids, times and states only.
- `GET /v1/families/{id}/looks`, `GET /v1/identities/{id}`: for information governance; recorded before they answer,
  as who asked and was denied is.

For everybody else there is nothing here.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse

from hub.clock import Micros
from hub.ids import is_id
from hub.looks import Look, NoSuchIdError
from hub.shown import answer
from services.view import identities, stages, who
from services.view.api import FAMILY_IDS, NONE, Caller, governs, instant, look_of, refused
from services.view.viewer import Viewer

ENGINEERS: Final = "hub/operations"
FOREVER: Final[Micros] = 2**62
WHO_LOOKED: Final = "who looked"
PERSON_IDS: Final = (
    "the hub's id of a person (`decision explain` and `rules preview --json` have it) or of a family"
)

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
        if caller_.desk.name != ENGINEERS or not is_id(event):
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
        look = await _reviewer(request, caller_, WHO_LOOKED, family)
        start, end = instant("since", since), instant("until", until)
        start, end = 0 if start is None else start, FOREVER if end is None else end
        if end <= start:
            raise refused("until", "after_since")
        async with database.transaction() as conn:
            found = None
            if await _is_there(conn, family):
                found = {
                    "family": family,
                    "looks": await who.looks(conn, kit.ring, family, start, end),
                    "releases": await who.releases(conn, family, start, end),
                }
            await _record(conn, look, found, WHO_LOOKED, family, {family: {"what": WHO_LOOKED}})
        return _answer(found, none=_none(WHO_LOOKED, family))

    @router.get(
        "/v1/identities/{person}",
        summary="What is linked to a person",
        responses={200: answer("Links, families, releases", {"type": "object"}, _LINKS)},
    )
    async def identity(person: str, request: Request, caller_: Annotated[Any, Depends(caller)]) -> Response:
        """The links of a person or family of the hub, by scheme, and what was released on them."""
        look = await _reviewer(request, caller_, "identity", person)
        async with database.transaction() as conn:
            found = await identities.identity(conn, person)
            families = found["families"] if found is not None else ()
            seen = {each["family"]: {"what": "identity", "of": person} for each in families}
            await _record(conn, look, found, "identity", person, seen)
        return _answer(found, none=_none("identity", person))

    async def _reviewer(request: Request, caller_: Caller, what: str, about: str) -> Look:
        """The look of who governs information, at an id; anybody else is denied, and that is recorded."""
        look = look_of(caller_, request)
        if not governs(caller_) or not is_id(about):
            await viewer.deny(look, what, about)
            raise _none(what, about) if governs(caller_) else HTTPException(404)
        return look

    async def _record(conn: Any, look: Look, found: Any, what: str, about: str, families: Any) -> None:
        recorder, now = viewer.recorder(), viewer.clock.now()
        if found is None:
            await recorder.deny(conn, look, now, what, about)
        else:
            await recorder.record(conn, "family.viewed", look, now, families, {"id": about})

    return router


async def _is_there(conn: Any, family: str) -> bool:
    found = await conn.execute("SELECT FROM family WHERE family_id = %s", (family,))
    return await found.fetchone() is not None


def _none(what: str, about: str) -> NoSuchIdError:
    """What a reviewer is told of an id that leads nowhere."""
    name, ids = ("family", FAMILY_IDS) if what == WHO_LOOKED else ("person", PERSON_IDS)
    return NoSuchIdError(name, about, ids, NONE)


def _answer(found: dict[str, Any] | None, none: Exception | None = None) -> Response:
    if found is None:
        raise none or HTTPException(404)
    return JSONResponse(found, headers={"cache-control": "no-store"})
