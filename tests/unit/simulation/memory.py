"""The county on a hub in memory: the real handlers of router and people, in an order that chance decides.

No door, database or broker: everybody's ids are known beforehand, a desk's letters enter the logs in its turn, and
between turns records and deliveries move in any order that the real hub allows: each log in its own order, each
desk's deliveries of a family in theirs.
"""

from collections import defaultdict, deque
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

from cli.demo.county.dates import at
from hub.effects import Await, Deliver, Emit, Queued, Rejected, Release, Revise, Settle, Waiting
from hub.events import HUB, Envelope, Event
from hub.ids import derive
from hub.partnership.loader import load
from hub.schemas import Catalogue, wire
from hub.schemas.refs import RefKey
from hub.settings import ROOT
from services.consent.event import PlainEvent
from services.consent.facts import protective
from services.consent.in_force import InForce
from services.referral_router.deciding import Deciding
from services.referral_router.handler import Router, rows_by_kind
from services.referral_router.people import People
from simulation.county.county import County
from simulation.county.letters import TURNS, Letter

SECRET = b"s" * 32
OVER = {"delivered", "recalled"}


@cache
def parts() -> tuple[Catalogue, Router, People]:
    folder = ROOT / "partnerships" / "dorset"
    partnership = load(folder)
    catalogue = Catalogue.load(ROOT / "schemas", sandbox=True)
    in_force = InForce(folder, partnership)
    deciding = Deciding(in_force.at, catalogue, partnership.served, "{}>{}".format)
    return (
        catalogue,
        Router(deciding, rows_by_kind(partnership.authority_plain), partnership.calendar),
        People(),
    )


@dataclass
class Row:
    event: Event
    desk: str
    recorded: int
    release: Release


