"""Corrections and retractions: the state is the one that the log gives with them in their event's place."""

from __future__ import annotations

from typing import Any

import pytest

from services.consent.event import PlainEvent
from services.consent.family import Stepped, step
from services.consent.moves import NotAllowed
from services.consent.ruleset import micros
from services.consent.scene import Scene
from tests.unit.consent.cast import (
    CATALOGUE,
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
    dorset,
    ref,
    the_cast,
)

WEST = "council/west"
CELL = {"purpose": "support", "category": "outcome.score", "desk": CHESIL}
ABOUT = {"referral": ref("r-1"), "person": ref(V)}
PLAN: dict[str, Any] = {"discussed": [ref(K)], "core_group": [REACH]}


def correct(family: Family, said: PlainEvent, **data: Any) -> Stepped:
    """Say again what was said, with what differs."""
    body = CATALOGUE.type(f"wraparound.{said.kind}.v1").to_json(dict(said.data))
    return family.apply(family.event(said.kind, said.source, **{**body, **data, "corrects": said.id}))


def retract(family: Family, said: PlainEvent) -> Stepped:
    return correct(family, said, retracted=True)


def request(family: Family, **data: Any) -> PlainEvent:
    body = {**ABOUT, "to": REACH, "specialism": "substance_use", **data}
    return family.tell("referral.requested", CHESIL, **body)


def scene(family: Family) -> Scene:
    return family.facts().scene(dorset(), family.now, "none")


def roles(family: Family, desk: str) -> dict[str, set[str]]:
    return {person: set(held) for person, held in scene(family).roles.get(desk, {}).items()}


def live(family: Family, role: str) -> set[str]:
    found = family.state.get(role, {})
    return {desk for desk, spans in found.items() if spans and spans[-1][1] is None}


def value(family: Family, person: str, key: str) -> Any:
    return family.state["persons"][person].get(key, [None, None, None])[2]


# What is taken back -----------------------------------------------------------------------------------------------


def test_desk_holds_no_role_when_the_request_to_it_is_retracted() -> None:
    family = the_cast()
    said = request(family)
    family.tell("referral.offered", "hub", **ABOUT)
    assert roles(family, REACH) == {V: {"referred_to"}}
    retract(family, said)
    assert roles(family, REACH) == {}
    assert "r-1" not in family.state["referrals"]
    assert not family.decide(family.history[-1]).verdict(REACH).mask
    later = family.publish("practice.risk_rated", MINUTES, person=ref(K), rating="red")
    assert later.body(REACH) is None


def test_desk_named_now_holds_the_role_when_a_request_is_corrected() -> None:
    family = the_cast()
    said = request(family)
    family.tell("referral.offered", "hub", **ABOUT)
    correct(family, said, to=S2W)
    assert family.state["referrals"]["r-1"]["to"] == S2W
    assert family.state["referrals"]["r-1"]["requested"] == said.recorded
    assert roles(family, REACH) == {}
    assert roles(family, S2W)[V] == {"referred_to", "supporting"}
    family.tell("referral.accepted", S2W, **ABOUT)


def test_role_stays_when_a_request_is_corrected_in_what_gives_none() -> None:
    family = the_cast()
    said = request(family)
    family.tell("referral.offered", "hub", **ABOUT)
    family.tell("referral.accepted", REACH, **ABOUT)
    family.tell("referral.allocated", REACH, **ABOUT)
    correct(family, said, specialism="mental_health")
    assert family.state["referrals"]["r-1"]["specialism"] == "mental_health"
    assert family.state["referrals"]["r-1"]["state"] == "allocated"
    assert roles(family, REACH) == {V: {"referred_to", "supporting"}}


@pytest.mark.parametrize("answered", ["accepted", "allocated"])
def test_request_stands_when_its_desk_has_answered_it(answered: str) -> None:
    family = the_cast()
    said = request(family)
    family.tell("referral.offered", "hub", **ABOUT)
    family.tell("referral.accepted", REACH, **ABOUT)
    if answered == "allocated":
        family.tell("referral.allocated", REACH, **ABOUT)
    body = {**ABOUT, "specialism": "any", "corrects": said.id}
    assert family.refused("referral.requested", CHESIL, **body, to=S2W) == "moved_on"
    assert family.refused("referral.requested", CHESIL, **body, to=REACH, retracted=True) == "moved_on"


def test_answer_stands_when_work_has_begun_on_it() -> None:
    family = the_cast()
    accepted, allocated = (
        next(each for each in family.history if each.kind == kind and each.source == S2W)
        for kind in ("referral.accepted", "referral.allocated")
    )
    about = {"referral": ref("referral-s2w"), "person": ref(V), "retracted": True}
    assert family.refused("referral.accepted", S2W, **about, corrects=accepted.id) == "moved_on"
    assert family.refused("referral.allocated", S2W, **about, corrects=allocated.id) == "moved_on"


