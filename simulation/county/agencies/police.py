"""police/dorset: call-outs, days late and out of order, by the police's own numbers where these are known.

Some are about people of whom nobody has told the hub: they wait. Some of these are told of weeks later.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import Any, Final

from simulation.county.county import County
from simulation.county.figures import FIRST_DAY, LAST_DAY
from simulation.county.letters import Letter, Outbox
from simulation.county.people import Family, Person, Ref, about

DAY: Final = timedelta(days=1)
CALL_OUTS: Final = (0, 1, 1, 2, 2, 3, 4)
KINDS: Final = ("harassment", "violence", "criminal_damage", "verbal_dispute")
STRANGERS: Final = 7


def letters(county: County) -> list[Letter]:
    """What the police send."""
    outbox = Outbox("police/dorset", "nch-{:06d}")
    for family in county.families:
        rng = county.rng(f"police|{family.key}")
        if family.perpetrator is not None:
            _call_outs(family, outbox, rng)
    _strangers(outbox, county.rng("police"))
    return outbox.letters


def _call_outs(family: Family, outbox: Outbox, rng: Random) -> None:
    start = max(family.opened, FIRST_DAY) + 30 * DAY
    days = max(1, (family.until(LAST_DAY) - 30 * DAY - start).days)
    happened = sorted(start + DAY * rng.randrange(days) for _ in range(rng.choice(CALL_OUTS)))
    for number, day in enumerate(happened, 1):
        # Reports are written up when there is time: a later one may come first.
        told = day + DAY * rng.choice((2, 3, 5, 9, 30))
        if told >= family.until(LAST_DAY) - 7 * DAY:
            continue
        incident = f"INC-{family.number}-{number}"
        people = list(_rows(family, day, rng, repeat=number > 1))
        outbox.write(
            told,
            "outcome.incident_reported",
            {"family": family.ref, "incident": incident, "people": people, "occurred_at": _at(day)},
            family.key,
        )


def _rows(family: Family, day: date, rng: Random, *, repeat: bool) -> Iterator[dict[str, Any]]:
    victim, accused = family.adults[0], family.perpetrator
    assert accused is not None
    kind = rng.choice(KINDS)
    account = about("He left before officers came.", accused)
    for person, role in ((victim, "victim"), (accused, "alleged_perpetrator"), *_present(family, rng)):
        row = {"person": _named(person), "role": role, "kind": kind, "at": _at(day), "repeat": repeat}
        yield row | ({"account": account} if person is accused else {}) | {"call_out": True}


def _present(family: Family, rng: Random) -> Iterator[tuple[Person, str]]:
    for child in family.children:
        if rng.random() < 0.4:
            yield child, "child_present"


def _named(person: Person) -> Ref:
    return person.crn if person.against is not None else person.nhs


def _at(day: date) -> str:
    return f"{day.isoformat()}T02:40:00Z"


def _strangers(outbox: Outbox, rng: Random) -> None:
    """People of no family that is open: nobody can say where these events belong."""
    for number in range(STRANGERS):
        day = FIRST_DAY + DAY * rng.randrange(60, 330)
        person = {"scheme": "niche", "value": f"NI99{number:05d}"}
        row = {"person": person, "role": "victim", "kind": rng.choice(KINDS), "at": _at(day)}
        data = {"incident": f"INC-X-{number}", "people": [row]}
        outbox.write(day, "outcome.incident_reported", data, f"stranger-{number}", expect="waits")
