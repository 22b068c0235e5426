"""What pairs, incidents, restrictions, orders and overrides say of persons (section 2; rules 4.16, 4.17)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from services.consent.event import PlainEvent, day, instant, midnight, ref, word
from services.consent.registers import Value
from services.consent.setter import CHILD_PRESENT, PERPETRATOR, VICTIM, Setter
from services.consent.vocabulary import expand


def _pair(setter: Setter, victim: str | None, perpetrator: str | None) -> None:
    if victim is None or perpetrator is None or victim == perpetrator:
        return
    event = setter.event
    state: Value = {"state": "in_force", "owner": event.source}
    since: Value = {"since": event.recorded, "owner": event.source}
    # Not before the log knew of it: who ended an earlier record while this one waited did not mean this.
    setter.put(victim, f"pair|{perpetrator}|p", state, at=event.known)
    setter.put(perpetrator, f"pair|{victim}|v", state, at=event.known)
    setter.put(victim, f"pair_since|{perpetrator}|p", since, at=-event.recorded)


def _pair_recorded(setter: Setter) -> None:
    victim = setter.event.person("victim")
    _pair(setter, victim, setter.event.person("perpetrator"))
    _expose(setter, setter.event.people("exposed_children"), [victim])


def _expose(setter: Setter, children: Iterable[str], victims: Iterable[str | None]) -> None:
    for victim in victims:
        for child in children:
            if victim is not None:
                since: Value = {"since": setter.event.recorded}
                setter.put(child, f"exposed|{victim}", since, at=-setter.event.recorded)


def _incident(setter: Setter) -> None:
    by_role: dict[str, list[str]] = {}
    for row in setter.event.rows("people"):
        person, role = ref(row.get("person")), word(row.get("role"))
        if person and role:
            by_role.setdefault(role, []).append(person)
    for victim in by_role.get(VICTIM, []):
        for perpetrator in by_role.get(PERPETRATOR, []):
            _pair(setter, victim, perpetrator)
    _expose(setter, by_role.get(CHILD_PRESENT, []), by_role.get(VICTIM, []))


def _restriction(setter: Setter) -> None:
    event = setter.event
    scope: Value = {
        field: event.word(field) for field in ("from_agency", "from_desk", "from_worker", "owner")
    }
    scope |= {
        "from_person": event.person("from_person"),
        "categories": _sorted(event.words("categories")),
        "at": event.recorded,
        "review": None if (review := day(event.data.get("review_on"))) is None else midnight(review),
    }
    # Each record by itself: placed anew under the same id, the one before still ends by a lift alone (rule 4.17).
    key = f"restriction|{event.source}|{event.word('restriction')}|{event.receipt}"
    setter.put(event.person(), key, scope, at=event.known)
    _pair(setter, event.person(), event.person("from_person"))


def _order(setter: Setter) -> None:
    event = setter.event
    scope: Value = {
        "from_person": event.person("from_person"),
        "categories": _sorted(event.words("categories")),
        # A list with nobody on it is one: no list at all is what is left out.
        "allowed": None if (allowed := event.words("allowed")) is None else sorted(allowed),
        "at": event.recorded,
    }
    setter.put(event.person(), f"order|{event.word('order')}|{event.receipt}", scope, at=event.known)


def _order_discharged(setter: Setter) -> None:
    at: Value = {"at": setter.event.recorded}
    setter.put(setter.event.person(), f"order_discharged|{setter.event.word('order')}", at)


def _override(setter: Setter) -> None:
    event = setter.event
    categories = {found for each in event.words("categories") or () for found in expand(each)}
    scope: Value = {
        "from": event.recorded,
        "until": instant(event.data.get("until")),
        "ground": event.word("ground"),
        "reason": event.word("reason_code"),
        "enquiry": event.word("enquiry"),
        "categories": sorted(categories),
        "desks": sorted(event.words("desks") or ()),
        "restrictions": sorted(event.words("lifts_restrictions") or ()),
        "victims": sorted(event.people("lifts_victims")),
        "family": event.family,
    }
    for person in event.people("people"):
        # Each by itself: invoked anew under the same id, the one before still delivers what it names.
        setter.put(person, f"override|{override_key(event)}|{event.receipt}", scope)


def override_key(event: PlainEvent) -> str:
    """Which override an event means: each family's lead gives its own ids, and a person may be in several."""
    return f"{event.family}|{event.word('override')}"


def _override_ended(setter: Setter) -> None:
    event = setter.event
    for person in event.people("people"):
        setter.put(person, f"override_ended|{override_key(event)}", {"at": event.recorded})


def _members(setter: Setter) -> None:
    event = setter.event
    rows = list(event.rows("members")) if event.kind == "family.member_added" else [event.data]
    for row in rows:
        person = ref(row.get("person"))
        gone = row.get("state") == "left"
        if event.kind == "family.member_added" or row.get("state"):
            setter.put(person, f"family|{event.family}", {"member": not gone})
        role = word(row.get("domestic_abuse_role"))
        if role:
            setter.put(person, "side", {"role": role})
        if role == PERPETRATOR:
            _pair(setter, ref(row.get("against")), person)
        elif role == VICTIM:
            # Stated again, it does not begin anew: what was shielded stays so.
            setter.put(person, "side_since", {"since": event.recorded}, at=-event.recorded)
            _pair(setter, person, ref(row.get("against")))


def _household(setter: Setter) -> None:
    """Where somebody lives, as the household's id: who shares it with whom is asked in every family (rule 4.2)."""
    for row in setter.event.rows("moves"):
        setter.put(ref(row.get("person")), "household", {"household": ref(row.get("household"))})


def _sorted(words: tuple[str, ...] | None) -> list[str] | None:
    return sorted(words) if words else None


SAFETY_RULES: Final[dict[str, Callable[[Setter], None]]] = {
    "safety.pair_recorded": _pair_recorded,
    "safety.restriction_placed": _restriction,
    "safety.court_order_recorded": _order,
    "safety.court_order_discharged": _order_discharged,
    "safety.override_invoked": _override,
    "safety.override_ended": _override_ended,
    "outcome.incident_reported": _incident,
    "family.member_added": _members,
    "family.member_changed": _members,
    "family.household_changed": _household,
}
"""Kind of event → what it sets."""
