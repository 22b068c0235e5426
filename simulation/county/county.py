"""The county of a seed: its people, and every letter of its desks, week by week."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from random import Random
from typing import Final

from client.events import NewEvent, encoded
from simulation.county import families, letters
from simulation.county.letters import Away, Letter
from simulation.county.lives import Life, live
from simulation.county.people import Family
from simulation.county.referrals import perpetrators, referrals

RESENT: Final = ("reach/sft", 28)
"""Reach loses track of what arrived in that week, and sends all of it again."""
AWAY: Final = Away("paragon", date(2023, 7, 6), date(2023, 7, 27))
"""Information governance suspends Paragon, and lets it come back."""


@dataclass(frozen=True)
class County:
    """Families and the lives of their referrals. `rng(name)` is one stream of chance, the same for the same seed."""

    seed: int
    families: tuple[Family, ...]
    lives: tuple[Life, ...]

    def rng(self, name: str) -> Random:
        """Chance for one purpose: another agency's habits do not move it."""
        return Random(f"{self.seed}|{name}")

    @cached_property
    def by_family(self) -> Mapping[str, list[Life]]:
        """The lives of each family's referrals."""
        found: dict[str, list[Life]] = {}
        for life in self.lives:
            found.setdefault(life.referral.family.key, []).append(life)
        return found

    def of(self, family: Family) -> list[Life]:
        """The lives of a family's referrals."""
        return self.by_family.get(family.key, [])


def make(seed: int) -> County:
    """The county of a seed."""
    registry = families.Registry(Random(f"{seed}|people"))
    programme = families.programme(registry)
    inside = [family for family, _ in programme]
    chance = Random(f"{seed}|referrals")
    made = [*referrals(programme, chance), *perpetrators(inside, chance)]
    everybody = (*inside, *families.outside(registry, inside))
    return County(seed, everybody, tuple(live(each, chance) for each in made))


def script(county: County) -> list[list[Letter]]:
    """What every desk sends, week by week, in order."""
    from simulation.county.agencies import WRITERS  # noqa: PLC0415

    written = [letter for write in WRITERS for letter in write(county)]
    return letters.weeks(written, RESENT, AWAY)


def event(letter: Letter) -> NewEvent:
    """The letter as the client publishes it."""
    return NewEvent(letter.id, letter.type, letter.data)


def published(weeks: Iterable[Iterable[Letter]]) -> Iterator[bytes]:
    """Every event in the bytes in which it is published, in order."""
    return (encoded(event(letter), letter.desk) for week in weeks for letter in week)
