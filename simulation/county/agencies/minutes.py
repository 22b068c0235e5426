"""council/minutes: business support, which minutes the monthly group supervision of every family in the programme."""

from datetime import date, timedelta
from typing import Any, Final

from simulation.county.county import County
from simulation.county.figures import LAST_DAY
from simulation.county.letters import Letter, Outbox
from simulation.county.people import Family, about

DAY: Final = timedelta(days=1)
EVERY: Final = 32
FIRST_AFTER: Final = 40
NOTES: Final = (
    "{} keeps the appointments.",
    "{} says that mornings are easier.",
    "{} missed one and rang to say so.",
    "{} is not sure about carrying on.",
)
STEPS: Final = (
    "Visit {} at home.",
    "Ask the school how {} is.",
    "Write to the family of {} what was agreed.",
)


def letters(county: County) -> list[Letter]:
    """The minutes of the year."""
    outbox = Outbox("council/minutes", "min-{:06d}")
    for family in county.families:
        if family.joined is not None:
            _meetings(county, family, outbox)
    return outbox.letters


def _meetings(county: County, family: Family, outbox: Outbox) -> None:
    assert family.joined is not None
    rng = county.rng(f"minutes|{family.key}")
    day = family.joined + DAY * (FIRST_AFTER + rng.randrange(EVERY))
    while day < family.until(LAST_DAY) - 14 * DAY:
        _minutes(county, family, day, outbox)
        day += DAY * (EVERY + rng.randrange(-3, 4))


def _minutes(county: County, family: Family, day: date, outbox: Outbox) -> None:
    rng = county.rng(f"minutes|{family.key}|{day}")
    running = [life for life in county.of(family) if life.runs(day)]
    child = rng.choice(family.children)
    notes: list[dict[str, Any]] = []
    for life in running:
        person = life.referral.person
        note = about(rng.choice(NOTES).format(person.given), person)
        notes.append({"person": person.ref, "note": note, "by": life.referral.to})
    what = about(rng.choice(STEPS).format(child.given), child)
    data = {
        "family": family.ref,
        "discussed": [each.ref for each in family.children],
        "attended": sorted({family.lead, *(life.referral.to for life in running)}),
        "held_on": day.isoformat(),
        "next_on": (day + DAY * EVERY).isoformat(),
        "actions": [{"person": child.ref, "what": what, "owner": family.lead, "state": "open"}],
        "notes": notes,
    }
    outbox.write(day, "practice.supervision_held", data, family.key)
