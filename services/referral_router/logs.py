"""A log's events as the sharing rules read them."""

from collections.abc import Iterable

from hub.clock import Micros
from hub.events import Event
from services.consent.event import PlainEvent, kind_of


def in_order(history: Iterable[Event]) -> list[PlainEvent]:
    """A family's log as the rules read it: each event at its time, which is never before that of what came before."""
    found: list[PlainEvent] = []
    at = 0
    for each in history:
        at = max(at, each.envelope.recorded_at)
        found.append(plain_event(each, at))
    return found


def plain_event(event: Event, at: Micros) -> PlainEvent:
    """The event as the sharing rules read it, at its time in the log."""
    head = event.envelope
    return PlainEvent(
        id=head.id,
        kind=kind_of(head.type),
        source=head.source,
        family=head.key,
        recorded=at,
        accepted=head.accepted_at,
        receipt=head.receipt or head.id,
        data=event.data,
    )