@dataclass
class MemoryHub:
    """`logs` are what is still to be handled, by topic and key; `came` what each desk got of each family."""

    county: County
    chance: Random
    ids: dict[RefKey, str] = field(default_factory=dict)
    home: dict[str, str] = field(default_factory=dict)
    states: dict[tuple[str, str], Any] = field(default_factory=dict)
    logs: dict[tuple[str, str], deque[Event]] = field(default_factory=lambda: defaultdict(deque))
    rows: dict[str, dict[tuple[str, str], Row]] = field(default_factory=lambda: defaultdict(dict))
    undecided: dict[str, dict[str, Waiting]] = field(default_factory=lambda: defaultdict(dict))
    came: dict[tuple[str, str], list[tuple[str, bytes]]] = field(default_factory=lambda: defaultdict(list))
    rejected: list[tuple[str, str]] = field(default_factory=list)
    revised: int = 0
    delivered: int = 0

    def __post_init__(self) -> None:
        for family in self.county.families:
            own = self._name("family", family.ref, family.key)
            for home in "ABC":
                self._name("household", {**family.ref, "value": f"H-{family.number:05d}-{home}"}, home)
            for person in (*family.adults, *family.children):
                refs = [person.ref, person.nhs, person.crn, person.pupil]
                for ref in [*refs, *map(person.of, ("s2w", "reach", "paragon"))]:
                    self.home[self._name("person", ref, str(person.number))] = own
        for life in self.county.lives:
            self._name("referral", life.referral.ref, str(life.referral.number))

    def _name(self, kind: str, ref: dict[str, str], own: str) -> str:
        return self.ids.setdefault((kind, ref["scheme"], ref["value"]), derive(SECRET, kind, own))

    def week(self, number: int, letters: list[Letter]) -> None:
        """Every desk's turn; then all comes to rest."""
        for turn, desks in enumerate(TURNS):
            for letter in letters:
                if letter.desk in desks and letter.expect in {"", "rejected"}:
                    self._accept(letter, at(number, turn))
            self._move(self.chance.randrange(40))
        self._move(-1)

    def _accept(self, letter: Letter, now: int) -> None:
        catalogue, _, _ = parts()
        event_type = catalogue.type(letter.type)
        datum, problems = event_type.read_json(dict(letter.data))
        assert datum is not None, problems
        if event_type.family_field is None:
            return
        datum = event_type.replace_refs(datum, {ref.key: self.ids[ref.key] for ref in event_type.refs(datum)})
        family = datum["family"]["value"] if datum["family"] else self.home[event_type.persons(datum)[0]]
        receipt = derive(SECRET, letter.desk, letter.id)
        plain = PlainEvent(receipt, letter.kind, letter.desk, family, now, now, receipt, datum)
        raises = tuple(sorted(protective(plain)))
        envelope = Envelope(receipt, letter.type, letter.desk, family, now, now, receipt, raises)
        self.logs["events", family].append(Event(envelope, datum, wire.encode(event_type, datum)))

    def _move(self, steps: int) -> None:
        """Handle and deliver in any order; all there is, if `steps` is negative."""
        while steps:
            waiting = [key for key, log in self.logs.items() if log]
            if waiting and (steps > 0 or self.chance.random() < 0.7):
                self._handle(*self.chance.choice(sorted(waiting)))
            elif not self._deliver() and not waiting:
                return
            steps -= 1

    def _handle(self, topic: str, key: str) -> None:
        _, router, people = parts()
        event = self.logs[topic, key].popleft()
        machine: Any = router if topic == "events" else people
        state = self.states.get((topic, key)) or machine.initial(key)
        queued = [
            each for each in self._queued(key) if isinstance(each, Waiting) or machine.needs_queue(event)
        ]
        outcome = machine.handle(state, event, queued)
        if isinstance(outcome, Rejected):
            self.rejected.append((event.envelope.source, outcome.reason))
        else:
            self.states[topic, key] = outcome.state
        for number, effect in enumerate(outcome.effects):
            if isinstance(effect, Emit):
                self._emit(event, number, effect)
            elif isinstance(effect, Deliver):
                row = Row(effect.event, effect.desk, effect.recorded, effect.release)
                self.rows[key][effect.event.id, effect.desk] = row
            elif isinstance(effect, Await):
                self.undecided[key][effect.waiting.event.id] = effect.waiting
            elif isinstance(effect, Settle):
                del self.undecided[key][effect.waiting.event.id]
            elif isinstance(effect, Revise):
                self.revised += 1
                self.rows[key][effect.queued.event.id, effect.queued.desk].release = effect.release

    def _queued(self, family: str) -> list[Queued | Waiting]:
        return [*self.undecided[family].values(), *(
            Queued(
                f"{event}|{desk}", desk, row.release.status, False, row.recorded, row.event,
                empty=row.release.body is None,
            )
            for (event, desk), row in self.rows[family].items()
            if row.release.status not in OVER
        )]  # fmt: skip

    def _emit(self, cause: Event, number: int, effect: Emit) -> None:
        now = max(cause.envelope.recorded_at, effect.recorded)
        event_id = derive(SECRET, cause.id, str(number), effect.key)
        data = parts()[0].type(effect.type).datum(**{k: v for k, v in effect.data.items() if v is not None})
        envelope = Envelope(event_id, effect.type, HUB, effect.key, now, now, cause=cause.id)
        self.logs[effect.topic, effect.key].append(Event(envelope, data))

    def _deliver(self) -> bool:
        """Send the first delivery that may go of some family and desk; False if there is none."""
        heads: dict[tuple[str, str], Row] = {}
        for family, rows in self.rows.items():
            for (_, desk), row in rows.items():
                if row.release.status not in OVER:
                    heads.setdefault((family, desk), row)
        ready = [key for key, row in heads.items() if row.release.status == "pending"]
        if not ready:
            return False
        family, desk = self.chance.choice(sorted(ready))
        row = heads[family, desk]
        assert row.release.body is not None
        self.came[family, desk].append((row.event.id, row.release.body))
        self.delivered += 1
        del self.rows[family][row.event.id, desk]
        self.rows[family] = {k: r for k, r in self.rows[family].items() if r.release.status not in OVER}
        return True