def test_case_goes_on_when_its_end_is_retracted() -> None:
    family = the_cast()
    about = {"referral": ref("referral-s2w"), "person": ref(V)}
    ended = family.tell("referral.support_ended", S2W, **about, reason="completed")
    assert roles(family, S2W) == {}
    retract(family, ended)
    assert roles(family, S2W) == {V: {"supporting"}}
    assert family.state["referrals"]["referral-s2w"]["state"] == "started"


def test_core_group_is_as_before_when_the_plan_is_retracted() -> None:
    family = the_cast()
    said = family.tell("practice.plan_agreed", CHESIL, **PLAN)
    assert live(family, "core_group") == {REACH}
    retract(family, said)
    assert live(family, "core_group") == {S2W, PROBATION}
    later = family.publish("child.status_changed", CHESIL, person=ref(K), status="cp")
    assert later.body(REACH) is None
    assert later.body(S2W) is not None


def test_lead_is_as_before_when_its_change_is_retracted() -> None:
    family = the_cast()
    said = family.tell("family.lead_changed", CHESIL, lead=WEST)
    family.tell("practice.risk_rated", WEST, person=ref(K), rating="red")
    retract(family, said)
    assert live(family, "lead") == {CHESIL}
    assert family.state["risk"][K][0] == "red"


def test_status_is_the_one_before_when_it_is_retracted() -> None:
    family = the_cast()
    said = family.tell("child.status_changed", CHESIL, person=ref(K), status="cla")
    correct(family, said, status="cp")
    assert family.state["children"][K]["status"] == "cp"
    retract(family, family.history[-1])
    assert family.state["children"][K]["status"] == "cin"


def test_enquiry_never_was_when_its_start_is_retracted() -> None:
    family = the_cast()
    said = family.tell("child.section_47_started", CHESIL, children=[ref(K)], enquiry="e-1")
    retract(family, said)
    assert not scene(family).s47


def test_person_is_told_as_before_when_it_is_retracted() -> None:
    family = the_cast()
    said = family.tell("person.told_recorded", CHESIL, person=ref(V), told=False)
    assert value(family, V, "told")["told"] is False
    retract(family, said)
    assert value(family, V, "told")["told"] is True


def test_supervision_ends_when_its_start_is_retracted() -> None:
    family = the_cast()
    said = next(each for each in family.history if each.kind == "person.probation_supervision_started")
    assert roles(family, PROBATION) == {P: {"supervising"}}
    retract(family, said)
    assert roles(family, PROBATION) == {}


def test_member_leaves_and_is_not_forgotten_when_the_addition_is_retracted() -> None:
    family = the_cast()
    said = family.tell("family.member_added", CHESIL, members=[{"person": ref("aunt"), "kind": "adult"}])
    retract(family, said)
    assert family.state["members"]["aunt"]["spans"] == [[said.recorded, family.now, family.history[-1].id]]
    assert value(family, "aunt", f"family|{family.name}") == {"member": False}


def test_member_is_an_adult_from_another_day_when_the_birth_date_is_corrected() -> None:
    family = the_cast()
    said = family.tell(
        "family.member_added", CHESIL, members=[{"person": ref("son"), "kind": "adult", "dob": "1990-01-01"}]
    )
    correct(family, said, members=[{"person": ref("son"), "kind": "adult", "dob": "1991-01-01"}])
    assert family.state["members"]["son"]["adult_from"] == micros("2009-01-01T00:00:00Z", ())


def test_override_waits_for_a_second_person_again_when_it_is_corrected() -> None:
    family = the_cast()
    body = {
        "override": "o-1", "people": [ref(V)], "categories": ["support.dv_safety_plan"], "desks": [CHESIL],
        "ground": "vital", "reason_code": "danger_to_life",
    }  # fmt: skip
    said = family.tell("safety.override_invoked", CHESIL, **body)
    family.tell("hub.approval_given", "council/ig", request=said.receipt, decision="approved", task="t-1")
    assert family.state["pending"] == {}
    correct(family, said, desks=[CHESIL, PROBATION])
    again = family.history[-1]
    assert list(family.state["pending"]) == [again.id]
    assert value(family, V, f"override|family-1|o-1|{again.receipt}")["desks"] == [CHESIL, PROBATION]
    assert value(family, V, f"override|family-1|o-1|{said.receipt}") is None
    retract(family, again)
    assert "pending" not in family.state
    assert value(family, V, f"override|family-1|o-1|{again.receipt}") is None


# What is not ------------------------------------------------------------------------------------------------------


