"""Who hears that an event was rejected (RULES.md 4.20).

The desk that published does, if it holds a role for the family or for somebody in the event: what the rejection says
is about people whom it knows. To any other desk a rejection would tell that the hub knows somebody, and under which
family: it hears nothing, as where nobody is known, and the family's lead gets a task instead.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from hub.clock import Micros
from hub.effects import Emit, OpenTask
from hub.events import HUB, Event
from services.consent.compiled import CompiledRules
from services.consent.family_facts import FamilyFacts

EVENT_REJECTED: Final = "wraparound.hub.event_rejected.v1"
OPERATIONS: Final = "hub/operations"
TASK: Final = "rejected"


def rejection(
    event: Event, reason: str, at: Micros, *, persons: Sequence[str], facts: FamilyFacts, rules: CompiledRules
) -> Iterator[Emit | OpenTask]:
    """To the desk that published, in a code that it may know; else to the lead. `persons`: those in the event."""
    head = event.envelope
    if head.source == HUB:
        return
    owner, referral = answerable(facts), event.data.get("referral")
    scene = facts.scene(rules, at, event.id)
    if head.source == owner or scene.holds_role(head.source, persons, referral and referral["value"]):
        data = {
            "event": head.receipt,
            "receipt": head.receipt,
            "to": head.source,
            "reason": reason,
            "problems": None,
        }
        # The hub's id of this copy is nothing that the desk knows; its own is.
        yield Emit("events", head.key, EVENT_REJECTED, data, head.key, recorded=at, names=head.receipt)
    else:
        yield for_the_lead(event, reason, facts)


def for_the_lead(event: Event, reason: str, facts: FamilyFacts) -> OpenTask:
    """The task of the family's lead about an event that was rejected."""
    detail = {"event": event.id, "desk": event.envelope.source, "type": event.type}
    return OpenTask(TASK, event.envelope.key, answerable(facts) or OPERATIONS, reason, detail=detail)


def answerable(facts: FamilyFacts) -> str | None:
    """The desk that leads the family, or led it last; None for a family that nobody ever led."""
    leads: Mapping[str, Sequence[Sequence[int | None]]] = facts.state.get("lead", {})
    latest = [(end is None, start or 0, desk) for desk, spans in leads.items() for start, end, *_ in spans]
    return max(latest)[2] if latest else None
