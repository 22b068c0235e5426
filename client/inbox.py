"""A desk's inbox, read to its end and kept in step: long poll, each delivery once, acknowledged when it is kept.

The hub shows everything that was not acknowledged again, under the same id. A delivery that the desk may not have at
this moment keeps its place without data (`state`: waiting) and comes later, with or without it.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from client.http import HubClient

LONGEST_WAIT: Final = 10
LOOK_AGAIN: Final = 0.5


class InboxReader:
    """Reads on from where the desk is. Nothing is lost if it ends: what was not acknowledged comes again."""

    def __init__(self, hub: HubClient, *, limit: int = 100, wait: int = LONGEST_WAIT) -> None:
        self._hub = hub
        self._limit = limit
        self._wait = wait
        self._after = 0
        self._given: set[str] = set()
        self.waiting = False
        """Whether the last reading found a place whose delivery is still to come."""

    async def read(self, wait: int | None = None) -> list[dict[str, Any]]:
        """The next deliveries, in order; empty if none came in `wait` seconds. What is `recalled` has no data.

        Raises `HubProblemError`, `httpx.TransportError`.
        """
        seconds = self._wait if wait is None else wait
        if self.waiting and seconds:
            # The hub answers at once while something waits.
            await asyncio.sleep(LOOK_AGAIN)
            seconds = 0
        page = await self._hub.inbox(self._after, limit=self._limit, wait=seconds)
        events: list[dict[str, Any]] = page["events"]
        held = [event["place"] for event in events if event.get("state") == "waiting"]
        self.waiting = bool(held)
        # Look at a place again until what waits there has come or is recalled.
        self._after = min([held[0] - 1] if held else [page["after"]])
        fresh = [e for e in events if e.get("state") != "waiting" and e["id"] not in self._given]
        self._given.update(event["id"] for event in fresh)
        return fresh

    async def acknowledge(self, events: Sequence[dict[str, Any]]) -> None:
        """These are in the desk's own records: the inbox may forget them."""
        if events:
            await self._hub.acknowledge([event["id"] for event in events])
