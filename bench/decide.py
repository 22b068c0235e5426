"""`python -m bench.decide`: what it takes to decide an event for every desk of Dorset, on one core, in memory.

The families and the mix of the hot path run through the router and people as pure machines. After each event of the
mix its decision is made again, by the same rules, on facts that nothing else reads: what an earlier event of the family
left known stays so, as in a router. `decide` is the decision alone; `with facts` also what the event changed of them.
"""

import argparse
import gc
import json
import statistics
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from bench.events import Maker, Told
from bench.families import Family, asking, opening, supporting
from bench.mix import news
from hub.clock import Micros, parse_micros
from hub.effects import Done, Emit
from hub.events import Envelope, Event
from hub.partnership import load
from hub.processor.machine import Machine
from hub.processor.writer import delivery_id
from hub.schemas import Catalogue, wire
from hub.settings import ROOT
from services.consent.compiled import CompiledRules, compile_rules
from services.consent.engine import decide
from services.consent.family_facts import FamilyFacts
from services.consent.load import load_rules
from services.consent.logged import item_of
from services.referral_router.deciding import INTERNAL, Deciding
from services.referral_router.handler import Router, rows_by_kind
from services.referral_router.people import People

SECRET: Final = b"bench" * 8
START: Final[Micros] = parse_micros("2024-03-01T09:00:00Z")
MINUTE: Final = 60_000_000


@dataclass
class County:
    """Both machines and their states; no event waits, and nothing is stored."""

    catalogue: Catalogue
    rules: CompiledRules
    machines: dict[str, Machine]
    states: dict[tuple[str, str], Any] = field(default_factory=dict)

    @classmethod
    def of_dorset(cls) -> "County":
        """With Dorset's rules."""
        folder = ROOT / "partnerships" / "dorset"
        partnership, catalogue = load(folder), Catalogue.load(ROOT / "schemas")
        rules = compile_rules(load_rules(folder, partnership))
        deciding = Deciding(lambda _: rules, catalogue, partnership.served, partial(delivery_id, SECRET))
        router = Router(deciding, rows_by_kind(partnership.authority_plain), partnership.calendar)
        return cls(catalogue, rules, {"events": router, "people": People()})

    def take(self, event: Event) -> None:
        """An event, and all that is derived from it."""
        queue = deque([("events", event)])
        while queue:
            topic, each = queue.popleft()
            machine, key = self.machines[topic], (topic, each.envelope.key)
            state = self.states.get(key) or machine.initial(key[1])
            outcome = machine.handle(state, each, (), ())
            if isinstance(outcome, Done):
                self.states[key] = outcome.state
            queue += [(one.topic, self.event(one, each)) for one in outcome.effects if isinstance(one, Emit)]

    def event(self, emitted: Emit, cause: Event) -> Event:
        """What was emitted, as its log has it."""
        event_type = self.catalogue.type(emitted.type)
        body = wire.encode(event_type, dict(emitted.data))
        head = Envelope(
            id=f"{cause.id}|{emitted.topic}|{emitted.key}|{emitted.part}",
            type=emitted.type,
            source="hub",
            key=emitted.key,
            recorded_at=cause.envelope.recorded_at,
            accepted_at=cause.envelope.accepted_at,
            cause=cause.id,
        )
        return Event(head, wire.decode(self.catalogue, body)[1], body)

    def prepared(self, families: Sequence[Family], maker: Maker) -> None:
        """Open the families and start their support."""
        for number, step in enumerate((opening, asking, supporting)):
            for family in families:
                for told in step(maker, family, START + number * MINUTE):
                    self.take(told.event())

    def decisions(self, told: Iterable[Told]) -> Iterator[tuple[float, float]]:
        """Of each event that is decided: seconds for its decision, and for that with the facts that it changed."""
        known: dict[str, FamilyFacts] = {}
        for each in told:
            event = each.event()
            self.take(event)
            event_type, key = self.catalogue.type(event.type), event.envelope.key
            if event_type.gate == INTERNAL:
                continue
            items, plain = event_type.items(event.data), self.states["events", key].plain
            began = time.perf_counter()
            facts = known[key] = FamilyFacts.of(plain, previous=known.get(key))
            asked, at = item_of(facts, event, items), event.envelope.recorded_at
            ready = time.perf_counter()
            decide(self.rules, facts, asked, at, at)
            over = time.perf_counter()
            yield over - ready, over - began


def told(seconds: Sequence[float]) -> dict[str, float]:
    """Mean and percentiles in µs."""
    cuts = statistics.quantiles(seconds, n=100)
    found = {"mean": statistics.fmean(seconds), "p50": cuts[49], "p90": cuts[89], "p99": cuts[98]}
    return {name: round(value * 1e6, 1) for name, value in found.items()}


def main() -> int:
    """Print µs a decision as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.decide", description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--families", type=int, default=100)
    given = parser.parse_args()
    county = County.of_dorset()
    families = [Family.make(SECRET, number) for number in range(given.families)]
    maker = Maker(county.catalogue, SECRET)
    county.prepared(families, maker)
    print("families are opened", file=sys.stderr)
    for _ in county.decisions(news(maker, families, START + 5 * MINUTE, given.events // 4, seed=2)):
        pass
    print("warm", file=sys.stderr)
    gc.collect()
    gc.freeze()
    gc.disable()
    found = list(county.decisions(news(maker, families, START + 9 * MINUTE, given.events, seed=1)))
    desks = len(county.rules.desks)
    alone, both = ([each[part] for each in found] for part in (0, 1))
    print(
        json.dumps({"decisions": len(found), "desks": desks, "decide": told(alone), "with facts": told(both)})
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
