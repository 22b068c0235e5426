"""An event that says it happened later than now is refused, by whichever door it comes (hub/schemas/happened.py).

Asked of what is new alone, with the time of its acceptance: what was accepted before gives its first receipt, whatever
the clock says by now, and what is in a log stays what it is.
"""

from typing import Final

from hub.clock import Micros
from hub.partnership import Partnership
from hub.schemas.happened import AHEAD, not_yet
from services.gateway.checking import Published
from services.gateway.problems import INVALID, ProblemError, in_data

MOST: Final = 50


def refusal(partnership: Partnership, event: Published, now: Micros) -> ProblemError | None:
    """Why it is not accepted at this time; None: nothing of it lies ahead."""
    today = partnership.calendar.day(now + AHEAD)
    faults = in_data(not_yet(event.type, event.datum, now, today))
    return ProblemError(INVALID, faults[:MOST]) if faults else None
