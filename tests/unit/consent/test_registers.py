"""Person facts merge in any order, and survive the way through a log."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.consent.registers import Register, from_wire, join, register_of, to_wire, unreadable

words = st.text(alphabet='aü"|', max_size=3)
values = st.dictionaries(st.sampled_from(("act", "from", "until")), st.integers() | words | st.none())
registers = st.builds(Register, st.integers(-5, 5), st.sampled_from(("r1", "r2")), values)
sets = st.dictionaries(st.sampled_from(("told", "died", "pair|x|p", "side")), registers)
ANYWHERE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A loaded machine is no defect of the rules."""


@ANYWHERE
@given(sets, sets)
def test_joining_is_commutative(one: dict[str, Register], other: dict[str, Register]) -> None:
    assert join(one, other) == join(other, one)


@ANYWHERE
@given(sets, sets, sets)
def test_joining_is_associative(
    one: dict[str, Register], two: dict[str, Register], three: dict[str, Register]
) -> None:
    assert join(join(one, two), three) == join(one, join(two, three))


@ANYWHERE
@given(sets, sets)
def test_joining_again_changes_nothing(one: dict[str, Register], other: dict[str, Register]) -> None:
    joined = join(one, other)
    assert join(joined, other) == joined
    assert join(joined, joined) == joined


@ANYWHERE
@given(sets)
def test_facts_are_the_same_after_their_way_through_a_log(facts: dict[str, Register]) -> None:
    assert from_wire(to_wire(facts)) == facts
    assert {key: register_of(list(each)) for key, each in facts.items()} == facts


def test_larger_stamp_wins_when_two_set_the_same_fact() -> None:
    early, late = Register(1, "b", {"told": False}), Register(2, "a", {"told": True})
    assert join({"told": late}, {"told": early})["told"] == late


def test_value_is_unreadable_and_not_absent_when_it_is_no_json() -> None:
    found = from_wire([{"key": "told", "value": "{broken", "at": 1, "by": "r"}])
    assert unreadable(found["told"].value)


def test_row_is_left_out_when_it_has_no_stamp() -> None:
    assert from_wire([{"key": "told", "value": "{}", "at": None, "by": "r"}]) == {}
