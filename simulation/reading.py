"""What comes in at a desk: inbox and topic, read until the desk closes and nothing is left."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from client.inbox import InboxReader
from client.topic import TopicReader

INBOX: Final = "inbox"
TOPIC: Final = "topic"
LOOK_SECONDS: Final = 1.0
"""Seconds between two looks of a desk's system: each is an attempt or a commit of its own, so it takes all there is."""

Event = dict[str, Any]
Keep = Callable[[list[Event]], Awaitable[None]]
Take = Callable[[str, list[Event], Keep], Awaitable[None]]
"""Takes what came by a door; what is then told to `Keep` is not shown again."""


async def read_inbox(reader: InboxReader, ending: asyncio.Event, take: Take) -> None:
    """Read the inbox as things come."""
    while not ending.is_set():
        await take(INBOX, await _until(ending, reader.read()), reader.acknowledge)
        await _rest(ending)
    await empty_inbox(reader, take)
    while reader.waiting:
        await empty_inbox(reader, take)


async def empty_inbox(reader: InboxReader, take: Take) -> None:
    """Read what the inbox has; what waits there is left."""
    while events := await reader.read(wait=0):
        await take(INBOX, events, reader.acknowledge)


async def read_topic(reader: TopicReader, ending: asyncio.Event, take: Take) -> None:
    """Read the topic as things come."""
    while not ending.is_set():
        # What has come since the last look was fetched meanwhile.
        if events := await reader.read(0):
            await take(TOPIC, events, lambda _: reader.commit())
        await _rest(ending)
    await empty_topic(reader, take)


async def empty_topic(reader: TopicReader, take: Take) -> None:
    """Read what the topic has."""
    async for events in reader.read_all():
        await take(TOPIC, events, lambda _: reader.commit())


async def _rest(ending: asyncio.Event) -> None:
    """Until the next look, or until the desk closes."""
    if not ending.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(ending.wait(), LOOK_SECONDS)


async def _until(ending: asyncio.Event, reading: Awaitable[list[Event]]) -> list[Event]:
    """What the reading gives; nothing if the desk closes meanwhile: what was under way is shown again."""
    tasks = asyncio.ensure_future(reading), asyncio.ensure_future(ending.wait())
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return tasks[0].result() if tasks[0].done() else []
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
