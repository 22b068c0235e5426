"""A family's state: what its log has said, as plain data that a processor can store.

`step(state, event)` is the whole of it: checks a referral's move, applies what the event says of the
family, sets the persons' facts it brings, and returns what must be told of them to other families. It never
changes the state it is given; an event that says nothing of these returns the very same object.

Shape (every part may be missing): `opener`, the desk that opened it; `open`, `lead`, `core_group` as spans `[from,
until | null, event that ended it]`, the last two by desk; `members` `{person: {kind, kind_at, adult_from, spans}}`;
`children` `{child: {status, s47: {enquiry: spans}}}`; `conflicts` `{key: {desk, worker}}`, those that stand;
`persons` `{person: {key: [at, by, value]}}`; `known` and `raises` by person; `pending` `{event: {persons, …}}` of
what waits for a second person; `referrals` `{referral: {…, state}}`; `programme` and `risk` by child; `notices`
(services.consent.notified).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.consent import notified
from services.consent.approvals import (
    agreed_by,
    confirmed,
    no_longer_asked,
    refused_links,
    second_persons,
)
from services.consent.event import HUB, PlainEvent, add_months, day, items, midnight, ref, word
from services.consent.facts import FACT_KINDS, Deltas, approved, awaited, deltas
from services.consent.moves import NotAllowed
from services.consent.referrals import State, moved
from services.consent.registers import Registers, from_wire, larger, register_of, standing, voids

__all__ = [
    "CORRECTS_NOTHING",
    "SHAPE",
    "STATING",
    "State",
    "Stepped",
    "apply_facts",
    "apply_family",
    "stated",
    "step",
]

SHAPE: Final = 12
"""The version of a state's shape: a state of an older one is made anew, one of a newer is not read."""

CORRECTS_NOTHING: Final = NotAllowed(
    "corrects_nothing", "it corrects nothing that stands in this log, of its kind and source"
)
ENDS_BY_A_REASON: Final = frozenset({"safety.pair_ended", "safety.restriction_lifted"})
"""What protects somebody ends by these alone: a reason, and a second person (section 2 and rule 4.17)."""
NOT_TOLD: Final = NotAllowed(
    "not_told", "an objection is overruled by a reason, and by the day on which its person was told"
)
NO_REASON: Final = NotAllowed("no_reason", "what protects somebody ends by a reason and a second person")
NOT_SAID_WHY: Final = NotAllowed(
    "not_said_why", "the hub offers in the list's order; a desk that chooses otherwise says why, as a code"
)
_SIXTEEN_MONTHS: Final = 16 * 12
_MAJORITY_MONTHS: Final = 18 * 12
Spans = list[list[Any]]
"""Periods, each `[from, until | null, event that ended it]`."""
_NEW: Final[dict[str, Any]] = {"kind": None, "adult_from": None, "spans": []}


@dataclass(frozen=True, slots=True)
class Stepped:
    """The state after an event, and the facts that it set: to be joined by every family of these persons.

    `remark`: a code of what its publisher is to know of it.
    """

    state: State
    deltas: Deltas
    remark: str = ""


def step(state: State, event: PlainEvent) -> Stepped | NotAllowed:
    """A family's state after an event, or why the event cannot be true of it.

    What a correction changes turns on what it corrects: `services.consent.corrections`.
    """
    if event.corrects and event.kind in STATING:
        return CORRECTS_NOTHING
    if event.kind == "hub.approval_given":
        settled = _settle(state, event)
        if isinstance(settled, NotAllowed):
            return settled
        state, set_now = settled
        return Stepped(_still_asked(apply_facts(state, set_now)), set_now)
    said = stated(state, event)
    if isinstance(said, NotAllowed):
        return said
    set_now = deltas(event)
    return Stepped(_still_asked(apply_facts(said, set_now)), set_now)


def _still_asked(state: State) -> State:
    """The state without requests that were answered elsewhere, or of which nothing is left to answer."""
    over = no_longer_asked(state)
    pending: Mapping[str, Any] = state.get("pending", {})
    return (
        {**state, "pending": {key: each for key, each in pending.items() if key not in over}}
        if over
        else state
    )


