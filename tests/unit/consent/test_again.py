"""What is said again: an event of the same kind, or under the same id, takes nothing away that it does not end."""

from __future__ import annotations

from typing import Any

import pytest

from hub.events import HUB
from services.consent.facts import protective
from tests.unit.consent.cast import (
    CHESIL,
    DAY,
    MINUTES,
    POLICE,
    S2W,
    SECOND,
    Family,
    K,
    P,
    V,
    dorset,
    ref,
    the_cast,
)
from tests.unit.consent.test_consents import CELL, give, is_shared, score, stamp
from tests.unit.consent.test_second_reading import approve, of_three, opposed, override, plan

WEST = "council/west"
ENQUIRY = {"children": [ref(K)], "enquiry": "S-1"}


def still_shared(family: Family, seen: Any) -> bool:
    """Whether the lead may have a score now, by a release of now."""
    return "outcome.score" not in family.decide(seen.event, at=family.now).verdict(CHESIL).withheld


# Support that ended, a referral that was taken up again ------------------------------------------------------------


@pytest.mark.parametrize("kind", ["withdrawn", "returned", "declined", "closed_before_support"])
def test_desk_still_opposes_whom_it_supported_against_when_the_referral_is_reopened_and_ends_otherwise(
    kind: str,
) -> None:
    family = of_three()
    about = {"referral": ref("r-p"), "person": ref(P)}
    family.refer(P, S2W, "r-p")
    family.tell("referral.support_started", S2W, **about)
    family.tell("safety.pair_recorded", POLICE, victim=ref(V), perpetrator=ref(P))
    family.tell("referral.support_ended", S2W, **about)
    family.tell("referral.reopened", CHESIL, **about)
    family.tell("referral.offered", HUB, **about)
    family.tell(f"referral.{kind}", CHESIL, **about)

    assert opposed(family, S2W) == {V}
    family.now += 800 * DAY
    assert opposed(family, S2W) == set()


def test_support_is_over_when_a_reopened_referral_ends_without_any() -> None:
    family = the_cast()
    about = {"referral": ref("referral-s2w"), "person": ref(V)}
    family.tell("referral.support_ended", S2W, **about)
    family.tell("referral.reopened", CHESIL, **about)
    seen = family.publish("referral.withdrawn", CHESIL, **about)

    roles = family.facts().scene(dorset(), family.now, seen.event.id).roles[S2W][V]
    assert roles.keys() == {"referred_to"}


# Consents that are renewed ----------------------------------------------------------------------------------------


def test_score_is_still_shared_when_the_consent_that_it_came_under_is_renewed() -> None:
    family = the_cast()
    give(family, cells=[{**CELL, "valid_until": stamp(family.now + 30 * DAY)}])
    first = score(family)
    family.now += 20 * DAY
    again = {**CELL, "act": "give", "valid_until": stamp(family.now + 60 * DAY)}
    family.tell("consent.changed", CHESIL, person=ref(V), given_as="self", cells=[again])
    family.now += 20 * DAY
    second = score(family)
    give(family)

    assert still_shared(family, first)
    assert still_shared(family, second)
    family.tell("consent.withdrawn", CHESIL, person=ref(V), cells=[CELL])
    assert not still_shared(family, first)


def test_score_stays_withheld_when_the_consent_was_renewed_after_its_end() -> None:
    family = the_cast()
    give(family, cells=[{**CELL, "valid_until": stamp(family.now + 30 * DAY)}])
    first = score(family)
    family.now += 40 * DAY
    give(family)

    assert not still_shared(family, first)


def test_score_stays_withheld_when_the_consent_was_withdrawn_and_given_anew() -> None:
    family = the_cast()
    give(family)
    first = score(family)
    family.tell("consent.withdrawn", CHESIL, person=ref(V), cells=[CELL])
    between = score(family)
    give(family)
    give(family)

    assert not still_shared(family, first)
    assert not still_shared(family, between)


def test_score_stays_withheld_when_what_is_renewed_was_not_its_givers_to_give() -> None:
    family = the_cast()
    family.tell("person.capacity_assessed", CHESIL, person=ref(V), has_capacity=False)
    give(family)
    first = score(family)
    family.tell("person.capacity_assessed", CHESIL, person=ref(V), has_capacity=True)
    give(family)

    assert not still_shared(family, first)
    assert is_shared(score(family))


