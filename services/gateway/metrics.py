"""`/metrics` on the public door, for the engineers' desk alone; for anybody else there is nothing here.

Counts of what waits, is queued or is held would tell whoever looks often enough that something happened, so this
surface follows the rules as well (RULES.md 4.1). A monitoring system scrapes the port of `watch_port`, which partners
never see.
"""

import asyncio
import time
from contextlib import suppress
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Response

from hub.errors import PeerError
from hub.shown import answer
from hub.telemetry import stock
from hub.telemetry.metrics import CONTENT_TYPE, count, text
from hub.telemetry.steps import step
from services.gateway.api import Doors
from services.gateway.identity import Caller
from services.gateway.problems import NOT_FOUND, ProblemError

ENGINEERS: Final = "hub/operations"
FRESH_SECONDS: Final = 5.0


class Stock:
    """Counts in the database, taken anew when the last are some seconds old."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._taken = -FRESH_SECONDS
        self._problem: str | None = "starting"

    async def take(self) -> None:
        """Have fresh gauges. Raises `DatabaseAwayError`."""
        if time.monotonic() - self._taken < FRESH_SECONDS:
            return
        parts = self._doors.parts
        async with parts.database.transaction() as conn:
            await parts.in_force.catch_up(conn)
            ends = [each.end for each in parts.compiled.rules.agreements]
            await stock.take(conn, parts.clock, ends)
        self._taken = time.monotonic()

    def not_ready(self) -> str | None:
        """What keeps the door from accepting, as a code; None: nothing. Kafka may be away: what is accepted waits."""
        return self._problem

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep them fresh until told to stop."""
        while not stopping.is_set():
            try:
                with step("database"):
                    await self.take()
                self._problem = None
            except PeerError:
                self._problem = "database"
                count("peer_errors_total", process="gateway")
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), FRESH_SECONDS)


def build(doors: Doors, taken: Stock) -> APIRouter:
    """The route."""
    router = APIRouter(tags=["health"])

    @router.get(
        "/metrics",
        summary="What the engineers watch",
        response_class=Response,
        responses={200: answer("Prometheus text", {"type": "string"}, "# HELP …", "text/plain")},
    )
    async def metrics(caller: Annotated[Caller, Depends(doors.caller)]) -> Response:
        """Prometheus text."""
        if caller.desk.name != ENGINEERS:
            raise ProblemError(NOT_FOUND)
        await taken.take()
        return Response(text(), media_type=CONTENT_TYPE)

    return router
