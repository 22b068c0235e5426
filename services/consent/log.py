"""What an event of a log makes of its family's state, and whether what is queued may turn on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hub.events import Event
from services.consent.corrections import correct
from services.consent.event import PlainEvent, kind_of
from services.consent.facts import FACT_KINDS
from services.consent.family import STATING, State, Stepped, step
from services.consent.logged import in_order
from services.consent.moves import NotAllowed
from services.consent.versions import is_correction

QUEUE_KINDS: Final = FACT_KINDS | {
    "family.opened",
    "family.lead_changed",
    "family.closed",
    "child.status_changed",
    "child.section_47_started",
    "child.section_47_ended",
    "practice.plan_agreed",
    "practice.supervision_held",
    "hub.person_fact",
    "hub.worker_conflict_recorded",
    "hub.worker_conflict_ended",
    "hub.decision_lapsed",
    "hub.approval_given",
}
"""Events that may change what a queued delivery of the family rests on."""


def needs_queue(event: Event) -> bool:
    """Whether the event may change what queued deliveries of its family rest on."""
    return kind_of(event.type) in QUEUE_KINDS or corrects_state(event)


def corrects_state(event: Event) -> bool:
    """Whether the event corrects what sets something of a state."""
    return event.data.get("corrects") is not None and kind_of(event.type) in STATING


def stepped_by(
    state: State, plain: PlainEvent, event: Event, history: Sequence[Event]
) -> Stepped | NotAllowed:
    """What an event makes of a family's state. `history`: all that took effect before, where it corrects some of it."""
    if is_correction(plain):
        return correct(plain, in_order(history), event.envelope.raises)
    return step(state, plain)
