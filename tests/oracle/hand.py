"""The worlds and events of the table: each block's title and each row's name, told as events."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from services.consent.event import PlainEvent
from services.consent.family import Stepped
from tests.oracle.world import SECOND, Said
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
    V,
    ref,
    text,
    the_cast,
)

WEST, SCHOOL = "council/west", "school/st-brannocks"
DESKS: Final = {
    "chesil": CHESIL,
    "s2w": S2W,
    "paragon": PARAGON,
    "probation": PROBATION,
    "police": POLICE,
    "minutes": MINUTES,
    "school": SCHOOL,
}
PEOPLE: Final = {"V": V, "P": P, "K": K}
SOURCES: Final = {"s2w": S2W, "paragon": PARAGON, "perp": PROBATION}


class Log(Family):
    """A family that keeps what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Said] = []
        self.suspended = frozenset()
        self.probable: frozenset[str] = frozenset()

    def apply(self, event: PlainEvent) -> Stepped:
        """Apply one event, and keep it."""
        self.told.append(said(event))
        return super().apply(event)


def said(event: PlainEvent) -> Said:
    """An event as the oracle reads it."""
    return Said(event.id, event.kind, event.source, event.recorded, event.receipt, event.data)


def cast() -> Log:
    """The cast of section 8; K is registered with a school, and P is known to it too."""
    log = Log()
    the_cast(log)
    registered = {"person": ref(K), "desk": SCHOOL, "kind": "school"}
    log.tell("person.registered", CHESIL, **registered)
    return log


def _consent(log: Log, purpose: str, category: str, desk: str) -> dict[str, Any]:
    cells = [{"purpose": purpose, "category": category, "desk": desk}]
    log.tell("consent.given", CHESIL, person=ref(V), cells=cells, given_by=ref(V), given_as="self")
    return {"person": ref(V), "cells": cells}


def _withdrawn(log: Log) -> None:
    log.tell("consent.withdrawn", CHESIL, **_consent(log, "support", "outcome.score", CHESIL))


def _object(log: Log, *, decided: str | None = None) -> None:
    about = {"person": ref(V), "objection": "J-1"}
    log.tell("consent.objection_raised", CHESIL, **about, categories=["support.summary"])
    if decided:
        why = {"reason": "compelling_grounds", "told_on": "2023-09-05"}
        log.tell("consent.objection_decided", "council/ig", **about, outcome=decided, **why)


def _planned(log: Log) -> None:
    log.tell("child.status_changed", CHESIL, person=ref(K), status="cp")


def _restrict(log: Log, **given: Any) -> None:
    log.tell("safety.restriction_placed", PARAGON, person=ref(V), restriction="R-1", **given)


def _order(log: Log, allowed: str) -> None:
    named = {"categories": ["child.proceedings"], "allowed": [allowed]}
    log.tell("safety.court_order_recorded", CHESIL, person=ref(K), order="O-1", **named)


def _override(log: Log, *desks: str, second: str | None = None, **lifts: Any) -> None:
    log.tell("child.section_47_started", CHESIL, children=[ref(K)], enquiry="S47-1")
    until = datetime.fromtimestamp(log.now / SECOND + 36_000, UTC).isoformat()
    given = {"people": [ref(V)], "override": "OV-1", "ground": "s47", "enquiry": "S47-1", "until": until}
    named = {"categories": ["support.dv_safety_plan"], "desks": list(desks), "reason_code": "danger"}
    event = log.tell("safety.override_invoked", CHESIL, **given, **named, **lifts)
    if second:
        log.tell("hub.approval_given", second, task="T-1", request=event.id, decision="approved")


def _pair_ended(log: Log) -> None:
    event = log.tell("safety.pair_ended", PARAGON, victim=ref(V), perpetrator=ref(P), reason="mistaken")
    log.tell("hub.approval_given", "paragon/behaviour", task="T-1", request=event.id, decision="approved")


def _set(name: str, who: str) -> Callable[[Log], None]:
    return lambda log: setattr(log, name, frozenset({who}))


def _both(log: Log) -> None:
    _object(log)
    _planned(log)


BOTH: Final = (CHESIL, PROBATION)
WORLDS: Final[dict[str, Callable[[Log], object]]] = {
    "the cast": lambda _: None,
    "K is CP": _planned,
    "V objects to her summary": _object,
    "V objects, and K is CP": _both,
    "V objects, and was overruled": lambda log: _object(log, decided="overruled"),
    "V consents to her score for Chesil": lambda log: _consent(log, "support", "outcome.score", CHESIL),
    "V consents and withdraws": _withdrawn,
    "V consents to her plan for Chesil": lambda log: _consent(
        log, "safeguard", "support.dv_safety_plan", CHESIL
    ),
    "V consents to whereabouts for s2w": lambda log: _consent(
        log, "safeguard", "contact.whereabouts_protected", S2W
    ),
    "V is restricted from s2w": lambda log: _restrict(log, from_desk=S2W),
    "V's summary is restricted from the council": lambda log: _restrict(
        log, from_agency="council", categories=["support.summary"]
    ),
    "the court lists Chesil for K's proceedings": lambda log: _order(log, CHESIL),
    "the court lists s2w alone for K's proceedings": lambda log: _order(log, S2W),
    "the family is closed": lambda log: log.tell("family.closed", CHESIL),
    "s2w is suspended": _set("suspended", "s2w"),
    "nobody is sure who V is": _set("probable", V),
    "an override for the enquiry names V, her plan and Chesil": lambda log: _override(log, CHESIL),
    "an override that names probation too, confirmed by Paragon": lambda log: _override(
        log, *BOTH, second=PARAGON, lifts_victims=[ref(V)]
    ),
    "an override that names probation too, confirmed by the council alone": lambda log: _override(
        log, *BOTH, second="council/west", lifts_victims=[ref(V)]
    ),
    "the pair has ended": _pair_ended,
    "K is adopted": lambda log: log.tell("person.adopted", CHESIL, person=ref(K)),
}