def test_score_stays_withheld_when_the_renewal_begins_later_than_it_is_stated() -> None:
    family = the_cast()
    give(family)
    first = score(family)
    give(family, cells=[{**CELL, "valid_from": stamp(family.now + 5 * DAY)}])
    family.now += 10 * DAY

    assert not still_shared(family, first)


def test_what_was_recorded_earlier_is_still_shared_when_a_consent_that_said_so_is_renewed() -> None:
    family = the_cast()
    first = score(family)
    give(family, cells=[{**CELL, "earlier": True}])
    give(family)

    assert still_shared(family, first)


def test_consent_that_says_nowhere_who_gave_it_opens_nothing() -> None:
    family = the_cast()
    give(family, given_by=None, given_as=None)
    assert not is_shared(score(family))
    give(family, given_as=None)
    assert is_shared(score(family))


@pytest.mark.parametrize("bound", ["valid_from", "valid_until"])
def test_guard_is_raised_when_a_change_may_leave_a_consent_less_time(bound: str) -> None:
    family = the_cast()
    give(family)
    row = {**CELL, "act": "give", bound: stamp(family.now + DAY)}
    event = family.event("consent.changed", CHESIL, person=ref(V), given_as="self", cells=[row])

    assert V in protective(event)


# Overrides and enquiries ------------------------------------------------------------------------------------------


def confirmed(family: Family, **given: Any) -> None:
    """An override of V's safety plan for three weeks of an enquiry, with its second person."""
    override(family, CHESIL, ground="s47", until=stamp(family.now + 20 * DAY), **given)
    approve(family, next(iter(family.state["pending"])), WEST)


@pytest.mark.parametrize(("named", "other"), [("S-1", "S-1"), (None, "S-2")])
def test_override_stays_over_when_another_enquiry_begins_after_its_own(named: str | None, other: str) -> None:
    family = the_cast()
    family.tell("child.section_47_started", CHESIL, **ENQUIRY)
    confirmed(family, enquiry=named)
    assert plan(family, CHESIL)
    family.tell("child.section_47_ended", CHESIL, **ENQUIRY)
    assert not plan(family, CHESIL)
    family.tell("child.section_47_started", CHESIL, children=[ref(K)], enquiry=other)

    assert not plan(family, CHESIL)


@pytest.mark.parametrize("named", ["S-1", None])
def test_override_is_in_force_when_its_enquiry_is_recorded_after_it(named: str | None) -> None:
    family = the_cast()
    confirmed(family, enquiry=named)
    assert not plan(family, CHESIL)
    family.tell("child.section_47_started", CHESIL, **ENQUIRY)
    assert plan(family, CHESIL)
    family.tell("child.section_47_started", CHESIL, **ENQUIRY)
    assert plan(family, CHESIL)


def test_override_delivers_what_it_names_when_another_family_gives_one_of_its_own_the_same_id() -> None:
    family, other = the_cast(), the_cast(Family("family-2"))
    override(family, CHESIL)
    other.now = family.now
    override(other, MINUTES)
    mine, theirs = (each.state["persons"][V] for each in (family, other))
    came = {**theirs, **mine}
    family.state = {**family.state, "persons": {**family.state["persons"], V: came}}
    assert plan(family, CHESIL)

    other.tell("safety.override_ended", CHESIL, people=[ref(V)], override="OV-1")
    came |= {key: each for key, each in other.state["persons"][V].items() if "|family-2|" in key}
    family.state = {**family.state, "persons": {**family.state["persons"], V: came}}
    assert plan(family, CHESIL)


def test_override_delivers_what_it_names_when_another_is_invoked_under_its_id() -> None:
    family = the_cast()
    override(family, CHESIL)
    override(family, CHESIL, categories=["outcome.score"])
    assert plan(family, CHESIL)
    assert is_shared(score(family))

    family.tell("safety.override_ended", CHESIL, people=[ref(V)], override="OV-1")
    assert not plan(family, CHESIL)
    assert not is_shared(score(family))


def test_override_is_over_in_every_family_when_it_ends_in_one_of_those_it_was_invoked_for() -> None:
    family = the_cast()
    override(family, CHESIL)
    mine = family.state["persons"][V]
    (key,) = (each for each in mine if each.startswith("override|"))
    ended = {"override_ended|family-2|OV-1": [family.now + 120 * SECOND, "r-9", {}]}
    copied = {f"override|family-2|OV-1|{mine[key][1]}": mine[key], **ended}
    assert plan(family, CHESIL)
    persons = {**family.state["persons"], V: {**mine, **copied}}
    family.state = {**family.state, "persons": persons}

    assert not plan(family, CHESIL)
