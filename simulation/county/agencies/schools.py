"""The three schools: attendance each half-term, by pupil number; counted wrong now and then, and put right."""

from datetime import date, timedelta
from random import Random
from typing import Final

from simulation.county.county import County
from simulation.county.families import SCHOOLS
from simulation.county.figures import LAST_DAY
from simulation.county.letters import Letter, Outbox
from simulation.county.people import Family, Person

DAY: Final = timedelta(days=1)
TERMS: Final = (
    (date(2022, 12, 5), date(2022, 12, 16)),
    (date(2023, 1, 4), date(2023, 2, 10)),
    (date(2023, 2, 20), date(2023, 3, 31)),
    (date(2023, 4, 17), date(2023, 5, 26)),
    (date(2023, 6, 5), date(2023, 7, 21)),
    (date(2023, 9, 4), date(2023, 10, 20)),
    (date(2023, 10, 30), date(2023, 12, 15)),
)
"""Half-terms: the first and last day on which attendance is counted."""
CORRECTED: Final = 15
MISTYPED: Final = 4


def letters(county: County) -> list[Letter]:
    """What the three schools send."""
    found: list[Letter] = []
    for locality, desk in SCHOOLS.items():
        outbox = Outbox(desk, f"att-{locality}-{{:05d}}")
        rng = county.rng(desk)
        for first, last in TERMS:
            for family in county.families:
                for child in family.children:
                    if child.school == desk and _is_known(family, first, last):
                        _attendance(outbox, family, child, first, last, rng)
        _habits(outbox, rng)
        found += outbox.letters
    return found


def _is_known(family: Family, first: date, last: date) -> bool:
    """A family that is open all through the half-term, and long enough for the school to have been told."""
    return family.opened + 40 * DAY < first + 21 * DAY and last + 21 * DAY < family.until(LAST_DAY + 30 * DAY)


def _attendance(outbox: Outbox, family: Family, child: Person, first: date, last: date, rng: Random) -> None:
    possible = 2 * (last - first).days * 5 // 7
    attended = max(0, possible - rng.choice((0, 0, 1, 2, 4, 6, 10, 18)))
    data = {
        "person": child.pupil,
        "school": outbox.desk,
        "from_date": first.isoformat(),
        "until_date": last.isoformat(),
        "sessions_possible": possible,
        "sessions_attended": attended,
    }
    day = max(last + DAY * (1 + rng.randrange(6)), date(2023, 1, 9))
    outbox.write(day, "child.attendance_recorded", data, family.key)


def _habits(outbox: Outbox, rng: Random) -> None:
    right = [each for each in outbox.letters if each.data["sessions_attended"] > 0]
    for letter in rng.sample(right, CORRECTED):
        fewer = {
            **letter.data,
            "sessions_attended": letter.data["sessions_attended"] - 1,
            "corrects": letter.id,
        }
        outbox.write(letter.day + 12 * DAY, letter.kind, fewer, letter.about)
    for letter in rng.sample(right, MISTYPED):
        pupil = letter.data["person"]["value"]
        wrong = {"scheme": "upn", "value": f"{pupil[:-1]}{(int(pupil[-1]) + 1) % 10}"}
        outbox.write(letter.day, letter.kind, {**letter.data, "person": wrong}, letter.about, expect="422")
    letter = rng.choice(right)
    rating = {"person": letter.data["person"], "rating": "red"}
    outbox.write(letter.day, "practice.risk_rated", rating, expect="404")
