"""The specification's worked examples, read like its table (those that this part of the rules can express)."""

from __future__ import annotations

from datetime import UTC, datetime

from services.consent.explain import Words, explain
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
    Seen,
    V,
    dorset,
    ref,
    text,
    the_cast,
)

WORDS = Words({V: "V", P: "P", K: "K"})


def scored(family: Family) -> Seen:
    return family.publish(
        "outcome.measure_recorded", S2W, person=ref(V), instrument="phq9", score=14, point="start"
    )


def test_score_is_withheld_and_its_existence_told_when_the_victim_has_not_consented() -> None:
    seen = scored(the_cast())

    assert seen.fields(CHESIL) == set()
    assert seen.verdict(CHESIL).clauses == ("P02",)
    assert seen.verdict(CHESIL).withheld == ("outcome.score",)
    assert explain(seen.decision, CHESIL, WORDS) == [
        "Told that this happened (P02).",
        "Withheld: V has not consented to s2w sharing treatment detail with council/chesil (P04).",
    ]
    assert seen.verdict(PARAGON).clauses == ("P12",)
    assert seen.verdict(PARAGON).withheld == ("outcome.score",)
    assert seen.body(PROBATION) is None
    assert {each.clause for each in seen.verdict(PROBATION).outcomes} == {"F01"}


def test_safety_plan_is_shown_to_nobody_when_the_victim_has_not_consented() -> None:
    family = the_cast()
    plan = text("New locks.", V)
    goals = [{"goal": "G-1", "progress": "some"}]
    about = {"referral": ref("referral-paragon"), "person": ref(V)}
    seen = family.publish("referral.goal_reviewed", PARAGON, **about, goals=goals, dv_safety_plan=plan)

    assert seen.fields(CHESIL) == {"goals"}
    assert seen.verdict(CHESIL).clauses == ("P02", "P03")
    assert seen.verdict(CHESIL).withheld == ("support.dv_safety_plan",)
    assert seen.fields(S2W) == {"goals"}
    assert seen.verdict(S2W).clauses == ("P12",)
    assert seen.verdict(S2W).withheld == ()
    assert seen.body(PROBATION) is None


def test_each_side_sees_its_own_row_when_police_report_an_incident() -> None:
    family = the_cast()
    people = [
        {
            "person": ref(P),
            "role": "alleged_perpetrator",
            "kind": "assault",
            "account": text("Shouted.", P, V),
        },
        {"person": ref(V), "role": "victim", "kind": "assault", "account": text("Rang 999.", V)},
        {"person": ref(K), "role": "child_present", "kind": "assault"},
    ]
    seen = family.publish("outcome.incident_reported", POLICE, incident="INC-1", people=people)

    lead, paragon, probation = seen.body(CHESIL), seen.body(PARAGON), seen.body(PROBATION)
    assert lead is not None
    assert [row["person"]["value"] for row in lead["people"]] == [P, V, K]
    assert seen.verdict(CHESIL).clauses == ("P08",)
    assert paragon is not None
    assert [row["person"]["value"] for row in paragon["people"]] == [P, V]
    assert seen.verdict(PARAGON).clauses == ("P18",)
    assert probation is not None
    assert [row["person"]["value"] for row in probation["people"]] == [P]
    assert probation["people"][0]["kind"] == "assault"
    assert probation["people"][0]["account"] is None
    assert seen.verdict(PROBATION).clauses == ("P19",)
    assert "F04" in {each.clause for each in seen.verdict(PROBATION).outcomes}
    assert seen.body(S2W) is None


def test_reason_about_the_victim_stays_with_the_lead_when_risk_is_rated() -> None:
    family = the_cast()
    reason = text("V met a friend.", V)
    seen = family.publish("practice.risk_rated", MINUTES, person=ref(K), rating="amber", reason=reason)

    assert seen.fields(CHESIL) == {"rating", "reason"}
    assert seen.verdict(CHESIL).clauses == ("P01",)
    assert seen.fields(S2W) == {"rating"}
    assert "P14" in seen.verdict(S2W).clauses or "P11" in seen.verdict(S2W).clauses
    assert seen.fields(PARAGON) == {"rating"}
    assert seen.verdict(PARAGON).clauses == ("P11",)
    assert seen.fields(PROBATION) == {"rating"}
    assert seen.verdict(PROBATION).withheld == ()


def test_position_is_told_to_the_referrer_alone_when_the_victim_waits() -> None:
    family = the_cast()
    about = {"referral": ref("referral-reach"), "person": ref(V)}
    family.tell("referral.requested", CHESIL, **about, to=REACH, specialism="substance_use")
    event = family.tell("referral.waitlisted", CHESIL, **about, position=4, waiting=11)
    seen = Seen(event, family.decide(event, derived=True))

    assert seen.fields(CHESIL) == {"position", "waiting"}
    assert seen.verdict(CHESIL).clauses == ("P02",)
    assert seen.fields(REACH) == {"position", "waiting"}
    assert seen.verdict(REACH).clauses == ("P09",)
    assert seen.body(PARAGON) is not None
    assert seen.fields(PARAGON) == set()
    assert seen.verdict(PARAGON).clauses == ("P12",)
    assert seen.verdict(PARAGON).withheld == ()
    assert seen.body(PROBATION) is None


