"""Who may know what of a family through its view: the rules that route events, and guards compared."""

from typing import Any

import orjson
import pytest

from services.view.text import text
from tests.unit.consent.cast import CHESIL, MINUTES, PARAGON, POLICE, PROBATION, REACH, S2W, K, P, V, ref
from tests.unit.view.house import House, house

OF_S2W = {"referral": ref("referral-s2w"), "person": ref(V)}
OF_PARAGON = {"referral": ref("referral-paragon"), "person": ref(V)}
CELL = {"purpose": "support", "category": "outcome.score", "desk": CHESIL}
ABOUT_V = {"text": "she is afraid", "about": [ref(V)]}


def kinds(made: House, desk: str) -> list[str]:
    return [each.kind for each in made.seen(desk).told]


SHIELDED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a score": ("outcome.measure_recorded", S2W, {**OF_S2W, "instrument": "phq9", "score": 17}),
    "her safety plan": ("referral.goal_reviewed", PARAGON, {**OF_PARAGON, "dv_safety_plan": ABOUT_V}),
    "her consent": (
        "consent.given",
        CHESIL,
        {"person": ref(V), "cells": [CELL], "given_by": ref(V), "given_as": "self"},
    ),
    "her withdrawal": ("consent.withdrawn", CHESIL, {"person": ref(V), "cells": [CELL]}),
    "her flight": (
        "family.household_changed",
        CHESIL,
        {"moves": [{"person": ref(V), "household": ref("refuge"), "postcode": "DT4 8ZZ"}]},
    ),
    "an appointment": ("referral.appointment_recorded", S2W, {**OF_S2W, "attendance": "attended"}),
    "the end of support": ("referral.support_ended", PARAGON, {**OF_PARAGON, "reason": "completed"}),
    "another referral": (
        "referral.requested",
        CHESIL,
        {"referral": ref("referral-reach"), "person": ref(V), "to": REACH, "specialism": "substance_use"},
    ),
    "a completion": ("outcome.treatment_completed", S2W, {**OF_S2W, "result": "completed"}),
    "her objection": ("consent.objection_raised", CHESIL, {"person": ref(V), "objection": "o-1"}),
}


@pytest.mark.parametrize("name", SHIELDED)
def test_perpetrators_desk_reads_the_same_bytes_when_something_shielded_happened(name: str) -> None:
    kind, source, data = SHIELDED[name]
    with_it, without = house(), house()
    with_it.tell(kind, source, **data)
    without.skip()
    for made in (with_it, without):
        made.tell("practice.risk_rated", MINUTES, person=ref(K), rating="red", reason=ABOUT_V)
    assert orjson.dumps(with_it.view(PROBATION)) == orjson.dumps(without.view(PROBATION))
    assert text(with_it.view(PROBATION)) == text(without.view(PROBATION))
    assert len(with_it.view(CHESIL)["chronology"]) == len(without.view(CHESIL)["chronology"]) + 1


def test_only_what_is_not_about_her_is_read_when_a_desk_opposes_the_victim() -> None:
    made = house()
    view = made.view(PROBATION)
    assert {each["person"] for each in view["members"]} == {K, P}
    assert V not in orjson.dumps(view).decode()
    assert {each["desk"] for each in view["freshness"]} == {CHESIL, PROBATION}
    assert view["withheld"] == []


def test_publisher_of_a_childs_news_is_not_named_when_that_could_tell_who_helps_the_mother() -> None:
    made = house()
    made.tell("outcome.incident_reported", POLICE, incident="i", people=[{"person": ref(P), "role": "other"}])
    made.tell(
        "practice.stage_of_change_assessed", PARAGON, person=ref(P), need="mental_health", stage="action"
    )
    by = {each["what"]: each.get("by") for each in made.view(CHESIL)["chronology"]}
    assert (by["outcome.incident_reported"], by["practice.stage_of_change_assessed"]) == (POLICE, PARAGON)
    shown = {each["what"]: each.get("by") for each in made.view(PROBATION)["chronology"]}
    assert shown["outcome.incident_reported"] == POLICE
    assert shown.get("practice.stage_of_change_assessed") is None


def test_lead_is_told_what_is_withheld_when_only_her_consent_is_missing() -> None:
    made = house()
    made.tell("outcome.measure_recorded", S2W, **OF_S2W, instrument="phq9", score=17)
    view = made.view(CHESIL)
    assert [each["category"] for each in view["withheld"]] == ["outcome.score"]
    assert "score" not in view["outcomes"][-1]


def test_score_is_read_when_it_was_recorded_while_consent_was_in_force() -> None:
    made = house()
    made.tell("outcome.measure_recorded", S2W, **OF_S2W, instrument="phq9", score=11)
    made.tell("consent.given", CHESIL, person=ref(V), cells=[CELL], given_by=ref(V), given_as="self")
    made.tell("outcome.measure_recorded", S2W, **OF_S2W, instrument="phq9", score=17)
    assert [each.get("score") for each in made.view(CHESIL)["outcomes"]] == [None, 17]
    made.tell("consent.withdrawn", CHESIL, person=ref(V), cells=[CELL])
    assert [each.get("score") for each in made.view(CHESIL)["outcomes"]] == [None, None]


