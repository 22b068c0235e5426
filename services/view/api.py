"""`GET /v1/families/{id}` and `POST /v1/families/search`: what one user of one desk may know of a family.

The token says who looks (`sub`), for which `purpose` and `reason`. The view is JSON, or text for `Accept: text/plain`.
A family that is not there, is not the reader's, or is no family's id: one and the same 404. To information governance
alone a preview (`for`) of nothing is an empty one; one of no family says so; and one for a desk that is none is refused
(422), with those that there are. The id searched for
is in the body, for it is personal and URLs are logged.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, Protocol

import orjson
from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.background import BackgroundTask

from hub.attempts.row import LIFE
from hub.clock import SECOND, Micros, format_micros, parse_micros
from hub.errors import PeerError
from hub.ids import is_id
from hub.looks import Look, NoSuchIdError, stated
from hub.partnership import IG_TEAM
from hub.shown import answer
from services.view.text import text
from services.view.viewer import Shown, Viewer

_TEXT: Final = "text/plain"
_EXAMPLE: Final[dict[str, Any]] = {
    "family": "5b1f7c0e-4a7d-8c3e-9f10-00000000000a",
    "as_of": "2026-04-14T10:30:00Z",
}
_FOUND: Final[dict[str, Any]] = {"families": []}
_BOTH: Final[dict[int | str, dict[str, Any]]] = {200: answer("The view", {"type": "object"}, _EXAMPLE)}
_BOTH[200]["content"][_TEXT] = {"schema": {"type": "string"}, "example": "Family …"}
_MOST_VALUE: Final = 200
FAMILY_IDS: Final = "the hub's id of a family: `family find` gives it, by one of your own agency's"
NONE: Final = "one that nothing has"
"""The team of an agency that governs information: it may ask what another desk would see."""


class TooLateError(PeerError):
    """The answer was ready later than an attempt may last: it is not given."""


class _Desk(Protocol):
    @property
    def name(self) -> str:
        """Its name."""


class Caller(Protocol):
    """Who calls, as the gateway has found it."""

    @property
    def desk(self) -> _Desk:
        """The desk."""

    @property
    def subject(self) -> str:
        """The user."""

    @property
    def claims(self) -> dict[str, Any]:
        """What else was signed."""


class OwnId(BaseModel):
    """An id of the searcher's own: of a family, of somebody in it, or of a referral."""

    scheme: Annotated[str, Field(max_length=_MOST_VALUE)]
    value: Annotated[str, Field(max_length=_MOST_VALUE)]


def build(viewer: Viewer, caller: Callable[..., Any]) -> APIRouter:
    """The routes. `caller` is the dependency that gives the `Caller`."""
    router = APIRouter(prefix="/v1/families", tags=["families"])

    @router.get(
        "/{family}", summary="What may be known of a family", responses=_BOTH, response_class=Response
    )
    async def show(
        family: str,
        request: Request,
        who: Annotated[Any, Depends(caller)],
        at: Annotated[str | None, Query(description="As it was on: an RFC 3339 time.", max_length=64)] = None,
        preview: Annotated[
            str | None,
            Query(
                alias="for",
                description="As this desk would see it: for information governance.",
                max_length=64,
            ),
        ] = None,
        accept: Annotated[str, Header()] = "",
    ) -> Response:
        """The family view of the caller's desk, by the rules of now. Recorded before it answers. `at` has come."""
        started = time.monotonic()
        look, until = look_of(who, request), _past("at", at, viewer.clock.now())
        if not is_id(family) or (preview is not None and not governs(who)):
            await viewer.deny(look, "view" if preview is None else "preview", family)
            shown = Shown(None)
            if preview is not None and governs(who):
                raise NoSuchIdError("family", family, FAMILY_IDS, NONE)
        else:
            desks = sorted(each.name for each in viewer.partnership.desks)
            if preview is not None and preview not in desks:
                raise refused("for", "one_of", those=desks)
            shown = await viewer.view(family, look, until, preview)
            if preview is not None and shown.answer is None:
                raise NoSuchIdError("family", family, FAMILY_IDS, NONE)
        return _answer(viewer, shown, started, as_text=accept.startswith(_TEXT))

    @router.post(
        "/search",
        summary="Find a family by an id of one's own",
        responses={200: answer("What was found", {"type": "object"}, _FOUND)},
    )
    async def search(body: OwnId, request: Request, who: Annotated[Any, Depends(caller)]) -> Response:
        """The families to which the id leads, if they exist for the caller's desk. Recorded before it answers.

        Information governance has the ids alone, of whatever family: `case` is empty.
        """
        started = time.monotonic()
        shown = await viewer.search(body.scheme, body.value, look_of(who, request), governs=governs(who))
        return _answer(viewer, shown, started, as_text=False)

    return router


def explaining(viewer: Viewer) -> Callable[[str, Look], Awaitable[Response]]:
    """What answers a desk that asks why it has what it has of one of its deliveries."""

    async def explain(delivery: str, look: Look) -> Response:
        started = time.monotonic()
        return _answer(viewer, await viewer.explain(delivery, look), started, as_text=False)

    return explain


def governs(who: Caller) -> bool:
    """Whether the caller's desk governs information."""
    return who.desk.name.partition("/")[2] == IG_TEAM


def _answer(viewer: Viewer, shown: Shown, started: float, *, as_text: bool) -> Response:
    if shown.answer is None:
        raise HTTPException(404)
    content = text(shown.answer).encode() if as_text else orjson.dumps(shown.answer)
    if time.monotonic() - started >= LIFE / SECOND:
        raise TooLateError("the answer took longer than an attempt may last")
    media_type = _TEXT if as_text else "application/json"
    headers = {"cache-control": "no-store"}
    return Response(
        content, media_type=media_type, headers=headers, background=BackgroundTask(viewer.end, shown)
    )


def look_of(who: Caller, request: Request) -> Look:
    """Who looks and why, as the token says it. Raises `UnstatedError`."""
    return stated(who.desk.name, who.subject, who.claims, str(request.state.instance))


def instant(name: str, given: str | None) -> Micros | None:
    """The instant of a query parameter, or None where it is not given. Raises `RequestValidationError`."""
    if given is None:
        return None
    try:
        return parse_micros(given)
    except ValueError as error:
        raise refused(name, "datetime") from error


def _past(name: str, given: str | None, now: Micros) -> Micros | None:
    """As `instant`, of what was: what is yet to be recorded nobody can show. Raises `RequestValidationError`."""
    found = instant(name, given)
    if found is not None and found > now:
        raise refused(name, "ahead", now=format_micros(now))
    return found


def refused(name: str, rule: str, **bounds: Any) -> RequestValidationError:
    """A query parameter that is not one that is asked for: by which rule, within which bounds."""
    return RequestValidationError([{"loc": ("query", name), "type": rule, "ctx": bounds}])
