"""What each desk does in the year: one module for each, and the table of them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from simulation.desk import Desk
from simulation.reading import INBOX, TOPIC
from simulation.scripts import council, governance, mental_health, probation, substance_use, victim_support

Script = Callable[[Desk], Awaitable[None]]

SCRIPTS: Final[Mapping[str, tuple[Script, tuple[str, ...]]]] = {
    "council/chesil": (council.work, (INBOX,)),
    "s2w/sft": (mental_health.work, (INBOX,)),
    "reach/sft": (substance_use.work, (TOPIC,)),
    "paragon/victim": (victim_support.work, (INBOX,)),
    # Both doors, so that whatever might reach this side is seen.
    "probation/perp": (probation.work, (INBOX, TOPIC)),
    "council/ig": (governance.work, ()),
}
"""Desk → what it does, and the doors by which it receives."""