def test_pair_stands_and_its_publisher_is_told_when_the_incident_is_retracted() -> None:
    family = the_cast()
    rows = [{"person": ref(P), "role": "victim"}, {"person": ref(V), "role": "alleged_perpetrator"}]
    said = family.tell("outcome.incident_reported", POLICE, incident="i-1", people=rows)
    stepped = retract(family, said)
    assert stepped.remark == "protection_stands"
    assert value(family, P, f"pair|{V}|p")["state"] == "in_force"
    assert value(family, V, f"pair|{P}|v")["state"] == "in_force"


def test_protection_stands_beside_what_is_said_instead_when_it_is_corrected() -> None:
    family = the_cast()
    body = {"person": ref(V), "restriction": "x-1", "from_desk": S2W}
    said = family.tell("safety.restriction_placed", CHESIL, **body)
    assert correct(family, said, from_desk=REACH).remark == "protection_stands"
    scopes = [each[2] for key, each in family.state["persons"][V].items() if key.startswith("restriction|")]
    assert sorted(each["from_desk"] for each in scopes) == [REACH, S2W]


def test_objection_keeps_its_scope_when_it_is_narrowed() -> None:
    family = the_cast()
    said = family.tell("consent.objection_raised", S2W, person=ref(V), objection="o-1")
    assert correct(family, said, categories=["support.summary"]).remark == "protection_stands"
    assert value(family, V, f"objection|{S2W}|o-1|{said.receipt}")["categories"] is None
    family.tell("consent.objection_decided", "council/ig", person=ref(V), objection="o-1", outcome="ended")
    assert family.facts().person(V).objections == ()


def test_protection_is_back_when_its_end_is_retracted() -> None:
    family = the_cast()
    ended = family.tell("safety.pair_ended", PARAGON, victim=ref(V), perpetrator=ref(P), reason="error")
    family.tell("hub.approval_given", "paragon/ig", request=ended.receipt, decision="approved", task="t-1")
    assert value(family, V, f"pair|{P}|p")["state"] == "ended"
    assert retract(family, ended).remark == ""
    assert value(family, V, f"pair|{P}|p")["state"] == "in_force"


def test_consent_is_not_back_when_its_withdrawal_is_retracted() -> None:
    family = the_cast()
    family.tell("consent.given", CHESIL, person=ref(V), given_as="self", cells=[CELL])
    said = family.tell("consent.withdrawn", CHESIL, person=ref(V), cells=[CELL])
    assert retract(family, said).remark == "protection_stands"
    score = family.publish("outcome.measure_recorded", S2W, person=ref(V), instrument="phq9", score=1)
    assert "score" not in score.fields(CHESIL)


def test_consent_stays_withdrawn_when_what_gave_it_is_corrected_later() -> None:
    family = the_cast()
    said = family.tell("consent.given", CHESIL, person=ref(V), given_as="self", cells=[CELL])
    family.tell("consent.withdrawn", CHESIL, person=ref(V))
    correct(family, said, given_by=ref(V))
    score = family.publish("outcome.measure_recorded", S2W, person=ref(V), instrument="phq9", score=1)
    assert "score" not in score.fields(CHESIL)


def test_consent_opens_nothing_recorded_before_when_a_correction_adds_its_cell() -> None:
    family = the_cast()
    other = {**CELL, "category": "mental_health.detail"}
    said = family.tell("consent.given", CHESIL, person=ref(V), given_as="self", cells=[other])
    score = family.publish("outcome.measure_recorded", S2W, person=ref(V), instrument="phq9", score=1)
    correct(family, said, cells=[other, CELL])
    assert family.decide(score.event, at=family.now).verdict(CHESIL).withheld == ("outcome.score",)
    later = family.publish("outcome.measure_recorded", S2W, person=ref(V), instrument="phq9", score=2)
    assert "score" in later.fields(CHESIL)


def test_consent_stays_withdrawn_when_the_change_that_withdrew_it_is_said_to_have_given_it() -> None:
    family = the_cast()
    family.tell("consent.given", CHESIL, person=ref(V), given_as="self", cells=[CELL])
    row = {**CELL, "act": "withdraw"}
    said = family.tell("consent.changed", CHESIL, person=ref(V), given_as="self", cells=[row])
    correct(family, said, cells=[{**row, "act": "give"}], occurred_at="2023-09-04T08:00:00Z")
    score = family.publish("outcome.measure_recorded", S2W, person=ref(V), instrument="phq9", score=1)
    assert "score" not in score.fields(CHESIL)


