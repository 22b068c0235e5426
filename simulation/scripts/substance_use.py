"""reach/sft: substance use. Works with Tamsin; reads its deliveries from Kafka."""

from simulation.desk import Desk
from simulation.scripts.support import Case, allocate, take_up


async def work(desk: Desk) -> None:
    """Tamsin's year in treatment."""
    case = await take_up(desk)
    await allocate(case, "substance_use", "Piran Voss")
    await case.publish(
        "started", "referral.support_started", "begins treatment", intervention="twelve_week_treatment"
    )
    await desk.on("2023-04-10")
    top = {"instrument": "top", "score": 11, "point": "start", "taken_on": "2023-04-10"}
    await case.publish("score-1", "outcome.measure_recorded", "scores TOP, without consent", **top)
    # The answer was lost on the way: the desk sends the same again, and nothing happens twice.
    await case.publish(
        "score-1", "outcome.measure_recorded", "sends the same score again, not sure that it arrived", **top
    )
    await desk.on("2023-05-01")
    objection = {"objection": "OBJ-1", "purposes": ["safeguard"], "categories": ["support.summary"]}
    desks = ["council/chesil"]
    await case.record(
        "objection",
        "consent.objection_raised",
        "Tamsin objects: the council should not hear how it goes",
        desks=desks,
        **objection,
    )
    await desk.on("2023-05-15")
    await _review(case, "goals-objected", "reviews goals while the objection is being decided")
    await desk.after("council/chesil", "f-status-cp")
    await desk.on("2023-07-10")
    await _review(case, "goals-statutory", "reviews goals; Jory is on a child protection plan now")
    await desk.on("2023-11-20")
    await case.publish(
        "recovered", "outcome.treatment_completed", treatment="twelve_week_treatment", result="completed"
    )
    await case.publish(
        "ended",
        "referral.support_ended",
        "ends treatment: completed",
        intervention="twelve_week_treatment",
        reason="completed",
    )


async def _review(case: Case, tag: str, said: str) -> None:
    await case.publish(tag, "referral.goal_reviewed", said, goals=[{"goal": "G-1", "progress": "some"}])
