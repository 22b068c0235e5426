"""Whoever is told that a consent ended deletes what rested on it, and says so (RULES.md section 7)."""

from collections.abc import Iterable
from typing import Any, Final

from client.events import NewEvent
from client.http import HubClient, HubProblemError

NOTICE: Final = "wraparound.hub.notice_sent.v1"
ANSWERED: Final = "wraparound.hub.notice_acknowledged.v1"


async def answer(hub: HubClient, events: Iterable[dict[str, Any]]) -> int:
    """Answer the notices among these. One that comes again is answered by the same event. Gives how many.

    Raises `HubProblemError` for one that was refused: a notice that nobody answers is chased for nothing.
    """
    notices = [event["data"] for event in events if event["type"] == NOTICE and event.get("data")]
    answers = [
        NewEvent(
            f"answer-{each['notice']}",
            ANSWERED,
            {"family": each["family"], "notice": each["notice"], "done": "deleted"},
        )
        for each in notices
    ]
    for result in await hub.publish_batch(answers):
        if isinstance(result, HubProblemError):
            raise result
    return len(answers)
