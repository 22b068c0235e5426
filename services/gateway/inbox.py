"""A desk's inbox over HTTP: `GET /v1/inbox` and `POST /v1/inbox/acknowledgements`.

The answer is `{"events": […], "after": n}`: CloudEvents in their structured JSON form, in the order of
their places, and the cursor to ask with next, which never passes an item that is still to come. `id` is the
delivery's, the same each time it is read and on the desk's topic; `place` is its place in the inbox. What the
desk may not have any more, or not now, keeps its place without `data`, and `state` says `recalled` or
`waiting`. Everything shown comes again until it is acknowledged.

Each reading is an attempt: what its items rest on is compared, and the audit entry committed, before the
answer. An answer later than five seconds is not given (503); one that is empty takes as long whatever the
reason.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.background import BackgroundTask

from hub.attempts import inbox
from hub.attempts.begin import ContendedError, UnguardedError, register
from hub.attempts.inbox import Page
from hub.attempts.row import LIFE, Now, agency
from hub.attempts.rows import Kit, body_context
from hub.attempts.served import SETTLE, Item
from hub.clock import SECOND, Clock, SystemClock, format_micros
from hub.database import Database
from hub.errors import PeerError
from hub.partnership import Limits
from hub.schemas import wire
from hub.shown import answer, ref

LIMIT: Final = 100
MOST_ACKNOWLEDGED: Final = 1_000
POLL_SECONDS: Final = 0.25
SETTLE_SECONDS: Final = 0.05
TRIES: Final = 8

_EXAMPLE: Final = {
    "specversion": "1.0",
    "id": "9c1e6f2a-3b5d-8e7f-a123-00000000000c",
    "source": "hub",
    "type": "wraparound.referral.offered.v1",
    "time": "2026-04-14T10:30:00.000000Z",
    "subject": "5b1f7c0e-4a7d-8c3e-9f10-00000000000a",
    "place": 7,
    "state": "waiting",
}

Caller = Callable[..., str] | Callable[..., Awaitable[str]]


class TooLateError(PeerError):
    """The answer was ready later than an attempt may last: it is not given."""


class Acknowledgements(BaseModel):
    """Delivery ids that the desk has taken into its own records."""

    ids: list[Annotated[str, Field(max_length=100)]] = Field(max_length=MOST_ACKNOWLEDGED)


@dataclass(frozen=True, slots=True)
class Inbox:
    """The desks' inboxes in one database."""

    database: Database
    kit: Kit
    clock: Clock
    machine: SystemClock

    def now(self) -> Now:
        """The present on both clocks."""
        return Now(self.clock.now(), self.machine.now())

    async def wait(self, desk: str, after: int, limit: int, seconds: float) -> tuple[Page, float]:
        """The first page that has anything, or an empty one at the end of the wait; and when it was begun."""
        started = time.monotonic()
        end = started + seconds
        page, started = await self.settled(desk, after, limit)
        while not page.items and time.monotonic() < end:
            await asyncio.sleep(min(POLL_SECONDS, max(0.0, end - time.monotonic())))
            started = time.monotonic()
            async with self.database.transaction() as conn:
                has_news = await inbox.has_news(conn, desk, after)
            if has_news:
                page, started = await self.settled(desk, after, limit)
        return page, started

    async def settled(self, desk: str, after: int, limit: int) -> tuple[Page, float]:
        """A reading in which what lapses has been decided again, if that takes but a moment; and when it was begun."""
        started = time.monotonic()
        end = started + SETTLE / SECOND
        page = await self.read(desk, after, limit, patient=True)
        while page.unsettled:
            await asyncio.sleep(SETTLE_SECONDS)
            started = time.monotonic()
            page = await self.read(desk, after, limit, patient=started < end)
        return page, started

    async def read(self, desk: str, after: int, limit: int, *, patient: bool) -> Page:
        """One reading, in one transaction. Raises `ContendedError` when it never finds the rows at rest."""
        for attempt in range(TRIES):
            try:
                async with self.database.transaction() as conn:
                    await self.kit.ring.create(conn, self.kit.desk_key(desk), "desk", self.clock.now())
                    # What the relay is busy with is left to it in the end; it has a place soon.
                    fresh = attempt < TRIES // 2
                    return await inbox.read(
                        conn, self.kit, desk, after, limit, self.now(), fresh=fresh, patient=patient
                    )
            except UnguardedError as error:
                async with self.database.transaction() as conn:
                    await register(conn, persons=error.persons, agencies=[agency(desk)])
            except ContendedError:
                await asyncio.sleep(0.01 * attempt)
        raise ContendedError("the inbox is busy")

    async def end(self, page: Page) -> None:
        """The answer is written: its attempt is over. If this is lost, it is so in five seconds."""
        if page.attempt is None:
            return
        async with self.database.transaction() as conn:
            await inbox.end(conn, page.attempt.attempt_id, self.now())

    async def acknowledge(self, desk: str, ids: Sequence[str]) -> list[str]:
        """Take these out of the desk's inbox; gives those that it has acknowledged, now or before."""
        named = {each: found for each in ids if (found := _uuid(each)) is not None}
        async with self.database.transaction() as conn:
            done = await inbox.acknowledge(conn, desk, list(named.values()), self.clock.now())
        return [each for each, found in named.items() if found in done]

    def show(self, item: Item) -> dict[str, Any]:
        """An item as a CloudEvent."""
        row = item.row
        event: dict[str, Any] = {
            "specversion": "1.0",
            "id": row.delivery_id,
            "source": "hub",
            "type": row.type,
            "time": format_micros(row.recorded_at),
            "subject": row.family_id,
            "place": item.place,
        }
        if item.state != "released":
            return event | {"state": item.state}
        assert row.body is not None
        body = self.kit.ring.open(row.family_id, body_context(row.delivery_id), row.body)
        event_type, datum = wire.decode(self.kit.catalogue, body)
        return event | {"datacontenttype": "application/json", "data": event_type.to_json(datum)}