def stated(state: State, event: PlainEvent) -> State | NotAllowed:
    """The state after what an event says of the family itself: all but the facts that it sets of persons."""
    if event.kind.startswith("referral."):
        after = moved(state, event)
        if isinstance(after, NotAllowed):
            return after
        state = after
    if event.kind == "family.opened" and _is_open(state):
        return NotAllowed("already_open", "the family is open; its lead changes by family.lead_changed")
    if event.kind == "family.lead_changed" and not _is_open(state):
        return NotAllowed("not_open", "nobody leads a family that is closed; family.opened names its lead")
    if event.kind == notified.ACKNOWLEDGED and (unknown := notified.not_addressed(state, event)) is not None:
        return unknown
    if (unsaid := lacks(event)) is not None:
        return unsaid
    state = apply_family(state, event)
    waiting = awaited(event)
    if waiting:
        state = _with(state, "pending", event.id, _pending(event, waiting))
    return state


def lacks(event: PlainEvent) -> NotAllowed | None:
    """Why a statement is none: it does not say what it has to say to take a protection away, or to choose."""
    if event.kind == "referral.offered" and event.source != HUB and event.word("reason") is None:
        return NOT_SAID_WHY
    if event.kind in ENDS_BY_A_REASON and event.word("reason") is None:
        return NO_REASON
    overrules = event.kind == "consent.objection_decided" and event.word("outcome") == "overruled"
    if overrules and (event.word("reason") is None or event.data.get("told_on") is None):
        return NOT_TOLD
    return None


def apply_facts(state: State, facts: Mapping[str, Registers]) -> State:
    """The state with registers joined to the persons' facts."""
    if not facts:
        return state
    known: dict[str, Any] = state.get("persons", {})
    joined = {person: _join_plain(known.get(person), registers) for person, registers in facts.items()}
    if all(known.get(person) is each for person, each in joined.items()):
        return state
    return {**state, "persons": {**known, **joined}}


def apply_family(state: State, event: PlainEvent) -> State:
    """The state after what an event says of the family, or of its persons' facts (`hub.person_fact`)."""
    if event.retracted:
        return state
    rule = _RULES.get(event.kind)
    return state if rule is None else rule(state, event)


def _is_open(state: State) -> bool:
    return any(end is None for _, end, _ in state.get("open", ()))


def _pending(event: PlainEvent, waiting: Deltas) -> dict[str, Any]:
    return {
        "kind": event.kind,
        "source": event.source,
        "receipt": event.receipt,
        "persons": {
            person: {key: list(each) for key, each in registers.items()}
            for person, registers in waiting.items()
        },
    }


def _settle(state: State, event: PlainEvent) -> tuple[State, Deltas] | NotAllowed:
    """What a second person's approval brings into force: of the agency that owns what is lifted, else the author's.

    Events name desks and no users, so a second person is one of another desk than the one that asked.
    """
    pending: dict[str, Any] = state.get("pending", {})
    request = event.word("request")
    found = next((key for key, each in pending.items() if request in (key, each["receipt"])), None)
    if found is None:
        return state, {}
    entry, agency = pending[found], event.source.partition("/")[0]
    if event.source == entry["source"]:
        return NotAllowed("own_request", "a second person is of another desk than the one that asked")
    owners = second_persons(state, entry)
    if agency not in owners:
        return state, {}
    agreed = event.word("decision") == "approved"
    done = {*entry.get("approved", ()), agency}
    rest = {key: each for key, each in pending.items() if key != found}
    if agreed and done < owners.keys():
        rest[found] = {**entry, "approved": sorted(done)}
    state = {**state, "pending": rest}
    if not agreed:
        return state, refused_links(state, entry, (event.accepted, event.receipt))
    return state, approved(confirmed(entry, agency, agreed_by(owners, done)), event)


def _opened(state: State, event: PlainEvent) -> State:
    lead = event.word("lead") or event.source
    state = {
        **state,
        "opener": event.source,
        "open": [*_ended(state.get("open", []), event), [event.recorded, None, None]],
    }
    return _led(state, event, lead)


def _lead_changed(state: State, event: PlainEvent) -> State:
    lead = event.word("lead")
    return state if lead is None else _led(state, event, lead)


