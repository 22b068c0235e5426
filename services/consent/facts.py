"""What an event says about persons: the registers it sets, and whose guards its acceptance raises.

`deltas` reads one event; `awaited` reads those whose effect waits for a second person. Neither looks at any
state. Facts of a service (`consent.service_agreed`, `service_ended`) set nothing here: they are another
record than the lawful basis to share (rule 4.14).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from services.consent.event import PlainEvent, instant, ref, word
from services.consent.registers import Register, Registers, Value, larger
from services.consent.vocabulary import expand

ANY: Final = "*"
Deltas = dict[str, Registers]
"""Person id → the registers that an event sets for them."""

VICTIM: Final = "victim"
PERPETRATOR: Final = "alleged_perpetrator"
CHILD_PRESENT: Final = "child_present"

_REFERRAL_ENDS: Final = frozenset(
    {"returned", "declined", "closed_before_support", "withdrawn", "support_ended"}
)
_DOMESTIC_ABUSE: Final = "domestic_abuse"


class _Setter:
    """Collects registers with the stamp of one event."""

    def __init__(self, event: PlainEvent) -> None:
        self.event = event
        self.result: Deltas = {}

    def put(self, person: str | None, key: str, value: Value, at: int | None = None) -> None:
        """Set a register of a person; twice the same key in one event keeps the larger."""
        if person is None:
            return
        register = Register(self.event.accepted if at is None else at, self.event.receipt, value)
        registers = self.result.setdefault(person, {})
        known = registers.get(key)
        registers[key] = register if known is None else larger(known, register)


def deltas(event: PlainEvent) -> Deltas:
    """The registers that an event sets, by person. A retraction undoes a consent, nothing else."""
    setter = _Setter(event)
    if event.retracted:
        if event.kind in {"consent.given", "consent.changed"}:
            _refuse_rows(setter, event.person(), event.rows("cells"), "retracted")
        return setter.result
    group, _, name = event.kind.partition(".")
    if group == "referral":
        _referral(setter, name)
    elif (rule := _RULES.get(event.kind)) is not None:
        rule(setter)
    return setter.result


def awaited(event: PlainEvent) -> Deltas:
    """What an event sets once a second person approves: a pair or restriction ended, an override."""
    setter = _Setter(event)
    if event.retracted:
        return {}
    if event.kind == "safety.pair_ended":
        victim, perpetrator = event.person("victim"), event.person("perpetrator")
        if victim and perpetrator:
            setter.put(victim, f"pair|{perpetrator}|p", {"state": "ended"})
            setter.put(perpetrator, f"pair|{victim}|v", {"state": "ended"})
    elif event.kind == "safety.restriction_lifted":
        setter.put(event.person(), f"restriction_lifted|{event.word('restriction')}", {"at": event.recorded})
    elif event.kind == "safety.override_invoked":
        for person in event.people("people"):
            setter.put(person, f"override_seconded|{event.word('override')}", {"at": event.recorded})
    return setter.result


def approved(awaited_registers: Deltas, approval: PlainEvent) -> Deltas:
    """Awaited registers with the stamp of the approval that puts them in force."""
    return {
        person: {
            key: Register(approval.accepted, approval.receipt, each.value) for key, each in registers.items()
        }
        for person, registers in awaited_registers.items()
    }


def protective(event: PlainEvent) -> frozenset[str]:
    """Whose guards the acceptance of an event raises (section 7): all whom a protective event concerns.

    A worker's conflict concerns a whole family, which an event does not list: its members' guards are the
    caller's.
    """
    if event.kind in _PROTECTIVE or event.corrects:
        return _everybody(event)
    if event.kind == "consent.changed":
        less = any(row.get("act") != "give" for row in event.rows("cells"))
        return _everybody(event) if less else frozenset()
    if event.kind in {"family.member_added", "family.member_changed"}:
        rows = [*event.rows("members"), event.data]
        stated = any(row.get("domestic_abuse_role") or row.get("against") for row in rows)
        return _everybody(event) if stated or event.data.get("state") == "left" else frozenset()
    return frozenset()


_PROTECTIVE: Final = frozenset(
    {
        "consent.refused",
        "consent.withdrawn",
        "consent.objection_raised",
        "safety.pair_recorded",
        "safety.restriction_placed",
        "safety.court_order_recorded",
        "safety.override_ended",
        "outcome.incident_reported",
        "person.adopted",
        "person.died",
        "person.registered",
        "person.probation_supervision_started",
        "referral.requested",
        "referral.allocated",
        "referral.reopened",
        "hub.identity_unlinked",
        "hub.worker_conflict_recorded",
        "hub.erased",
    }
)


def _everybody(event: PlainEvent) -> frozenset[str]:
    """Every person whom the body names as a subject: referrals, families and households are no persons."""
    found = {event.person(field) for field in _PERSON_FIELDS}
    for field in ("people", "discussed", "children", "exposed_children", "lifts_victims", "candidates"):
        found |= set(event.people(field))
    for field in ("people", "members", "moves", "children", "actions", "notes"):
        for row in event.rows(field):
            found |= {ref(row.get("person")), ref(row.get("against"))}
    return frozenset(each for each in found if each)


_PERSON_FIELDS: Final = ("person", "victim", "perpetrator", "from_person", "against", "belongs_to")


def _referral(setter: _Setter, name: str) -> None:
    event, person, cause = setter.event, setter.event.person(), setter.event.person("referral")
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


def _given(setter: _Setter) -> None:
    _give_rows(setter, setter.event.rows("cells"))


def _changed(setter: _Setter) -> None:
    rows = list(setter.event.rows("cells"))
    _give_rows(setter, (row for row in rows if row.get("act") == "give"))
    lost = (row for row in rows if row.get("act") != "give")
    _refuse_rows(setter, setter.event.person(), lost, "withdrawn")


def _refused(setter: _Setter) -> None:
    act = setter.event.kind.partition(".")[2]
    rows = list(setter.event.rows("cells"))
    _refuse_rows(setter, setter.event.person(), rows or [{}], act)


def _give_rows(setter: _Setter, rows: Iterable[Mapping[str, object]]) -> None:
    event = setter.event
    person = event.person()
    for row in rows:
        purpose, desk = word(row.get("purpose")), word(row.get("desk"))
        value: Value = {
            "from": max(instant(row.get("valid_from")) or event.recorded, event.recorded),
            "until": instant(row.get("valid_until")),
            "occurred": event.occurred,
            "earlier": row.get("earlier") is True,
            "as": event.word("given_as"),
            "by": event.person("given_by") if event.data.get("given_by") else person,
        }
        for category in expand(word(row.get("category")) or ""):
            if purpose and desk:
                setter.put(person, f"consent|{purpose}|{category}|{desk}", value)


def _refuse_rows(setter: _Setter, person: str | None, rows: Iterable[Mapping[str, object]], act: str) -> None:
    for row in rows:
        purpose, desk = word(row.get("purpose")) or ANY, word(row.get("desk")) or ANY
        for category in expand(word(row.get("category")) or "") or (ANY,):
            cell = f"{purpose}|{category}|{desk}"
            setter.put(person, f"refusal|{cell}", {"act": act})
            setter.put(person, f"refused|{cell}", {"act": act}, at=setter.event.occurred)


def _objection(setter: _Setter) -> None:
    event = setter.event
    categories = event.words("categories")
    scope: Value = {
        "purposes": _listed(event.words("purposes")),
        "categories": None
        if not categories
        else sorted({found for each in categories for found in expand(each) or (ANY,)}),
        "desks": _listed(event.words("desks")),
    }
    setter.put(event.person(), f"objection|{event.source}|{event.word('objection')}", scope)


def _listed(words: tuple[str, ...] | None) -> list[str] | None:
    return sorted(words) if words else None


def _objection_decided(setter: _Setter) -> None:
    event = setter.event
    setter.put(
        event.person(), f"objection_decided|{event.word('objection')}", {"outcome": event.word("outcome")}
    )


def _pair(setter: _Setter, victim: str | None, perpetrator: str | None) -> None:
    if victim is None or perpetrator is None or victim == perpetrator:
        return
    event = setter.event
    state: Value = {"state": "in_force", "owner": event.source}
    since: Value = {"since": event.recorded}
    setter.put(victim, f"pair|{perpetrator}|p", state)
    setter.put(perpetrator, f"pair|{victim}|v", state)
    setter.put(victim, f"pair_since|{perpetrator}|p", since, at=-event.recorded)


def _pair_recorded(setter: _Setter) -> None:
    victim = setter.event.person("victim")
    _pair(setter, victim, setter.event.person("perpetrator"))
    _expose(setter, setter.event.people("exposed_children"), [victim])


def _expose(setter: _Setter, children: Iterable[str], victims: Iterable[str | None]) -> None:
    for victim in victims:
        for child in children:
            if victim is not None:
                since: Value = {"since": setter.event.recorded}
                setter.put(child, f"exposed|{victim}", since, at=-setter.event.recorded)


def _incident(setter: _Setter) -> None:
    by_role: dict[str, list[str]] = {}
    for row in setter.event.rows("people"):
        person, role = ref(row.get("person")), word(row.get("role"))
        if person and role:
            by_role.setdefault(role, []).append(person)
    for victim in by_role.get(VICTIM, []):
        for perpetrator in by_role.get(PERPETRATOR, []):
            _pair(setter, victim, perpetrator)
    _expose(setter, by_role.get(CHILD_PRESENT, []), by_role.get(VICTIM, []))


def _restriction(setter: _Setter) -> None:
    event = setter.event
    scope: Value = {
        field: event.word(field) for field in ("from_agency", "from_desk", "from_worker", "owner")
    }
    scope |= {
        "from_person": event.person("from_person"),
        "categories": _listed(event.words("categories")),
        "at": event.recorded,
    }
    setter.put(event.person(), f"restriction|{event.source}|{event.word('restriction')}", scope)
    _pair(setter, event.person(), event.person("from_person"))


def _order(setter: _Setter) -> None:
    event = setter.event
    scope: Value = {
        "from_person": event.person("from_person"),
        "categories": _listed(event.words("categories")),
        "allowed": _listed(event.words("allowed")),
        "at": event.recorded,
    }
    setter.put(event.person(), f"order|{event.word('order')}", scope)


def _order_discharged(setter: _Setter) -> None:
    at: Value = {"at": setter.event.recorded}
    setter.put(setter.event.person(), f"order_discharged|{setter.event.word('order')}", at)


def _override(setter: _Setter) -> None:
    event = setter.event
    categories = {found for each in event.words("categories") or () for found in expand(each)}
    scope: Value = {
        "from": event.recorded,
        "until": instant(event.data.get("until")),
        "ground": event.word("ground"),
        "enquiry": event.word("enquiry"),
        "categories": sorted(categories),
        "desks": sorted(event.words("desks") or ()),
        "restrictions": sorted(event.words("lifts_restrictions") or ()),
        "victims": sorted(event.people("lifts_victims")),
        "family": event.family,
    }
    for person in event.people("people"):
        setter.put(person, f"override|{event.word('override')}", scope)


def _override_ended(setter: _Setter) -> None:
    event = setter.event
    for person in event.people("people"):
        setter.put(person, f"override_ended|{event.word('override')}", {"at": event.recorded})


def _members(setter: _Setter) -> None:
    event = setter.event
    rows = list(event.rows("members")) if event.kind == "family.member_added" else [event.data]
    for row in rows:
        person = ref(row.get("person"))
        gone = row.get("state") == "left"
        if event.kind == "family.member_added" or row.get("state"):
            setter.put(person, f"family|{event.family}", {"member": not gone})
        role = word(row.get("domestic_abuse_role"))
        if role:
            setter.put(person, "side", {"role": role, "since": event.recorded})
        if role == PERPETRATOR:
            _pair(setter, ref(row.get("against")), person)


def _adopted(setter: _Setter) -> None:
    event = setter.event
    setter.put(event.person(), f"adopted|{event.family}", {"at": event.recorded})
    setter.put(event.person(), f"family|{event.family}", {"member": False})


def _capacity(setter: _Setter) -> None:
    event = setter.event
    has = event.data.get("has_capacity")
    if event.word("matter") != "service" and isinstance(has, bool):
        setter.put(event.person(), f"capacity|{event.receipt}", {"has": has, "at": event.recorded})


def _competence(setter: _Setter) -> None:
    event = setter.event
    competent = event.data.get("competent")
    if event.word("matter") != "service" and isinstance(competent, bool):
        value: Value = {"competent": competent, "at": event.recorded}
        setter.put(event.person(), f"competence|{event.receipt}", value)


def _told(setter: _Setter) -> None:
    event = setter.event
    told = event.data.get("told") is True or event.word("reason_not_told") is not None
    setter.put(event.person(), "told", {"told": told, "at": event.recorded})


def _died(setter: _Setter) -> None:
    setter.put(setter.event.person(), "died", {"at": setter.event.recorded})


def _registered(setter: _Setter) -> None:
    event = setter.event
    desk = event.word("desk") or event.source
    agency = event.source.partition("/")[0]
    setter.put(event.person(), f"role|universal|{desk}|{agency}", {"from": event.recorded})


def _supervised(setter: _Setter) -> None:
    event = setter.event
    desk = event.word("desk") or event.source
    setter.put(event.person(), f"role|supervising|{desk}|supervision", {"from": event.recorded})


def _role_ended(role: str) -> Callable[[_Setter], None]:
    def rule(setter: _Setter) -> None:
        event = setter.event
        desk = event.word("desk") or event.source
        end: Value = {"at": event.recorded, "event": event.id}
        setter.put(event.person(), f"role_ended|{role}|{desk}", end)

    return rule


def _linked(setter: _Setter) -> None:
    degree = "probable" if setter.event.word("degree") == "probable" else "confirmed"
    for person in {setter.event.person(), *setter.event.people("candidates")}:
        setter.put(person, "identity", {"degree": degree})


def _unlinked(setter: _Setter) -> None:
    setter.put(setter.event.person(), "identity", {"degree": "confirmed"})


def _representative(setter: _Setter) -> None:
    event = setter.event
    representative = event.person("representative")
    value: Value = {
        "kind": event.word("kind"),
        "ended": event.data.get("ended") is True,
        "at": event.recorded,
    }
    setter.put(event.person(), f"representative|{representative}", value)


def _responsibility(setter: _Setter) -> None:
    event = setter.event
    holder = event.person("holder") or ("council" if event.data.get("held_by_council") is True else None)
    if holder:
        value: Value = {"basis": event.word("basis"), "at": event.recorded}
        setter.put(event.person(), f"responsible|{holder}", value)


_RULES: Final[dict[str, Callable[[_Setter], None]]] = {
    "consent.given": _given,
    "consent.changed": _changed,
    "consent.refused": _refused,
    "consent.withdrawn": _refused,
    "consent.objection_raised": _objection,
    "consent.objection_decided": _objection_decided,
    "safety.pair_recorded": _pair_recorded,
    "safety.restriction_placed": _restriction,
    "safety.court_order_recorded": _order,
    "safety.court_order_discharged": _order_discharged,
    "safety.override_invoked": _override,
    "safety.override_ended": _override_ended,
    "outcome.incident_reported": _incident,
    "family.member_added": _members,
    "family.member_changed": _members,
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

FACT_KINDS: Final = frozenset(_RULES) | {
    f"referral.{name}" for name in _REFERRAL_ENDS | {"requested", "allocated", "support_started", "reopened"}
}
"""Every kind of event that may set a fact of a person."""
