"""Whoever holds what rested on a consent is told that it ended: its cells only, and nobody who never had it."""

from typing import Any

from tests.unit.consent.cast import CHESIL, PARAGON, PROBATION, S2W, ref
from tests.unit.router.loop import WEST, Loop
from tests.unit.router.test_loop import CELL, SCORE, opened

NOTICE = "hub.notice_sent"


def shared() -> Loop:
    """V consented, and two of her scores were recorded; nothing has left yet."""
    loop = opened().copy()
    loop.accept("consent.given", CHESIL, "F1", person=ref("V"), given_as="self", cells=[CELL])
    for score in (7, 9):
        loop.accept(SCORE, S2W, "F1", person=ref("V"), instrument="phq9", score=score)
    loop.settle()
    return loop


def withdrawn(loop: Loop, desk: str = CHESIL, family: str | None = "F1") -> None:
    loop.accept("consent.withdrawn", desk, family, person=ref("V"), cells=[CELL])
    loop.release()


def said(notice: Any) -> tuple[object, ...]:
    return notice["kind"], notice["person"]["value"], notice["categories"], notice["deliveries"]


def test_one_notice_names_the_cells_when_what_rested_on_a_consent_had_left() -> None:
    loop = shared()
    loop.release()
    withdrawn(loop)
    assert [said(each) for each in loop.got(CHESIL, NOTICE)] == [("withdrawn", "V", ["outcome.score"], None)]
    for other in (WEST, S2W, PARAGON, PROBATION):
        assert loop.got(other, NOTICE) == []


def test_no_notice_is_sent_of_what_a_desk_never_had() -> None:
    loop = shared()
    withdrawn(loop)
    assert [each["score"] for each in loop.got(CHESIL, SCORE)] == [None, None]
    assert loop.got(CHESIL, NOTICE) == []


def test_a_notice_follows_what_was_being_sent_when_the_withdrawal_was_accepted() -> None:
    loop = shared()
    assert loop.begin(CHESIL)
    loop.accept("consent.withdrawn", CHESIL, "F1", person=ref("V"), cells=[CELL])
    loop.settle()
    loop.end(sent=True)
    loop.release()
    assert 7 in [each["score"] for each in loop.got(CHESIL, SCORE)]
    assert len(loop.got(CHESIL, NOTICE)) == 1


def test_the_holder_is_told_when_the_consent_was_withdrawn_in_another_family() -> None:
    loop = shared()
    loop.accept("family.member_added", WEST, "F2", members=[{"person": ref("V"), "kind": "adult"}])
    loop.release()
    withdrawn(loop, WEST, "F2")
    assert [said(each) for each in loop.got(CHESIL, NOTICE)] == [("withdrawn", "V", ["outcome.score"], None)]
    assert loop.got(WEST, NOTICE) == []


def test_nobody_is_told_again_when_what_was_withdrawn_is_withdrawn_once_more() -> None:
    loop = shared()
    loop.release()
    withdrawn(loop)
    withdrawn(loop)
    assert len(loop.got(CHESIL, NOTICE)) == 1


def test_the_holder_is_told_of_an_objection_to_what_it_has() -> None:
    loop = opened().copy()
    loop.accept("referral.appointment_recorded", S2W, "F1", **appointment())
    loop.release()
    assert loop.got(CHESIL, "referral.appointment_recorded")[0]["attendance"] == "attended"
    objection = {"objection": "o1", "categories": ["support.summary"], "desks": [CHESIL]}
    loop.accept("consent.objection_raised", CHESIL, "F1", person=ref("V"), **objection)
    loop.release()
    assert [said(each) for each in loop.got(CHESIL, NOTICE)] == [("objected", "V", ["support.summary"], None)]


def appointment() -> dict[str, Any]:
    return {"referral": ref(f"F1-V-{S2W}"), "person": ref("V"), "attendance": "attended"}


def test_whoever_led_the_family_is_told_when_it_moved_to_another_team_since() -> None:
    loop = shared()
    loop.release()
    loop.accept("family.lead_changed", CHESIL, "F1", lead=WEST)
    loop.release()
    withdrawn(loop, WEST)
    assert [said(each) for each in loop.got(CHESIL, NOTICE)] == [("withdrawn", "V", ["outcome.score"], None)]
    assert loop.got(WEST, NOTICE) == []
