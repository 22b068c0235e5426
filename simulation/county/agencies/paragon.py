"""paragon/victim: support for victims. Nobody else may read its safety plans; its reports come out of order."""

from collections.abc import Mapping
from random import Random
from typing import Any, Final

from simulation.county.agencies.support import Practice, cases, early
from simulation.county.county import County
from simulation.county.figures import FIRST_DAY
from simulation.county.letters import Letter
from simulation.county.lives import Life
from simulation.county.people import about

OUT_OF_ORDER: Final = 9
SAFETY_PLAN: Final = "code word 'marigold' with the neighbour"
"""Words that stand in every safety plan of the county and nowhere else."""
PLANS: Final = (
    "New locks; {plan} at number {number}.",
    "{plan} at number {number}; papers are with her sister.",
)


def letters(county: County) -> list[Letter]:
    """What victims' support sends."""
    outbox = cases(county, PRACTICE)
    early(outbox, county.rng("paragon/victim"), OUT_OF_ORDER)
    posts = [{"post": "dav_lead", "fte": 2.0, "cases": 48, "filled": True}]
    data = {"agency": "paragon", "pathway": "domestic_abuse_victim", "posts": posts}
    outbox.write(FIRST_DAY, "capacity.declared", data)
    return outbox.letters


def _detail(rng: Random, life: Life) -> Mapping[str, Any]:
    text = rng.choice(PLANS).format(plan=SAFETY_PLAN, number=rng.randrange(1, 90))
    return {"dv_safety_plan": about(text, life.referral.person)}


PRACTICE: Final = Practice(
    desk="paragon/victim",
    form="yt-{:06d}",
    stages=("assessment", "safety_plan", "support"),
    interventions=("safety_plan", "me_you_mum"),
    instruments=(),
    cells=(("safeguard", "support.dv_safety_plan"),),
    detail=_detail,
    step_down="mainstream_recovery_programme",
    scheme="paragon-case",
)
