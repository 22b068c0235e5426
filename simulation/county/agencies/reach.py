"""reach/sft: substance use. A new system: it repeats itself, and once it sends a whole week again (county.py)."""

from collections.abc import Mapping
from datetime import date, timedelta
from random import Random
from typing import Any, Final

from simulation.county.agencies.support import Practice, cases
from simulation.county.county import County
from simulation.county.figures import FIRST_DAY
from simulation.county.letters import Letter, Outbox
from simulation.county.lives import Life
from simulation.county.people import about

REPEATED: Final = 40
DAY: Final = timedelta(days=1)
NOTES: Final = ("Care plan written with {}.", "{} has gone nine days without.")
SUBSTANCES: Final = ("alcohol", "cannabis", "cocaine", "opiates")


def letters(county: County) -> list[Letter]:
    """What substance use sends."""
    outbox = cases(county, PRACTICE)
    rng = county.rng("reach/sft")
    for letter in rng.sample(outbox.letters, REPEATED):
        outbox.repeat(letter, letter.day + DAY * rng.randrange(10))
    _objections(county, outbox, rng)
    # The same id for something else: the hub keeps what it has.
    goals = [each for each in outbox.letters if each.kind == "referral.goal_reviewed"]
    for letter in rng.sample(goals, 3):
        other = {**letter.data, "goals": [{"goal": "G-1", "progress": "dropped"}]}
        outbox.letters.append(
            Letter(letter.day + DAY, letter.desk, letter.id, letter.kind, other, letter.about, "409")
        )
    posts = [{"post": "su_navigator_1", "fte": 2.8, "cases": 60, "filled": True}]
    outbox.write(
        FIRST_DAY, "capacity.declared", {"agency": "reach", "pathway": "substance_use", "posts": posts}
    )
    return outbox.letters


def _objections(county: County, outbox: Outbox, rng: Random) -> None:
    """Some object to how it goes being told to the council; information governance decides (governance.py)."""
    for life in objecting(county):
        assert life.started is not None
        referral = life.referral
        data = {
            "family": referral.family.ref,
            "person": referral.person.of("reach"),
            "objection": f"OBJ-{referral.number}",
            "purposes": ["safeguard"],
            "categories": ["support.summary"],
            "desks": [referral.family.lead],
        }
        day = life.started + DAY * rng.randrange(40, 60)
        outbox.write(day, "consent.objection_raised", data, referral.family.key)


def objecting(county: County) -> list[Life]:
    """Who objects."""
    return [
        life
        for life in county.lives
        if life.referral.to == "reach/sft"
        and life.started is not None
        and life.started < date(2023, 8, 1)
        and life.referral.number % 8 == 0
    ]


def _detail(rng: Random, life: Life) -> Mapping[str, Any]:
    person = life.referral.person
    used = {"substance": rng.choice(SUBSTANCES), "use": rng.choice(("occasional", "weekly", "daily"))}
    return {"clinical_detail": about(rng.choice(NOTES).format(person.given), person), "substances": [used]}


PRACTICE: Final = Practice(
    desk="reach/sft",
    form="rch-{:06d}",
    stages=("assessment", "plan", "treatment"),
    interventions=("full_assessment", "twelve_week_treatment"),
    instruments=(("top", 14),),
    cells=(("support", "outcome.score"), ("support", "substance.use_detail")),
    detail=_detail,
    step_down="community_recovery_group",
    scheme="reach-case",
)
