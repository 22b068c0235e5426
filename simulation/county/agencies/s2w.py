"""s2w/sft: mental health. Careful and late: scores are uploaded weeks after they were taken."""

from collections.abc import Mapping
from datetime import timedelta
from random import Random
from typing import Any, Final

from simulation.county.agencies.support import Practice, cases, late
from simulation.county.county import County
from simulation.county.figures import FIRST_DAY
from simulation.county.letters import Letter
from simulation.county.lives import Life
from simulation.county.people import about

LATE: Final = 0.4
DAYS: Final = 24
CORRECTED_AFTER: Final = timedelta(days=16)
NOTES: Final = ("Trauma-informed assessment done; {} was tired.", "{} can name two early signs now.")


def letters(county: County) -> list[Letter]:
    """What mental health sends."""
    outbox = cases(county, PRACTICE)
    rng = county.rng("s2w/sft")
    late(outbox, rng, "outcome.measure_recorded", LATE, DAYS)
    scores = [each for each in outbox.letters if each.kind == "outcome.measure_recorded"]
    for letter in rng.sample(scores, 6):
        outbox.write(letter.day, letter.kind, {**letter.data, "score": "17"}, letter.about, expect="422")
    for letter in rng.sample(scores, 10):
        right = {**letter.data, "score": letter.data["score"] + 1, "corrects": letter.id}
        outbox.write(letter.day + CORRECTED_AFTER, letter.kind, right, letter.about)
    posts = [{"post": "mh_cbt", "fte": 2.7, "cases": 80, "filled": True}]
    outbox.write(
        FIRST_DAY, "capacity.declared", {"agency": "s2w", "pathway": "mental_health", "posts": posts}
    )
    return outbox.letters


def _detail(rng: Random, life: Life) -> Mapping[str, Any]:
    person = life.referral.person
    return {"clinical_detail": about(rng.choice(NOTES).format(person.given), person), "self_harm_risk": False}


PRACTICE: Final = Practice(
    desk="s2w/sft",
    form="paris-{:06d}",
    stages=("assessment", "mi_phase_2", "treatment"),
    interventions=("trauma_informed_assessment", "cbt"),
    instruments=(("phq9", 19), ("gad7", 15)),
    cells=(("support", "outcome.score"), ("support", "support.clinical_detail")),
    detail=_detail,
    step_down="gp",
    scheme="paris",
)