def event(log: Log, row: str) -> PlainEvent:
    """Tell the event of a row."""
    name, *rest = row.split()
    if name in _OF_ONE:
        return _OF_ONE[name](log, PEOPLE[rest[0].strip(",")], " ".join(rest[1:]))
    return _OTHERS[row](log)


def _member(log: Log, who: str, _: str) -> PlainEvent:
    about = {"given_name": "Ann", "dob": "1985-01-01", "ethnicity": "a1", "phone": "01305 000000"}
    if who == K:
        about["dob"] = "2015-01-01"
    ids = [{"scheme": "liquidlogic", "value": "M-1"}]
    return log.tell("family.member_changed", WEST, person=ref(who), identifiers=ids, relation="kin", **about)


def _rated(log: Log, who: str, of: str) -> PlainEvent:
    about = {"": (who,), "of V": (V,), "of all": ()}[of]
    return log.tell(
        "practice.risk_rated", WEST, person=ref(who), rating="amber", reason=text("Words.", *about)
    )


def _ended(log: Log, who: str, source: str) -> PlainEvent:
    # Which referral it ends is nothing that the rules ask: a treatment that was completed says the same of it.
    referral = {(V, "s2w"): "referral-s2w", (V, "paragon"): "referral-paragon", (P, "perp"): "referral-p"}
    if who == P:
        log.refer(P, PROBATION, "referral-p")
        log.tell("referral.support_started", PROBATION, referral=ref("referral-p"), person=ref(P))
    return log.tell(
        "referral.support_ended",
        SOURCES[source],
        referral=ref(referral[who, source]),
        person=ref(who),
        intervention="cbt",
        outcomes=[{"outcome": "calm", "achieved": True}],
        scores=[{"instrument": "phq9", "first": 14, "last": 7}],
        clinical_detail=text("Words.", who),
        dv_safety_plan=text("Words.", who) if who == V else None,
        diagnosis="f32",
        substances=[{"substance": "alcohol", "use": "weekly"}],
        programme="bbr",
        offending_detail=text("Words.", who),
    )


def _household(log: Log, who: str, _: str) -> PlainEvent:
    moves = [{"person": ref(who), "postcode": "DT4 8ZZ"}]
    return log.tell("family.household_changed", WEST, moves=moves)


_OF_ONE: Final[dict[str, Callable[[Log, str, str], PlainEvent]]] = {
    "member": _member,
    "rated": _rated,
    "ended": _ended,
    "household": _household,
    "status": lambda log, who, status: log.tell("child.status_changed", WEST, person=ref(who), status=status),
    "stage": lambda log, who, _: log.tell(
        "practice.stage_of_change_assessed", WEST, person=ref(who), stage="action"
    ),
    "told": lambda log, who, _: log.tell(
        "person.told_recorded", WEST, person=ref(who), told=True, method="phone"
    ),
    "crisis": lambda log, who, _: log.tell(
        "outcome.crisis_contact", S2W, person=ref(who), service="crisis_team"
    ),
    "proceedings": lambda log, who, _: log.tell(
        "child.proceedings_initiated", WEST, children=[ref(who)], case="C-1", kind="care"
    ),
    "attendance": lambda log, who, _: log.tell(
        "child.attendance_recorded",
        SCHOOL,
        person=ref(who),
        school=SCHOOL,
        sessions_attended=3,
        worker_name="Ms Day",
    ),
    "s47": lambda log, who, _: log.tell(
        "child.section_47_started",
        WEST,
        children=[ref(who)],
        enquiry="S47-9",
        led_by=WEST,
        reason=text("Words.", who),
    ),
    "supervision": lambda log, who, _: log.tell(
        "practice.supervision_held",
        WEST,
        discussed=[ref(who)],
        core_group=[S2W, PROBATION],
        notes=[{"person": ref(who), "note": text("Words.", who)}],
    ),
}


def _incident(log: Log) -> PlainEvent:
    people = [
        {"person": ref(P), "role": "alleged_perpetrator", "kind": "assault", "account": text("Words.", P)},
        {"person": ref(V), "role": "victim", "kind": "assault", "account": text("Words.", V)},
    ]
    return log.tell("outcome.incident_reported", POLICE, incident="I-1", people=people)


def _refer(log: Log) -> PlainEvent:
    return log.tell(
        "referral.requested",
        WEST,
        referral=ref("referral-new"),
        person=ref(V),
        to=REACH,
        specialism="substance_use",
        needs=[{"need": "alcohol"}],
        reason=text("Words.", V),
        children=[{"person": ref(K), "rag": "amber", "status": "cin"}],
    )


def _given(log: Log) -> PlainEvent:
    cells = [{"purpose": "support", "category": "outcome.score", "desk": REACH}]
    return log.tell("consent.given", WEST, person=ref(V), cells=cells, given_by=ref(V), given_as="self")


_OTHERS: Final[dict[str, Callable[[Log], PlainEvent]]] = {
    "incident P V": _incident,
    "lead changed": lambda log: log.tell("family.lead_changed", WEST, lead=CHESIL, locality="chesil"),
    "closed": lambda log: log.tell("family.closed", WEST, reason="needs_met"),
    "refer V reach": _refer,
    "pair recorded": lambda log: log.tell(
        "safety.pair_recorded", POLICE, victim=ref(V), perpetrator=ref(P), basis="incident"
    ),
    "consent given V": _given,
}