def _led(state: State, event: PlainEvent, lead: str) -> State:
    leads = {desk: _ended(spans, event) for desk, spans in state.get("lead", {}).items() if desk != lead}
    known = state.get("lead", {}).get(lead, [])
    if not any(end is None for _, end, _ in known):  # else it stays where it is: nothing ends
        known = [*known, [event.recorded, None, None]]
    return _part(state, "lead", {**leads, lead: known})


def _closed(state: State, event: PlainEvent) -> State:
    result = {**state, "open": _ended(state.get("open", []), event)}
    for role in ("lead", "core_group"):
        result[role] = {desk: _ended(spans, event) for desk, spans in state.get(role, {}).items()}
    return result


def _ended(spans: list[list[Any]], event: PlainEvent) -> list[list[Any]]:
    return [
        [start, event.recorded, event.id] if end is None else [start, end, by] for start, end, by in spans
    ]


def _core_group(state: State, event: PlainEvent) -> State:
    named = event.words("core_group")
    if named is None or not _is_open(state):
        return state  # minutes that come after the end begin no role that ended with it
    groups: dict[str, Any] = dict(state.get("core_group", {}))
    for desk, spans in groups.items():
        if desk not in named:
            groups[desk] = _ended(spans, event)
    for desk in named:
        spans = groups.get(desk, [])
        if not spans or spans[-1][1] is not None:
            groups[desk] = [*spans, [event.recorded, None, None]]
    return _part(state, "core_group", groups)


def _member_added(state: State, event: PlainEvent) -> State:
    for row in event.rows("members"):
        state = _member(state, event, row, joins=True)
    return state


def _member_changed(state: State, event: PlainEvent) -> State:
    return _member(state, event, event.data, joins=event.word("state") == "member")


def _member(state: State, event: PlainEvent, row: Mapping[str, object], *, joins: bool) -> State:
    person = ref(row.get("person"))
    if person is None:
        return state
    known = state.get("members", {}).get(person, _NEW)
    spans = known["spans"]
    if row.get("state") == "left":
        spans = _ended(spans, event)
    elif joins and (not spans or spans[-1][1] is not None):
        spans = [*spans, [event.recorded, None, None]]
    born = day(row.get("dob"))
    adult_from = known["adult_from"] if born is None else add_months(midnight(born), _MAJORITY_MONTHS)
    sixteen = known.get("sixteen") if born is None else add_months(midnight(born), _SIXTEEN_MONTHS)
    after = {**known, "adult_from": adult_from}
    if kind := word(row.get("kind")):
        after |= {"kind": kind, "kind_at": event.recorded}
    after |= {"sixteen": sixteen, "spans": spans}
    return _with(state, "members", person, after)


def _adopted(state: State, event: PlainEvent) -> State:
    person = event.person()
    if person is None:
        return state
    known = state.get("members", {}).get(person, _NEW)
    after = {**known, "spans": _ended(known["spans"], event), "adopted": event.recorded}
    return _with(state, "members", person, after)


def _conflict_recorded(state: State, event: PlainEvent) -> State:
    entry = {"desk": event.word("desk"), "worker": event.word("worker")}
    return _with(state, "conflicts", _conflict(event), entry)


def _conflict_ended(state: State, event: PlainEvent) -> State:
    left = {key: each for key, each in state.get("conflicts", {}).items() if key != _conflict(event)}
    return {**state, "conflicts": left} if len(left) < len(state.get("conflicts", {})) else state


def _conflict(event: PlainEvent) -> str:
    """One conflict of one worker: another's of the same id neither replaces nor ends it."""
    return "|".join(event.word(field) or "" for field in ("desk", "worker", "conflict"))


def _child(state: State, child: str, **changed: object) -> State:
    known = state.get("children", {}).get(child, {"status": None, "s47": {}})
    return _with(state, "children", child, {**known, **changed})


def _status_changed(state: State, event: PlainEvent) -> State:
    child = event.person()
    return state if child is None else _child(state, child, status=event.word("status"))


def _s47_started(state: State, event: PlainEvent) -> State:
    def begun(spans: Spans) -> Spans:
        runs = bool(spans) and spans[-1][1] is None
        return spans if runs else [*spans, [event.recorded, None, None]]

    return _enquiry(state, event, begun)


