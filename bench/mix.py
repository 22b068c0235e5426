"""What happens in a county in a week: kinds of event, how often each, and who publishes it.

Mostly news of support, as services' own systems send it. One event in two hundred must protect somebody: it raises
guards at acceptance, goes to `people` and comes back, and has what waits decided again. (At ten events a child and day
that is one for each child every three weeks, more than any county has.)
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bench.events import Maker, Told
from bench.families import CHILD, FATHER, LEAD, MOTHER, SECOND, Family, consent, withdrawal
from hub.clock import Micros


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the mix: how many in a thousand, its kind, publisher, person, and referral if it has one."""

    share: int
    kind: str
    desk: str
    about: int
    referral: int = 0


MIX: Final = (
    Line(150, "referral.appointment_recorded", "s2w/sft", MOTHER, 0),
    Line(120, "referral.appointment_recorded", "paragon/victim", MOTHER, 1),
    Line(130, "referral.appointment_recorded", "reach/sft", FATHER, 2),
    Line(120, "outcome.measure_recorded", "s2w/sft", MOTHER, 0),
    Line(80, "outcome.measure_recorded", "reach/sft", FATHER, 2),
    Line(40, "referral.goal_reviewed", "s2w/sft", MOTHER, 0),
    Line(40, "referral.goal_reviewed", "paragon/victim", MOTHER, 1),
    Line(30, "referral.stage_entered", "reach/sft", FATHER, 2),
    Line(80, "child.attendance_recorded", LEAD, CHILD),
    Line(40, "child.attendance_recorded", LEAD, SECOND),
    Line(60, "practice.risk_rated", LEAD, CHILD),
    Line(50, "practice.stage_of_change_assessed", LEAD, FATHER),
    Line(24, "practice.supervision_held", "council/minutes", CHILD),
    Line(20, "outcome.crisis_contact", "s2w/sft", MOTHER, 0),
    Line(11, "consent.given", LEAD, MOTHER),
    # Protective:
    Line(2, "consent.withdrawn", LEAD, MOTHER),
    Line(3, "outcome.incident_reported", "police/dorset", MOTHER),
)


def news(maker: Maker, families: Sequence[Family], at: Micros, count: int, seed: int) -> Iterator[Told]:
    """So many events of the mix, of families drawn at random: the same for the same seed."""
    chosen = random.Random(seed)
    weights = [line.share for line in MIX]
    for line in chosen.choices(MIX, weights, k=count):
        family = chosen.choice(families)
        yield maker.tell(
            family, line.desk, line.kind, at, about=line.about, referral=line.referral, **_more(line, at)
        )


def _more(line: Line, at: Micros) -> dict[str, Any]:
    if line.kind == "consent.given":
        return consent(at)
    return withdrawal() if line.kind == "consent.withdrawn" else {}
