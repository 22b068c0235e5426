"""What a correction or a retraction changes (RULES.md 4.24): the state that the log gives with it in its event's place.

The state is made anew from the family's own events. Where the corrected event stood stands what its last correction
says, with the time and the acceptance of that event; nothing, once it is retracted. What came since stays: each event
keeps its fate, and is read on what is said now. If one of them can no longer be true, work under way rests on what
was said, and the correction is refused (`moved_on`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple

from hub.events import HUB
from services.consent.event import PlainEvent
from services.consent.family import (
    CORRECTS_NOTHING,
    State,
    Stepped,
    apply_facts,
    apply_family,
    lacks,
    stated,
    step,
)
from services.consent.moves import NotAllowed
from services.consent.versions import (
    ADDED,
    CHANGED,
    CONSENTS,
    Versions,
    aftermath,
    facts,
    is_correction,
    joined,
    leaving,
    members,
    stands,
    touched,
    versions_of,
    void,
)

MOVED_ON: Final = "moved_on"
"""What came since rests on what would be taken back: people decide about the work under way."""
PROTECTION_STANDS: Final = "protection_stands"
"""The remark on a correction of what protects somebody, which stays until it is ended."""

_REQUESTED: Final = "referral.requested"
_ENDED_BY_ANOTHER: Final = frozenset({"family.opened", "family.closed"})
"""Kinds that are not retracted: each is what undoes the other."""

_MOVED_ON: Final = NotAllowed(MOVED_ON, "what came since rests on it")
_NOT_TAKEN_BACK: Final = NotAllowed("not_taken_back", "what holds now is said by an event anew")
_NAMES_OTHERS: Final = NotAllowed("names_others", "it names everybody of whom what it corrects set something")


def correct(
    event: PlainEvent, history: Sequence[PlainEvent], raised: Collection[str] | None
) -> Stepped | NotAllowed:
    """A family's state after a correction, or why it cannot be taken.

    `history`: what took effect before it, in order, each at its time in the log. `raised`: whose guards it raised
    (None: everybody's), since nothing may change of anybody else.
    """
    earlier = versions_of(history).get(event.word("corrects") or "", ())
    if not earlier or earlier[-1].retracted or not _same(earlier[0], event):
        return CORRECTS_NOTHING
    versions = (*earlier, event)
    refusal = _refusal(versions, raised) or _moved_on(versions, history)
    if refusal is not None:
        return refusal
    replayed = _replay((*history, event))
    if replayed.denied and not replayed.denied <= _replay(history).denied:
        return _MOVED_ON
    anew, kept = facts(versions)
    set_now = joined(void(versions), anew, aftermath(versions))
    return Stepped(replayed.state, set_now, PROTECTION_STANDS if kept else "")


def rebuilt(history: Sequence[PlainEvent]) -> State:
    """The state that a family's log gives."""
    return _replay(history).state


def along(history: Sequence[PlainEvent]) -> Iterator[State]:
    """The state that a family's log gave after each event."""
    state: State = {}
    for number, event in enumerate(history, 1):
        if is_correction(event):
            state = rebuilt(history[:number])
        elif isinstance(stepped := step(state, event), Stepped):
            state = stepped.state
        yield state


def corrected_by(event: PlainEvent, history: Sequence[PlainEvent]) -> PlainEvent | None:
    """What an event corrects or retracts: what was said last."""
    earlier = versions_of(history).get(event.word("corrects") or "")
    return earlier[-1] if earlier else None


def _same(first: PlainEvent, event: PlainEvent) -> bool:
    if (first.kind, first.source) != (event.kind, event.source):
        return False
    person = event.person()
    return event.kind not in CONSENTS or person == first.person() or (event.retracted and person is None)


# Refused --------------------------------------------------------------------------------------------------------


def _refusal(versions: Versions, raised: Collection[str] | None) -> NotAllowed | None:
    first, last = versions[0], versions[-1]
    membership = first.kind == CHANGED and any(each.word("state") for each in versions)
    ended_by_another = last.retracted and first.kind in _ENDED_BY_ANOTHER
    if first.kind.startswith("hub.") or first.kind == "person.adopted" or membership or ended_by_another:
        return _NOT_TAKEN_BACK
    if first.kind == ADDED and set(members(last)) != set(members(first)):
        return _NAMES_OTHERS
    if raised is not None and not touched(versions) <= set(raised):
        return _NAMES_OTHERS
    return None if last.retracted else lacks(last)


def _moved_on(versions: Versions, history: Sequence[PlainEvent]) -> NotAllowed | None:
    """A request that would go to another desk, after somebody has answered it."""
    before, last = versions[-2], versions[-1]
    cause = before.person("referral")
    if before.kind != _REQUESTED or last.retracted or last.word("to") == before.word("to"):
        return None
    mine = {each.id for each in versions}
    for each in history:
        answers = each.kind.startswith("referral.") and each.person("referral") == cause
        if answers and each.source != HUB and each.id not in mine:
            return _MOVED_ON
    return None


# The log once more ----------------------------------------------------------------------------------------------


class _Replayed(NamedTuple):
    """The state, and the events of publishers that it denies now."""

    state: State
    denied: frozenset[str]


def _replay(history: Sequence[PlainEvent]) -> _Replayed:
    said = versions_of(history)
    corrected = [each for each in said.values() if len(each) > 1]
    state = apply_facts({}, joined(*map(void, corrected)))
    denied = set()
    for event in history:
        versions = said[event.id]
        if len(versions) == 1:
            stepped = step(state, event)
            after = stepped.state if isinstance(stepped, Stepped) else stepped
        elif event is versions[0]:
            after = _in_place(state, versions)
        else:
            after = _in_its_own_place(state, versions[: versions.index(event) + 1])
        if not isinstance(after, NotAllowed):
            state = after
        elif event.source != HUB:
            denied.add(event.id)
    return _Replayed(state, frozenset(denied))


def _in_place(state: State, versions: Versions) -> State | NotAllowed:
    """Where the event stood: what is said of it now, and what lasts of what was said."""
    said = stands(versions)
    after = state if said is None else stated(state, said)
    return after if isinstance(after, NotAllowed) else apply_facts(after, facts(versions)[0])


def _in_its_own_place(state: State, versions: Versions) -> State:
    """Where a correction stands: what it does besides."""
    for each in leaving(versions):
        state = apply_family(state, each)
    return apply_facts(state, aftermath(versions))
