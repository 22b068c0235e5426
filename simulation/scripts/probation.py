"""probation/perp: supervises Doran. Receives what concerns him, and of Mara nothing."""

from simulation.desk import Desk
from simulation.people import DORAN_CRN, QUILLFEATHER, about
from simulation.scripts.support import allocate, take_up


async def work(desk: Desk) -> None:
    """Doran's year under supervision."""
    await desk.after("council/chesil", "q-members")
    await desk.on("2023-02-06")
    order = {
        "order": "community_order",
        "no_contact": True,
        "from_date": "2023-02-06",
        "until_date": "2024-02-05",
    }
    data = {"person": DORAN_CRN, "desk": "probation/perp", **order}
    await desk.publish(
        "supervision", "person.probation_supervision_started", data, "Doran's supervision starts"
    )
    await desk.on("2023-03-06")
    closed = {"family": QUILLFEATHER, "reason": "needs_met"}
    await desk.publish(
        "not-ours", "family.closed", closed, "tries to close the family, which is not its to close"
    )
    case = await take_up(desk)
    await allocate(case, "domestic_abuse_perpetrator", "Callum Reeve")
    detail = about("Two earlier convictions for harassment.", case.named["person"])
    await case.publish(
        "started",
        "referral.support_started",
        "begins one-to-one work",
        intervention="perpetrator_work",
        programme="one_to_one",
        offending_detail=detail,
    )
