"""The figures that the county shows, and how it comes to them.

Source: the evaluation report of Safeguarding Families Together, University of Bedfordshire for Dorset Council, April
2024. What it leaves open is the sandbox's own: in which way the referrals ended that are not open, and how the
children of Dorchester and West (303 together) divide.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

FIRST_DAY: Final = date(2022, 12, 1)
LAST_DAY: Final = date(2023, 12, 31)
COUNTED_ON: Final = date(2023, 11, 30)
"""The day of the report's figures."""
OUTSIDE_TOO: Final = LAST_DAY
"""The day on which all CIN and CP children of the localities are counted."""


@dataclass(frozen=True, slots=True)
class Size:
    """Families, and how many children and adults there are in them."""

    families: int
    children: int
    adults: int


OPEN: Final = Size(127, 267, 148)
COMPLETED: Final = Size(17, 36, 20)
"""Closed after support, January to November 2023."""
CHILDREN: Final = {"chesil": 392, "dorchester": 168, "west": 135}
"""CIN and CP children by locality; Dorchester and West are 303 together."""


@dataclass(frozen=True, slots=True)
class Referrals:
    """The referrals to one specialism, presented by 30 November 2023, by what became of them.

    `completed` ended with their family's support, `ended` while somebody of the family is still supported. `known` and
    `open_known` were known to the partner's mainstream service before: of all, and of those open.
    """

    since: date
    desk: str
    open: int
    completed: int
    ended: int
    waiting: int
    closed_before_support: int
    returned: int
    declined: int
    withdrawn: int
    known: int
    open_known: int

    @property
    def others(self) -> dict[str, int]:
        """How those ended, or not, that never came to support."""
        return {
            "waiting": self.waiting,
            "closed_before_support": self.closed_before_support,
            "returned": self.returned,
            "declined": self.declined,
            "withdrawn": self.withdrawn,
        }

    @property
    def presented(self) -> int:
        """All of them."""
        return self.open + self.completed + self.ended + sum(self.others.values())


MENTAL_HEALTH: Final = "mental_health"
SUBSTANCE_USE: Final = "substance_use"
VICTIM: Final = "domestic_abuse_victim"
PERPETRATOR: Final = "domestic_abuse_perpetrator"

REFERRALS: Final = {
    MENTAL_HEALTH: Referrals(date(2023, 3, 6), "s2w/sft", 72, 9, 6, 26, 14, 7, 5, 2, known=96, open_known=52),
    SUBSTANCE_USE: Referrals(
        date(2022, 12, 5), "reach/sft", 48, 7, 5, 8, 9, 6, 4, 2, known=25, open_known=14
    ),
    VICTIM: Referrals(date(2022, 12, 5), "paragon/victim", 41, 6, 4, 7, 9, 5, 5, 2, known=25, open_known=13),
}
"""141, 89 and 79 in all. Perpetrators: none, Probation recruited in December 2023."""
PERPETRATORS_IN_DECEMBER: Final = 9
DESKS: Final = {name: each.desk for name, each in REFERRALS.items()} | {PERPETRATOR: "probation/perp"}
