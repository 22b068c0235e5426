"""Who of which family is referred to what, and what becomes of it: the figures laid out over families.

Families are numbered here; their people come later (families.py). The first adult of each open family is supported,
and of as many second ones as make the number of adults. Nobody is referred twice to one specialism, and nobody to the
desk that works with the other side of the same pair.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from simulation.county.figures import COMPLETED, OPEN, REFERRALS, VICTIM

CARER: Final = 0
PARTNER: Final = 1
ACCUSED: Final = 2
"""Which adult: who cares for the children; a partner on no side; the alleged perpetrator against the first."""
BOTH_SIDES: Final = 8
"""Families in which the alleged perpetrator is supported too, by another desk than the victim's."""


@dataclass(frozen=True, slots=True)
class Need:
    """One referral to come: which adult of its family, to what, and how it goes."""

    adult: int
    specialism: str
    how: str


Plan = list[list[Need]]
"""The needs of each family."""


def completed(rng: Random) -> Plan:
    """The families that are closed after support: one adult each, a second one in some, two specialisms for two."""
    plan: Plan = [[] for _ in range(COMPLETED.families)]
    left = {name: each.completed for name, each in REFERRALS.items()}
    victims = range(left.pop(VICTIM))
    for family in victims:
        plan[family].append(Need(CARER, VICTIM, "completed"))
    second = [(family, PARTNER) for family in range(COMPLETED.families)][len(victims) :]
    adults = [(family, CARER) for family in range(len(victims), COMPLETED.families)]
    adults += rng.sample(second, COMPLETED.adults - COMPLETED.families)
    twice = sum(left.values()) - len(adults)
    adults += [(family, CARER) for family in victims[:twice]]
    for (family, adult), specialism in zip(adults, _dealt(left, rng), strict=True):
        plan[family].append(Need(adult, specialism, "completed"))
    return plan


def still_open(rng: Random) -> Plan:
    """The open families: first what is open, then what is not, or not any more."""
    plan: Plan = [[] for _ in range(OPEN.families)]
    left = {name: each.open for name, each in REFERRALS.items()}
    victims = range(left.pop(VICTIM))
    for family in victims:
        plan[family].append(Need(CARER, VICTIM, "open"))
    others = range(len(victims), OPEN.families)
    twice = len(victims) + sum(left.values()) - OPEN.adults
    adults = [(family, CARER) for family in others]
    adults += [(family, ACCUSED) for family in victims[twice : twice + BOTH_SIDES]]
    adults += [(f, PARTNER) for f in rng.sample(others, OPEN.adults - OPEN.families - BOTH_SIDES)]
    adults += [(family, CARER) for family in victims[:twice]]
    for (family, adult), specialism in zip(adults, _dealt(left, rng), strict=True):
        plan[family].append(Need(adult, specialism, "open"))
    _ended(plan, rng)
    _never_supported(plan, rng)
    return plan


def _dealt(left: dict[str, int], rng: Random) -> list[str]:
    found = [name for name, count in left.items() for _ in range(count)]
    rng.shuffle(found)
    return found


def _ended(plan: Plan, rng: Random) -> None:
    """Support that ended while the same person has another: of carers, so that they are counted as open."""
    for specialism, each in REFERRALS.items():
        for family in _chosen(plan, specialism, CARER, each.ended, rng):
            plan[family].append(Need(CARER, specialism, "ended"))


def _never_supported(plan: Plan, rng: Random) -> None:
    """Who waits, and who was returned, declined, withdrawn or closed before support: carers, and partners too."""
    for specialism, each in REFERRALS.items():
        ways = [how for how, count in each.others.items() for _ in range(count)]
        rng.shuffle(ways)
        carers = len(ways) if specialism == VICTIM else len(ways) // 2
        for adult, some in ((CARER, ways[:carers]), (PARTNER, ways[carers:])):
            for family, how in zip(_chosen(plan, specialism, adult, len(some), rng), some, strict=True):
                plan[family].append(Need(adult, specialism, how))


def _chosen(plan: Plan, specialism: str, adult: int, count: int, rng: Random) -> list[int]:
    """Families in which this adult may be referred to the specialism."""
    fits = [family for family, needs in enumerate(plan) if _fits(needs, specialism, adult)]
    return sorted(rng.sample(fits, count))


def _fits(needs: Iterable[Need], specialism: str, adult: int) -> bool:
    return all(
        each.specialism != specialism
        for each in needs
        if each.adult == adult or ACCUSED in {adult, each.adult}
    )


def has_pair(needs: Iterable[Need]) -> bool:
    """Whether there is a victim and an alleged perpetrator in the family."""
    return any(each.specialism == VICTIM or each.adult == ACCUSED for each in needs)


def known_before(needs: Iterable[Need], rng: Random) -> Iterator[bool]:
    """For each referral in turn: whether the person was known to the partner's mainstream service before."""
    listed = list(needs)
    found: dict[int, bool] = {}
    for specialism, each in REFERRALS.items():
        of = [index for index, need in enumerate(listed) if need.specialism == specialism]
        are_open = [index for index in of if listed[index].how == "open"]
        rest = [index for index in of if listed[index].how != "open"]
        known = {*rng.sample(are_open, each.open_known), *rng.sample(rest, each.known - each.open_known)}
        found |= {index: index in known for index in of}
    return (found[index] for index in range(len(listed)))
