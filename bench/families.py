"""The families of a benchmark, and what they have behind them: opened, told, referred, supported, consenting.

Mother (a victim), father (alleged to be the perpetrator), two children; mental health and victim support for her,
substance use for him. So every decision has sides, shielded children, roles and consents to look at.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bench.events import Maker, Told
from hub.ids import derive

LEAD: Final = "council/chesil"
MOTHER, FATHER, CHILD, SECOND = range(4)
SUPPORTS: Final = (
    ("s2w/sft", "mental_health", MOTHER),
    ("paragon/victim", "domestic_abuse_victim", MOTHER),
    ("reach/sft", "substance_use", FATHER),
)
SCORE, SHARED_WITH = "outcome.score", LEAD


@dataclass(frozen=True, slots=True)
class Family:
    """The ids of one family: its persons, and a referral for each of `SUPPORTS`."""

    id: str
    persons: tuple[str, ...]
    referrals: tuple[str, ...]

    @classmethod
    def make(cls, secret: bytes, number: int) -> "Family":
        """The family of this number: the same ids in each run."""
        names = [
            derive(secret, "bench", kind, str(number)) for kind in ("F", "M", "P", "K", "L", "R1", "R2", "R3")
        ]
        return cls(names[0], tuple(names[1:5]), tuple(names[5:]))


def consent(at: int) -> dict[str, Any]:
    """A consent that the lead may have the mother's scores."""
    cell = {"purpose": "support", "category": SCORE, "desk": SHARED_WITH}
    return {"cells": [{**cell, "valid_from": at, "valid_until": None, "earlier": True}]}


def withdrawal() -> dict[str, Any]:
    """Its withdrawal."""
    return {"cells": [{"purpose": "support", "category": SCORE, "desk": SHARED_WITH}]}


def opening(maker: Maker, family: Family, at: int) -> Iterator[Told]:
    """The family is opened, four persons join, and both adults are told."""
    yield maker.tell(family, LEAD, "family.opened", at, lead=LEAD)
    joining = maker.tell(family, LEAD, "family.member_added", at)
    rows = joining.datum["members"]
    youngest = {**rows[-1], "person": {"scheme": "hub", "value": family.persons[SECOND]}, "identifiers": None}
    yield maker.with_data(joining, members=[*rows, youngest])
    for adult in (MOTHER, FATHER):
        yield maker.tell(family, LEAD, "person.told_recorded", at, about=adult)


def asking(maker: Maker, family: Family, at: int) -> Iterator[Told]:
    """Three desks are asked to support the adults."""
    for number, (desk, specialism, person) in enumerate(SUPPORTS):
        asked: Mapping[str, Any] = {"to": desk, "specialism": specialism}
        yield maker.tell(family, LEAD, "referral.requested", at, about=person, referral=number, **asked)


def supporting(maker: Maker, family: Family, at: int) -> Iterator[Told]:
    """The desks accept, allocate and start; she agrees that the lead sees her scores. After the hub's offers."""
    for number, (desk, specialism, person) in enumerate(SUPPORTS):
        for step in ("accepted", "allocated", "support_started"):
            more = {"specialism": specialism} if step == "allocated" else {}
            yield maker.tell(family, desk, f"referral.{step}", at, about=person, referral=number, **more)
    yield maker.tell(family, LEAD, "consent.given", at, **consent(at))