def test_consents_wait_to_be_given_anew_when_a_death_is_retracted() -> None:
    family = the_cast()
    given = {"person": ref(V), "given_as": "self", "cells": [CELL]}
    family.tell("consent.given", CHESIL, **given)
    retract(family, family.tell("person.died", CHESIL, person=ref(V)))
    body = {"person": ref(V), "instrument": "phq9"}
    assert "score" not in family.publish("outcome.measure_recorded", S2W, **body, score=1).fields(CHESIL)
    family.tell("consent.given", CHESIL, **given)
    assert "score" in family.publish("outcome.measure_recorded", S2W, **body, score=2).fields(CHESIL)


def test_consents_wait_to_be_given_anew_when_a_death_is_said_to_be_anothers() -> None:
    family = the_cast()
    given = {"given_as": "self", "cells": [CELL]}
    for each in (V, P):
        family.tell("consent.given", CHESIL, person=ref(each), **given)
    family.refer(P, S2W, "referral-p")
    death = family.tell("person.died", CHESIL, person=ref(V))
    correct(family, death, person=ref(P))
    for each in (V, P):
        score = family.publish("outcome.measure_recorded", S2W, person=ref(each), instrument="phq9", score=1)
        assert "score" not in score.fields(CHESIL)
    correct(family, death, person=ref(V), died_on="2023-09-01")
    family.tell("consent.given", CHESIL, person=ref(P), **given)
    score = family.publish("outcome.measure_recorded", S2W, person=ref(P), instrument="phq9", score=2)
    assert "score" in score.fields(CHESIL)


# What is refused --------------------------------------------------------------------------------------------------


def test_correction_is_refused_when_what_it_corrects_does_not_stand_here() -> None:
    family = the_cast()
    said = family.tell("practice.plan_agreed", CHESIL, **PLAN)
    consent = family.tell("consent.given", CHESIL, person=ref(V), given_as="self", cells=[CELL])
    assert family.refused("practice.plan_agreed", CHESIL, **PLAN, corrects="nothing") == "corrects_nothing"
    assert family.refused("practice.plan_agreed", MINUTES, **PLAN, corrects=said.id) == "corrects_nothing"
    held = {"discussed": [ref(K)], "core_group": [REACH]}
    assert family.refused("practice.supervision_held", CHESIL, **held, corrects=said.id) == "corrects_nothing"
    of_another = {"person": ref(P), "given_as": "self", "cells": [CELL], "corrects": consent.id}
    assert family.refused("consent.given", CHESIL, **of_another) == "corrects_nothing"
    retract(family, said)
    assert family.refused("practice.plan_agreed", CHESIL, **PLAN, corrects=said.id) == "corrects_nothing"


def test_last_correction_stands_when_an_event_is_corrected_twice() -> None:
    family = the_cast()
    said = family.tell("practice.plan_agreed", CHESIL, **PLAN)
    correct(family, said, core_group=[PARAGON])
    correct(family, said, core_group=[MINUTES])
    assert live(family, "core_group") == {MINUTES}
    correct(family, family.history[-2], core_group=[PARAGON, REACH])
    assert live(family, "core_group") == {PARAGON, REACH}


def test_correction_is_refused_when_it_names_others() -> None:
    family = the_cast()
    row = {"person": ref("aunt"), "kind": "adult"}
    said = family.tell("family.member_added", CHESIL, members=[row])
    other = {"members": [{**row, "person": ref("uncle")}], "corrects": said.id}
    assert family.refused("family.member_added", CHESIL, **other) == "names_others"
    stranger = family.tell("safety.pair_recorded", CHESIL, victim=ref(V), perpetrator=ref("stranger"))
    pair = {"victim": ref(V), "perpetrator": ref(P), "corrects": stranger.id}
    assert family.refused("safety.pair_recorded", CHESIL, **pair) == "names_others"


@pytest.mark.parametrize(
    ("kind", "source", "data"),
    [
        ("family.closed", CHESIL, {"retracted": True}),
        ("family.member_changed", CHESIL, {"person": ref(K), "state": "left"}),
        ("person.adopted", CHESIL, {"person": ref(K)}),
        ("hub.worker_conflict_recorded", S2W, {"desk": S2W, "worker": "w-1", "conflict": "c-1"}),
    ],
)
def test_correction_is_refused_when_another_event_says_what_holds(
    kind: str, source: str, data: dict[str, Any]
) -> None:
    family = the_cast()
    said = family.tell(kind, source, **{key: each for key, each in data.items() if key != "retracted"})
    assert family.refused(kind, source, **data, corrects=said.id) == "not_taken_back"


def test_correction_changes_nothing_when_nobody_knows_what_came_before() -> None:
    family = the_cast()
    said = family.tell("practice.plan_agreed", CHESIL, **PLAN)
    found = step(family.state, family.event("practice.plan_agreed", CHESIL, **PLAN, corrects=said.id))
    assert isinstance(found, NotAllowed)
    assert found.code == "corrects_nothing"
