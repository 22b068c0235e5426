"""When the desks of the county send their letters, on the hub's clock. Pure."""

from hub.clock import DAY, HOUR, MINUTE, Micros, parse_micros
from simulation.county.figures import FIRST_DAY, LAST_DAY


def at(week: int, turn: int) -> Micros:
    """When the desks of a turn send their letters of a week: on its last day, one turn after another."""
    day = min(7 * week + 6, (LAST_DAY - FIRST_DAY).days)
    return parse_micros(f"{FIRST_DAY.isoformat()}T08:00:00Z") + day * DAY + turn * HOUR // 2 + MINUTE
