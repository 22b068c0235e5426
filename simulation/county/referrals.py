"""The referrals of the year: who is referred when, so that each has the time that its life takes."""

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random
from typing import Final

from simulation.county.figures import DESKS, PERPETRATOR, PERPETRATORS_IN_DECEMBER, REFERRALS
from simulation.county.needs import ACCUSED, Need, known_before
from simulation.county.people import Family, Person, Referral

FIRST_NUMBER: Final = 3_001
DAY: Final = timedelta(days=1)
LATEST: Final = {
    "open": date(2023, 9, 18),
    "completed": date(2023, 5, 8),
    "ended": date(2023, 4, 24),
    "waiting": date(2023, 11, 13),
    "closed_before_support": date(2023, 9, 25),
    "returned": date(2023, 10, 9),
    "declined": date(2023, 10, 2),
    "withdrawn": date(2023, 10, 2),
}
"""The last day on which a referral that goes this way is made."""
SPREAD: Final = {"open": 45, "completed": 30, "ended": 20}
"""Days after the family joined, at most, where support is to come of it."""


def referrals(families: Sequence[tuple[Family, list[Need]]], rng: Random) -> list[Referral]:
    """Every referral presented by 30 November 2023."""
    listed = [(family, need) for family, wanted in families for need in wanted]
    known = known_before([need for _, need in listed], rng)
    found = []
    for number, ((family, need), was_known) in enumerate(zip(listed, known, strict=True), FIRST_NUMBER):
        figures = REFERRALS[need.specialism]
        found.append(
            Referral(
                number,
                family,
                adult_of(family, need.adult),
                need.specialism,
                figures.desk,
                need.how,
                _requested(family, need.how, figures.since, rng),
                was_known,
            )
        )
    return found


def perpetrators(families: Sequence[Family], rng: Random) -> list[Referral]:
    """The first referrals to Probation's new officers, in December 2023."""
    accused = [each for each in families if each.perpetrator is not None and each.kind == "open"]
    chosen = rng.sample(accused, PERPETRATORS_IN_DECEMBER)
    found = []
    for number, family in enumerate(chosen, 9_001):
        person = family.perpetrator
        assert person is not None
        day = date(2023, 12, 4) + DAY * rng.randrange(5)
        found.append(
            Referral(number, family, person, PERPETRATOR, DESKS[PERPETRATOR], "open", day, known=True)
        )
    return found


def adult_of(family: Family, which: int) -> Person:
    """The adult whom a need speaks of."""
    if which == ACCUSED:
        assert family.perpetrator is not None
        return family.perpetrator
    return family.adults[which]


def _requested(family: Family, how: str, since: date, rng: Random) -> date:
    assert family.joined is not None
    earliest = max(family.joined + 7 * DAY, since)
    latest = LATEST[how]
    if how in SPREAD:
        latest = min(latest, earliest + DAY * SPREAD[how])
    return earliest + DAY * rng.randrange(max(1, (latest - earliest).days))
