"""One rig through many faults: each publishes events of its own, breaks something, waits for rest, and is counted."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.torture.checker import COUNTS, Evidence, count
from tests.torture.publisher import Accepted, Publisher
from tests.torture.rig import Rig
from tests.torture.table import Row, line
from tests.torture.witness import gather
from tests.torture.workload import build

Breaks = Callable[["Session", Publisher], None]


@dataclass
class Session:
    """A rig that is up, and the record of all that its clients published."""

    rig: Rig
    seed: int
    patience: float = 120.0
    longest: float = 1800.0
    expected: str = ""
    accepted: list[Accepted] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    evidence: Evidence | None = None
    _known: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in COUNTS})

    def publisher(self, events: int, *, connections: int = 16, per_second: float = 0.0) -> Publisher:
        """A new workload of this size, on its way."""
        self.seed += 1
        made = Publisher(
            self.rig.stack, build(self.seed, events), connections=connections, per_second=per_second
        )
        made.start()
        return made

    def run(self, name: str, events: int, breaks: Breaks, *, connections: int = 16) -> Row:
        """Publish, break, wait for rest, count; the row says what is new since the last one."""
        began, kills = time.monotonic(), self.rig.kills
        publisher = self.publisher(events, connections=connections)
        amiss: list[str] = []
        try:
            breaks(self, publisher)
        except AssertionError as error:
            amiss.append(f"the fault could not be made: {error}")
        self.finish(publisher)
        return self.settle(name, publisher, began, kills, amiss)

    def finish(self, publisher: Publisher) -> None:
        """Let the publisher come to its end, with everything kept up meanwhile."""
        while publisher.running:
            self.rig.keep_up()
            publisher.join(0.2)

    def settle(self, name: str, publisher: Publisher, began: float, kills: int, amiss: list[str]) -> Row:
        """Wait for rest and count."""
        left = self.rig.wait_drained(self.patience, self.longest)
        self.accepted += publisher.accepted
        self.evidence = gather(self.rig, self.accepted, left)
        found: dict[str, list[str]] = {}
        for kind, lines in count(self.evidence).items():
            found[kind] = [each for each in lines if each not in self._known[kind]]
            self._known[kind].update(lines)
        if publisher.refused:
            step, status, text = publisher.refused[0]
            amiss.append(f"{len(publisher.refused)} refused, first {step.kind} {status} {text}")
        if publisher.given_up:
            amiss.append("the publisher gave up")
        notes = [f"ended by itself: {each}" for each in self.rig.own_ends]
        self.rig.own_ends.clear()
        row = Row(
            name=name,
            events=len(publisher.accepted),
            deliveries=len(self.evidence.book.wire),
            kills=self.rig.kills - kills,
            seconds=time.monotonic() - began,
            found=found,
            amiss=amiss,
            notes=notes,
            expected=self.expected,
        )
        self.rows.append(row)
        print(line(row), flush=True)
        return row


def progress(text: str) -> None:
    """A line for who watches."""
    print(f"  … {text}", file=sys.stderr, flush=True)
