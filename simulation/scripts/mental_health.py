"""s2w/sft: mental health. Works with Mara; her scores go where she agrees, and no further."""

from simulation.desk import Desk
from simulation.people import about
from simulation.scripts.support import Case, allocate, take_up

COUNCIL = {"purpose": "support", "category": "outcome.score", "desk": "council/chesil"}
READERS = ("council/chesil", "paragon/victim")
PARAGON = {"purpose": "treatment", "category": "outcome.score", "desk": "paragon/victim"}


async def work(desk: Desk) -> None:
    """Mara's year with a therapist."""
    case = await take_up(desk)
    mara = case.named["person"]
    # Support cannot start before somebody is allocated: the log of the family refuses it, and says so.
    await case.publish(
        "started-early", "referral.support_started", "reports a start before anybody was allocated"
    )
    await desk.receive("hub.event_rejected")
    await allocate(case, "mental_health", "Ines Harrowby")
    detail = about("Trauma-informed assessment done.", mara)
    await case.publish(
        "started", "referral.support_started", "begins therapy", intervention="cbt", clinical_detail=detail
    )
    await desk.after("paragon/victim", "started")
    await desk.on("2023-02-27")
    await _score(
        case, "score-1", "phq9", 17, "2023-02-27", "scores PHQ-9; nobody has asked Mara for consent yet"
    )
    for reader in READERS:
        await desk.after(reader, "saw-score")
    await desk.on("2023-03-20")
    who = {"given_by": mara, "given_as": "self", "method": "in_person"}
    cells = [COUNCIL, PARAGON]
    await case.record(
        "consent",
        "consent.given",
        "Mara agrees: her scores may go to the council and Paragon",
        cells=cells,
        **who,
    )
    await desk.on("2023-04-03")
    await _score(case, "score-2", "phq9", 12, "2023-04-03", "scores PHQ-9, with consent")
    await desk.after("council/ig", "suspended")
    await desk.on("2023-06-19")
    await _score(case, "score-3", "phq9", 9, "2023-06-19", "scores PHQ-9; for Paragon it has to wait")
    await desk.on("2023-07-03")
    await case.record(
        "withdrawal", "consent.withdrawn", "Mara takes back her consent for Paragon", cells=[PARAGON], **who
    )
    await desk.after("council/chesil", "agreed")
    await desk.on("2023-09-25")
    await _score(case, "score-4", "gad7", 6, "2023-09-25", "scores GAD-7")
    await desk.on("2023-11-13")
    await case.publish("recovered", "outcome.treatment_completed", treatment="cbt", result="completed")
    ended = {"intervention": "cbt", "reason": "completed", "sessions_attended": 14, "step_down": "gp"}
    scores = [{"instrument": "phq9", "first": 17, "last": 7}]
    await case.publish("ended", "referral.support_ended", "ends therapy: completed", scores=scores, **ended)


async def _score(case: Case, tag: str, instrument: str, score: int, day: str, said: str) -> None:
    data = {"instrument": instrument, "score": score, "point": "review", "taken_on": day}
    await case.publish(tag, "outcome.measure_recorded", said, **data)
