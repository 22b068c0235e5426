"""What events say of persons, and whose guards they raise."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.consent.event import PlainEvent
from services.consent.facts import FACT_KINDS, deltas, protective
from tests.unit.consent.cast import (
    CATALOGUE,
    CHESIL,
    PARAGON,
    POLICE,
    PROBATION,
    REACH,
    ROOT,
    Family,
    K,
    P,
    V,
    ref,
)

CELL = {"purpose": "support", "category": "outcome.score", "desk": CHESIL}


def event(kind: str, source: str = CHESIL, **data: Any) -> PlainEvent:
    return Family().event(kind, source, **data)


@pytest.mark.parametrize(
    ("kind", "data", "raised"),
    [
        ("consent.withdrawn", {"person": ref(V)}, {V}),
        ("consent.refused", {"person": ref(V)}, {V}),
        ("consent.given", {"person": ref(V), "cells": [CELL]}, set()),
        ("consent.changed", {"person": ref(V), "cells": [{**CELL, "act": "give"}]}, set()),
        ("consent.changed", {"person": ref(V), "cells": [{**CELL, "act": "withdraw"}]}, {V}),
        ("consent.objection_raised", {"person": ref(V), "objection": "O-1"}, {V}),
        (
            "consent.objection_decided",
            {"person": ref(V), "objection": "O-1", "outcome": "upheld"},
            {V},
        ),
        (
            "consent.objection_decided",
            {"person": ref(V), "objection": "O-1", "outcome": "overruled"},
            set(),
        ),
        (
            "safety.pair_recorded",
            {"victim": ref(V), "perpetrator": ref(P), "exposed_children": [ref(K)]},
            {V, P, K},
        ),
        (
            "safety.restriction_placed",
            {"person": ref(V), "restriction": "R-1", "from_person": ref(P)},
            {V, P},
        ),
        ("referral.requested", {"person": ref(V), "referral": ref("r"), "to": REACH, "specialism": "x"}, {V}),
        ("referral.accepted", {"person": ref(V), "referral": ref("r")}, set()),
        ("person.probation_supervision_started", {"person": ref(P)}, {P}),
        ("person.died", {"person": ref(P)}, {P}),
        ("person.told_recorded", {"person": ref(P), "told": True}, set()),
        ("person.told_recorded", {"person": ref(P), "told": True, "corrects": "c-1"}, {P}),
        ("family.member_added", {"members": [{"person": ref(K), "kind": "child"}]}, set()),
        (
            "family.member_changed",
            {"person": ref(P), "domestic_abuse_role": "alleged_perpetrator", "against": ref(V)},
            {P, V},
        ),
    ],
)
def test_guards_are_raised_when_an_event_protects(kind: str, data: dict[str, Any], raised: set[str]) -> None:
    assert protective(event(kind, **data)) == raised


def test_incident_pairs_everybody_and_exposes_the_children() -> None:
    rows = [(V, "victim"), (P, "alleged_perpetrator"), (K, "child_present")]
    people = [{"person": ref(person), "role": role} for person, role in rows]
    found = deltas(event("outcome.incident_reported", POLICE, incident="I", people=people))
    assert set(found[V]) == {f"pair|{P}|p", f"pair_since|{P}|p"}
    assert set(found[P]) == {f"pair|{V}|v"}
    assert set(found[K]) == {f"exposed|{V}"}


def test_person_is_told_when_a_reason_stands_for_not_telling() -> None:
    def told(**data: Any) -> object:
        return deltas(event("person.told_recorded", person=ref(V), **data))[V]["told"].value["told"]

    assert told(told=True) is True
    assert told(told=False) is False
    assert told(told=False, reason_not_told="unsafe_to_tell") is True


def test_nothing_is_set_when_an_event_is_retracted() -> None:
    retracted: dict[str, Any] = {"corrects": "c-1", "retracted": True}
    assert deltas(event("consent.withdrawn", person=ref(V), **retracted)) == {}


def test_later_record_moves_no_earlier_beginning() -> None:
    family = Family()
    pair = {"victim": ref(V), "perpetrator": ref(P)}
    first = family.tell("safety.pair_recorded", PARAGON, **pair)
    family.tell("safety.pair_recorded", PARAGON, **pair)
    since = family.state["persons"][V][f"pair_since|{P}|p"]
    assert since[2] == {"since": first.recorded, "owner": PARAGON}


def test_service_facts_touch_no_consent() -> None:
    for kind in ("consent.service_agreed", "consent.service_ended"):
        assert deltas(event(kind, PARAGON, person=ref(V), desk=PARAGON)) == {}


def test_every_kind_that_sets_a_role_consent_or_forbid_is_read() -> None:
    """Compared with the schemas' own claims, so that neither can forget the other."""
    of_families = {"open", "statutory", "s47", "addressed", "holder"}
    unread = set()
    for path in sorted((ROOT / "schemas").glob("*.avsc")):
        kind = path.name.rsplit(".v", 1)[0]
        claims = {each.partition(":")[2] for each in json.loads(path.read_text()).get("sets", [])}
        conditions = claims & {
            "consent",
            "no_objection",
            "told",
            "pair",
            "referrer",
            "referred_to",
            "universal",
        }
        if conditions - of_families and kind not in FACT_KINDS and not kind.startswith("hub."):
            unread.add(kind)
    # A pair ends with a second person (`awaited`).
    assert unread == {"safety.pair_ended"}


def test_every_example_is_read_without_a_word_lost_to_an_error() -> None:
    for type_ in CATALOGUE:
        kind = type_.type.removeprefix("wraparound.").removesuffix(".v1")
        example = json.loads((ROOT / "schemas" / "examples" / f"{kind}.v1.json").read_text())
        datum = type_.from_json(example)
        told = PlainEvent("e", kind, PROBATION, "f", 5, 5, "r", datum)
        assert isinstance(deltas(told), dict)
        assert isinstance(protective(told), frozenset)
