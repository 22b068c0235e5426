"""A correction takes back what was said, in every log that has it; what protects somebody it does not."""

from typing import Any

import pytest

from hub.clock import DAY
from tests.integration.attack.hub import CHESIL, PARAGON, PROBATION, REACH, S2W, WEST, Hub
from tests.integration.gateway.world import ref

POLICE = "police/dorset"
REQUEST = "referral.requested"
NOTICE = "hub.notice_sent"
ABOUT: dict[str, Any] = {
    "referral": ref("R-1"), "person": ref("V"), "family": ref("F-1"), "specialism": "substance_use",
}  # fmt: skip
RATED = {"family": ref("F-1"), "person": ref("K"), "rating": "red"}


async def referred(hub: Hub) -> None:
    """V, who was told, is referred to reach; the request was read."""
    await hub.begin_family("F-1", CHESIL, adults="VP", children="K")
    await hub.tell("person.told_recorded", {"family": ref("F-1"), "person": ref("V"), "told": True})
    await hub.tell(REQUEST, {**ABOUT, "to": REACH}, event_id="r-1")
    await hub.settle()


async def state_of(hub: Hub, receipt: str, desk: str = CHESIL) -> dict[str, Any]:
    """A receipt as its desk reads it."""
    found = (await hub.get(f"/v1/receipts/{receipt}", desk)).json()
    return {key: found[key] for key in ("state", "reason") if key in found}


async def test_desk_hears_of_it_and_of_nothing_more_when_the_request_to_it_is_retracted(hub: Hub) -> None:
    await referred(hub)
    await hub.relay(REACH)
    assert hub.kinds_to(REACH) == [REQUEST, "referral.offered"]
    await hub.tell(REQUEST, {**ABOUT, "to": REACH, "corrects": "r-1", "retracted": True})
    await hub.settle()
    await hub.relay(REACH)
    (notice,) = hub.got(REACH, NOTICE)
    requested = await hub.rows(
        "SELECT delivery_id::text FROM delivery WHERE desk = %s AND type = %s",
        REACH,
        f"wraparound.{REQUEST}.v1",
    )
    assert [tuple(notice["deliveries"]), notice["kind"]] == [requested[0], "corrected"]
    assert "person" not in notice
    hub.clock.advance(30 * DAY)
    await hub.tell("practice.risk_rated", RATED)
    await hub.settle()
    await hub.relay(REACH)
    assert hub.kinds_to(REACH) == [REQUEST, "referral.offered", NOTICE]


async def test_request_is_offered_to_the_desk_it_names_now_when_it_is_corrected(hub: Hub) -> None:
    await referred(hub)
    receipt = await hub.tell(REQUEST, {**ABOUT, "to": S2W, "corrects": "r-1"})
    await hub.settle()
    assert await state_of(hub, receipt) == {"state": "in effect"}
    await hub.relay(S2W, REACH)
    assert hub.kinds_to(S2W) == [REQUEST, "referral.offered"]
    assert hub.kinds_to(REACH) == []
    taken = await hub.tell("referral.accepted", {"referral": ref("R-1"), "person": ref("V")}, desk=S2W)
    await hub.settle()
    assert (await state_of(hub, taken, S2W))["state"] == "in effect"


async def test_lead_has_a_task_and_the_work_goes_on_when_its_request_is_retracted(hub: Hub) -> None:
    await referred(hub)
    for kind in ("accepted", "allocated"):
        await hub.tell(f"referral.{kind}", {"referral": ref("R-1"), "person": ref("V")}, desk=REACH)
        await hub.settle()
    gone = {**ABOUT, "to": REACH, "corrects": "r-1", "retracted": True}
    receipt = await hub.tell(REQUEST, gone)
    await hub.settle()
    assert await state_of(hub, receipt) == {"state": "rejected", "reason": "moved_on"}
    tasks = await hub.rows("SELECT owner, reason FROM task WHERE kind = 'rejected'")
    assert tasks == [(CHESIL, "moved_on")]
    started = await hub.tell(
        "referral.support_started", {"referral": ref("R-1"), "person": ref("V")}, desk=REACH
    )
    await hub.settle()
    assert (await state_of(hub, started, REACH))["state"] == "in effect"


