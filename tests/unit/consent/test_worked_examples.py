"""The specification's worked examples (RULES.md section 8), cell by cell, the words of `explain` included."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from services.consent.explain import Words, explain, explain_in_full
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

WORDS = Words({V: "V", P: "P", K: "K"}, {CHESIL: "Chesil", PARAGON: "Paragon", PROBATION: "Probation"})
PLAN = {"goals": [{"goal": "G-1", "progress": "some"}], "dv_safety_plan": text("New locks.", V)}
SUPPORT = {"referral": ref("referral-paragon"), "person": ref(V)}
SCORE = {"purpose": "support", "category": "outcome.score", "desk": CHESIL}


def clauses(seen: Seen, desk: str, result: str = "released") -> set[tuple[str, str]]:
    """Category and clause of each cell and text with this result."""
    return {(each.category, each.clause) for each in seen.verdict(desk).outcomes if each.result == result}


def nothing(seen: Seen, desk: str, clause: str = "F01") -> bool:
    """True if the event does not exist for the desk, by that clause, and nothing is said of it."""
    found = {each.clause for each in seen.verdict(desk).outcomes[: len(seen.items.gates)]}
    unseen = seen.body(desk) is None and not seen.verdict(desk).held
    return unseen and found == {clause} and explain(seen.decision, desk, WORDS) == []


def scored(family: Family) -> Seen:
    return family.publish(
        "outcome.measure_recorded", S2W, person=ref(V), instrument="phq9", score=14, point="start"
    )


def reviewed(family: Family) -> Seen:
    return family.publish("referral.goal_reviewed", PARAGON, **SUPPORT, **PLAN)


def enquiry(family: Family, **named: Any) -> None:
    """An enquiry about K, and an override for it that names V, her plan and Chesil."""
    family.tell("child.section_47_started", CHESIL, children=[ref(K)], enquiry="S47-1")
    family.tell("safety.override_invoked", CHESIL, **override(family), **named)


def override(family: Family) -> dict[str, Any]:
    until = datetime.fromtimestamp(family.now / SECOND, UTC).replace(hour=18, minute=0)
    return {
        "people": [ref(V)],
        "override": "OVR-1",
        "ground": "s47",
        "enquiry": "S47-1",
        "categories": ["support.dv_safety_plan"],
        "until": until.isoformat(),
        "reason_code": "plan_needed_to_protect_the_child",
    }


# 1 s2w measure_recorded V


def test_score_is_withheld_and_its_existence_told_when_the_victim_has_not_consented() -> None:
    seen = scored(the_cast())

    assert clauses(seen, CHESIL) == {("support.existence", "P02")}
    assert clauses(seen, CHESIL, "existence") == {("outcome.score", "P04")}
    assert seen.fields(CHESIL) == set()
    assert seen.verdict(CHESIL).withheld == ("outcome.score",)
    assert explain(seen.decision, CHESIL, WORDS) == [
        "Told that this happened (P02).",
        "Withheld: V has not consented to s2w sharing treatment detail with Chesil.",
    ]
    assert clauses(seen, PARAGON) == {("support.existence", "P12")}
    assert clauses(seen, PARAGON, "existence") == {("outcome.score", "P13")}
    assert nothing(seen, PROBATION)


# 2 paragon goal_reviewed V: summary, safety plan


def test_safety_plan_is_shown_to_nobody_when_the_victim_has_not_consented() -> None:
    seen = reviewed(the_cast())

    assert clauses(seen, CHESIL) == {("support.existence", "P02"), ("support.summary", "P03")}
    assert clauses(seen, CHESIL, "existence") == {("support.dv_safety_plan", "P06")}
    assert seen.fields(CHESIL) == {"goals"}
    withheld = "Withheld: V has not consented to paragon sharing the safety plan with Chesil."
    assert withheld in explain(seen.decision, CHESIL, WORDS)
    assert clauses(seen, S2W) == {("support.existence", "P12"), ("support.summary", "P12")}
    assert seen.fields(S2W) == {"goals"}
    assert seen.verdict(S2W).withheld == ()
    assert nothing(seen, PROBATION)


# 3 = 2, s47 override: V, plan, chesil


def test_safety_plan_reaches_the_lead_when_an_override_for_the_enquiry_names_it() -> None:
    family = the_cast()
    enquiry(family, desks=[CHESIL])
    seen = reviewed(family)

    assert ("support.dv_safety_plan", "P05") in clauses(seen, CHESIL)
    assert seen.fields(CHESIL) == {"goals", "dv_safety_plan"}
    assert seen.verdict(CHESIL).withheld == ()
    shared = (
        "Shared without consent for the enquiry until 4 September 2023,"
        " because plan needed to protect the child."
    )
    assert shared in explain(seen.decision, CHESIL, WORDS)
    assert seen.fields(S2W) == {"goals"}
    assert seen.verdict(S2W).withheld == ()
    assert nothing(seen, PROBATION)


# 4 = 3, also naming F01 and probation, unconfirmed


def test_safety_plan_stays_from_the_other_side_when_nobody_of_its_owner_has_confirmed() -> None:
    family = the_cast()
    enquiry(family, desks=[CHESIL, PROBATION], lifts_victims=[ref(V)])
    seen = reviewed(family)

    assert seen.fields(CHESIL) == {"goals", "dv_safety_plan"}
    assert nothing(seen, PROBATION)
    waiting = "Waiting for a second person from paragon."
    assert waiting in explain_in_full(seen.decision, PROBATION, WORDS)


def test_safety_plan_alone_crosses_when_its_owner_has_confirmed() -> None:
    family = the_cast()
    enquiry(family, desks=[CHESIL, PROBATION], lifts_victims=[ref(V)])
    request = next(iter(family.state["pending"]))
    approval = {"task": "T-1", "request": request, "decision": "approved"}
    family.tell("hub.approval_given", "council/ig", **approval)
    assert reviewed(family).body(PROBATION) is None
    family.tell("hub.approval_given", PARAGON, **approval)
    seen = reviewed(family)

    assert seen.fields(PROBATION) == {"dv_safety_plan"}
    assert clauses(seen, PROBATION) == {("support.existence", "P05"), ("support.dv_safety_plan", "P05")}
    assert nothing(scored(family), PROBATION)


# 5 police/dorset incident_reported: rows P, V, K


def test_each_side_sees_its_own_rows_when_police_report_an_incident() -> None:
    family = the_cast()
    about_p = {"kind": "assault", "account": text("Shouted.", P, V)}
    people = [
        {"person": ref(P), "role": "alleged_perpetrator", **about_p},
        {"person": ref(V), "role": "victim", "kind": "assault", "account": text("Rang 999.", V)},
        {"person": ref(K), "role": "child_present", "kind": "assault"},
    ]
    seen = family.publish("outcome.incident_reported", POLICE, incident="INC-1", people=people)

    def rows(desk: str) -> dict[str, Any]:
        body = seen.body(desk)
        return {} if body is None else {row["person"]["value"]: row["account"] for row in body["people"]}

    assert rows(CHESIL).keys() == {P, V, K}
    assert seen.verdict(CHESIL).clauses == ("P08",)
    assert rows(PARAGON).keys() == {P, V}
    assert all(rows(PARAGON).values())
    assert seen.verdict(PARAGON).clauses == ("P18",)
    assert rows(PROBATION) == {P: None}
    assert seen.verdict(PROBATION).clauses == ("P19",)
    assert "F04" in {each.clause for each in seen.verdict(PROBATION).outcomes if each.person == P}
    assert seen.body(S2W) is None


# 6 council/minutes risk_rated K, reason about V


def test_reason_about_the_victim_stays_from_the_other_side_when_risk_is_rated() -> None:
    family = the_cast()
    reason = text("V met a friend.", V)
    seen = family.publish("practice.risk_rated", MINUTES, person=ref(K), rating="amber", reason=reason)

    assert clauses(seen, CHESIL) == {("risk.rating", "P01"), ("risk.reason", "P01")}
    # s2w works with a parent too: P11 says of the rating what P14 says.
    assert clauses(seen, S2W) in (
        {("risk.rating", "P14"), ("risk.reason", "P16")},
        {("risk.rating", "P11"), ("risk.reason", "P16")},
    )
    assert seen.fields(S2W) == {"rating", "reason"}
    assert clauses(seen, PARAGON) == {("risk.rating", "P11")}
    assert seen.fields(PARAGON) == {"rating"}
    assert ("risk.rating", "P20") in clauses(seen, PROBATION) or seen.fields(PROBATION) == {"rating"}
    assert clauses(seen, PROBATION, "silent") == {("risk.reason", "F04")}
    assert seen.verdict(PROBATION).withheld == ()


# 7 hub: V waitlisted with s2w, no. 4


def test_position_is_told_to_the_referrer_alone_when_the_victim_waits() -> None:
    family = the_cast()
    about = {"referral": ref("referral-s2w-2"), "person": ref(V)}
    family.tell("referral.requested", CHESIL, **about, to=S2W, specialism="mental_health")
    event = family.tell("referral.waitlisted", CHESIL, **about, position=4, waiting=11)
    seen = Seen(event, family.decide(event, derived=True))

    assert seen.fields(CHESIL) == {"position", "waiting"}
    assert seen.verdict(CHESIL).clauses == ("P02",)
    assert "You referred V." in explain(seen.decision, CHESIL, WORDS)
    assert seen.body(PARAGON) is not None
    assert clauses(seen, PARAGON) == {("referral.existence", "P12")}
    assert seen.fields(PARAGON) == set()
    assert seen.verdict(PARAGON).withheld == ()
    assert nothing(seen, PROBATION)


# 8 V objects to summary; s2w support_ended V


def ended_after_objection(family: Family) -> Seen:
    family.tell(
        "consent.objection_raised", CHESIL, person=ref(V), objection="OBJ-1", categories=["support.summary"]
    )
    about = {"referral": ref("referral-s2w"), "person": ref(V)}
    return family.publish("referral.support_ended", S2W, **about, intervention="cbt", reason="completed")


def test_summary_is_withheld_when_the_victim_objects_to_it() -> None:
    seen = ended_after_objection(the_cast())

    assert clauses(seen, CHESIL) == {("support.existence", "P02")}
    assert clauses(seen, CHESIL, "existence") == {("support.summary", "P03")}
    assert seen.verdict(CHESIL).withheld == ("support.summary",)
    assert "Withheld: V's objection is being decided." in explain(seen.decision, CHESIL, WORDS)


def test_summary_is_shared_in_spite_of_an_objection_when_the_child_is_on_a_plan() -> None:
    family = the_cast()
    family.tell("child.status_changed", CHESIL, person=ref(K), status="cp")
    seen = ended_after_objection(family)

    assert seen.fields(CHESIL) == {"intervention", "reason"}
    assert ("support.summary", "P03") in clauses(seen, CHESIL)


def test_an_objection_is_said_to_be_upheld_when_it_was() -> None:
    family = the_cast()
    raised = {"person": ref(V), "objection": "OBJ-1"}
    family.tell("consent.objection_raised", CHESIL, **raised, categories=["support.summary"])
    family.tell(
        "consent.objection_decided", "council/ig", **raised, outcome="upheld", reason="compelling_grounds"
    )
    about = {"referral": ref("referral-s2w"), "person": ref(V)}
    seen = family.publish("referral.support_ended", S2W, **about, intervention="cbt", reason="completed")
    assert "Withheld: V's objection was upheld." in explain(seen.decision, CHESIL, WORDS)


# 9 consent, score queued, withdrawn, retry


def test_queued_score_is_recalled_when_the_victim_withdraws() -> None:
    family = the_cast()
    family.tell("consent.given", CHESIL, person=ref(V), cells=[SCORE], given_by=ref(V), given_as="self")
    queued = scored(family)
    assert queued.fields(CHESIL) == {"instrument", "score", "point"}

    family.tell("consent.withdrawn", CHESIL, person=ref(V), cells=[SCORE])
    again = family.decide(queued.event, at=family.now)

    assert again.verdict(CHESIL).withheld == ("outcome.score",)
    withdrawn = "Withheld: V withdrew on 4 September 2023; recalled before release."
    assert withdrawn in explain(again, CHESIL, WORDS)
    assert "recalled" not in " ".join(explain(again, CHESIL, replace(WORDS, had=None)))
    later = scored(family)
    said = "Withheld: V withdrew consent to s2w sharing treatment detail with Chesil on 4 September 2023."
    assert said in explain(family.decide(later.event, at=family.now + DAY), CHESIL, WORDS)
    late = withdrawn.replace("recalled before release", "what had been released cannot be called back")
    assert late in explain(again, CHESIL, replace(WORDS, had={CHESIL: queued.event.recorded}))
    # Where no decision before had released it, nothing is said to have been recalled.
    never = explain(again, CHESIL, replace(WORDS, had={CHESIL: queued.event.recorded}, once={}))
    assert not {"recalled", "released"} & set(" ".join(never).replace(".", "").split())
    once = {CHESIL: {("outcome.score", V)}}
    assert withdrawn in explain(again, CHESIL, replace(WORDS, once=once))


# 10 council/chesil household_changed: V, K to a refuge


def test_place_stays_with_the_lead_when_the_victim_flees_with_her_child() -> None:
    family = the_cast()
    moves = [{"person": ref(each), "household": ref("household-9"), "postcode": "DT4 8ZZ"} for each in (V, K)]
    event = family.tell("family.household_changed", CHESIL, moves=moves)
    # Minutes, so that the lead is a recipient too.
    seen = Seen(event, family.decide(event, source=MINUTES))

    lead = seen.body(CHESIL)
    assert lead is not None
    assert [row["postcode"] for row in lead["moves"]] == ["DT4 8ZZ", "DT4 8ZZ"]
    for desk, rows, clause in ((S2W, [V, K], "P14"), (PARAGON, [K], "P11")):
        body = seen.body(desk)
        assert body is not None
        assert [row["person"]["value"] for row in body["moves"]] == rows
        assert {row["postcode"] for row in body["moves"]} == {None}
        assert ("family.membership", clause) in clauses(seen, desk)
        assert seen.verdict(desk).withheld == ()
    place = [each for each in seen.verdict(PARAGON).outcomes if each.category.startswith("contact")]
    assert {(each.clause, each.why) for each in place} == {("P23", "consent:none")}
    assert nothing(seen, PROBATION)


# 11 P alleges V hurt him


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


# 12 reach support_started, match probable


def test_everything_is_held_when_a_match_is_only_probable() -> None:
    family = the_cast()
    about = {"referral": ref("referral-reach"), "person": ref(V)}
    family.refer(V, REACH, "referral-reach")
    event = family.event("referral.support_started", REACH, **about, intervention="full_assessment")
    family.apply(event)
    decision = family.decide(event, probable=frozenset({V}))

    due = datetime.fromtimestamp(event.recorded / SECOND, UTC).replace(second=0)
    until = f"Until a person confirms who this is, by {due.hour + 4:02}:{due.minute:02}."
    for desk in (CHESIL, S2W, PARAGON):
        assert decision.verdict(desk).result == "held"
        assert decision.verdict(desk).hold == "F06"
        assert explain(decision, desk, WORDS) == [until]
    # Read on another day it says which day it means.
    today, later = (replace(WORDS, now=event.recorded + days * 86_400 * SECOND) for days in (0, 1))
    assert explain(decision, CHESIL, today) == [until]
    assert explain(decision, CHESIL, later) == [f"{until[:-1]} on {WORDS.day(event.recorded)}."]
    assert decision.verdict(PROBATION).mask == 0
    assert decision.waits == (V,)
    assert family.decide(event).verdict(CHESIL).result == "delivered"


def test_consent_ends_at_its_own_end_when_nobody_withdraws() -> None:
    family = the_cast()
    until = family.now + 90 * DAY
    cell = {**SCORE, "valid_until": datetime.fromtimestamp(until / SECOND, UTC).isoformat()}
    family.tell("consent.given", CHESIL, person=ref(V), cells=[cell], given_by=ref(V), given_as="self")
    seen = scored(family)

    assert seen.verdict(CHESIL).valid_until == until
    assert family.decide(seen.event, at=until).verdict(CHESIL).withheld == ("outcome.score",)
