"""council/ig: information governance. Suspends an agency, and lets it come back."""

from simulation.desk import Desk


async def work(desk: Desk) -> None:
    """Paragon loses a laptop; until it is found to have been encrypted, nothing is released there."""
    await desk.after("paragon/victim", "read-score")
    await desk.after("paragon/victim", "plan-3")
    await desk.on("2023-06-05")
    data = {"agency": "paragon", "reason": "security_incident"}
    await desk.publish("suspended", "hub.agency_suspended", data, "suspends Paragon: a laptop was stolen")
    await desk.after("s2w/sft", "withdrawal")
    await desk.on("2023-07-17")
    await desk.publish(
        "resumed",
        "hub.agency_resumed",
        data,
        "the laptop was encrypted: Paragon may come back",
    )
