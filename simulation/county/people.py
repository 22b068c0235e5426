"""Who lives in the county: persons, families, referrals. Values only; ids are those of each agency's own system."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

Ref = dict[str, str]
SCHEMES: Final = {"s2w": "paris", "reach": "reach-case", "paragon": "paragon-case"}
_OWN: Final = {"s2w": "PA{:06d}", "reach": "RC-{:05d}", "paragon": "YT{:05d}", "police": "NI{:07d}"}


def about(text: str, *people: "Person") -> dict[str, Any]:
    """Free text and whom it is about, by the council's numbers."""
    return {"text": text, "about": [each.ref for each in people]}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody. `role` is in domestic abuse; `against` the victim of an alleged perpetrator; a pupil has a `upn`."""

    number: int
    given: str
    surname: str
    born: date
    kind: str
    relation: str
    nhs_number: str
    role: str = "neither"
    against: int | None = None
    upn: str = ""
    school: str = ""

    @property
    def ref(self) -> Ref:
        """By the council's number."""
        return {"scheme": "liquidlogic", "value": f"P-{self.number:06d}"}

    @property
    def nhs(self) -> Ref:
        """By NHS number."""
        return {"scheme": "nhs-number", "value": self.nhs_number}

    @property
    def pupil(self) -> Ref:
        """By unique pupil number."""
        return {"scheme": "upn", "value": self.upn}

    @property
    def crn(self) -> Ref:
        """By Probation's number."""
        return {"scheme": "crn", "value": f"D{self.number:06d}"}

    @property
    def niche(self) -> Ref:
        """By the police's number."""
        return {"scheme": "niche", "value": _OWN["police"].format(self.number * 7)}

    def of(self, agency: str) -> Ref:
        """By the number of a partner that supports adults."""
        return {"scheme": SCHEMES[agency], "value": _OWN[agency].format(self.number * 3)}


@dataclass(frozen=True, slots=True)
class Family:
    """A family group. `kind`: open, completed (both in the programme), outside, passing (closed again), care.

    Adults: the first is who cares for the children; an alleged perpetrator, where there is one, the last.
    """

    number: int
    kind: str
    locality: str
    opened: date
    adults: tuple[Person, ...]
    children: tuple[Person, ...]
    status: str
    joined: date | None = None
    closed: date | None = None

    @property
    def ref(self) -> Ref:
        """By the council's number."""
        return {"scheme": "liquidlogic", "value": f"F-{self.number:05d}"}

    @property
    def key(self) -> str:
        """Its number."""
        return f"F-{self.number:05d}"

    @property
    def lead(self) -> str:
        """The desk that leads it."""
        return f"council/{self.locality}"

    @property
    def perpetrator(self) -> Person | None:
        """Who is alleged to be one."""
        last = self.adults[-1]
        return last if last.role == "alleged_perpetrator" else None

    def until(self, last: date) -> date:
        """The last day of the family's story."""
        return last if self.closed is None else self.closed


@dataclass(frozen=True, slots=True)
class Referral:
    """Somebody is referred to a specialism. `how`: open, completed, ended, or as `Referrals` names it."""

    number: int
    family: Family
    person: Person
    specialism: str
    to: str
    how: str
    requested: date
    known: bool

    @property
    def ref(self) -> Ref:
        """By the council's number."""
        return {"scheme": "liquidlogic", "value": f"R-{self.number:05d}"}

    @property
    def agency(self) -> str:
        """Whose desk it goes to."""
        return self.to.partition("/")[0]
