"""What stands in the sections of a view."""

import pytest

from hub.events import HUB
from services.view.text import text
from tests.unit.consent.cast import CHESIL, DAY, MINUTES, PARAGON, POLICE, PROBATION, REACH, S2W, K, P, V, ref
from tests.unit.view.house import House, house

OF_S2W = {"referral": ref("referral-s2w"), "person": ref(V)}


@pytest.fixture
def made() -> House:
    return house()


def test_corrected_status_is_shown_with_its_correction_and_counts_no_more_when_its_publisher_corrects_it(
    made: House,
) -> None:
    wrong = made.tell("child.status_changed", CHESIL, person=ref(K), status="cla")
    right = made.tell("child.status_changed", CHESIL, person=ref(K), status="cp", corrects=wrong.id)
    view = made.view(CHESIL)
    assert [each["status"] for each in view["statuses"] if "status" in each] == ["cin", "cp"]
    rows = {each["id"]: each for each in view["chronology"]}
    assert rows[f"shown-{wrong.id}"]["corrected_by"] == [f"shown-{right.id}"]
    assert rows[f"shown-{right.id}"]["corrects"] == f"shown-{wrong.id}"


def test_retracted_rating_is_gone_from_risk_and_stays_in_the_chronology_when_it_never_was(
    made: House,
) -> None:
    wrong = made.tell("practice.risk_rated", MINUTES, person=ref(K), rating="red")
    made.tell("practice.risk_rated", MINUTES, person=ref(K), rating="red", corrects=wrong.id, retracted=True)
    view = made.view(CHESIL)
    assert view["risk"] == []
    row = next(each for each in view["chronology"] if each["id"] == f"shown-{wrong.id}")
    assert len(row["retracted_by"]) == 1
    assert "[retracted by]" in text(view)


def test_last_correction_counts_when_a_rating_was_corrected_twice(made: House) -> None:
    wrong = made.tell("practice.risk_rated", MINUTES, person=ref(K), rating="red")
    for rating in ("amber", "green"):
        made.tell("practice.risk_rated", MINUTES, person=ref(K), rating=rating, corrects=wrong.id)
    assert [each["rating"] for each in made.view(CHESIL)["risk"]] == ["green"]


def test_pair_stands_when_it_is_retracted(made: House) -> None:
    said = made.tell("safety.pair_recorded", POLICE, victim=ref(P), perpetrator=ref(V), basis="disclosure")
    before = made.view(CHESIL)["relationships"]
    made.tell(
        "safety.pair_recorded", POLICE, victim=ref(P), perpetrator=ref(V), corrects=said.id, retracted=True
    )
    assert made.view(CHESIL)["relationships"] == before
    assert any(P in str(each) for each in before)


def test_member_is_called_by_the_latest_name_when_it_changed(made: House) -> None:
    made.tell("family.member_changed", CHESIL, person=ref(V), family_name="Quay", phone="07700 900123")
    member = next(each for each in made.view(CHESIL)["members"] if each["person"] == V)
    assert (member["name"], member["relation"], member["state"]) == ("Mara Quay", "mother", "member")


def test_member_has_left_when_the_family_says_so(made: House) -> None:
    made.tell("family.member_changed", CHESIL, person=ref(P), state="left", left_on="2023-09-05")
    member = next(each for each in made.view(CHESIL)["members"] if each["person"] == P)
    assert (member["state"], member["left_on"]) == ("left", "2023-09-05")


def test_worker_can_be_reached_when_a_case_is_allocated(made: House) -> None:
    about = {"referral": ref("referral-p"), "person": ref(P)}
    made.tell("referral.requested", CHESIL, **about, to=REACH, specialism="substance_use")
    made.tell("referral.offered", HUB, **about)
    made.tell("referral.accepted", REACH, **about)
    made.tell("referral.allocated", REACH, **about, worker_name="Ade Ford", worker_phone="01305 555123")
    workers = [(each["desk"], each["worker"]) for each in made.view(CHESIL)["involved"] if "worker" in each]
    assert workers == [(REACH, {"name": "Ade Ford", "phone": "01305 555123"})]
    assert "reach Ade Ford, 01305 555123" in text(made.view(CHESIL))


def test_part_ends_when_support_ends(made: House) -> None:
    made.tell("referral.support_ended", S2W, **OF_S2W, reason="completed")
    supporting = {
        each["desk"]: "until" in each
        for each in made.view(CHESIL)["involved"]
        if each["role"] == "supporting"
    }
    assert supporting == {PARAGON: False, S2W: True}


def test_referral_says_where_it_stands_and_which_way_it_came(made: House) -> None:
    row = next(each for each in made.view(CHESIL)["referrals"] if each["referral"] == "referral-s2w")
    assert (row["state"], row["to"], row["person"]) == ("in support", S2W, V)
    assert [each["step"] for each in row["steps"]] == [
        "requested", "offered", "accepted", "allocated", "support_started",
    ]  # fmt: skip


def test_goal_is_one_row_when_it_is_looked_at_again(made: House) -> None:
    made.tell("referral.goal_reviewed", S2W, **OF_S2W, goals=[{"goal": "sleep", "progress": "some"}])
    made.tell("referral.goal_reviewed", S2W, **OF_S2W, goals=[{"goal": "sleep", "progress": "met"}])
    assert [(each["goal"], each["progress"]) for each in made.view(CHESIL)["goals"]] == [("sleep", "met")]


def test_action_shows_its_latest_state_when_it_is_minuted_again(made: House) -> None:
    action = {"person": ref(K), "what": {"text": "visit school", "about": [ref(K)]}, "owner": CHESIL}
    for state in ("open", "done"):
        rows = [{**action, "state": state}]
        made.tell("practice.supervision_held", MINUTES, discussed=[ref(K)], actions=rows)
    assert [(each["what"], each["state"]) for each in made.view(CHESIL)["actions"]] == [
        ("visit school", "done")
    ]


def test_desk_is_silent_when_it_supports_somebody_and_says_nothing_for_long(made: House) -> None:
    made.now += 30 * DAY
    rows = {each["desk"]: each for each in made.view(CHESIL)["freshness"]}
    assert rows[S2W]["silent"]
    assert rows[S2W]["days"] == 30
    assert not rows[CHESIL]["silent"]
    assert "SILENT" in text(made.view(CHESIL))


def test_system_is_silent_when_it_has_sent_nothing_about_anybody(made: House) -> None:
    view = made.view(CHESIL, feeds={S2W: made.now - 40 * DAY, PARAGON: made.now})
    rows = {each["desk"]: each.get("feed_silent") for each in view["freshness"]}
    assert (rows[S2W], rows[PARAGON], rows[PROBATION]) == (True, False, None)


def test_events_stand_by_when_they_happened_when_they_were_recorded_late(made: House) -> None:
    made.tell("practice.risk_rated", MINUTES, person=ref(K), rating="amber", rated_on="2023-08-15")
    first = made.view(CHESIL)["chronology"][0]
    assert (first["what"], first["happened"]) == ("practice.risk_rated", "2023-08-15")
    assert first["recorded_at"].startswith("2023-09-04")


def test_text_names_people_and_says_what_is_withheld_when_it_is_read(made: House) -> None:
    made.tell("outcome.measure_recorded", S2W, **OF_S2W, instrument="phq9", score=17)
    said = text(made.view(CHESIL))
    assert "Mara Holt to s2w/sft: in support" in said
    assert "outcome.score: in 1 of the events below" in said
    assert "Dane: alleged perpetrator of Mara Holt" in said
    assert V not in said
