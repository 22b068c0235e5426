"""A logged event as the rules read it, as a question to them, and whose facts the answer rests on, for each surface."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from hub.clock import Micros
from hub.events import HUB, Event
from services.consent.event import PlainEvent, kind_of
from services.consent.family_facts import FamilyFacts
from services.consent.items import Item, ItemsLike


def item_of(facts: FamilyFacts, event: Event, items: ItemsLike) -> Item:
    """The event as the rules decide it.

    A derived one comes from the desk whose request it answers (RULES.md 4.23): the permits from a council to the
    desk referred to name status and waiting, which only the hub's own events carry.
    """
    source = event.envelope.source
    if source != HUB:
        linked = event.data.get("linked_family")
        parted = ""
        if linked is not None and are_parted(facts, event.envelope.key, linked["value"]):
            parted = "adopted_child"
        elif event.data.get("same_as") is not None:
            # That two are one is read in what follows from it: the word itself would tell of another family.
            parted = "unconfirmed"
        return Item(event.id, source, items, parted=parted)
    reference = event.data.get("referral")
    referrals: Mapping[str, Mapping[str, str]] = facts.state.get("referrals", {})
    request = referrals.get(reference["value"], {}) if reference else {}
    return Item(event.id, request.get("referrer", HUB), items, derived=True)


def are_parted(facts: FamilyFacts, family: str, other: str) -> bool:
    """Whether somebody left one of two families by adoption and is in the other: they are never linked (rule 4.18).

    Who publishes such a link need not know it, so it is not refused (rule 4.20): it is there for nobody.
    """
    known = [
        {key for one in (each, *facts.one_with(each)) for key in facts.own_person(one).registers}
        for each in facts.persons
    ]
    pairs = ((family, other), (other, family))
    return any(f"adopted|{left}" in each and _is_in(each, now) for each in known for left, now in pairs)


def _is_in(registers: AbstractSet[str], family: str) -> bool:
    """Whether they are, or ever were, of that family; what cannot be read counts."""
    return f"family|{family}" in registers


def rests_on(facts: FamilyFacts, people: Iterable[str]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The persons whose guards an answer about these people rests on, and the raises of each that the log has seen."""
    raises: Mapping[str, int] = facts.state.get("raises", {})
    persons = tuple(sorted(concerned(facts, (each for each in people if each))))
    return persons, tuple(raises.get(person, 0) for person in persons)


def concerned(facts: FamilyFacts, persons: Iterable[str]) -> frozenset[str]:
    """Whose protective events may change what is released about these persons in this family.

    Themselves, every member (a desk that comes to supervise one adult opposes all others), the victims to whose harm
    one of them was exposed, and everybody paired with any of these: the victim with whom a child is shielded, and her
    P, may be in another family. And whoever is, or may be, one with any of them.
    """
    found: set[str] = {*persons, *facts.state.get("members", {})}
    found.update(*[facts.person(each).exposed for each in found])
    found.update(*[facts.one_with(each) for each in found])
    known = [facts.person(each) for each in found]
    found.update(*(each.victims for each in known), *(each.perpetrators for each in known))
    return frozenset(found).union(*[facts.one_with(each) for each in found])


def awaits(facts: FamilyFacts, persons: Iterable[str]) -> bool:
    """Whether the facts of one of these persons have not come yet."""
    return any(not facts.person(each).known for each in persons)


def comes_back(event: Event, persons: Iterable[str]) -> bool:
    """Whether an answer that rests on these persons waits for the event's own raise of a guard.

    It was counted at acceptance; this log has seen it when the person's facts come here the next time.
    """
    return not set(event.envelope.raises).isdisjoint(persons)


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
        entered=head.recorded_at,
    )