def _s47_ended(state: State, event: PlainEvent) -> State:
    """The end of an enquiry; one that nobody said had begun has none."""
    return _enquiry(state, event, lambda spans: _ended(spans, event))


def _enquiry(state: State, event: PlainEvent, change: Callable[[Spans], Spans]) -> State:
    enquiry = event.word("enquiry") or ""
    for child in event.people("children"):
        known = state.get("children", {}).get(child, {}).get("s47", {})
        spans = change(known.get(enquiry, []))
        if spans:
            state = _child(state, child, s47={**known, enquiry: spans})
    return state


def _joined(state: State, event: PlainEvent) -> State:
    child = event.person()
    programme = event.word("programme") or ""
    entry = {"programme": programme, "joined": event.recorded, "left": None}
    return state if child is None else _with(state, "programme", child, entry)


def _left(state: State, event: PlainEvent) -> State:
    child = event.person()
    known = state.get("programme", {}).get(child)
    if child is None or known is None:
        return state
    return _with(state, "programme", child, {**known, "left": event.recorded})


def _risk_rated(state: State, event: PlainEvent) -> State:
    child = event.person()
    return state if child is None else _with(state, "risk", child, [event.word("rating"), event.recorded])


def _person_fact(state: State, event: PlainEvent) -> State:
    """Facts that the person's own log sends: now all that was accepted of them is seen here."""
    person = event.person()
    if person is None:
        return state
    rows = [each for each in items(event.data.get("facts")) if isinstance(each, Mapping)]
    state = apply_facts(state, {person: from_wire(rows)})
    raises = event.data.get("raises")
    if isinstance(raises, int):
        seen = max(raises, state.get("raises", {}).get(person, 0))
        state = _with(state, "raises", person, seen)
    return _with(state, "known", person, True)


def _part(state: State, part: str, value: object) -> State:
    """The very same state where it is so already: what was decided on it stands, and is not decided anew."""
    return state if state.get(part) == value else {**state, part: value}


def _with(state: State, part: str, key: str, value: object) -> State:
    if state.get(part, {}).get(key) == value and key in state.get(part, {}):
        return state
    return {**state, part: {**state.get(part, {}), key: value}}


def _join_plain(plain: dict[str, Any] | None, registers: Registers) -> dict[str, Any]:
    """Registers joined; the very same object where they say nothing new."""
    found = {} if plain is None else plain
    changed: dict[str, Any] = {}
    void = voids(found, registers)
    if void:
        registers, still = standing(registers, void), standing(found, void)
        if len(still) < len(found):
            found = plain = still
    for key, register in registers.items():
        known = register_of(found.get(key))
        after = register if known is None else larger(known, register)
        if after != known:
            changed[key] = list(after)
    return {**found, **changed} if changed or plain is None else found


_RULES: Final[dict[str, Callable[[State, PlainEvent], State]]] = {
    "family.opened": _opened,
    "family.lead_changed": _lead_changed,
    "family.closed": _closed,
    "family.member_added": _member_added,
    "family.member_changed": _member_changed,
    "hub.worker_conflict_recorded": _conflict_recorded,
    "hub.worker_conflict_ended": _conflict_ended,
    "person.adopted": _adopted,
    "child.status_changed": _status_changed,
    "child.section_47_started": _s47_started,
    "child.section_47_ended": _s47_ended,
    "practice.plan_agreed": _core_group,
    "practice.supervision_held": _core_group,
    "practice.joined": _joined,
    "practice.left": _left,
    "practice.risk_rated": _risk_rated,
    "hub.person_fact": _person_fact,
    notified.SENT: notified.sent,
    notified.ACKNOWLEDGED: notified.acknowledged,
}

STATING: Final = (
    FACT_KINDS
    | _RULES.keys()
    | {f"referral.{step}" for step in ("waitlisted", "offered", "accepted", "stage_entered")}
    | {"hub.approval_given", "safety.pair_ended", "safety.restriction_lifted"}
)
"""Kinds that set what a state holds: their corrections change it (`services.consent.corrections`)."""
