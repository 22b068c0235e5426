"""Where somebody can be found (rules 4.2, 4.8): by household, by who asks, and texts by whom they are about."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.consent.cast import (
    CHESIL,
    DAY,
    MINUTES,
    PARAGON,
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


def two_adults() -> Family:
    """A family without domestic abuse: mother V, who is supported by s2w, father P, child K."""
    family = Family()
    family.tell("family.opened", CHESIL, lead=CHESIL)
    rows = [{"person": ref(each), "kind": kind} for each, kind in ((V, "adult"), (P, "adult"), (K, "child"))]
    family.tell("family.member_added", CHESIL, members=rows)
    family.settle(V, P, K)
    for person in (V, P):
        family.tell("person.told_recorded", CHESIL, person=ref(person), told=True)
    family.refer(V, S2W, "referral-s2w")
    return family


def move(family: Family, **homes: str) -> None:
    people = {"v": V, "p": P, "k": K}
    moves = [{"person": ref(people[each]), "household": ref(home)} for each, home in homes.items()]
    family.tell("family.household_changed", CHESIL, moves=moves)


def addressed(family: Family, person: str) -> Seen:
    row = {"person": ref(person), "household": ref("h-1"), "postcode": "DT1 1AA"}
    event = family.event("family.household_changed", CHESIL, moves=[row])
    return Seen(event, family.decide(event))


def postcodes(seen: Seen, desk: str) -> list[Any]:
    body = seen.body(desk)
    return [] if body is None else [row["postcode"] for row in body["moves"]]


def requested(family: Family, person: str, desk: str, **more: Any) -> Seen:
    data = {"referral": ref("r-new"), "person": ref(person), "to": desk, "specialism": "any"}
    return family.publish(
        "referral.requested", CHESIL, **data, postcode="DT1 1AA", phone="01632 960001", **more
    )


def test_address_reaches_the_service_when_nobody_is_shielded() -> None:
    seen = requested(two_adults(), V, REACH)
    assert {"postcode", "phone"} <= seen.fields(REACH)


def test_address_is_protected_and_the_phone_is_not_when_a_victim_is_referred() -> None:
    seen = requested(the_cast(), V, REACH)
    assert "postcode" not in seen.fields(REACH)
    assert "phone" in seen.fields(REACH)


@pytest.mark.parametrize(
    ("homes", "released"),
    [({}, False), ({"v": "here", "p": "here"}, False), ({"v": "here", "k": "here", "p": "there"}, True)],
)
def test_address_of_who_may_live_with_a_victim_is_protected(homes: dict[str, str], *, released: bool) -> None:
    family = the_cast()
    family.tell("person.told_recorded", CHESIL, person=ref(P), told=True)
    if homes:
        move(family, **homes)
    seen = requested(family, P, REACH)
    # Reach opposes V from this referral on: for it nothing is known of where she lives.
    assert "postcode" not in seen.fields(REACH)
    scene = family.facts().scene(dorset(), family.now, "")
    assert (scene.near(P) is False) is released


def test_whereabouts_reach_who_supports_her_when_she_consents() -> None:
    family = the_cast()
    cell = {"purpose": "safeguard", "category": "contact.whereabouts_protected", "desk": S2W}
    family.tell("consent.given", CHESIL, person=ref(V), cells=[cell], given_by=ref(V), given_as="self")
    seen = requested(family, V, S2W)
    assert "postcode" in seen.fields(S2W)
    assert "postcode" not in seen.fields(PARAGON)


@pytest.mark.parametrize("moved", [False, True])
def test_other_side_sees_the_same_whether_or_not_the_victim_moved(*, moved: bool) -> None:
    family = the_cast()
    family.tell("person.told_recorded", CHESIL, person=ref(P), told=True)
    move(family, v="home", p="home", k="home")
    if moved:
        move(family, v="refuge")
        move(family, k="home")
    family.now += DAY
    seen = [
        requested(family, P, PROBATION),
        family.publish("practice.risk_rated", MINUTES, person=ref(K), rating="red", reason=text("W.", K)),
        family.publish("child.attendance_recorded", CHESIL, person=ref(K), sessions_possible=10),
    ]
    assert [sorted(each.fields(PROBATION)) for each in seen] == [
        ["phone", "specialism", "to"],
        ["rating"],
        [],
    ]


def test_text_reaches_the_core_group_when_all_whom_it_is_about_may_be_shown() -> None:
    family = the_cast()
    note = {"note": text("V is tired.", V, K), "person": ref(V)}
    seen = family.publish("practice.supervision_held", MINUTES, discussed=[ref(K)], notes=[note])
    body = seen.body(S2W)
    assert body is not None
    assert body["notes"][0]["note"]["text"] == "V is tired."
    assert seen.body(PROBATION) is None or not seen.body(PROBATION)["notes"]  # type: ignore[index]


def test_text_about_nobody_named_reaches_the_lead_alone() -> None:
    family = the_cast()
    reason = {"text": "Somebody rang.", "about": None}
    seen = family.publish("practice.risk_rated", MINUTES, person=ref(K), rating="red", reason=reason)
    assert seen.fields(CHESIL) == {"rating", "reason"}
    assert seen.fields(S2W) == {"rating"}


@pytest.mark.parametrize(("about", "told"), [(P, True), (V, False)])
def test_opposing_desk_gets_a_text_addressed_to_it_unless_it_is_about_the_victim(
    about: str, *, told: bool
) -> None:
    family = the_cast()
    reason = text("Drinks again.", about)
    to = [{"field": "reason", "desks": [PROBATION]}]
    seen = requested(family, P, PROBATION, reason=reason, addressed_to=to)
    assert ("reason" in seen.fields(PROBATION)) is told
