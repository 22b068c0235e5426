"""A family's referrals: each moved by the table of allowed moves, with what roles and waiting lists need of it."""

from __future__ import annotations

from typing import Any

from services.consent.event import PlainEvent
from services.consent.moves import Moved, NotAllowed, move

State = dict[str, Any]


def moved(state: State, event: PlainEvent) -> State | NotAllowed:
    """The state with the referral that an event names moved on, or why it may not move so."""
    cause = event.person("referral")
    if cause is None:
        return NotAllowed("not_requested", "the event names no referral")
    referrals: dict[str, Any] = state.get("referrals", {})
    known = referrals.get(cause)
    if event.corrects:
        return state
    if known is not None and known["person"] != event.person():
        return NotAllowed("other_person", "the event names another person than the referral")
    result = move(None if known is None else known["state"], event.kind)
    if isinstance(result, NotAllowed):
        return result
    if known is None:
        known = _requested(event)
    elif result == Moved(known["state"]) and event.kind != "referral.stage_entered":
        return state
    after = {**known, "state": result.state, "since": event.recorded}
    if event.kind == "referral.stage_entered":
        after["stage"] = event.word("stage")
    return {**state, "referrals": {**referrals, cause: after}}


def _requested(event: PlainEvent) -> dict[str, Any]:
    children = [row.get("rag") for row in event.rows("children")]
    return {
        "person": event.person(),
        "referrer": event.source,
        "to": event.word("to"),
        "specialism": event.word("specialism"),
        "requested": event.recorded,
        "rag": next((each for each in ("red", "amber", "green") if each in children), None),
    }
