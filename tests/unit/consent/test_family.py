"""A family's state: who leads, who belongs, what stands, and what its last event still finds open."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from services.consent.family import Stepped, step
from services.consent.family_facts import FamilyFacts
from services.consent.logged import concerned
from services.consent.moves import NotAllowed
from services.consent.scene import Scene
from tests.unit.consent.cast import (
    CHESIL,
    DAY,
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
    dorset,
    ref,
    text,
    the_cast,
)

WEST = "council/west"


def scene(family: Family, at: int | None = None) -> Scene:
    return family.facts().scene(dorset(), family.now if at is None else at, "none")


def roles(family: Family, desk: str, at: int | None = None) -> dict[str, set[str]]:
    found = scene(family, at).roles.get(desk, {})
    return {person: set(held) for person, held in found.items()}


def refused(family: Family, kind: str, source: str, **data: Any) -> str:
    result = step(family.state, family.event(kind, source, **data))
    assert isinstance(result, NotAllowed)
    return result.code


def test_state_is_never_changed_in_place() -> None:
    family = the_cast()
    before, kept = family.state, deepcopy(family.state)
    family.tell("consent.withdrawn", CHESIL, person=ref(V))
    family.tell("family.closed", CHESIL)
    assert before == kept
    assert family.state != kept


def test_state_stays_the_very_same_object_when_an_event_says_nothing_of_the_family() -> None:
    family = the_cast()
    before = family.state
    family.tell("outcome.measure_recorded", S2W, person=ref(V), instrument="phq9")
    assert family.state is before


def test_facts_are_read_again_only_when_decisions_read_what_changed() -> None:
    family = the_cast()
    facts = family.facts()
    before = facts.scene(dorset(), family.now, "none")
    about = {"referral": ref("referral-s2w"), "person": ref(V)}
    family.tell("referral.stage_entered", S2W, **about, stage="treatment")
    assert family.facts().scene(dorset(), family.now, "none") is before
    family.tell("person.told_recorded", CHESIL, person=ref(P), told=True)
    assert family.facts().scene(dorset(), family.now, "none") is not before


def test_lead_moves_to_another_team() -> None:
    family = the_cast()
    family.tell("family.lead_changed", CHESIL, lead=WEST)
    assert scene(family).family_roles.get(CHESIL) is None
    assert "lead" in scene(family).family_roles[WEST]


def test_closing_is_told_although_it_closes() -> None:
    family = the_cast()
    event = family.tell("family.closed", CHESIL, reason="stepped_down")
    seen = Seen(event, family.decide(event, source=MINUTES))
    assert seen.fields(CHESIL) == {"reason"}
    assert seen.fields(PROBATION) == {"reason"}
    later = family.event("practice.risk_rated", MINUTES, person=ref(K), rating="green")
    assert family.decide(later).verdict(CHESIL).mask == 0
    assert family.decide(event, at=family.now + DAY, source=MINUTES).verdict(CHESIL).mask


def test_open_family_is_not_opened_again() -> None:
    assert refused(the_cast(), "family.opened", WEST, lead=WEST) == "already_open"


def test_referral_moves_by_the_table_alone() -> None:
    family = the_cast()
    about = {"referral": ref("referral-s2w"), "person": ref(V)}
    assert refused(family, "referral.accepted", S2W, **about) == "wrong_state"
    assert refused(family, "referral.accepted", S2W, referral=ref("other"), person=ref(V)) == "not_requested"
    wrong = {"referral": ref("referral-s2w"), "person": ref(P)}
    assert refused(family, "referral.goal_reviewed", S2W, **wrong) == "other_person"


def test_role_ends_with_the_support_and_is_former_for_24_months() -> None:
    family = the_cast()
    about = {"referral": ref("referral-s2w"), "person": ref(V)}
    assert roles(family, S2W)[V] == {"supporting"}
    event = family.tell("referral.support_ended", S2W, **about, reason="completed")
    assert S2W not in roles(family, S2W)
    assert roles(family, S2W) == {}
    assert V in scene(family).sides[S2W]
    assert V in scene(family, event.recorded + 729 * DAY).sides[S2W]
    assert S2W not in scene(family, event.recorded + 732 * DAY).sides
    assert roles(family, CHESIL)[V] == {"referrer"}
    ended = {cause["state"] for cause in family.state["referrals"].values()}
    assert ended == {"started", "ended"}


def test_referrer_hears_for_28_days_after_the_end() -> None:
    family = the_cast()
    about = {"referral": ref("referral-reach"), "person": ref(P)}
    family.tell("referral.requested", CHESIL, **about, to=REACH, specialism="substance_use")
    assert roles(family, REACH)[P] == {"referred_to"}
    end = family.tell("referral.returned", REACH, **about, reason="criteria_not_met")
    assert REACH not in scene(family).roles
    assert P in roles(family, CHESIL, end.recorded + 28 * DAY - 1)
    assert P not in roles(family, CHESIL, end.recorded + 28 * DAY)
    family.tell("referral.reopened", CHESIL, **about)
    assert roles(family, REACH)[P] == {"referred_to"}


def test_core_group_is_who_was_named_last() -> None:
    family = the_cast()
    family.tell("practice.supervision_held", MINUTES, discussed=[ref(K)], core_group=[S2W, PARAGON])
    group = {desk for desk, held in scene(family).family_roles.items() if "core_group" in held}
    assert group == {S2W, PARAGON}


def test_facts_stand_as_they_were_read_when_a_lead_or_core_group_is_named_again() -> None:
    family = the_cast()
    for kind, source, named in (
        ("practice.supervision_held", MINUTES, {"discussed": [ref(K)], "core_group": [S2W, PARAGON]}),
        ("family.lead_changed", CHESIL, {"lead": CHESIL}),
    ):
        family.tell(kind, source, **named)
        before = family.facts()
        family.tell(kind, source, **named)
        assert before.reads(family.state), kind


def test_nothing_is_known_of_somebody_for_sure_when_a_link_says_not_how_sure_it_is() -> None:
    family = the_cast()
    assert family.facts().person(V).confirmed
    family.tell("hub.identity_linked", CHESIL, person=ref(V))
    assert not family.facts().person(V).confirmed
    family.tell("hub.identity_linked", CHESIL, person=ref(V), degree="confirmed")
    assert family.facts().person(V).confirmed


def test_desk_says_why_when_it_offers_a_place_to_whom_it_chooses() -> None:
    family = the_cast()
    about = {"referral": ref("referral-reach"), "person": ref(P)}
    family.tell("referral.requested", CHESIL, **about, to=REACH, specialism="substance_use")
    assert refused(family, "referral.offered", REACH, **about) == "not_said_why"
    family.tell("referral.offered", REACH, **about, reason="known_to_worker")
    assert family.state["referrals"]["referral-reach"]["state"] == "offered"


def test_enquiry_is_statutory_until_it_ends() -> None:
    family = the_cast()
    assert not scene(family).statutory
    family.tell("child.section_47_started", CHESIL, children=[ref(K)], enquiry="E-1")
    assert scene(family).s47
    assert scene(family).statutory
    family.tell("child.section_47_ended", CHESIL, children=[ref(K)], enquiry="E-1")
    assert not scene(family).statutory
    family.tell("child.status_changed", CHESIL, person=ref(K), status="cla")
    assert scene(family).statutory


def test_child_is_an_adult_from_the_18th_birthday() -> None:
    family = the_cast()
    row = {"person": ref("young-n"), "kind": "child", "dob": "2005-09-06"}
    family.tell("family.member_added", CHESIL, members=[row])
    assert scene(family).members["young-n"] is False
    assert scene(family, family.now + 3 * DAY).members["young-n"] is True


def test_pair_ends_only_with_a_second_person_of_the_agency_that_asked() -> None:
    family = the_cast()
    ended = family.tell("safety.pair_ended", CHESIL, victim=ref(V), perpetrator=ref(P), reason="mistaken")
    assert scene(family).victims_of[P][V] is True
    given = {"task": "task-1", "request": ended.receipt, "decision": "approved"}
    family.tell("hub.approval_given", PARAGON, **given)
    assert scene(family).victims_of[P][V] is True
    family.tell("hub.approval_given", "council/ig", **given)
    assert scene(family).victims_of[P][V] is False


def test_pair_stays_when_its_end_is_refused() -> None:
    family = the_cast()
    ended = family.tell("safety.pair_ended", CHESIL, victim=ref(V), perpetrator=ref(P), reason="mistaken")
    given = {"task": "task-1", "request": ended.receipt}
    family.tell("hub.approval_given", "council/ig", **given, decision="refused")
    family.tell("hub.approval_given", "council/ig", **given, decision="approved")
    assert scene(family).victims_of[P][V] is True


def test_every_other_adult_counts_as_p_when_domestic_abuse_is_the_need() -> None:
    family = the_cast()
    row = {"person": ref("partner-n"), "kind": "adult"}
    family.tell("family.member_added", CHESIL, members=[row])
    family.settle("partner-n")
    family.refer("partner-n", REACH, "referral-n")
    assert V in scene(family).opposed(REACH)
    neither = {"person": ref("partner-n"), "domestic_abuse_role": "neither"}
    family.tell("family.member_changed", CHESIL, **neither)
    assert V not in scene(family).opposed(REACH)


def test_supervising_desk_opposes_every_other_adult_pair_or_none() -> None:
    family = the_cast()
    row = {"person": ref("aunt-n"), "kind": "adult"}
    family.tell("family.member_added", CHESIL, members=[row])
    assert set(scene(family).opposed(PROBATION)) == {V, "aunt-n"}
    assert scene(family).opposed(CHESIL) == {}
    assert scene(family).opposed(POLICE) == {}


def test_child_lives_apart_when_both_households_are_known_and_differ() -> None:
    family = the_cast()
    assert scene(family).shielders(K) == {V}
    moves = [{"person": ref(V), "household": ref("one")}, {"person": ref(K), "household": ref("two")}]
    family.tell("family.household_changed", CHESIL, moves=moves)
    assert scene(family).shielders(K) == frozenset()
    rows = [{"person": ref(V), "role": "victim"}, {"person": ref(K), "role": "child_present"}]
    family.tell("outcome.incident_reported", POLICE, incident="I", people=rows)
    assert scene(family).shielders(K) == {V}


def test_everything_about_a_new_member_is_held_until_their_own_log_answers() -> None:
    family = the_cast()
    row = {"person": ref("new-n"), "kind": "child", "given_name": "Ada"}
    event = family.tell("family.member_added", CHESIL, members=[row])
    decision = family.decide(event, source=MINUTES)
    assert decision.verdict(CHESIL).result == "held"
    assert decision.waits == ("new-n",)
    family.settle("new-n")
    again = family.decide(event, source=MINUTES)
    assert again.verdict(CHESIL).result == "delivered"
    assert again.waits == ()


def test_victims_data_is_held_from_others_until_all_is_known_of_who_may_oppose_her() -> None:
    family = the_cast()
    row = {"person": ref("partner-n"), "kind": "adult"}
    family.tell("family.member_added", CHESIL, members=[row])
    seen = family.publish("outcome.measure_recorded", S2W, person=ref(V), instrument="phq9")
    assert seen.verdict(CHESIL).result == "delivered"
    assert seen.verdict(PARAGON).result == "held"
    family.settle("partner-n")
    assert family.decide(seen.event).verdict(PARAGON).result == "delivered"


def test_suspended_agency_is_held_and_heard_only_when_it_protects() -> None:
    family = the_cast()
    family.suspended = frozenset({"s2w"})
    rated = family.publish("practice.risk_rated", MINUTES, person=ref(K), rating="red")
    assert rated.verdict(S2W).result == "held"
    assert rated.verdict(S2W).hold == "F07"
    assert rated.verdict(CHESIL).result == "delivered"
    scored = family.publish("outcome.measure_recorded", S2W, person=ref(V), instrument="phq9")
    assert scored.verdict(CHESIL).result == "held"
    withdrawn = family.publish("consent.withdrawn", S2W, person=ref(V))
    assert withdrawn.verdict(CHESIL).result == "delivered"


def test_text_goes_to_whom_it_was_addressed_when_everybody_in_it_may_be_shown() -> None:
    family = the_cast()
    about = {"referral": ref("referral-reach"), "person": ref(V), "to": REACH, "specialism": "substance_use"}
    chosen = [{"field": "reason", "desks": [REACH]}]
    for reason, shown in ((text("Drinks since May.", V), True), (text("P shouts.", V, P), False)):
        data = {**about, "reason": reason, "addressed_to": chosen}
        data["referral"] = ref(f"referral-{shown}")
        seen = family.publish("referral.requested", CHESIL, **data)
        assert ("reason" in seen.fields(REACH)) is shown


def test_override_shares_what_it_names_and_lapses_without_a_second_person() -> None:
    family = the_cast()
    family.tell("child.section_47_started", CHESIL, children=[ref(K)], enquiry="E-1")
    scope = {"people": [ref(V)], "override": "O-1", "ground": "s47", "desks": [CHESIL]}
    invoked = family.tell("safety.override_invoked", CHESIL, **scope, categories=["support.dv_safety_plan"])
    about = {"referral": ref("referral-paragon"), "person": ref(V)}
    plan = {"dv_safety_plan": text("New locks.", V)}
    seen = family.publish("referral.goal_reviewed", PARAGON, **about, **plan)
    assert "dv_safety_plan" in seen.fields(CHESIL)
    assert "P05" in seen.verdict(CHESIL).clauses
    assert seen.body(PROBATION) is None
    assert "dv_safety_plan" not in seen.fields(S2W)
    day = invoked.recorded + DAY
    assert seen.verdict(CHESIL).valid_until == day
    assert "P05" not in family.decide(seen.event, at=day).verdict(CHESIL).clauses
    given = {"task": "task-1", "request": invoked.id, "decision": "approved"}
    family.tell("hub.approval_given", "council/ig", **given)
    assert "P05" in family.decide(seen.event, at=day).verdict(CHESIL).clauses
    family.tell("child.section_47_ended", CHESIL, children=[ref(K)], enquiry="E-1")
    assert "P05" not in family.decide(seen.event, at=family.now).verdict(CHESIL).clauses


def test_deliveries_rest_on_everybody_whose_facts_may_change_them() -> None:
    family = the_cast()
    assert concerned(FamilyFacts.of(family.state), [V]) == {V, P, K}
    assert concerned(FamilyFacts.of(family.state), ["stranger"]) == {"stranger", V, P, K}


def test_deliveries_rest_on_the_pair_of_a_victim_with_whom_a_child_is_shielded_when_she_is_no_member() -> (
    None
):
    family = the_cast()
    rows = [
        {"person": ref("aunt-n"), "role": "victim"},
        {"person": ref("uncle-n"), "role": "alleged_perpetrator"},
    ]
    present = {"person": ref(K), "role": "child_present"}
    family.tell("outcome.incident_reported", POLICE, incident="I", people=[*rows, present])
    assert concerned(FamilyFacts.of(family.state), [V]) == {V, P, K, "aunt-n", "uncle-n"}


def test_what_a_child_shares_with_a_victim_of_whom_nothing_is_known_is_held_from_who_may_oppose_her() -> None:
    family = the_cast()
    moves = [{"person": ref(V), "household": ref("one")}, {"person": ref(K), "household": ref("two")}]
    family.tell("family.household_changed", CHESIL, moves=moves)
    exposed = [{"key": "exposed|aunt-n", "at": 1, "by": "r", "value": '{"since": 1}'}]
    family.tell("hub.person_fact", "hub", person=ref(K), facts=exposed, raises=1, raised=0)
    seen = family.publish("child.attendance_recorded", CHESIL, person=ref(K))
    assert seen.verdict(S2W).result == "held"
    assert "aunt-n" in seen.decision.waits
    told = [{"key": "told", "at": 1, "by": "r", "value": '{"told": true}'}]
    family.tell("hub.person_fact", "hub", person=ref("aunt-n"), facts=told, raises=0, raised=0)
    assert family.decide(seen.event).verdict(S2W).result == "delivered"


def test_facts_say_nothing_of_an_empty_family() -> None:
    empty = FamilyFacts.of({}).scene(dorset(), 0, "none")
    assert not empty.open
    assert empty.opposed(S2W) == {}
    assert isinstance(step({}, the_cast().event("family.opened", CHESIL, lead=CHESIL)), Stepped)
