"""What else is known of a person: roles held for them, what they were told, who may decide for them, that they died."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hub.events import HUB
from services.consent.event import PlainEvent, day, midnight, word
from services.consent.registers import Value
from services.consent.setter import Setter

_REFERRAL_ENDS: Final = frozenset(
    {"returned", "declined", "closed_before_support", "withdrawn", "support_ended"}
)


ANOTHER: Final = "confirmed_as_another"
"""Why a stand-in ends: a person has said whose the id is."""
_DOMESTIC_ABUSE: Final = "domestic_abuse"


def _referral(setter: Setter) -> None:
    event, person, cause = setter.event, setter.event.person(), setter.event.person("referral")
    name = event.kind.removeprefix("referral.")
    if person is None or cause is None or event.corrects:
        return
    start = {"from": event.recorded}
    if name == "requested":
        desk = event.word("to")
        setter.put(person, f"role|referrer|{event.source}|{cause}", start)
        setter.put(person, f"role|referred_to|{desk}|{cause}", start)
        stated = any((word(row.get("need")) or "").startswith(_DOMESTIC_ABUSE) for row in event.rows("needs"))
        need = {"to": desk, "victim": stated, "since": event.recorded}
        setter.put(person, f"need|{cause}", need)
    elif name == "allocated":
        setter.put(person, f"role|supporting|{event.source}|{cause}", start)
    elif name == "support_started":
        setter.put(person, f"support_started|{cause}", {"at": event.recorded, "event": event.id})
    elif name == "reopened":
        setter.put(person, f"referral_reopened|{cause}", {"at": event.recorded})
    elif name in _REFERRAL_ENDS:
        end = {"at": event.recorded, "event": event.id, "how": name}
        setter.put(person, f"referral_ended|{cause}", end)
        if name == "support_ended":
            # By itself: reopened and ended otherwise, it still had its support, and its desk still counts for sides.
            setter.put(person, f"support_ended|{cause}", end)


def _adopted(setter: Setter) -> None:
    event = setter.event
    setter.put(event.person(), f"adopted|{event.family}", {"at": event.recorded})
    setter.put(event.person(), f"family|{event.family}", {"member": False})


def _capacity(setter: Setter) -> None:
    event = setter.event
    has = event.data.get("has_capacity")
    if event.word("matter") != "service" and isinstance(has, bool):
        setter.put(event.person(), f"capacity|{event.receipt}", {"has": has, "at": event.recorded})


def _competence(setter: Setter) -> None:
    event = setter.event
    competent = event.data.get("competent")
    if event.word("matter") != "service" and isinstance(competent, bool):
        value: Value = {"competent": competent, "at": event.recorded}
        setter.put(event.person(), f"competence|{event.receipt}", value)


def _told(setter: Setter) -> None:
    event = setter.event
    told = event.data.get("told") is True or event.word("reason_not_told") is not None
    setter.put(event.person(), "told", {"told": told, "at": event.recorded})


def _died(setter: Setter) -> None:
    setter.put(setter.event.person(), "died", {"at": setter.event.recorded})


def _registered(setter: Setter) -> None:
    event = setter.event
    desk = event.word("desk") or event.source
    agency = event.source.partition("/")[0]
    setter.put(event.person(), f"role|universal|{desk}|{agency}", {"from": event.recorded})


def _supervised(setter: Setter) -> None:
    event = setter.event
    desk = event.word("desk") or event.source
    setter.put(event.person(), f"role|supervising|{desk}|supervision", {"from": event.recorded})


def _role_ended(role: str) -> Callable[[Setter], None]:
    def rule(setter: Setter) -> None:
        event = setter.event
        desk = event.word("desk") or event.source
        end: Value = {"at": event.recorded, "event": event.id}
        setter.put(event.person(), f"role_ended|{role}|{desk}", end)

    return rule


def _linked(setter: Setter) -> None:
    """How sure it is who somebody is; or that two are one, which as long as one desk says so may be (RULES 4.12)."""
    degree = "confirmed" if setter.event.word("degree") == "confirmed" else "probable"
    if setter.event.person("same_as") is not None:
        each_other(setter, "same", {"degree": degree})
        return
    for person in {setter.event.person(), *setter.event.people("candidates")}:
        setter.put(person, "identity", {"degree": degree})


def _unlinked(setter: Setter) -> None:
    """A hold ends; a stand-in of the hub's, once it is known that another is meant, is nobody for good."""
    event = setter.event
    if event.person("same_as") is not None:
        each_other(setter, "same_ended")
        return
    nobody = event.source == HUB and event.word("reason") == ANOTHER
    setter.put(event.person(), "identity", {"degree": "nobody" if nobody else "confirmed"})


def each_other(setter: Setter, word: str, value: Value | None = None) -> None:
    """Says of two people what an event says of their being one."""
    one, other = setter.event.person(), setter.event.person("same_as")
    if one and other and one != other:
        setter.put(one, f"{word}|{other}", value or {})
        setter.put(other, f"{word}|{one}", value or {})


def _representative(setter: Setter) -> None:
    event = setter.event
    representative = event.person("representative")
    value: Value = {
        "kind": event.word("kind"),
        "ended": event.data.get("ended") is True,
        **_period(event),
    }
    setter.put(event.person(), f"representative|{representative}", value)


def _responsibility(setter: Setter) -> None:
    event = setter.event
    holder = event.person("holder") or ("council" if event.data.get("held_by_council") is True else None)
    if holder:
        value: Value = {"basis": event.word("basis"), **_period(event)}
        setter.put(event.person(), f"responsible|{holder}", value)


def _period(event: PlainEvent) -> Value:
    """From which day until before which day; without one, from when it was recorded, or without end."""
    start, end = day(event.data.get("from_date")), day(event.data.get("until_date"))
    return {
        "at": event.recorded,
        "from": event.recorded if start is None else midnight(start),
        "until": None if end is None else midnight(end),
    }


REFERRAL_KINDS: Final = frozenset(
    f"referral.{name}" for name in _REFERRAL_ENDS | {"requested", "allocated", "support_started", "reopened"}
)
"""The steps of a referral that start or end a role."""

PERSON_RULES: Final[dict[str, Callable[[Setter], None]]] = {
    **dict.fromkeys(sorted(REFERRAL_KINDS), _referral),
    "person.adopted": _adopted,
    "person.capacity_assessed": _capacity,
    "person.competence_assessed": _competence,
    "person.told_recorded": _told,
    "person.died": _died,
    "person.registered": _registered,
    "person.deregistered": _role_ended("universal"),
    "person.probation_supervision_started": _supervised,
    "person.probation_supervision_ended": _role_ended("supervising"),
    "person.representative_recorded": _representative,
    "person.parental_responsibility_recorded": _responsibility,
    "hub.identity_linked": _linked,
    "hub.identity_unlinked": _unlinked,
}
"""Kind of event → what it sets."""
