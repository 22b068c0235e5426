"""What the demo makes of the county's year: whether two hubs told the same, and what it expects of the doors."""

from datetime import date
from typing import Any

import pytest

from cli.demo.county.account import Account
from cli.demo.county.asked import divided
from simulation.county.county import make, script
from simulation.county.letters import Letter
from tests.twice import differing

DESK = "reach/sft"
ONE = ["1d4e0000-0000-8000-8000-00000000000a", "1d4e0000-0000-8000-8000-00000000000b"]
OTHER = ["77770000-0000-8000-8000-00000000000c", "77770000-0000-8000-8000-00000000000d"]


def came(number: int, family: str, person: str) -> dict[str, Any]:
    data = {"person": {"scheme": "hub", "value": person}, "rating": "red"}
    event = {"id": f"d{number}", "type": "t", "time": "2023-01-01T00:00:00Z", "subject": family, "data": data}
    return {"received": event, "door": "topic"}


def account(*lines: dict[str, Any]) -> Account:
    return Account([], {DESK: lines})


def told(families: list[str], persons: list[str], order: str) -> str:
    """Two families, by letter: in the first two people in turn, in the second one."""
    lines = {
        "a": came(1, families[0], persons[0]),
        "b": came(2, families[0], persons[1]),
        "c": came(3, families[0], persons[0]),
        "x": came(4, families[1], persons[1]),
    }
    return account(*(lines[each] for each in order)).told(DESK)


@pytest.mark.parametrize("order", ["abcx", "abxc", "xabc"])
def test_two_hubs_told_the_same_when_only_their_ids_and_the_order_of_families_differ(order: str) -> None:
    assert told(OTHER, ONE, order) == told(ONE, OTHER, "abcx")


@pytest.mark.parametrize("order", ["acbx", "abc", "abx"])
def test_they_did_not_when_the_order_in_a_family_differs_or_something_is_missing(order: str) -> None:
    assert told(ONE, OTHER, order) != told(ONE, OTHER, "abcx")


def test_a_delivery_counts_once_when_it_came_again() -> None:
    assert told(ONE, OTHER, "abbcxb") == told(ONE, OTHER, "abcx")


def test_what_differs_is_named_when_two_runs_are_compared() -> None:
    one = {"digests": {"published": "p", "received": {DESK: "1", "s2w/sft": "2"}}}
    other = {"digests": {"published": "q", "received": {DESK: "1", "s2w/sft": "3"}}}
    assert differing(one, one) == []
    assert differing(one, other) == ["published", "s2w/sft"]


@pytest.mark.parametrize(
    ("expect", "line", "surprising"),
    [
        ("", {"receipt": "r"}, False),
        ("422", {"status": 422}, False),
        ("422", {"receipt": "r"}, True),
        ("", {"status": 422}, True),
        ("404", {"status": 422}, True),
    ],
)
def test_an_answer_surprises_when_it_is_not_what_the_letter_was_meant_for(
    expect: str, line: dict[str, Any], surprising: bool
) -> None:
    letter = Letter(date(2023, 1, 2), DESK, "l-1", "practice.risk_rated", {}, "F-1", expect)
    assert bool(Account([letter], {DESK: [{"sent": "l-1", **line}]}).surprises()) is surprising


def test_the_family_that_is_shown_divides_when_there_is_one_and_is_referred_anyway() -> None:
    county = make(1)
    weeks = script(county)
    year = divided(county.lives, [letter for week in weeks for letter in week]).referral
    assert year.person == year.family.perpetrator
    month = divided(county.lives, [letter for week in weeks[:5] for letter in week]).referral
    assert month.requested <= date(2023, 1, 4)
