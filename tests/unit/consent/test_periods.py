"""What begins and ends, and begins again: a role, an enquiry with its overrides, and what comes in one instant."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from services.consent.event import PlainEvent
from services.consent.family import Stepped, step
from services.consent.family_facts import FamilyFacts
from services.consent.ruleset import micros
from tests.unit.consent.cast import (
    CHESIL,
    DAY,
    MINUTES,
    PARAGON,
    POLICE,
    PROBATION,
    REACH,
    S2W,
    SECOND,
    Family,
    K,
    P,
    V,
    dorset,
    ref,
    text,
    the_cast,
)

WEST = "council/west"
CASE = {"referral": ref("referral-p"), "person": ref(P)}


def opposed(family: Family, desk: str) -> set[str]:
    return set(family.facts().scene(dorset(), family.now, "none").opposed(desk))


def ended(family: Family) -> None:
    """Reach supported P, and does no more."""
    family.refer(P, REACH, "referral-p")
    family.tell("referral.support_started", REACH, **CASE)
    family.tell("referral.support_ended", REACH, **CASE)


@pytest.mark.parametrize("end", ["withdrawn", "closed_before_support"])
def test_desk_still_opposes_when_the_case_that_it_ended_was_reopened_and_came_to_nothing(end: str) -> None:
    family = the_cast()
    ended(family)
    family.tell("referral.reopened", CHESIL, **CASE)
    family.tell(f"referral.{end}", CHESIL if end == "withdrawn" else REACH, **CASE)
    assert opposed(family, REACH) == {V}

    family.now += 750 * DAY
    assert opposed(family, REACH) == set()


def test_desk_opposes_when_the_end_of_its_support_cannot_be_read() -> None:
    family = the_cast()
    ended(family)
    register = family.state["persons"][P]["support_ended|referral-p"]
    register[2] = {"unreadable": True}

    assert opposed(family, REACH) == {V}


@pytest.mark.parametrize("at_once", [True, False])
def test_role_ends_when_it_began_in_the_same_instant(at_once: bool) -> None:
    """The events of one batch have one time in the log: which came first, their acceptance says."""
    family = Family()
    family.tell("family.opened", CHESIL, lead=CHESIL)
    for number, kind in enumerate(("requested", "returned", "reopened", "withdrawn")):
        more = {"to": S2W, "specialism": "any"} if kind == "requested" else {}
        event = family.event(f"referral.{kind}", S2W if kind == "returned" else CHESIL, **CASE, **more)
        if at_once:
            event = replace(event, recorded=1, accepted=number)
        stepped = step(family.state, event)
        assert isinstance(stepped, Stepped)
        family.state = stepped.state
        family.now = event.recorded
        scene = FamilyFacts.of(family.state).scene(dorset(), family.now, "none")
        assert ("referred_to" in scene.role_words(S2W)) == (kind in ("requested", "reopened"))


def test_minutes_that_come_after_the_end_make_nobody_a_core_group() -> None:
    family = the_cast()
    family.tell("family.closed", CHESIL)
    family.tell("practice.supervision_held", MINUTES, discussed=[ref(V)], core_group=[REACH])
    done = family.publish("outcome.treatment_completed", S2W, person=ref(V), result="completed")

    assert done.body(REACH) is None


def test_nobody_becomes_the_lead_of_a_family_that_is_closed() -> None:
    family = the_cast()
    family.tell("family.closed", CHESIL)

    assert family.refused("family.lead_changed", CHESIL, lead=WEST) == "not_open"
    family.tell("family.opened", WEST, lead=WEST)
    family.tell("family.lead_changed", WEST, lead=CHESIL)
    assert family.publish("child.status_changed", WEST, person=ref(K), status="cin").body(CHESIL) is not None


def overridden(family: Family, **given: Any) -> None:
    """An override for an enquiry, of V's safety plan, confirmed."""
    until = datetime.fromtimestamp(family.now / SECOND + 20 * 86_400, UTC).isoformat()
    named = {"people": [ref(V)], "categories": ["support.dv_safety_plan"], "desks": [CHESIL]}
    scope = {"override": "OV-1", "ground": "s47", "until": until, **named, **given}
    event = family.tell("safety.override_invoked", CHESIL, **scope)
    family.tell("hub.approval_given", WEST, task="T-1", request=event.id, decision="approved")


def plan(family: Family) -> Any:
    """What the lead gets of V's safety plan now."""
    about = {"referral": ref("referral-paragon"), "person": ref(V)}
    seen = family.publish("referral.goal_reviewed", PARAGON, **about, dv_safety_plan=text("Locks.", V))
    return seen.verdict(CHESIL) if "dv_safety_plan" in seen.fields(CHESIL) else None


def enquiry(family: Family, step: str, name: str) -> None:
    family.tell(f"child.section_47_{step}", CHESIL, children=[ref(K)], enquiry=name)


def test_override_that_names_no_enquiry_is_not_for_a_later_one() -> None:
    family = the_cast()
    enquiry(family, "started", "E-1")
    overridden(family)
    enquiry(family, "started", "E-1")
    assert plan(family), "that it is said again that an enquiry runs begins no other"
    enquiry(family, "ended", "E-1")
    assert not plan(family)
    enquiry(family, "started", "E-2")
    assert not plan(family)


def test_what_an_override_opens_is_decided_again_when_the_child_of_its_enquiry_is_of_age() -> None:
    family = the_cast()
    family.tell("family.member_changed", CHESIL, person=ref(K), dob="2005-09-14")
    enquiry(family, "started", "E-1")
    overridden(family, enquiry="E-1")

    assert plan(family).valid_until == micros("2023-09-14T00:00:00Z", ())


def incident(family: Family) -> PlainEvent:
    rows = [{"person": ref(V), "role": "victim"}, {"person": ref(P), "role": "alleged_perpetrator"}]
    return family.event("outcome.incident_reported", POLICE, incident="I-1", people=rows)


@pytest.mark.parametrize("waited", [True, False])
def test_pair_stands_when_what_records_it_waited_while_an_earlier_record_was_ended(waited: bool) -> None:
    family = the_cast()
    reported = incident(family)
    if not waited:
        family.apply(reported)
    end = family.tell("safety.pair_ended", PARAGON, victim=ref(V), perpetrator=ref(P), reason="mistaken")
    approval = {"task": "T-1", "request": end.id, "decision": "approved"}
    family.tell("hub.approval_given", "paragon/behaviour", **approval)
    assert opposed(family, PROBATION) == {V}, "it supervises him"
    if waited:
        now = family.now + SECOND
        family.apply(replace(reported, recorded=now, entered=now))

    assert family.facts().scene(dorset(), family.now, "none").victims_of == {P: {V: waited}}


def test_restriction_stands_when_it_waited_while_an_earlier_one_of_its_id_was_lifted() -> None:
    family = the_cast()
    about = {"person": ref(V), "restriction": "R-1"}
    waited = family.event("safety.restriction_placed", PARAGON, **about, from_desk=S2W)
    family.tell("safety.restriction_placed", PARAGON, **about, from_desk=REACH)
    lift = family.tell("safety.restriction_lifted", PARAGON, **about, reason="over")
    approval = {"task": "T-1", "request": lift.id, "decision": "approved"}
    family.tell("hub.approval_given", "paragon/behaviour", **approval)
    now = family.now + SECOND
    family.apply(replace(waited, recorded=now, entered=now))

    assert [each.desk for each in family.facts().person(V).shields] == [S2W]
