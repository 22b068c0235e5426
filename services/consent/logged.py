"""A logged event as a question to the rules, and whose facts the answer rests on: the same for every surface."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hub.events import HUB, Event
from services.consent.items import Item, ItemsLike
from services.consent.scene import FamilyFacts


def item_of(facts: FamilyFacts, event: Event, items: ItemsLike) -> Item:
    """The event as the rules decide it.

    A derived one comes from the desk whose request it answers (RULES.md 4.23): the permits from a council to the
    desk referred to name status and waiting, which only the hub's own events carry.
    """
    source = event.envelope.source
    if source != HUB:
        return Item(event.id, source, items)
    reference = event.data.get("referral")
    referrals: Mapping[str, Mapping[str, str]] = facts.state.get("referrals", {})
    request = referrals.get(reference["value"], {}) if reference else {}
    return Item(event.id, request.get("referrer", HUB), items, derived=True)


def rests_on(facts: FamilyFacts, people: Iterable[str]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The persons whose guards an answer about these people rests on, and the raises of each that the log has seen."""
    raises: Mapping[str, int] = facts.state.get("raises", {})
    persons = tuple(sorted(concerned(facts, (each for each in people if each))))
    return persons, tuple(raises.get(person, 0) for person in persons)


def concerned(facts: FamilyFacts, persons: Iterable[str]) -> frozenset[str]:
    """Whose protective events may change what is released about these persons in this family.

    Themselves, every member (a desk that comes to supervise one adult opposes all others), the victims to whose harm
    one of them was exposed, and everybody paired with any of these: the victim with whom a child is shielded, and her
    P, may be in another family.
    """
    found: set[str] = {*persons, *facts.state.get("members", {})}
    found.update(*[facts.person(each).exposed for each in found])
    known = [facts.person(each) for each in found]
    return frozenset(found).union(*(each.victims for each in known), *(each.perpetrators for each in known))


def awaits(facts: FamilyFacts, persons: Iterable[str]) -> bool:
    """Whether the facts of one of these persons have not come yet."""
    return any(not facts.person(each).known for each in persons)
