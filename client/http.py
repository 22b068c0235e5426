"""A desk's way to the hub over HTTP, for asyncio: publish, ask what became of it, read the inbox.

Each request carries a token of its own. A 429 or 503, or no answer at all, is tried again: the hub gives the first
receipt to an event that it has, so sending twice is safe. `HubProblemError` carries any other problem as the hub put
it. `client.sync` has the same for code without asyncio.
"""

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from client import calls
from client.calls import TIMEOUT, TRIES, Call, Came, HubProblemError, Pause, Profile
from client.events import NewEvent

__all__ = ["HubClient", "HubProblemError", "Profile"]

T = TypeVar("T")


class HubClient:
    """One desk's connection to the hub. `watch` gets the bytes of every answer, before anything reads them."""

    def __init__(
        self,
        profile: Profile,
        *,
        tries: int = TRIES,
        watch: Callable[[bytes], object] = len,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.profile = profile
        self._tries = tries
        self._watch = watch
        self._http = httpx.AsyncClient(base_url=profile.url, timeout=TIMEOUT, transport=transport)

    async def __aenter__(self) -> Self:
        """Use as a context."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        await self._http.aclose()

    async def publish(self, event_id: str, event_type: str, data: Any, *, dry_run: bool = False) -> str:
        """Publish one event of the desk's own; gives the receipt's id. Raises `HubProblemError`.

        `dry_run`: have its form checked only; nothing is kept, and the receipt is "".
        """
        event = NewEvent(event_id, event_type, data)
        return await self.run(calls.publish(event, self.profile.key.desk, dry_run=dry_run))

    async def publish_batch(
        self, events: Sequence[NewEvent], *, dry_run: bool = False
    ) -> list[str | HubProblemError]:
        """Publish events in order, any number; gives for each its receipt's id, or what is wrong with it.

        Sent in batches within the hub's limits, each accepted in one transaction. Raises `HubProblemError` for a
        batch that was refused whole; sending all of it again is safe.
        """
        batches = calls.publish_batches(events, self.profile.key.desk, dry_run=dry_run)
        return [result for batch in batches for result in await self.run(batch)]

    async def receipt(self, receipt: str) -> dict[str, Any]:
        """What became of an event."""
        return await self.run(calls.receipt(receipt))

    async def inbox(self, after: int = 0, *, limit: int = 100, wait: int = 0) -> dict[str, Any]:
        """Deliveries behind the cursor `after`: `{"events": […], "after": n}`."""
        return await self.run(calls.inbox(after, limit, wait))

    async def acknowledge(self, ids: Sequence[str]) -> list[str]:
        """Take deliveries out of the inbox; gives those that are."""
        return await self.run(calls.acknowledge(ids))

    async def catalogue(self, event_type: str = "") -> dict[str, Any]:
        """The event types that the desk may publish or receive; or one of them, with schema and example."""
        return await self.run(calls.catalogue(event_type))

    async def decisions(self, about: str, *, user: str, purpose: str, reason: str) -> dict[str, Any]:
        """Why something was shared or withheld; `about` is a receipt, event or delivery. For `council/ig` alone.

        The look is recorded with the user, purpose and reason before the hub answers.
        """
        desk = self.profile.key.desk
        return await self.run(calls.decisions(about, desk, user=user, purpose=purpose, reason=reason))

    async def family(
        self, family: str, *, user: str, purpose: str, reason: str, at: str = ""
    ) -> dict[str, Any]:
        """What the desk may know of a family, as it is or as it was `at` an instant. The look is recorded."""
        signed = calls.looking(self.profile.key.desk, user=user, purpose=purpose, reason=reason)
        return await self.run(calls.family(family, signed=signed, at=at))

    async def find_families(
        self, scheme: str, value: str, *, user: str, purpose: str, reason: str
    ) -> list[dict[str, Any]]:
        """The families that an id of one's own leads to: `{"family": id, "case": …}`. The search is recorded."""
        signed = calls.looking(self.profile.key.desk, user=user, purpose=purpose, reason=reason)
        return await self.run(calls.find_families(scheme, value, signed=signed))

    async def run(self, call: Call[T]) -> T:
        """Carry a call out. Raises `HubProblemError`, `httpx.TransportError`."""
        steps = calls.attempts(call, self.profile, self._tries)
        came: Came = None
        while True:
            try:
                step = steps.send(came)
            except StopIteration as end:
                result: T = end.value
                return result
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
                continue
            try:
                came = await self._http.request(**step.request)
                self._watch(came.content)
            except httpx.TransportError as error:
                came = error
