"""The table of a run: a row for each fault, a column for each count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.torture.checker import COUNTS

MOST_LINES = 5


@dataclass
class Row:
    """One fault and what was found after it."""

    name: str
    events: int
    deliveries: int
    kills: int
    seconds: float
    found: Mapping[str, Sequence[str]]
    amiss: list[str] = field(default_factory=list)
    """Why the row says nothing: the fault was not made, or the workload was not taken."""
    notes: list[str] = field(default_factory=list)
    expected: str = ""
    """The count that is to catch a planted bug."""

    @property
    def ok(self) -> bool:
        """Whether nothing was found; of a planted bug, whether it was caught."""
        if self.amiss:
            return False
        if self.expected:
            return bool(self.found[self.expected])
        return not any(self.found.values())

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "fault": self.name,
            "events": self.events,
            "deliveries": self.deliveries,
            "kills": self.kills,
            "seconds": round(self.seconds, 1),
            "counts": {name: len(lines) for name, lines in self.found.items()},
            "found": {name: list(lines)[:20] for name, lines in self.found.items() if lines},
            "amiss": self.amiss,
            "notes": self.notes,
            "expected": self.expected,
            "ok": self.ok,
        }


_WIDTH = 38


def heading() -> str:
    """The columns' names."""
    names = ["events", "deliveries", "kills", "seconds", *COUNTS]
    return f"{'fault':{_WIDTH}} " + " ".join(f"{name:>{max(len(name), 7)}}" for name in names)


def line(row: Row) -> str:
    """One row, and under it the first lines of what was found."""
    figures = {
        "events": row.events,
        "deliveries": row.deliveries,
        "kills": row.kills,
        "seconds": f"{row.seconds:.0f}",
        **{name: len(row.found.get(name, ())) for name in COUNTS},
    }
    text = f"{row.name:{_WIDTH}} " + " ".join(
        f"{value:>{max(len(name), 7)}}" for name, value in figures.items()
    )
    more = [f"    {name}: {each}" for name, lines in row.found.items() for each in list(lines)[:MOST_LINES]]
    more += [f"    amiss: {each}" for each in row.amiss]
    return "\n".join([text, *more, *(f"    note: {note}" for note in row.notes)])
