"""A referral's life as a table of allowed moves.

`requested → returned | waitlisted → offered → accepted | declined → allocated → started → ended`, or closed
before support, or withdrawn by the referrer. A referral that came to an end before or after support may be
reopened. News of a running case (stages, goals, appointments) moves nothing. A specialism's own stages (in
mental health: readiness, assessment, readiness again, treatment) are configuration: `move_stage` holds
their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

OPEN_STATES: Final = frozenset({"requested", "waitlisted", "offered", "accepted", "allocated", "started"})
END_STATES: Final = frozenset({"returned", "declined", "closed_before_support", "withdrawn", "ended"})

_BEFORE_SUPPORT: Final = ("requested", "waitlisted", "offered", "accepted", "allocated")
_WAITING: Final = ("requested", "waitlisted", "offered")
_RUNNING: Final = ("accepted", "allocated", "started")

_FROM: Final[dict[str, tuple[tuple[str, ...], str | None]]] = {
    "returned": ((*_WAITING, "accepted"), "returned"),
    "waitlisted": (_WAITING, "waitlisted"),
    "offered": (_WAITING, "offered"),
    "accepted": (("offered",), "accepted"),
    "declined": (("offered", "accepted"), "declined"),
    "allocated": (("accepted", "allocated", "started"), "allocated"),
    "stage_entered": (("allocated", "started"), None),
    "support_started": (("allocated",), "started"),
    "goal_reviewed": (("started",), None),
    "appointment_recorded": (_RUNNING, None),
    "support_ended": (("started",), "ended"),
    "closed_before_support": (_BEFORE_SUPPORT, "closed_before_support"),
    "withdrawn": (_BEFORE_SUPPORT, "withdrawn"),
    "reopened": (tuple(sorted(END_STATES)), "requested"),
}
"""Event → the states that it may come in, and the state after it (None: the same)."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The move is allowed; the referral is in this state now."""

    state: str


@dataclass(frozen=True, slots=True)
class NotAllowed:
    """The move is not in the table: a code, and words that hold no personal data."""

    code: str
    words: str


def move(state: str | None, kind: str) -> Moved | NotAllowed:
    """The state of a referral after an event (`referral.accepted`), or why none; None: no referral yet."""
    name = kind.removeprefix("referral.")
    if state is None:
        if name == "requested":
            return Moved("requested")
        return NotAllowed("not_requested", "no such referral was requested in this family")
    if name == "requested":
        return NotAllowed("already_requested", f"the referral was requested before; it is {_say(state)}")
    if name not in _FROM:
        return NotAllowed("no_such_move", f"{kind} does not move a referral")
    allowed, after = _FROM[name]
    if state not in allowed:
        expected = " or ".join(_say(each) for each in allowed)
        return NotAllowed("wrong_state", f"{kind} expects a referral that is {expected}; it is {_say(state)}")
    stays = after is None or (name == "allocated" and state == "started")
    return Moved(state if stays or after is None else after)


def move_stage(stage: str | None, entered: str, order: Sequence[str]) -> Moved | NotAllowed:
    """The stage of a running case after `stage_entered`: a later one of its pathway, or the same again."""
    if entered not in order:
        return NotAllowed("no_such_stage", f"expected one of {', '.join(order)}; came {entered}")
    if stage is not None and stage in order and order.index(entered) < order.index(stage):
        return NotAllowed("stage_back", f"expected {stage} or a later stage; came {entered}")
    return Moved(entered)


def _say(state: str) -> str:
    return state.replace("_", " ")