def ended_after_objection(family: Family) -> Seen:
    family.tell(
        "consent.objection_raised", CHESIL, person=ref(V), objection="OBJ-1", categories=["support.summary"]
    )
    about = {"referral": ref("referral-s2w"), "person": ref(V)}
    return family.publish("referral.support_ended", S2W, **about, intervention="cbt", reason="completed")


def test_summary_is_withheld_when_the_victim_objects_to_it() -> None:
    seen = ended_after_objection(the_cast())

    assert seen.fields(CHESIL) == set()
    assert seen.verdict(CHESIL).clauses == ("P02",)
    assert seen.verdict(CHESIL).withheld == ("support.summary",)
    assert "Withheld: V's objection is being decided (P03)." in explain(seen.decision, CHESIL, WORDS)


def test_summary_is_shared_in_spite_of_an_objection_when_the_child_is_on_a_plan() -> None:
    family = the_cast()
    family.tell("child.status_changed", CHESIL, person=ref(K), status="cp")
    seen = ended_after_objection(family)

    assert seen.fields(CHESIL) == {"intervention", "reason"}
    assert "P03" in seen.verdict(CHESIL).clauses


def test_queued_score_is_recalled_when_the_victim_withdraws() -> None:
    family = the_cast()
    cell = {"purpose": "support", "category": "outcome.score", "desk": CHESIL}
    family.tell("consent.given", CHESIL, person=ref(V), cells=[cell], given_by=ref(V), given_as="self")
    queued = scored(family)
    assert queued.fields(CHESIL) == {"instrument", "score", "point"}

    family.tell("consent.withdrawn", CHESIL, person=ref(V), cells=[cell])
    again = family.decide(queued.event, at=family.now)

    assert again.verdict(CHESIL).withheld == ("outcome.score",)
    withdrawn = "Withheld: V withdrew consent to s2w sharing treatment detail with council/chesil (P04)."
    assert withdrawn in explain(again, CHESIL, WORDS)


def test_place_stays_with_the_lead_when_the_victim_flees_with_her_child() -> None:
    family = the_cast()
    moves = [{"person": ref(each), "household": ref("household-9"), "postcode": "DT4 8ZZ"} for each in (V, K)]
    event = family.tell("family.household_changed", CHESIL, moves=moves)
    # Minutes, so that the lead is a recipient too.
    seen = Seen(event, family.decide(event, source=MINUTES))

    lead = seen.body(CHESIL)
    assert lead is not None
    assert [row["postcode"] for row in lead["moves"]] == ["DT4 8ZZ", "DT4 8ZZ"]
    for desk, rows in ((S2W, [V, K]), (PARAGON, [K])):
        body = seen.body(desk)
        assert body is not None
        assert [row["person"]["value"] for row in body["moves"]] == rows
        assert {row["postcode"] for row in body["moves"]} == {None}
        assert seen.verdict(desk).withheld == ()
    place = [each for each in seen.verdict(PARAGON).outcomes if each.category.startswith("contact")]
    assert {(each.clause, each.why) for each in place} == {("P23", "consent:none")}
    assert seen.body(PROBATION) is None


def test_both_sides_are_opposed_when_the_perpetrator_alleges_too() -> None:
    family = the_cast()
    people = [
        {"person": ref(V), "role": "alleged_perpetrator", "kind": "assault"},
        {"person": ref(P), "role": "victim", "kind": "assault"},
    ]
    seen = family.publish("outcome.incident_reported", POLICE, incident="INC-2", people=people)

    lead = seen.body(CHESIL)
    assert lead is not None
    assert [row["person"]["value"] for row in lead["people"]] == [V, P]
    scene = family.facts().scene(dorset(), family.now, "none")
    assert set(scene.opposed(PARAGON)) == {P}
    assert set(scene.opposed(PROBATION)) == {V}


def test_everything_is_held_when_a_match_is_only_probable() -> None:
    family = the_cast()
    about = {"referral": ref("referral-reach"), "person": ref(V)}
    family.refer(V, REACH, "referral-reach")
    event = family.tell("referral.support_started", REACH, **about, intervention="full_assessment")
    decision = family.decide(event, probable=frozenset({V}))

    for desk in (CHESIL, S2W, PARAGON):
        assert decision.verdict(desk).result == "held"
        assert decision.verdict(desk).hold == "F06"
        assert explain(decision, desk, WORDS) == ["Held: until a person confirms who this is (F06)."]
    assert decision.verdict(PROBATION).mask == 0
    assert decision.waits == (V,)
    assert family.decide(event).verdict(CHESIL).result == "delivered"


def test_consent_ends_at_its_own_end_when_nobody_withdraws() -> None:
    family = the_cast()
    until = family.now + 90 * DAY
    cell = {
        "purpose": "support",
        "category": "outcome.score",
        "desk": CHESIL,
        "valid_until": datetime.fromtimestamp(until / SECOND, UTC).isoformat(),
    }
    family.tell("consent.given", CHESIL, person=ref(V), cells=[cell], given_by=ref(V), given_as="self")
    seen = scored(family)

    assert seen.verdict(CHESIL).valid_until == until
    assert family.decide(seen.event, at=until).verdict(CHESIL).withheld == ("outcome.score",)
