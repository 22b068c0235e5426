"""One desk of a partner agency: publishes, receives, and says on its standard output what it did.

A script acts at hub dates and on what the desk has received. What it publishes, it publishes one after another. What
comes in is read beside it, from the inbox, from the desk's topic, or from both; each delivery is told once for each
door that it came by.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final, TypeVar

from client.http import HubClient, HubProblemError
from client.inbox import InboxReader
from client.topic import TopicReader
from simulation.answering import answer
from simulation.reading import Keep, read_inbox, read_topic
from simulation.time import SandboxTime

POLL_SECONDS: Final = 5

T = TypeVar("T")
Told = dict[str, Any]
Tell = Callable[[Told], None]


class Desk:
    """A desk at work. `tell` takes what is to be said of it; `cue` is told what other desks did."""

    def __init__(self, hub: HubClient, time: SandboxTime, tell: Tell) -> None:
        self.hub = hub
        self.name = hub.profile.key.desk
        self.time = time
        self._tell = tell
        self._changed = asyncio.Condition()
        self._received: dict[str, Told] = {}
        self._cues: set[str] = set()
        self._receipts: dict[str, str] = {}
        self.ending = asyncio.Event()

    # What a script does ----------------------------------------------------------------------------------------

    async def on(self, day: str) -> None:
        """Wait for that day at the hub."""
        await self.time.until(date.fromisoformat(day))

    async def publish(self, tag: str, kind: str, data: Mapping[str, Any], said: str = "") -> None:
        """Publish an event under the id `tag`; `said` is what a person would say of it."""
        event_type = f"wraparound.{kind}.v1"
        what: Told = {"tag": tag, "type": event_type, "said": said}
        try:
            receipt = await self.hub.publish(tag, event_type, dict(data))
        except HubProblemError as error:
            problem = {"status": error.status, "title": error.problem.get("title", "")}
            problem["errors"] = error.problem.get("errors", [])
            self.tell("refused", **what, **problem)
        else:
            self.tell("published", **what, receipt=receipt, again=self._receipts.get(tag) == receipt)
            self._receipts[tag] = receipt

    async def receive(self, kind: str, **matching: Any) -> Mapping[str, Any]:
        """The data of the first delivery of this kind, come or to come, in which these fields have these values."""
        event_type = f"wraparound.{kind}.v1"

        def found() -> Mapping[str, Any] | None:
            for event in self._received.values():
                data: Mapping[str, Any] = event.get("data") or {}
                if event["type"] == event_type and matching.items() <= data.items():
                    return data
            return None

        return await self._wait(found)

    def remark(self, tag: str, said: str) -> None:
        """Say something in the room that the hub does not hear."""
        self.tell("remarked", tag=tag, said=said)

    async def after(self, desk: str, tag: str) -> None:
        """Wait until another desk has published or remarked that: people who share a room hear of each other."""
        name = f"{desk}:{tag}"
        await self._wait(lambda: name if name in self._cues else None)

    async def cue(self, name: str) -> None:
        """Another desk has published or remarked something: `desk:tag`."""
        async with self._changed:
            self._cues.add(name)
            self._changed.notify_all()

    def tell(self, did: str, **what: Any) -> None:
        """Say what the desk did."""
        self._tell({"did": did, "at": self.time.now().isoformat(timespec="minutes"), **what})

    async def tell_receipts(self) -> None:
        """Say what became of everything that the desk published."""
        for tag, receipt in self._receipts.items():
            self.tell("receipt", tag=tag, found=await self.hub.receipt(receipt))

    async def _wait(self, found: Callable[[], T | None]) -> T:
        async with self._changed:
            while (value := found()) is None:
                await self._changed.wait()
            return value

    # What comes in ---------------------------------------------------------------------------------------------

    async def read_inbox(self) -> None:
        """Read the inbox until the desk closes and nothing is left."""
        await read_inbox(InboxReader(self.hub, wait=POLL_SECONDS), self.ending, self._take)

    async def read_topic(self, topic: TopicReader) -> None:
        """Read the topic until the desk closes and nothing is left."""
        async with topic:
            await read_topic(topic, self.ending, self._take)

    async def _take(self, door: str, events: list[Told], keep: Keep) -> None:
        for event in events:
            self.tell("received", door=door, event=event)
        await keep(events)
        await answer(self.hub, events)
        async with self._changed:
            for event in events:
                self._received.setdefault(event["id"], event)
            self._changed.notify_all()