@pytest.mark.parametrize("desk", [REACH, POLICE, "council/west", "council/ig", "hub/operations"])
def test_family_does_not_exist_when_a_desk_has_no_part_in_it(desk: str) -> None:
    found = house().seen(desk)
    assert (found.exists, found.told, found.held) == (False, (), ())


def test_family_does_not_exist_when_a_desk_only_published_something_about_it() -> None:
    made = house()
    made.tell("outcome.incident_reported", POLICE, incident="i", people=[{"person": ref(P), "role": "other"}])
    assert not made.seen(POLICE).exists


def test_desk_reads_back_what_it_published_when_it_has_a_part() -> None:
    made = house()
    detail = {"text": "session", "about": [ref(V)]}
    made.tell("referral.goal_reviewed", S2W, **OF_S2W, clinical_detail=detail)
    assert made.view(S2W)["chronology"][-1]["data"]["clinical_detail"]["text"] == "session"


def test_desk_does_not_read_back_what_it_published_of_somebody_whom_it_opposes_now() -> None:
    made = house()
    made.tell("referral.goal_reviewed", S2W, **OF_S2W, goals=[{"goal": "g", "progress": "some"}])
    assert "referral.goal_reviewed" in kinds(made, S2W)
    made.refer(P, S2W, "referral-p")
    assert "referral.goal_reviewed" not in kinds(made, S2W)


def test_all_is_held_when_a_protective_event_was_accepted_that_the_log_has_not_seen() -> None:
    made = house()
    made.raises = {V: 1}
    view = made.view(CHESIL)
    assert view["chronology"] == []
    assert [each["reason"] for each in view["held"]] == ["facts"]
    fact = {"key": "told", "value": '{"told": true}', "at": 1, "by": "r"}
    made.tell("hub.person_fact", "hub", person=ref(V), facts=[fact], raises=1, raised=0)
    assert made.view(CHESIL)["held"] == []
    assert made.view(CHESIL)["chronology"] != []


@pytest.mark.parametrize("parked", [K, V, "00000000-0000-8000-8000-00000000000f"])
def test_all_is_held_when_the_log_of_somebody_or_of_the_family_stands_still(parked: str) -> None:
    made = house()
    made.parked = {parked}
    found = made.seen(CHESIL)
    assert (found.told, found.held) == ((), ("facts",))


def test_what_is_of_her_is_held_when_it_is_not_certain_who_she_is() -> None:
    made = house()
    made.refer(V, REACH, "referral-reach")
    made.state["persons"][V]["identity"] = [made.now, "r", {"degree": "probable"}]
    made.tell("referral.support_started", REACH, referral=ref("referral-reach"), person=ref(V))
    found = made.seen(CHESIL)
    assert "identity" in found.held
    assert "referral.support_started" not in [each.kind for each in found.told]
    assert "child.status_changed" in [each.kind for each in found.told]


def test_family_does_not_exist_for_a_worker_when_they_have_a_private_tie_to_it() -> None:
    made = house()
    tie = {"conflict": "c-1", "desk": S2W, "worker": "j.doe"}
    made.tell("hub.worker_conflict_recorded", "council/ig", **tie)
    assert not made.seen(S2W, user="j.doe").exists
    assert not made.seen(S2W, user="J.Doe ").exists
    assert made.seen(S2W, user="k.roe").exists
    assert made.seen(PARAGON, user="j.doe").exists
    made.tell("hub.worker_conflict_ended", "council/ig", **tie)
    assert made.seen(S2W, user="j.doe").exists


def test_only_what_was_recorded_by_then_is_read_when_a_time_is_named() -> None:
    made = house()
    then = made.now
    made.tell("child.status_changed", CHESIL, person=ref(K), status="cp", since="2023-09-04")
    assert [each["status"] for each in made.view(CHESIL)["statuses"] if "status" in each] == ["cin", "cp"]
    view = made.view(CHESIL, until=then)
    assert [each["status"] for each in view["statuses"] if "status" in each] == ["cin"]
    assert view["as_it_was_on"] is not None


def test_todays_rules_hold_when_a_time_before_a_withdrawal_is_named() -> None:
    made = house()
    made.tell("consent.given", CHESIL, person=ref(V), cells=[CELL], given_by=ref(V), given_as="self")
    made.tell("outcome.measure_recorded", S2W, **OF_S2W, instrument="phq9", score=17)
    then = made.now
    made.tell("consent.withdrawn", CHESIL, person=ref(V), cells=[CELL])
    assert [each.get("score") for each in made.view(CHESIL, until=then)["outcomes"]] == [None]
