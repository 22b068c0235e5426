"""Who was told that something ended answers, is chased, and then it is information governance's (RULES.md section 7).

A notice opens a task of its desk, due in two working days. A timer publishes `hub.chased` when that is over, and again
after five (chasing.py); the second time the council's officers get a task of their own. The desk's
`hub.notice_acknowledged` ends all of them.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Final

from hub.clock import Micros
from hub.effects import CloseTask, OpenTask
from hub.events import Event
from hub.partnership import Calendar
from services.consent.event import kind_of
from services.consent.notified import ACKNOWLEDGED
from services.referral_router.due import officers

NOTICE_SENT: Final = "wraparound.hub.notice_sent.v1"
CHASED: Final = "wraparound.hub.chased.v1"
ANSWER: Final = "acknowledgement"
UNANSWERED: Final = "unanswered"
UNACKNOWLEDGED: Final = "notice_unacknowledged"
CHASED_AFTER: Final = (2, 5)
"""Working days after a notice at which its desk is chased; the last time others are told of it."""


def answer_by(calendar: Calendar, at: Micros) -> Micros:
    """By when a notice of that time is to be answered."""
    return calendar.deadline(at, CHASED_AFTER[0])


def answer_asked(event: Event) -> OpenTask | None:
    """What the desk that a notice names is to do: answer it."""
    if event.type != NOTICE_SENT:
        return None
    data = event.data
    detail = {"family": event.envelope.key, "to": data["to"]}
    return OpenTask(ANSWER, data["notice"], data["to"], data["kind"], data["answer_by"], detail)


def unanswered(event: Event, lead: str | None, served: AbstractSet[str]) -> Iterator[OpenTask]:
    """After the last chase: information governance of the agency that leads the family, else whoever has it."""
    data = event.data
    asked = officers(lead, served)
    if (
        event.type == CHASED
        and data["kind"] == UNACKNOWLEDGED
        and data["times"] == len(CHASED_AFTER)
        and asked
    ):
        detail = {"family": event.envelope.key, "to": data["to"]}
        yield OpenTask(ANSWER, data["notice"], asked[0], UNANSWERED, None, detail)


def answered(event: Event) -> Iterator[CloseTask]:
    """A desk has answered its notice."""
    if kind_of(event.type) == ACKNOWLEDGED:
        yield CloseTask(ANSWER, event.data["notice"], event.envelope.source)
