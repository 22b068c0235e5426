"""probation/perp: supervises some of the alleged perpetrators all year; works with perpetrators from December on."""

from collections.abc import Mapping
from datetime import date, timedelta
from random import Random
from typing import Any, Final

from simulation.county.agencies.support import Practice, cases
from simulation.county.county import County
from simulation.county.figures import LAST_DAY
from simulation.county.letters import Letter, Outbox
from simulation.county.lives import Life
from simulation.county.people import Family, about

SUPERVISED: Final = 0.35
DAY: Final = timedelta(days=1)


def letters(county: County) -> list[Letter]:
    """What Probation sends."""
    outbox = cases(county, PRACTICE)
    for family in county.families:
        rng = county.rng(f"probation|{family.key}")
        if family.perpetrator is not None and rng.random() < SUPERVISED:
            _supervise(family, outbox, rng)
    _overstep(county, outbox)
    return outbox.letters


def _supervise(family: Family, outbox: Outbox, rng: Random) -> None:
    person = family.perpetrator
    assert person is not None
    day = family.opened + DAY * rng.randrange(40, 160)
    if not date(2022, 12, 26) < day < family.until(LAST_DAY) - 8 * DAY:
        return
    until = day + DAY * 365
    order = {
        "person": person.crn,
        "desk": outbox.desk,
        "order": "community_order",
        "no_contact": True,
        "from_date": day.isoformat(),
        "until_date": until.isoformat(),
    }
    outbox.write(day, "person.probation_supervision_started", order, family.key)
    ended = day + DAY * rng.randrange(120, 260)
    if ended < min(family.until(LAST_DAY), date(2023, 11, 20)):
        data = {
            "person": person.crn,
            "desk": outbox.desk,
            "reason": "revoked",
            "until_date": ended.isoformat(),
        }
        outbox.write(ended, "person.probation_supervision_ended", data, family.key)


def _overstep(county: County, outbox: Outbox) -> None:
    """Closes families that are not its to close: for this desk there is no such type of event."""
    for family in [each for each in county.families if each.perpetrator is not None][:3]:
        data = {"family": family.ref, "reason": "needs_met"}
        outbox.write(date(2023, 3, 6), "family.closed", data, expect="404")


def _detail(rng: Random, life: Life) -> Mapping[str, Any]:
    person = life.referral.person
    text = rng.choice(("Two earlier convictions for harassment.", "One caution, eight years ago."))
    return {"programme": "one_to_one", "offending_detail": about(text, person)}


PRACTICE: Final = Practice(
    desk="probation/perp",
    form="ndl-{:06d}",
    stages=("assessment", "work"),
    interventions=("perpetrator_work",),
    instruments=(),
    cells=(),
    detail=_detail,
    step_down="none",
)