def cursor(page: Page, after: int) -> int:
    """Where to read on: behind the page, but before the first item that waits, or it would never be read."""
    waiting = [item.place - 1 for item in page.items if item.state == "waiting"]
    if waiting:
        return waiting[0]
    return page.items[-1].place if page.items else after


def build(database: Database, kit: Kit, clock: Clock, caller: Caller, limits: Limits) -> APIRouter:
    """The routes. `caller` is the dependency that gives the name of the desk that asks."""
    router = APIRouter(prefix="/v1/inbox", tags=["inbox"])
    inboxes = Inbox(database, kit, clock, SystemClock())

    @router.get(
        "",
        summary="Read what was delivered",
        responses={200: answer("A page", ref("Inbox"), {"events": [_EXAMPLE], "after": 7})},
    )
    async def read(
        desk: Annotated[str, Depends(caller)],
        after: Annotated[int, Query(ge=0, le=2**62)] = 0,
        limit: Annotated[int, Query(ge=1, le=limits.inbox_page)] = min(LIMIT, limits.inbox_page),
        wait: Annotated[int, Query(ge=0, le=limits.inbox_wait_seconds)] = 0,
    ) -> Response:
        """Deliveries of the caller's desk behind the cursor `after`, in order; waits up to `wait` seconds."""
        page, started = await inboxes.wait(desk, after, limit, wait)
        events = [inboxes.show(item) for item in page.items]
        content = orjson.dumps({"events": events, "after": cursor(page, after)})
        if time.monotonic() - started >= LIFE / SECOND:
            raise TooLateError("the answer took longer than an attempt may last")
        return Response(content, media_type="application/json", background=BackgroundTask(inboxes.end, page))

    @router.post(
        "/acknowledgements",
        summary="Acknowledge deliveries",
        responses={
            200: answer("Those of them that are", ref("Acknowledged"), {"acknowledged": [_EXAMPLE["id"]]})
        },
    )
    async def acknowledge(desk: Annotated[str, Depends(caller)], body: Acknowledgements) -> Response:
        """Deliveries that the desk has taken over; ids that were never in its inbox are passed over."""
        return JSONResponse({"acknowledged": await inboxes.acknowledge(desk, body.ids)})

    return router


def _uuid(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None
