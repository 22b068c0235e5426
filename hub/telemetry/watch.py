"""`/livez`, `/readyz` and `/metrics` for a process that has no HTTP of its own.

Three fixed answers to GET, nothing else, nothing that came is read beyond its first line. Where `watch_port` is 0 the
process is not watched. `ready` says in a word what is wrong, or nothing.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from hub.errors import HubError
from hub.settings import Settings
from hub.telemetry.metrics import CONTENT_TYPE, put, text
from hub.telemetry.steps import hanging

log = logging.getLogger("wraparound.watch")

LONGEST_LINE: Final = 8_192
SECONDS: Final = 5.0

Ready = Callable[[], str | None]
"""What keeps the process from doing its job, as a code; None: nothing."""


@asynccontextmanager
async def watched(settings: Settings, process: str, ready: Ready) -> AsyncIterator[None]:
    """Answer while the body runs. Raises `HubError` when the port cannot be had."""
    if not settings.watch_port:
        yield
        return
    watch = Watch(process, ready)
    try:
        server = await asyncio.start_server(
            watch.answer, settings.watch_host, settings.watch_port, limit=LONGEST_LINE
        )
    except OSError as error:
        where = f"{settings.watch_host}:{settings.watch_port}"
        raise HubError(f"{where} cannot be listened on: end what has it, or name another port") from error
    try:
        yield
    finally:
        server.close()


class Watch:
    """The answers of one process."""

    def __init__(self, process: str, ready: Ready) -> None:
        self._process, self._ready = process, ready

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, one answer."""
        try:
            async with asyncio.timeout(SECONDS):
                line = await reader.readline()
                writer.write(self.of(line.split(b" ")[1] if line.startswith(b"GET ") else b""))
                await writer.drain()
        except (OSError, TimeoutError, ValueError, IndexError):
            # Whoever asked has gone, or said nothing that we read.
            log.debug("a probe ended early")
        finally:
            writer.close()

    def of(self, path: bytes) -> bytes:
        """The whole answer for a path."""
        problem = self._ready() or hanging()
        put("ready", 0 if problem else 1, process=self._process)
        match path.partition(b"?")[0]:
            case b"/livez":
                return _http("200 OK", "application/json", b'{"state": "up"}')
            case b"/readyz":
                if problem is None:
                    return _http("200 OK", "application/json", b'{"state": "ready"}')
                body = b'{"state": "not ready", "reason": "%s"}' % problem.encode()
                return _http("503 Service Unavailable", "application/json", body)
            case b"/metrics":
                return _http("200 OK", CONTENT_TYPE, text())
        return _http("404 Not Found", "text/plain", b"")


def _http(status: str, kind: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    return head.encode() + body