async def test_core_group_has_nothing_when_the_plan_that_named_it_is_retracted_in_the_same_batch(
    hub: Hub,
) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    plan = {"family": ref("F-1"), "discussed": [ref("K")], "core_group": [REACH]}
    await hub.tell("practice.plan_agreed", plan, event_id="p-1")
    await hub.tell("practice.plan_agreed", {**plan, "corrects": "p-1", "retracted": True}, event_id="p-2")
    await hub.tell("practice.risk_rated", RATED)
    await hub.settle()
    await hub.relay(REACH)
    assert "practice.risk_rated" not in hub.kinds_to(REACH)


async def test_consent_gives_what_its_correction_says_when_it_gave_more(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V")
    await hub.support("F-1", "V", S2W)
    cell = {"purpose": "support", "category": "outcome.score", "desk": CHESIL}
    given = {"family": ref("F-1"), "person": ref("V"), "given_as": "self"}
    await hub.tell("consent.given", {**given, "cells": [cell]}, event_id="c-1")
    await hub.score("F-1", "V", 17)
    other = {**cell, "category": "mental_health.detail"}
    await hub.tell("consent.given", {**given, "cells": [other], "corrects": "c-1"})
    await hub.settle()
    await hub.relay(CHESIL)
    assert hub.scores_to(CHESIL) == [None]


async def test_nothing_leaves_to_a_lead_when_the_retraction_of_its_change_was_accepted_and_not_read(
    hub: Hub,
) -> None:
    log = await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await hub.tell("family.lead_changed", {"family": ref("F-1"), "lead": WEST}, event_id="l-1")
    await hub.tell("practice.risk_rated", RATED, desk="council/minutes")
    await hub.settle()
    # It names nobody: whom it concerns is everybody in the family.
    gone = {"family": ref("F-1"), "lead": WEST, "corrects": "l-1", "retracted": True}
    await hub.tell("family.lead_changed", gone)
    await hub.settle(but=[log])
    assert await hub.begin(WEST) == []
    await hub.tell("practice.risk_rated", {**RATED, "rating": "green"}, desk="council/minutes")
    await hub.relay(WEST, CHESIL)
    assert "practice.risk_rated" not in hub.kinds_to(WEST)
    assert [each["rating"] for each in hub.got(CHESIL, "practice.risk_rated")] == ["green"]


async def test_fact_is_as_before_in_every_family_when_it_is_retracted(hub: Hub) -> None:
    logs = [await hub.begin_family(name, lead, adults="V") for name, lead in (("F-1", CHESIL), ("F-2", WEST))]
    await hub.tell("person.told_recorded", {"person": ref("V"), "told": True})
    await hub.settle()
    await hub.tell("person.told_recorded", {"person": ref("V"), "told": False}, event_id="t-1")
    await hub.settle()
    # A family that she has joined since has no copy to correct.
    logs.append(await hub.begin_family("F-3", WEST, adults="V"))
    receipt = await hub.tell(
        "person.told_recorded", {"person": ref("V"), "told": False, "corrects": "t-1", "retracted": True}
    )
    await hub.settle()
    assert await state_of(hub, receipt) == {"state": "in effect"}
    for log in logs:
        persons = (await hub.family_state(log))["persons"]
        assert [each["told"][2]["told"] for each in persons.values()] == [True]


async def test_correction_about_another_person_goes_to_their_own_family(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V")
    other = await hub.begin_family("F-2", WEST, adults="W")
    score = {"instrument": "phq9", "score": 3}
    await hub.tell("outcome.measure_recorded", {**score, "person": ref("V")}, event_id="s-1")
    await hub.settle()
    receipt = await hub.tell("outcome.measure_recorded", {**score, "person": ref("W"), "corrects": "s-1"})
    found = await hub.rows("SELECT key::text FROM event WHERE receipt_id = %s", receipt)
    assert found == [(other,)]


async def test_holder_is_told_which_delivery_is_corrected(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V")
    await hub.support("F-1", "V", S2W)
    score = {"family": ref("F-1"), "person": ref("V"), "instrument": "phq9"}
    await hub.tell("outcome.measure_recorded", {**score, "score": 3}, desk=S2W, event_id="s-1")
    await hub.settle()
    await hub.tell("outcome.measure_recorded", {**score, "score": 4, "corrects": "s-1"}, desk=S2W)
    await hub.settle()
    await hub.relay(CHESIL)
    first, _ = await hub.rows(
        "SELECT delivery_id::text FROM delivery WHERE desk = %s AND type LIKE '%%measure_recorded%%' ORDER BY seq",
        CHESIL,
    )
    assert [each.get("corrects") for each in hub.got(CHESIL, "outcome.measure_recorded")] == [None, *first]


async def test_pair_stands_and_its_publisher_is_told_when_the_incident_is_retracted(hub: Hub) -> None:
    log = await hub.begin_family("F-1", CHESIL, adults="VP", children="K")
    rows = [{"person": ref("V"), "role": "victim"}, {"person": ref("P"), "role": "alleged_perpetrator"}]
    said = {"family": ref("F-1"), "incident": "i-1", "people": rows}
    await hub.tell("outcome.incident_reported", said, desk=POLICE, event_id="i-1")
    receipt = await hub.tell(
        "outcome.incident_reported", {**said, "corrects": "i-1", "retracted": True}, desk=POLICE
    )
    await hub.tell(
        "practice.plan_agreed", {"family": ref("F-1"), "discussed": [ref("K")], "core_group": [POLICE]}
    )
    await hub.settle()
    assert await state_of(hub, receipt, POLICE) == {"state": "in effect", "reason": "protection_stands"}
    persons = (await hub.family_state(log))["persons"].values()
    pairs = [each[2]["state"] for one in persons for key, each in one.items() if key.startswith("pair|")]
    assert pairs == ["in_force", "in_force"]


async def test_nobody_corrects_what_another_desk_said_or_nobody_did(hub: Hub) -> None:
    await referred(hub)
    plan = {"family": ref("F-1"), "discussed": [ref("K")], "core_group": [PARAGON]}
    await hub.tell("practice.plan_agreed", plan, event_id="p-1")
    await hub.settle()
    for desk, corrects in (("council/minutes", "p-1"), (CHESIL, "p-9"), (CHESIL, "r-1")):
        receipt = await hub.tell(
            "practice.plan_agreed", {**plan, "core_group": [PROBATION], "corrects": corrects}, desk=desk
        )
        await hub.settle()
        fates = await hub.rows(
            "SELECT f.reason FROM fate f JOIN event e USING (event_id) WHERE e.receipt_id = %s", receipt
        )
        assert fates == [("corrects_nothing",)]


async def test_member_is_of_the_family_no_more_when_the_addition_is_retracted(hub: Hub) -> None:
    log = await hub.begin_family("F-1", CHESIL, adults="V")
    other = await hub.begin_family("F-2", WEST, adults="W")
    row = {"person": ref("W"), "kind": "adult"}
    added = {"family": ref("F-1"), "members": [row]}
    await hub.tell("family.member_added", added, event_id="m-1")
    await hub.settle()
    await hub.tell("family.member_added", {**added, "corrects": "m-1", "retracted": True})
    await hub.tell("person.told_recorded", {"person": ref("W"), "told": True}, desk=WEST)
    await hub.settle()
    told = await hub.rows(
        "SELECT key::text FROM event WHERE type = 'wraparound.person.told_recorded.v1' AND topic = 'events'"
    )
    assert told == [(other,)]
    members = (await hub.family_state(log))["members"].values()
    assert sorted(each["spans"][-1][1] is None for each in members) == [False, True]


@pytest.mark.parametrize("names", ["nobody it added", "who was added"])
async def test_member_stays_when_the_retraction_is_refused(hub: Hub, names: str) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V")
    other = await hub.begin_family("F-2", WEST, adults="W")
    desk = CHESIL if names == "nobody it added" else WEST
    await hub.tell("family.member_added", {"family": ref("F-1"), "members": [{"person": ref("W"), "kind": "adult"}]},
                   event_id="m-1")  # fmt: skip
    await hub.settle()
    row = {"person": ref("V" if names == "nobody it added" else "W"), "kind": "adult"}
    gone = {"family": ref("F-1"), "members": [row], "corrects": "m-1", "retracted": True}
    await hub.tell("family.member_added", gone, desk=desk)
    await hub.tell("person.told_recorded", {"person": ref("W"), "told": True}, desk=WEST)
    await hub.settle()
    told = await hub.rows(
        "SELECT count(*) FROM event WHERE type = 'wraparound.person.told_recorded.v1' AND topic = 'events'"
    )
    assert told == [(2,)], other
