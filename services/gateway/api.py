"""The gateway's HTTP application: receipts, health, and the routers of others (INTERFACES.md section 1).

Handlers parse, call, and show; everything else is in the modules that they call. Every error leaves as a problem
(problems.py); a path that does not exist and what is not the caller's are one 404.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException

from hub.attempts.rows import Kit, make_kit
from hub.clock import Micros, SystemClock, format_micros
from hub.errors import PeerError
from hub.ids import is_id
from hub.looks import NoSuchIdError, UnstatedError
from hub.partnership import IG_TEAM
from hub.shown import answer, ref
from services.gateway import receipts
from services.gateway.door import Door
from services.gateway.identity import Caller, Token, TokenError, Verifier, consume
from services.gateway.limiter import Limiter
from services.gateway.parameters import known_only
from services.gateway.parts import Parts
from services.gateway.problems import (
    BROKEN,
    INVALID,
    MEDIA_TYPE,
    NOT_ALLOWED,
    NOT_FOUND,
    TOO_LARGE,
    UNAVAILABLE,
    Fault,
    Kind,
    ProblemError,
    encoded,
    headers_of,
)
from services.gateway.receipts import HoldsRole

_STANDING: Final = {
    "receipt": "5b1f7c0e-4a7d-8c3e-9f10-00000000000a",
    "state": "in effect",
    "log": {"entry": "2f6d0f5a-1c1f-8f0e-a7a1-00000000000b", "index": 41},
}

"""The team of an agency that governs information: it may read the log's entries."""


@dataclass(frozen=True, slots=True)
class Doors:
    """What a mounted router needs to know who calls. Without a `limiter`, nobody is told to wait."""

    parts: Parts
    verifier: Verifier
    limiter: Limiter | None = None

    def kit(self) -> Kit:
        """What attempts at this door work with."""
        parts, in_force = self.parts, self.parts.in_force
        return make_kit(
            parts.secret,
            parts.ring,
            parts.catalogue,
            code=parts.code,
            rules=in_force.digest,
            catch_up=in_force.catch_up,
        )

    async def token(self, request: Request) -> Token:
        """The token of a request, good but for its `jti`, which is still to be consumed.

        Raises `TokenError`; `ProblemError` (429) when the agency has sent too many requests.
        """
        token = self.verifier.verify(request.headers.getlist("authorization"))
        if self.limiter is not None:
            self.limiter.take(token.caller.desk.agency)
        return token

    async def caller(self, request: Request) -> Caller:
        """The caller of a request, its token used up. Raises `TokenError`, `DatabaseAwayError`."""
        return await consume(self.parts.database, await self.token(request))

    async def desk(self, request: Request) -> str:
        """The name of the caller's desk."""
        return (await self.caller(request)).desk.name

    async def entries_reader(self, request: Request) -> str:
        """An information-governance desk; for anybody else there is nothing here."""
        caller = await self.caller(request)
        if caller.desk.name != f"{caller.desk.agency}/{IG_TEAM}":
            raise ProblemError(NOT_FOUND)
        return caller.desk.name


AN_ID: Final = "5b1f7c0e-4a7d-8c3e-9f10-00000000000a"
"""What an id of the hub's looks like."""


