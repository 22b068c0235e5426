"""The second person: somebody of another desk of the same agency, who agrees to what waits for them (RULES.md 2)."""

from client import calls
from client.http import HubClient

WHY = "agreed with the head of information governance"


async def approve(hub: HubClient) -> int:
    """Approve all that waits for the desk's agreement. Gives how much."""
    signed = calls.looking(hub.profile.key.desk, user="duty-manager", purpose="safeguard", reason=WHY)
    waiting = await hub.run(calls.tasks("approval"))
    for task in waiting:
        await hub.run(calls.do_task(task["task"], "approve", {}, signed=signed))
    return len(waiting)
