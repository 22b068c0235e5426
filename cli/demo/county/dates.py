"""When each desk of the county sends its letters, on the hub's clock. Pure."""

from hub.clock import DAY, HOUR, MINUTE, Micros, parse_micros
from simulation.county.figures import FIRST_DAY, LAST_DAY


def at(week: int, turn: int) -> Micros:
    """When a desk sends its letters of a week: on the week's last day, one after another through working hours."""
    day = min(7 * week + 6, (LAST_DAY - FIRST_DAY).days)
    return parse_micros(f"{FIRST_DAY.isoformat()}T08:00:00Z") + day * DAY + turn * HOUR // 2 + MINUTE
