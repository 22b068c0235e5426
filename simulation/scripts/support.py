"""What every receiving desk does with a referral: answers the offer, allocates a worker, begins."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulation.desk import Desk


@dataclass(frozen=True, slots=True)
class Case:
    """A referral as the hub named it to this desk: the hub's own references."""

    desk: Desk
    named: Mapping[str, Any]

    async def publish(self, tag: str, kind: str, said: str = "", **data: Any) -> None:
        """Publish news of this case."""
        await self.desk.publish(tag, kind, {**self.named, **data}, said)

    async def record(self, tag: str, kind: str, said: str = "", **data: Any) -> None:
        """Publish what the person decided about their data: it is about no referral."""
        named = {name: ref for name, ref in self.named.items() if name != "referral"}
        await self.desk.publish(tag, kind, {**named, **data}, said)


async def take_up(desk: Desk) -> Case:
    """Wait until somebody is referred to this desk and offered to it; accept."""
    request = await desk.receive("referral.requested", to=desk.name)
    offer = await desk.receive("referral.offered", referral=request["referral"])
    case = Case(desk, {name: offer[name] for name in ("family", "referral", "person")})
    await case.publish("accepted", "referral.accepted", "takes the referral up")
    return case


async def allocate(case: Case, specialism: str, worker: str) -> None:
    """Give the case to a worker."""
    await case.publish("allocated", "referral.allocated", specialism=specialism, worker_name=worker)