def application(doors: Doors, holds_role: HoldsRole, routers: Sequence[APIRouter] = ()) -> Door:
    """The whole application."""
    app = FastAPI(
        title="Wraparound",
        summary="Who may know what of a family, between a council and its partner agencies.",
        version="1",
        # documents.py serves it.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(known_only)],
        # The framework's own telemetry would export paths and the text of exceptions, which may hold ids and data.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.clock = doors.parts.clock
    app.include_router(_receipts(doors, holds_role))
    app.include_router(_health(doors))
    for router in routers:
        app.include_router(router)
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(UnstatedError, _on_unstated)
    app.add_exception_handler(NoSuchIdError, _on_no_such_id)
    app.add_exception_handler(PeerError, _on_peer)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(Exception, _on_fault)
    return Door(app, doors.parts.partnership.limits.body_bytes)


def _receipts(doors: Doors, holds_role: HoldsRole) -> APIRouter:
    router = APIRouter(prefix="/v1/receipts", tags=["events"])
    parts = doors.parts

    @router.get(
        "/{receipt}",
        summary="What became of an event",
        responses={200: answer("As you may know it", ref("Standing"), _STANDING)},
    )
    async def show(receipt: str, caller: Annotated[Caller, Depends(doors.caller)]) -> Response:
        """Resolves after a 202, for the desk that published."""
        if not is_id(receipt):
            raise ProblemError(NOT_FOUND)
        async with parts.database.transaction() as conn:
            found = await receipts.read(
                conn,
                parts.ring,
                parts.catalogue,
                receipt=receipt,
                desk=caller.desk.name,
                holds_role=holds_role,
                mono=SystemClock().now(),
            )
        if found is None:
            raise ProblemError(NOT_FOUND)
        return JSONResponse(found)

    return router


def _health(doors: Doors) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get(
        "/livez",
        summary="The process is up",
        responses={200: answer("It is", ref("Up"), {"state": "up", "at": "2026-01-31T09:30:00.000000Z"})},
    )
    async def livez() -> Response:
        """Answers as long as the process does, with what the hub's clock says: a sandbox's has a start of its own."""
        return JSONResponse({"state": "up", "at": format_micros(doors.parts.clock.now())})

    @router.get(
        "/readyz",
        summary="The process can do its job",
        responses={200: answer("It can", ref("State"), {"state": "ready"})},
    )
    async def readyz() -> Response:
        """The database answers; Kafka may be away, what is accepted meanwhile is kept."""
        async with doors.parts.database.transaction() as conn:
            await conn.execute("SELECT 1")
        return JSONResponse({"state": "ready"})

    return router


def _answer(
    request: Request, kind: Kind, faults: Sequence[Fault] = (), headers: Mapping[str, str] | None = None
) -> Response:
    content = encoded(kind, faults, getattr(request.state, "instance", None))
    shown = headers_of(kind) if headers is None else dict(headers)
    return Response(content, kind.status, headers=shown, media_type=MEDIA_TYPE)


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    if isinstance(error, TokenError):
        request.state.refused = error.rule
    return _answer(request, error.kind, error.faults, error.headers)


async def _on_unstated(request: Request, error: Exception) -> Response:
    assert isinstance(error, UnstatedError)
    fault = Fault(
        f"/token/{error.claim}", error.rule, error.expected, "another value, or none", error.example
    )
    return _answer(request, INVALID, [fault])


async def _on_no_such_id(request: Request, error: Exception) -> Response:
    """The one 404, with the reason beside it for who may know it."""
    assert isinstance(error, NoSuchIdError)
    return _answer(
        request, NOT_FOUND, [Fault(f"/path/{error.name}", error.rule, error.expected, error.came, AN_ID)]
    )


async def _on_peer(request: Request, _: Exception) -> Response:
    return _answer(request, UNAVAILABLE)


async def _on_http(request: Request, error: Exception) -> Response:
    """Starlette's own: no such path or method, or a body that cannot be read."""
    assert isinstance(error, HTTPException)
    if getattr(request.state, "too_large", False):
        return _answer(request, TOO_LARGE)
    if error.status_code == 405:
        return _answer(request, NOT_ALLOWED, headers={"allow": _methods(request)})
    by_status = {404: NOT_FOUND, 400: INVALID}
    return _answer(request, by_status.get(error.status_code, BROKEN))


def _methods(request: Request) -> str:
    """Every method that the path has: the framework names those of the first route that it fits alone.

    A path of its own (`/v1/families/search`) is not one of those that only fit it (`/v1/families/{family}`).
    """
    fitting = [
        route
        for route in iter_route_contexts(request.app.routes)
        if route.methods and route.path_regex.match(request.url.path)
    ]
    shown = [route for route in fitting if route.include_in_schema] or fitting
    own = [route for route in shown if route.path == request.url.path] or shown
    return ", ".join(sorted({method for route in own for method in route.methods or ()}))


async def _on_invalid(request: Request, error: Exception) -> Response:
    """A parameter or body that FastAPI refused: where and by which rule, never what came."""
    assert isinstance(error, RequestValidationError)
    now = request.app.state.clock.now()
    faults = [refused(each, now) for each in error.errors()[:50]]
    return _answer(request, INVALID, faults)


def refused(error: Mapping[str, Any], now: Micros) -> Fault:
    """What a parameter had to be, in the rules' own words: the framework's may quote what came. `now`: the hub's."""
    kind, bound = str(error["type"]), error.get("ctx", {})
    match kind:
        case "missing":
            said = "required", "a value", "nothing", ""
        case "less_than_equal":
            said = "range", f"at most {bound['le']}", "more", str(bound["le"])
        case "greater_than_equal":
            said = "range", f"at least {bound['ge']}", "less", str(bound["ge"])
        case "ahead":
            expected = f"a time that has come: by the hub's clock it is {bound['now']}"
            said = "range", expected, "a later one", bound["now"]
        case "string_too_long":
            said = "length", f"at most {bound['max_length']} characters", "more", ""
        case "after_since":
            said = "range", "`until` later than `since`", "one that is not later", ""
        case "one_of":
            said = "codes", f"one of {', '.join(bound['those'])}", "another value", bound["those"][0]
        case _ if kind.startswith(("datetime", "timezone")):
            said = "format", "a time with its zone (RFC 3339)", "another value", format_micros(now)
        case _ if kind.startswith("int"):
            said = "type", "a whole number", "another value", "1"
        case _ if kind.startswith("bool"):
            said = "type", "true or false", "another value", "true"
        case _:
            said = "format", "a value that `/openapi.json` allows there", "another value", ""
    return Fault("/" + "/".join(str(part) for part in error["loc"]), *said)


async def _on_fault(request: Request, _: Exception) -> Response:
    return _answer(request, BROKEN)
