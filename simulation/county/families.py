"""The families: how many, of whom, where, since when. As many as figures.py wants, exactly."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from random import Random
from typing import Final

from simulation.county import needs
from simulation.county.figures import CHILDREN, COMPLETED, FIRST_DAY, OPEN
from simulation.county.names import GIVEN, SURNAMES
from simulation.county.needs import ACCUSED, PARTNER, Need
from simulation.county.numbers import nhs_numbers, upn
from simulation.county.people import Family, Person

MOST_CHILDREN: Final = 5
OUTSIDE_PER_FAMILY: Final = 2.1
PASSING: Final = 34
"""Families outside the programme that come and go within the year."""
IN_CARE: Final = 6
"""Families whose children are looked after at the end: neither CIN nor CP."""
SCHOOLS: Final = {
    "chesil": "school/st-brannocks",
    "dorchester": "school/harbour-lane",
    "west": "school/westhaven",
}
SCHOOL_AGE: Final = (4, 16)
LOCALITIES: Final = ("chesil", "chesil", "chesil", "dorchester", "dorchester", "west", "west")
DAY: Final = timedelta(days=1)


@dataclass(slots=True)
class Registry:
    """Hands out people and families, each with numbers of its own."""

    rng: Random
    _numbers: Iterator[int] = field(default_factory=lambda: count(100_117, 13))
    _families: Iterator[int] = field(default_factory=lambda: count(20_411, 7))
    _nhs: Iterator[str] = field(default_factory=nhs_numbers)
    _pupils: Counter[int] = field(default_factory=Counter)

    def adult(self, surname: str, relation: str, role: str = "neither", against: int | None = None) -> Person:
        """Somebody between 19 and 46."""
        born = date(1977, 1, 1) + DAY * self.rng.randrange(27 * 365)
        return self._person(surname, born, "adult", relation, role, against)

    def child(self, surname: str, locality: str, status: str) -> Person:
        """Somebody under 17 at the end of the year, at school if old enough."""
        born = date(2007, 2, 1) + DAY * self.rng.randrange(15 * 365)
        found = self._person(surname, born, "child", "child", "neither", None)
        at_school = SCHOOL_AGE[0] <= 2022 - born.year < SCHOOL_AGE[1] and status != "none"
        if not at_school:
            return found
        self._pupils[born.year] += 1
        number = upn(self._pupils[born.year], born.year + 5)
        return Person(
            *(found.number, found.given, found.surname, born, "child", "child", found.nhs_number),
            upn=number,
            school=SCHOOLS[locality],
        )

    def _person(
        self, surname: str, born: date, kind: str, relation: str, role: str, against: int | None
    ) -> Person:
        given = self.rng.choice(GIVEN)
        number = next(self._numbers)
        return Person(number, given, surname, born, kind, relation, next(self._nhs), role, against)

    def family(
        self,
        kind: str,
        locality: str,
        children: int,
        opened: date,
        *,
        wanted: Sequence[Need] = (),
        joined: date | None = None,
        closed: date | None = None,
    ) -> Family:
        """A family with the adults that its needs speak of, and as many children."""
        rng = self.rng
        surname = rng.choice(SURNAMES)
        status = "cla" if kind == "care" else "cp" if rng.random() < CP_SHARE[kind] else "cin"
        pair = needs.has_pair(wanted) or (kind == "outside" and rng.random() < OUTSIDE_PAIRS)
        carer = self.adult(surname, "mother", "victim" if pair else "neither")
        adults = [carer]
        if any(each.adult == PARTNER for each in wanted) or (not pair and rng.random() < HAS_PARTNER):
            adults.append(self.adult(rng.choice([surname, rng.choice(SURNAMES)]), "father"))
        if pair or any(each.adult == ACCUSED for each in wanted):
            accused = self.adult(rng.choice(SURNAMES), "step_father", "alleged_perpetrator", carer.number)
            adults.append(accused)
        young = [self.child(surname, locality, status) for _ in range(children)]
        number = next(self._families)
        return Family(
            number, kind, locality, opened, tuple(adults), tuple(young), status, joined=joined, closed=closed
        )


CP_SHARE: Final = {"open": 0.35, "completed": 0.2, "outside": 0.22, "passing": 0.1, "care": 0.0}
OUTSIDE_PAIRS: Final = 0.15
HAS_PARTNER: Final = 0.4


def programme(registry: Registry) -> list[tuple[Family, list[Need]]]:
    """The families in the programme, those still open and those closed after support, with their needs."""
    rng = registry.rng
    found = []
    for kind, plan, size in (
        ("open", needs.still_open(rng), OPEN),
        ("completed", needs.completed(rng), COMPLETED),
    ):
        for wanted, children in zip(plan, shares(size.children, size.families, rng), strict=True):
            joined, closed = _in_the_programme(kind, wanted, rng)
            opened = joined - DAY * rng.randrange(10, 60)
            family = registry.family(
                kind, rng.choice(LOCALITIES), children, opened, wanted=wanted, joined=joined, closed=closed
            )
            found.append((family, wanted))
    return found


def _in_the_programme(kind: str, wanted: Sequence[Need], rng: Random) -> tuple[date, date | None]:
    """When the family joined, and when it was closed; early, where somebody's support has ended by November."""
    if kind == "completed":
        return FIRST_DAY + DAY * rng.randrange(6, 60), date(2023, 9, 20) + DAY * rng.randrange(60)
    has_ended = any(each.how == "ended" for each in wanted)
    return FIRST_DAY + DAY * rng.randrange(6, 120 if has_ended else 270), None


def outside(registry: Registry, inside: Sequence[Family]) -> list[Family]:
    """Everybody else: as many CIN and CP children as the localities have beside the programme's, and some who pass."""
    rng = registry.rng
    of = Counter(dict.fromkeys(CHILDREN, 0))
    for family in inside:
        of[family.locality] += len(family.children) if family.closed is None else 0
    found = []
    for locality, total in CHILDREN.items():
        children = total - of[locality]
        sizes = shares(children, round(children / OUTSIDE_PER_FAMILY), rng)
        found += [registry.family("outside", locality, size, _opened(rng)) for size in sizes]
    for _ in range(PASSING):
        opened = FIRST_DAY + DAY * rng.randrange(-90, 120)
        closed = date(2023, 5, 1) + DAY * rng.randrange(200)
        size = rng.choice([1, 1, 2, 2, 3])
        found.append(registry.family("passing", rng.choice(LOCALITIES), size, opened, closed=closed))
    found += [registry.family("care", each, 1, FIRST_DAY) for each in LOCALITIES[:IN_CARE]]
    return found


def _opened(rng: Random) -> date:
    """Half are open when the hub starts; the others come through the year, none in the last weeks."""
    if rng.random() < 0.5:
        return FIRST_DAY - DAY * rng.randrange(20, 300)
    return FIRST_DAY + DAY * rng.randrange(20, 320)


def shares(total: int, families: int, rng: Random) -> list[int]:
    """So many children over so many families: one at least, five at most in each."""
    found = [1] * families
    for _ in range(total - families):
        found[rng.choice([index for index, size in enumerate(found) if size < MOST_CHILDREN])] += 1
    return found
