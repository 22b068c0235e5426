"""The outermost layer of the gateway: what is true of every request, whatever its path.

A request has a number of its own, which its problem (`instance`) and its log line share. A body above the limit is
refused while it streams. A line is logged for each request with method, route, status and time: the route's template
and never the path, the query or a header, for they may hold ids. A fault of ours is answered without a word about it,
and logged by its type and place alone, since the text of an exception may quote data.
"""

import logging
import time
import traceback
import uuid
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.telemetry import traces
from hub.telemetry.metrics import count, observe
from services.gateway.problems import BROKEN, MEDIA_TYPE, TOO_LARGE, Kind, ProblemError, encoded, headers_of

log = logging.getLogger("wraparound.gateway")

ELSEWHERE: Final = "-"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Door:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, body_bytes: int) -> None:
        self._app = app
        self._body_bytes = body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = _Request(scope, receive, send, self._body_bytes)
        started = time.perf_counter()
        if traces.on():
            traces.incoming.set(_traceparent(scope))
        try:
            if request.announced() > self._body_bytes:
                await request.answer(TOO_LARGE)
            else:
                await self._app(scope, request.receive, request.send)
        except Exception as error:  # noqa: BLE001 - the last edge: whatever it is, it is logged by its type and answered
            log.error("request %s: %s", request.instance, _where(error))  # noqa: TRY400 - a traceback may quote data
            if request.status == 0:
                await request.answer(BROKEN)
        finally:
            route = getattr(scope.get("route"), "path", ELSEWHERE)
            spent = time.perf_counter() - started
            count("http_requests_total", method=_method(scope), route=route, status=str(request.status))
            observe("http_request_seconds", spent, route=route)
            log.info(
                "%s %s %s %.1f ms %s", scope["method"], route, request.status, spent * 1000, request.instance
            )


class _Request:
    """One request's number, size so far, and status."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        self.instance = uuid.uuid4()
        self.status = 0
        self._scope, self._receive, self._send, self._left = scope, receive, send, limit
        scope.setdefault("state", {})["instance"] = self.instance

    def announced(self) -> int:
        """The length that the request announces."""
        for name, value in self._scope["headers"]:
            if name == b"content-length" and value.isdigit():
                return int(value)
        return 0

    async def receive(self) -> Message:
        """The next part of the body. Raises `ProblemError` when it becomes too large."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                self._scope["state"]["too_large"] = True
                raise ProblemError(TOO_LARGE)
        return message

    async def send(self, message: Message) -> None:
        """Pass a part of the answer on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)

    async def answer(self, kind: Kind) -> None:
        """Answer with a problem."""
        content = encoded(kind, instance=self.instance)
        headers: list[Any] = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", str(len(content)).encode()),
        ]
        headers += [(name.encode(), value.encode()) for name, value in headers_of(kind).items()]
        await self.send({"type": "http.response.start", "status": kind.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": content})


def _traceparent(scope: Scope) -> str:
    """The caller's own trace, if it names one in the form of W3C Trace Context."""
    found = [value for name, value in scope["headers"] if name == b"traceparent"]
    return found[0].decode("latin-1") if len(found) == 1 else ""


def _method(scope: Scope) -> str:
    """The method, where it is one of HTTP's own: a label has few values."""
    return scope["method"] if scope["method"] in METHODS else ELSEWHERE


def _where(error: BaseException) -> str:
    frames = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-4:]]
    return f"{type(error).__name__} at {' < '.join(reversed(frames))}"
