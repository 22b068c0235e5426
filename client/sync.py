"""The same as `client.http`, for code without asyncio."""

import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from client import calls
from client.calls import TIMEOUT, TRIES, Call, Came, HubProblemError, Pause, Profile
from client.events import NewEvent

__all__ = ["HubProblemError", "Profile", "SyncHubClient"]

T = TypeVar("T")


class SyncHubClient:
    """One desk's connection to the hub. `watch` gets the bytes of every answer, before anything reads them."""

    def __init__(
        self,
        profile: Profile,
        *,
        tries: int = TRIES,
        watch: Callable[[bytes], object] = len,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.profile = profile
        self._tries = tries
        self._watch = watch
        self._http = httpx.Client(base_url=profile.url, timeout=TIMEOUT, transport=transport)

    def __enter__(self) -> Self:
        """Use as a context."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self._http.close()

    def publish(self, event_id: str, event_type: str, data: Any, *, dry_run: bool = False) -> str:
        """Publish one event of the desk's own; gives the receipt's id. Raises `HubProblemError`."""
        event = NewEvent(event_id, event_type, data)
        return self.run(calls.publish(event, self.profile.key.desk, dry_run=dry_run))

    def publish_batch(
        self, events: Sequence[NewEvent], *, dry_run: bool = False
    ) -> list[str | HubProblemError]:
        """Publish events in order, any number; gives for each its receipt's id, or what is wrong with it."""
        batches = calls.publish_batches(events, self.profile.key.desk, dry_run=dry_run)
        return [result for batch in batches for result in self.run(batch)]

    def receipt(self, receipt: str) -> dict[str, Any]:
        """What became of an event."""
        return self.run(calls.receipt(receipt))

    def inbox(self, after: int = 0, *, limit: int = 100, wait: int = 0) -> dict[str, Any]:
        """Deliveries behind the cursor `after`: `{"events": […], "after": n}`."""
        return self.run(calls.inbox(after, limit, wait))

    def acknowledge(self, ids: Sequence[str]) -> list[str]:
        """Take deliveries out of the inbox; gives those that are."""
        return self.run(calls.acknowledge(ids))

    def catalogue(self, event_type: str = "") -> dict[str, Any]:
        """The event types that the desk may publish or receive; or one of them, with schema and example."""
        return self.run(calls.catalogue(event_type))

    def family(self, family: str, *, user: str, purpose: str, reason: str, at: str = "") -> dict[str, Any]:
        """What the desk may know of a family, as it is or as it was `at` an instant. The look is recorded."""
        signed = calls.looking(self.profile.key.desk, user=user, purpose=purpose, reason=reason)
        return self.run(calls.family(family, signed=signed, at=at))

    def find_families(
        self, scheme: str, value: str, *, user: str, purpose: str, reason: str
    ) -> list[dict[str, Any]]:
        """The families that an id of one's own leads to: `{"family": id, "case": …}`. The search is recorded."""
        signed = calls.looking(self.profile.key.desk, user=user, purpose=purpose, reason=reason)
        return self.run(calls.find_families(scheme, value, signed=signed))

    def run(self, call: Call[T]) -> T:
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
                time.sleep(step.seconds)
                continue
            try:
                came = self._http.request(**step.request)
                self._watch(came.content)
            except httpx.TransportError as error:
                came = error
