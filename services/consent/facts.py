"""What an event says about persons: the registers it sets, and whose guards its acceptance raises.

`deltas` reads one event; `awaited` reads those whose effect waits for a second person. Neither looks at any
state. Facts of a service (`consent.service_agreed`, `service_ended`) set nothing here: they are another
record than the lawful basis to share (rule 4.14).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from services.consent.event import PlainEvent, ref
from services.consent.facts_consent import CONSENT_RULES, OBJECTION_ENDS, Cell, refuse_cells
from services.consent.facts_person import PERSON_RULES, each_other
from services.consent.facts_safety import SAFETY_RULES, override_key
from services.consent.registers import Register
from services.consent.setter import Deltas, Setter

_RULES: Final[dict[str, Callable[[Setter], None]]] = {**CONSENT_RULES, **SAFETY_RULES, **PERSON_RULES}

__all__ = ["FACT_KINDS", "Deltas", "approved", "awaited", "deltas", "protective", "refused", "restrained"]

FACT_KINDS: Final = frozenset(_RULES)
"""Every kind of event that may set a fact of a person."""


def deltas(event: PlainEvent) -> Deltas:
    """The registers that an event sets, by person. What a correction takes back: `services.consent.corrections`."""
    setter = Setter(event)
    rule = _RULES.get(event.kind)
    if rule is not None and not event.retracted:
        rule(setter)
    return setter.result


def refused(event: PlainEvent, lost: Iterable[Cell]) -> Deltas:
    """The cells that a correction takes back, as refusals of the event's person."""
    setter = Setter(event)
    rows = [dict(zip(("purpose", "category", "desk"), each, strict=True)) for each in sorted(lost)]
    refuse_cells(setter, event.person(), rows, "retracted")
    return setter.result


def awaited(event: PlainEvent) -> Deltas:
    """What an event sets once a second person approves: a pair or restriction ended, an override, that two are one."""
    setter = Setter(event)
    if event.retracted:
        return {}
    if event.kind == "safety.pair_ended":
        victim, perpetrator = event.person("victim"), event.person("perpetrator")
        if victim and perpetrator:
            setter.put(victim, f"pair|{perpetrator}|p", {"state": "ended"})
            setter.put(perpetrator, f"pair|{victim}|v", {"state": "ended"})
    elif event.kind == "safety.restriction_lifted":
        # The owner's alone, and of its desks the one that placed it: each desk gives its own ids.
        owner = event.source.partition("/")[0]
        key = f"restriction_lifted|{owner}|{event.word('restriction')}|{event.source}"
        setter.put(event.person(), key, {"at": event.recorded})
    elif event.kind == "hub.identity_linked" and event.word("degree") == "confirmed":
        each_other(setter, "same_confirmed")
    elif event.kind == "safety.override_invoked":
        asked = {
            "of": event.receipt,
            "restrictions": sorted(event.words("lifts_restrictions") or ()),
            "victims": sorted(event.people("lifts_victims")),
        }
        for person in event.people("people"):
            setter.put(person, f"override_seconded|{override_key(event)}", asked)
    return setter.result


def approved(awaited_registers: Deltas, approval: PlainEvent) -> Deltas:
    """Awaited registers as the approval puts them in force.

    A confirmation has the approval's stamp. What ends a pair or a restriction keeps that of its request: a record that
    was made after the request is not what was to be ended.
    """
    return {
        person: {
            key: Register(approval.accepted, approval.receipt, each.value)
            if key.startswith("override_seconded|")
            else each
            for key, each in registers.items()
        }
        for person, registers in awaited_registers.items()
    }


def protective(event: PlainEvent) -> frozenset[str]:
    """Whose guards the acceptance of an event raises (section 7): all whom a protective event concerns.

    A worker's conflict concerns a whole family, which an event does not list: its members' guards are the
    caller's.
    """
    return _everybody(event) if event.corrects or event.kind in _ROLE_STARTS else restrained(event)


def restrained(event: PlainEvent) -> frozenset[str]:
    """Of whom the event itself says what may keep something back from somebody: no role, which begins with its record.

    Nor that it corrects an earlier one.
    """
    if event.kind in _RESTRAINING:
        return _everybody(event)
    if event.kind == "consent.objection_decided":
        return frozenset() if event.word("outcome") in OBJECTION_ENDS else _everybody(event)
    if event.kind == "consent.changed":
        less = any(_may_be_less(row) for row in event.rows("cells"))
        return _everybody(event) if less else frozenset()
    if event.kind == "hub.identity_linked":
        return _everybody(event) if event.person("same_as") else frozenset()
    if event.kind in {"family.member_added", "family.member_changed"}:
        rows = [*event.rows("members"), event.data]
        stated = any(row.get("domestic_abuse_role") or row.get("against") for row in rows)
        return _everybody(event) if stated or event.data.get("state") == "left" else frozenset()
    return frozenset()


def _may_be_less(row: Mapping[str, object]) -> bool:
    """Whether a change may leave less of a cell than was given before: nothing, or from some time, or until then."""
    bounds = (row.get("valid_from"), row.get("valid_until"))
    return row.get("act") != "give" or any(each is not None for each in bounds)


_RESTRAINING: Final = frozenset(
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
        "hub.identity_unlinked",
        "hub.worker_conflict_recorded",
        "hub.erased",
    }
)


_ROLE_STARTS: Final = frozenset(
    {
        "person.registered",
        "person.probation_supervision_started",
        "referral.requested",
        "referral.allocated",
        "referral.reopened",
    }
)
"""A desk may oppose somebody from then on."""


def _everybody(event: PlainEvent) -> frozenset[str]:
    """Every person whom the body names as a subject: referrals, families and households are no persons."""
    found = {event.person(field) for field in _PERSON_FIELDS}
    for field in ("people", "discussed", "children", "exposed_children", "lifts_victims", "candidates"):
        found |= set(event.people(field))
    for field in ("people", "members", "moves", "children", "actions", "notes"):
        for row in event.rows(field):
            found |= {ref(row.get("person")), ref(row.get("against"))}
    return frozenset(each for each in found if each)


_PERSON_FIELDS: Final = ("person", "victim", "perpetrator", "from_person", "against", "belongs_to", "same_as")
