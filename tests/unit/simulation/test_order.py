"""It never turns on luck what a desk of the county gets of a family, and in what order."""

from collections import Counter
from functools import cache
from random import Random

from simulation.county.county import make, script
from simulation.county.letters import Letter
from tests.unit.simulation.memory import MemoryHub

SOME = 6
"""Families whose whole year is lived."""


@cache
def some_families() -> tuple[list[list[Letter]], set[str]]:
    """The letters of families that have most in them: both sides supported, or victims supported by two desks."""
    county = make(1)
    lives = [life for life in county.lives if life.started is not None]
    both = [life.referral.family for life in lives if life.referral.person.role == "alleged_perpetrator"]
    twice = Counter(life.referral.family.key for life in lives)
    chosen = {family.key for family in both[: SOME // 2]}
    chosen |= {key for key, _ in twice.most_common(SOME - len(chosen))}
    return [[letter for letter in week if letter.about in chosen] for week in script(county)], chosen


@cache
def lived(seed: int) -> MemoryHub:
    hub = MemoryHub(make(1), Random(seed))
    weeks, _ = some_families()
    for number, week in enumerate(weeks):
        hub.week(number, week)
    return hub


def test_deliveries_are_the_same_in_the_same_order_when_the_services_race_each_other_otherwise() -> None:
    first, second = lived(1), lived(2)
    assert first.came.keys() == second.came.keys()
    for key, theirs in first.came.items():
        assert theirs == second.came[key], key[1]
    assert first.delivered > 300


def test_the_log_rejects_what_comes_out_of_order_and_nothing_else_when_the_year_is_lived() -> None:
    weeks, _ = some_families()
    meant = Counter(letter.desk for week in weeks for letter in week if letter.expect == "rejected")
    assert Counter(desk for desk, _ in lived(1).rejected) == meant


def test_nothing_waits_any_more_when_the_year_is_over() -> None:
    assert not [row for rows in lived(1).rows.values() for row in rows.values()]


def test_a_row_is_written_again_no_more_than_it_must_when_a_family_is_opened() -> None:
    """Each desk's row of an opening is decided once all facts have come: not at every event and fact in between."""
    hub = MemoryHub(make(1), Random(3))
    weeks, chosen = some_families()
    opening = [letter for week in weeks for letter in week if letter.about == min(chosen)][:10]
    hub.week(0, opening)
    assert opening[0].kind == "family.opened"
    assert hub.revised <= 20 * len(opening)
