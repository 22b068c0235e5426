"""I05: what shields a victim changes nothing that the other side can see, not one byte (RULES.md section 6)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from services.consent.explain import Words, explain, explain_in_full
from tests.unit.consent.cast import (
    CHESIL,
    MINUTES,
    PARAGON,
    POLICE,
    PROBATION,
    REACH,
    S2W,
    Family,
    K,
    P,
    Seen,
    V,
    ref,
    text,
    the_cast,
)

SUPPORT = {"referral": ref("referral-paragon"), "person": ref(V)}
CELL = {"purpose": "support", "category": "outcome.score", "desk": CHESIL}

SECRETS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "safety plan": (
        "referral.goal_reviewed",
        PARAGON,
        {**SUPPORT, "dv_safety_plan": text("New locks.", V, K)},
    ),
    "refuge": (
        "family.household_changed",
        CHESIL,
        {
            "moves": [
                {"person": ref(each), "household": ref("refuge"), "postcode": "DT4 8ZZ"} for each in (V, K)
            ]
        },
    ),
    "score": ("outcome.measure_recorded", S2W, {"person": ref(V), "instrument": "phq9", "score": 14}),
    "appointment": (
        "referral.appointment_recorded",
        PARAGON,
        {**SUPPORT, "venue": "Hall", "mode": "in_person"},
    ),
    "consent": ("consent.given", CHESIL, {"person": ref(V), "cells": [CELL], "given_by": ref(V)}),
    "withdrawal": ("consent.withdrawn", CHESIL, {"person": ref(V)}),
    "objection": ("consent.objection_raised", CHESIL, {"person": ref(V), "objection": "O-1"}),
    "referral": (
        "referral.requested",
        CHESIL,
        {"referral": ref("secret"), "person": ref(V), "to": REACH, "specialism": "substance_use"},
    ),
    "worker": ("referral.allocated", PARAGON, {**SUPPORT, "worker_name": "W. Hart"}),
    "crisis": ("outcome.crisis_contact", S2W, {"person": ref(V), "kind": "crisis_line"}),
    "stage": ("practice.stage_of_change_assessed", MINUTES, {"person": ref(V), "stage": "action"}),
}


def told(family: Family) -> list[tuple[str, Seen]]:
    """What happens afterwards, in which the other side has its part."""
    people = [
        {"person": ref(P), "role": "alleged_perpetrator", "kind": "assault"},
        {"person": ref(V), "role": "victim", "kind": "assault", "account": text("Rang.", V)},
    ]
    later: list[tuple[str, str, dict[str, Any]]] = [
        ("practice.risk_rated", MINUTES, {"person": ref(K), "rating": "red", "reason": text("Fear.", V)}),
        ("outcome.incident_reported", POLICE, {"incident": "I", "people": people}),
        ("practice.supervision_held", MINUTES, {"discussed": [ref(K), ref(P)], "attended": [PARAGON]}),
        ("child.status_changed", CHESIL, {"person": ref(K), "status": "cp"}),
        ("person.told_recorded", CHESIL, {"person": ref(P), "told": True}),
        ("family.closed", CHESIL, {"reason": "stepped_down"}),
    ]
    return [(kind, family.publish(kind, source, **data)) for kind, source, data in later]


def seen_by(desk: str, events: list[tuple[str, Seen]]) -> list[bytes]:
    """A desk's deliveries, byte for byte."""
    bodies = [(kind, seen.body(desk), seen.verdict(desk).held) for kind, seen in events]
    return [orjson.dumps(each) for each in bodies if each[1] is not None or each[2]]


@pytest.mark.parametrize("secret", sorted(SECRETS))
def test_other_side_sees_the_very_same_when_the_victim_has_a_secret(secret: str) -> None:
    kind, source, data = SECRETS[secret]
    with_it, without = the_cast(), the_cast()
    seen = with_it.publish(kind, source, **data)
    without.now = with_it.now

    assert seen.body(PROBATION) is None
    assert not seen.verdict(PROBATION).held
    after = seen_by(PROBATION, told(with_it))
    assert after == seen_by(PROBATION, told(without))
    assert len(after) >= 3
    assert explain(seen.decision, PROBATION, Words({})) == []


def test_reviewer_reads_every_reason_when_they_ask_in_full() -> None:
    family = the_cast()
    plan = {"dv_safety_plan": text("New locks.", V)}
    seen = family.publish("referral.goal_reviewed", PARAGON, **SUPPORT, **plan)
    names = Words({V: "V"}, {CHESIL: "Chesil", PROBATION: "Probation"})

    assert explain_in_full(seen.decision, PROBATION, names) == [
        "Probation: nothing.",
        "support.existence, support.dv_safety_plan of V: forbidden (F01)",
    ]
    withheld = "Withheld: V has not consented to paragon sharing the safety plan with Chesil (P06)."
    assert explain_in_full(seen.decision, CHESIL, names) == [
        "Chesil: to be delivered.",
        "support.existence of V: shared (P02)",
        f"support.dv_safety_plan of V: {withheld}",
    ]
    nothing = "reach/sft got nothing: it has no role in this family, and no clause names it."
    assert explain_in_full(seen.decision, REACH, names) == [nothing]


def test_record_holds_outcome_reasons_clauses_rules_and_facts() -> None:
    family = the_cast()
    seen = family.publish("outcome.measure_recorded", S2W, person=ref(V), instrument="phq9", score=14)
    record = seen.decision.record()

    assert orjson.loads(orjson.dumps(record)) == record
    assert len(record["rules"]) == 64
    chesil = record["desks"][CHESIL]
    assert chesil["result"] == "delivered"
    assert chesil["clauses"] == ["P02"]
    assert ["outcome.score", V, "existence", "P04", "consent:none", None] in chesil["cells"]
    assert record["facts"]["desks"][PROBATION]["opposes"] == {V: True}
    assert record["facts"]["desks"][PARAGON]["persons"][V] == ["supporting", "supporting_victim"]
    assert b"phq9" not in orjson.dumps(record)
