"""Notices that a family's log sent, and which of them their desks have answered (RULES.md section 7).

In a family's state: `notices` `{notice: {to, done}}`; `done` is what the desk says it did, None until it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from services.consent.event import PlainEvent
from services.consent.moves import NotAllowed
from services.consent.referrals import State

SENT: Final = "hub.notice_sent"
ACKNOWLEDGED: Final = "hub.notice_acknowledged"
NO_SUCH_NOTICE: Final = NotAllowed(
    "no_such_notice", "no notice of that id was sent to this desk about this family"
)


def sent(state: State, event: PlainEvent) -> State:
    """A desk is told."""
    return _with(state, event.word("notice"), {"to": event.word("to"), "done": None})


def acknowledged(state: State, event: PlainEvent) -> State:
    """A desk has dealt with what it was told; `not_addressed` has been asked."""
    notice = event.word("notice")
    return _with(state, notice, {**_notices(state)[str(notice)], "done": event.word("done")})


def not_addressed(state: State, event: PlainEvent) -> NotAllowed | None:
    """Why the desk cannot answer this notice."""
    return None if is_sent(state, str(event.word("notice")), event.source) else NO_SUCH_NOTICE


def is_sent(state: State, notice: str, desk: str) -> bool:
    """Whether a notice was sent to this desk."""
    return bool(_notices(state).get(notice, {}).get("to") == desk)


def is_answered(state: State, notice: str) -> bool:
    """Whether the notice's desk has answered it."""
    return _notices(state).get(notice, {}).get("done") is not None


def _notices(state: State) -> Mapping[str, Any]:
    found: Mapping[str, Any] = state.get("notices", {})
    return found


def _with(state: State, notice: str | None, entry: Mapping[str, Any]) -> State:
    return {**state, "notices": {**_notices(state), str(notice): entry}}
