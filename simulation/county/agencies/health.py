"""health/gp: crisis contacts and referrals to mainstream services, by NHS number; silent from September on."""

from datetime import date, timedelta
from typing import Final

from simulation.county.county import County
from simulation.county.figures import FIRST_DAY
from simulation.county.letters import Letter, Outbox
from simulation.county.people import Family

DAY: Final = timedelta(days=1)
SILENT_FROM: Final = date(2023, 9, 4)
SHARE: Final = 0.45


def letters(county: County) -> list[Letter]:
    """What the practices send, until they stop."""
    outbox = Outbox("health/gp", "emis-{:06d}")
    for family in county.families:
        rng = county.rng(f"health|{family.key}")
        day = max(family.opened, FIRST_DAY) + DAY * rng.randrange(40, 300)
        if rng.random() < SHARE and day < min(SILENT_FROM, family.until(SILENT_FROM) - 21 * DAY):
            _contact(family, day, outbox, is_crisis=rng.random() < 0.4)
    return outbox.letters


def _contact(family: Family, day: date, outbox: Outbox, *, is_crisis: bool) -> None:
    person = family.adults[0].nhs
    if is_crisis:
        data = {"service": "crisis_line", "kind": "call", "contact_on": day.isoformat(), "outcome": "advice"}
        outbox.write(day, "outcome.crisis_contact", {"person": person, **data}, family.key)
    else:
        data = {"service": "talking_therapies", "need": "anxiety", "made_on": day.isoformat()}
        outbox.write(day, "outcome.mainstream_referral_made", {"person": person, **data}, family.key)
