"""paragon/victim: support for victims of domestic abuse. Writes Mara's safety plan."""

import asyncio

from simulation.desk import Desk
from simulation.people import SAFETY_PLAN, about
from simulation.scripts.support import Case, allocate, take_up

PLAN = {"purpose": "safeguard", "category": "support.dv_safety_plan", "desk": "council/chesil"}


async def work(desk: Desk) -> None:
    """Mara's year with a supporter, and with what her therapist shares."""
    await asyncio.gather(_support(desk), _listen(desk))


async def _listen(desk: Desk) -> None:
    await desk.receive("outcome.measure_recorded", withheld=["outcome.score"])
    desk.remark("saw-score", "hears that there is a score, and not which")
    await desk.receive("outcome.measure_recorded", score=12)
    desk.remark("read-score", "reads Mara's score")


async def _support(desk: Desk) -> None:
    case = await take_up(desk)
    mara = case.named["person"]
    await allocate(case, "domestic_abuse_victim", "Odile Marsh")
    plan = about(f"New locks; {SAFETY_PLAN}.", mara)
    await case.publish(
        "started",
        "referral.support_started",
        "writes Mara's safety plan",
        intervention="safety_plan",
        dv_safety_plan=plan,
    )
    await desk.after("probation/perp", "supervision")
    await desk.on("2023-03-27")
    await _review(case, "plan-2", "reviews the safety plan; the council may know that there is one")
    await desk.on("2023-05-08")
    who = {"given_by": mara, "given_as": "self", "method": "in_person"}
    await case.record(
        "consent", "consent.given", "Mara agrees: the council may read her safety plan", cells=[PLAN], **who
    )
    await desk.on("2023-05-22")
    await _review(case, "plan-3", "reviews the safety plan, with consent for the council")
    await desk.after("council/chesil", "agreed")
    await desk.on("2023-10-16")
    await case.publish(
        "course",
        "outcome.programme_completed",
        "Mara completes the course 'Me, You, Mum'",
        programme="me_you_mum",
        for_whom="victim",
        result="completed",
    )


async def _review(case: Case, tag: str, said: str) -> None:
    plan = about(f"Wren knows the plan too; {SAFETY_PLAN}.", case.named["person"])
    goals = [{"goal": "G-1", "progress": "some"}]
    await case.publish(tag, "referral.goal_reviewed", said, goals=goals, dv_safety_plan=plan)
