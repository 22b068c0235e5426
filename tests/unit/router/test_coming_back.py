"""What a log waits for of what it says itself: its own raises come back to it, and what it knows already does not."""

from services.referral_router.people import PERSON_FACT
from tests.unit.consent.cast import CHESIL, POLICE, REACH, S2W, ref
from tests.unit.router.loop import WEST, Loop
from tests.unit.router.test_loop import opened


def facts(loop: Loop, family: str, person: str) -> int:
    """How often a log was told of somebody's facts."""
    return sum(
        each.type == PERSON_FACT and each.data["person"]["value"] == person
        for each in loop.logs["events", family]
    )


def lapsed(loop: Loop, family: str) -> int:
    """How often an attempt asked for another decision."""
    return sum(each.type.endswith("decision_lapsed.v1") for each in loop.logs["events", family])


def test_facts_go_to_the_persons_other_families_alone_when_a_familys_own_log_said_them() -> None:
    loop = opened().copy()
    loop.accept("family.member_added", WEST, "F2", members=[{"person": ref("K"), "kind": "child"}])
    loop.release()
    known = facts(loop, "F1", "K"), facts(loop, "F2", "K")
    loop.accept("family.household_changed", CHESIL, "F1", moves=[{"person": ref("K"), "household": ref("h")}])
    loop.release()
    assert (facts(loop, "F1", "K"), facts(loop, "F2", "K")) == (known[0], known[1] + 1)
    both = [loop.states["events", family].plain["persons"]["K"] for family in ("F1", "F2")]
    assert both[0]["household"] == both[1]["household"]
    assert {key for key in both[0] if not key.startswith("near|")} == {
        key for key in both[1] if not key.startswith("near|")
    }


def test_facts_come_back_to_their_own_log_when_they_raise_a_guard() -> None:
    loop = opened().copy()
    known = facts(loop, "F1", "V")
    cell = {"purpose": "support", "category": "outcome.score", "desk": REACH}
    loop.accept("consent.refused", S2W, "F1", person=ref("V"), cells=[cell])
    loop.release()
    assert facts(loop, "F1", "V") > known


def test_event_is_decided_once_and_nothing_lapses_when_its_own_raise_is_on_its_way() -> None:
    loop = opened().copy()
    loop.release()
    before = lapsed(loop, "F1")
    rows = [{"person": ref("V"), "role": "victim"}]
    loop.accept("outcome.incident_reported", POLICE, "F1", incident="i", people=rows)
    loop.settle(but={"V"})
    loop.begin(CHESIL)
    assert (len(loop.undecided), loop.attempts) == (1, [[]])
    loop.end(sent=True)
    loop.release()
    assert len(loop.got(CHESIL, "outcome.incident_reported")) == 1
    assert (loop.undecided, lapsed(loop, "F1")) == ({}, before)


def test_what_comes_behind_waits_in_order_when_a_raise_is_on_its_way() -> None:
    loop = opened().copy()
    rows = [{"person": ref("V"), "role": "victim"}]
    loop.accept("outcome.incident_reported", POLICE, "F1", incident="i", people=rows)
    loop.accept("practice.risk_rated", CHESIL, "F1", person=ref("K"), rating="red")
    loop.accept("child.status_changed", CHESIL, "F1", person=ref("K"), status="cin", since="2026-05-01")
    loop.settle(but={"V"})
    loop.begin(S2W)
    assert loop.attempts == [[]]
    loop.end(sent=True)
    loop.release()
    for desk in loop.desks():
        receipts = [left.event.envelope.receipt for left in loop.left if left.desk == desk]
        receipts = [each for each in receipts if each]
        assert receipts == sorted(receipts)
    assert not loop.undecided


def test_lead_hears_of_incidents_when_a_member_came_while_the_first_ones_raise_was_on_its_way() -> None:
    """Whom it is about is known; only of somebody added meanwhile nothing has come."""
    loop = opened().copy()
    rows = [{"person": ref("V"), "role": "victim"}]
    loop.accept("outcome.incident_reported", POLICE, "F1", incident="i", people=rows)
    loop.accept("family.member_added", CHESIL, "F1", members=[{"person": ref("X"), "kind": "adult"}])
    loop.accept("outcome.incident_reported", POLICE, "F1", incident="j", people=rows)
    loop.settle(but={"V", "X"})
    assert not loop.deliveries or not loop.begin(CHESIL)
    loop.settle(but={"X"})
    loop.attempts.clear()
    for _ in range(3):
        loop.begin(CHESIL)
        loop.end(sent=True)
        loop.settle(but={"X"})
    assert len(loop.got(CHESIL, "outcome.incident_reported")) == 2
    assert loop.undecided
    loop.release()
    assert not loop.undecided
