"""Whoever stands in a text is somebody on whom it rests, although they are no member of the family (rule 4.8)."""

from typing import Any

from tests.unit.consent.cast import CHESIL, MINUTES, PROBATION, S2W, ref, text
from tests.unit.router.loop import WEST, Loop


def families(**restriction: Any) -> Loop:
    """V and her child K in one family, where s2w is of the core group; W in another."""
    loop = Loop()
    loop.open("F1", adults="V", children="K")
    loop.open("F2", lead=WEST, adults="W")
    loop.settle()
    if restriction:
        loop.accept(
            "safety.restriction_placed", WEST, "F2", person=ref("W"), restriction="R-1", **restriction
        )
    loop.accept("practice.plan_agreed", CHESIL, "F1", discussed=[ref("K")], core_group=[S2W])
    loop.settle()
    return loop


def reasons(loop: Loop, desk: str) -> list[bool]:
    """Whether each rating that left to a desk had its reason."""
    loop.release(desk)
    return [each["reason"] is not None for each in loop.got(desk, "practice.risk_rated")]


def rate(loop: Loop) -> None:
    """The child is rated, with a reason in which W stands."""
    reason = text("Words.", "K", "W")
    loop.accept("practice.risk_rated", MINUTES, "F1", person=ref("K"), rating="red", reason=reason)
    loop.settle()


def test_core_group_reads_a_text_when_who_stands_in_it_is_of_another_family() -> None:
    loop = families()
    rate(loop)

    assert reasons(loop, S2W) == [True]


def test_text_is_kept_back_when_a_restriction_of_another_family_names_who_stands_in_it() -> None:
    loop = families(from_agency="council", categories=["risk.reason"])
    rate(loop)

    assert reasons(loop, CHESIL) == [False]
    assert reasons(loop, S2W) == [True]


def test_queued_text_goes_no_more_when_who_stands_in_it_is_protected_in_another_family() -> None:
    loop = families()
    loop.release(S2W)
    rate(loop)
    about = {"person": ref("W"), "restriction": "R-1", "from_agency": "s2w", "categories": ["risk.reason"]}
    loop.accept("safety.restriction_placed", WEST, "F2", **about)

    assert loop.begin(S2W) == []
    loop.settle()
    assert reasons(loop, S2W) == [False]


def test_other_side_hears_nothing_of_a_text_when_a_stranger_stands_in_it() -> None:
    loop = families()
    loop.accept("practice.plan_agreed", CHESIL, "F1", discussed=[ref("K")], core_group=[PROBATION])
    loop.support("F1", "V", PROBATION)
    loop.accept("safety.pair_recorded", CHESIL, "F1", victim=ref("W"), perpetrator=ref("V"))
    loop.settle()
    rate(loop)

    assert reasons(loop, PROBATION) == [False]
