"""The loop router → people → router in memory: pure machines, logs as lists, guards and deliveries as dictionaries.

A test accepts events, has any log read on by one record, begins and ends attempts, in any order. One call of a machine
in three is made twice, the second time on a state that was stored and loaded: both must say the same, and leave what
they were given as it was.

What is done is written down, so that all of it can be done once more without some of the events.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from hub.attempts.judge import World, judge
from hub.attempts.row import Now, Row
from hub.effects import (
    Await,
    Decided,
    Deliver,
    Done,
    Effect,
    Emit,
    Note,
    OpenTask,
    Queued,
    Revise,
    Settle,
    Waiting,
)
from hub.events import HUB, Envelope, Event
from hub.processor.machine import Machine
from hub.schemas import wire
from services.consent.event import PlainEvent, kind_of
from services.consent.facts import protective
from services.consent.logged import in_order
from services.referral_router.handler import DECISION_LAPSED, Family
from services.referral_router.people import People, Person
from services.view.rules import Logged
from tests.unit.consent.cast import CATALOGUE, CHESIL, SECOND, START, ref
from tests.unit.router.parts import RULES, Held, Left, call, router, row_of

WEST: Final = "council/west"
MINUTE: Final = 60 * SECOND
Place = tuple[str, str]
"""A log: its topic and its key."""


@dataclass
class Loop:
    """Everything between acceptance and what leaves."""

    now: int = START
    step: int = 0
    made: int = 0
    logs: dict[Place, list[Event]] = field(default_factory=lambda: defaultdict(list))
    read_to: Counter[Place] = field(default_factory=Counter)
    states: dict[Place, Any] = field(default_factory=dict)
    histories: dict[Place, list[Event]] = field(default_factory=lambda: defaultdict(list))
    guards: Counter[str] = field(default_factory=Counter)
    members: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    undecided: dict[str, Waiting] = field(default_factory=dict)
    deliveries: dict[str, Held] = field(default_factory=dict)
    left: list[Left] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    rejected: dict[str, str] = field(default_factory=dict)
    tasks: list[OpenTask] = field(default_factory=list)
    accepted: dict[str, int] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    begun: set[str] = field(default_factory=set)
    recalled: Counter[str] = field(default_factory=Counter)
    revised: int = 0
    attempts: list[list[tuple[Row, int]]] = field(default_factory=list)
    acts: list[Callable[["Loop"], None]] = field(default_factory=list)
    without: Collection[str] = ()

    # Acceptance ------------------------------------------------------------------------------------------------

    def accept(self, kind: str, source: str, family: str | None = None, **data: Any) -> str:
        """Accept an event: one copy for the family named, else one for each family of its person. Gives its receipt."""
        said = dict(data)
        self.acts.append(lambda loop: void(loop.accept(kind, source, family, **said)))
        self.step += 1
        self.now += MINUTE
        self.made += 1
        receipt = f"r{self.made:05}"
        if receipt in self.without:
            return receipt
        event_type = CATALOGUE.type(f"wraparound.{kind}.v1")
        if family is not None and any(each.name == "family" for each in event_type.fields):
            data["family"] = ref(family)
        datum = event_type.from_json(data)
        logs = [family] if family is not None else list(self.members[datum["person"]["value"]])
        corrected = datum["corrects"]
        if corrected is not None:
            logs = [log for _, log in self.logs if f"{corrected}-{log}" in self.ids] or logs
        plain = PlainEvent(receipt, kind, source, "", self.now, self.now, receipt, datum)
        raised = tuple(sorted(protective(plain) | (self.members_of(logs) if corrected else set())))
        for number, log in enumerate(logs):
            self.guards.update(raised)
            self.ids.add(f"{receipt}-{log}")
            datum = {**datum, "corrects": corrected and f"{corrected}-{log}"}
            envelope = Envelope(
                id=f"{receipt}-{log}",
                type=event_type.type,
                source=source,
                key=log,
                recorded_at=self.now,
                accepted_at=self.now,
                receipt=receipt,
                raises=raised,
                primary=number == 0,
            )
            self.append("events", envelope, datum)
        for row in datum.get("members") or () if kind == "family.member_added" else ():
            known = self.members[row["person"]["value"]]
            known += [] if family is None or family in known else [family]
        self.accepted[receipt] = self.step
        return receipt

    def members_of(self, families: Collection[str]) -> set[str]:
        """Everybody who was added to one of these families."""
        return {person for person, known in self.members.items() if not set(families).isdisjoint(known)}

    def append(self, topic: str, envelope: Envelope, datum: Mapping[str, Any]) -> None:
        """Put an event at the end of its log, as its wire form says it."""
        raw = wire.encode(CATALOGUE.type(envelope.type), dict(datum))
        _, data = wire.decode(CATALOGUE, raw)
        self.logs[topic, envelope.key].append(Event(envelope, data, raw))

    # Processors ------------------------------------------------------------------------------------------------

    def waiting(self) -> list[Place]:
        """The logs that have something to read, in the order of their names."""
        return sorted(place for place, log in self.logs.items() if self.read_to[place] < len(log))

    def read_on(self, place: Place, *, again: bool = False) -> None:
        """Have the next record of a log handled; `again`: it comes twice, and the second has no effect."""
        self.step += 1
        event = self.logs[place][self.read_to[place]]
        self.acts.append(lambda loop: loop.read_to_event(place, event.id, again=again))
        self.read_to[place] += 1
        if again:
            self.logs[place].append(event)
        if event.id in self.done:
            return
        self.done.add(event.id)
        machine: Machine = router() if place[0] == "events" else People()
        state = self.states.get(place, machine.initial(place[1]))
        queued = [
            each for each in self.queued(place[1]) if isinstance(each, Waiting) or machine.needs_queue(event)
        ]
        history = self.histories[place] if machine.needs_history(state, event) else ()
        outcome = call(machine, state, event, queued, history, twice=self.step % 3 == 0)
        if isinstance(outcome, Done):
            self.states[place] = outcome.state
            self.histories[place] = [*self.histories[place], event]
        else:
            self.rejected[event.id] = outcome.reason
        for effect in outcome.effects:
            self.carry_out(event, effect)

    def read_to_event(self, place: Place, event: str, *, again: bool) -> None:
        """Read a log on up to an event; not at all if it is not there, but the time of it passes."""
        waiting = [each.id for each in self.logs[place][self.read_to[place] :]]
        if event not in waiting:
            self.step += 1
            return
        for each in waiting[: waiting.index(event) + 1]:
            self.read_on(place, again=again and each == event)

    def carry_out(self, cause: Event, effect: Effect) -> None:
        """What the writer and the database make of an effect."""
        match effect:
            case Emit():
                envelope = Envelope(
                    id="|".join((cause.id, kind_of(effect.type), effect.topic, effect.key, effect.part)),
                    type=effect.type,
                    source=HUB,
                    key=effect.key,
                    recorded_at=max(cause.envelope.recorded_at, effect.recorded),
                    accepted_at=cause.envelope.accepted_at,
                    cause=cause.id,
                )
                self.append(effect.topic, envelope, effect.data)
            case Deliver():
                delivery = f"{effect.event.id}>{effect.desk}"
                assert delivery not in self.deliveries, "one event is delivered to a desk once"
                row = row_of(delivery, len(self.deliveries), effect)
                if effect.after and not any(map(self.perhaps_had, effect.after)):
                    row = replace(row, status="recalled")
                self.deliveries[delivery] = Held(row, effect.event, effect.release)
            case Await(waiting):
                self.undecided[waiting.event.id] = waiting
            case Settle(waiting):
                del self.undecided[waiting.event.id]
            case Revise():
                self.revised += 1
                held, release = self.deliveries[effect.queued.delivery_id], effect.release
                sending = held.row.status == "attempting" and release.status in {"pending", "delivered"}
                held.row = replace(
                    held.row,
                    status="attempting" if sending else release.status,
                    persons=release.persons,
                    counts=release.counts,
                    valid_until=release.valid_until,
                    body=release.body,
                )
                held.release = release
            case Note():
                self.recalled[effect.part] += 1
            case OpenTask():
                names = [(each.kind, each.key, each.part) for each in self.tasks if each.shared]
                if not effect.shared or (effect.kind, effect.key, effect.part) not in names:
                    self.tasks.append(effect)
            case Decided():
                pass

    def perhaps_had(self, delivery: str) -> bool:
        """Whether a delivery left, or an attempt of it was begun."""
        held = self.deliveries.get(delivery)
        return held is not None and (held.row.released_at is not None or delivery in self.begun)

    def queued(self, family: str) -> list[Queued | Waiting]:
        """What of a family waits, or may still leave."""
        return [
            *(each for each in self.undecided.values() if each.event.envelope.key == family),
            *(
                Queued(
                    held.row.delivery_id,
                    held.row.desk,
                    held.row.status,
                    held.row.released_at is not None,
                    held.row.recorded_at,
                    held.event,
                    empty=held.row.body is None,
                )
                for held in self.deliveries.values()
                if held.row.family_id == family and held.row.status not in {"delivered", "recalled"}
            ),
        ]

    # Attempts --------------------------------------------------------------------------------------------------

    def begin(self, desk: str) -> list[Row]:
        """Begin an attempt of what may leave to a desk; what lapses is asked for anew."""
        self.acts.append(lambda loop: void(loop.begin(desk)))
        self.step += 1
        rows = [
            held.row
            for held in self.deliveries.values()
            if held.row.desk == desk and held.row.status in {"pending", "failed", "attempting", "lapsed"}
        ]
        verdict = judge(rows, World(self.guards, frozenset(), RULES, Now(self.now, self.step)))
        groups: dict[Place, list[Any]] = defaultdict(list)
        for lapse in verdict.lapse:
            self.deliveries[lapse.row.delivery_id].row = replace(lapse.row, status="lapsed")
            groups[lapse.row.family_id, lapse.cause].append(lapse)
        for (family, cause), group in groups.items():
            met = sorted({pair for each in group for pair in each.met})
            data = {
                "family": ref(family),
                "deliveries": [each.row.delivery_id for each in group],
                "met": [{"person": person, "raises": raises} for person, raises in met],
                "cause": cause,
            }
            name = f"lapsed-{self.step}-{family}-{cause}"
            envelope = Envelope(name, DECISION_LAPSED, HUB, family, self.now, self.now)
            self.append("events", envelope, data)
        self.begun.update(row.delivery_id for row in verdict.take)
        for row in verdict.take:
            self.deliveries[row.delivery_id].row = replace(row, status="attempting")
        self.attempts.append([(row, self.step) for row in verdict.take])
        return list(verdict.take)

    def end(self, *, sent: bool) -> None:
        """Mark what became of the attempt that was begun first."""
        self.acts.append(lambda loop: loop.end(sent=sent))
        for row, step in self.attempts.pop(0):
            held = self.deliveries[row.delivery_id]
            if sent:
                assert row.body is not None
                self.left.append(Left(step, row.desk, held.event, wire.decode(CATALOGUE, row.body)[1]))
                held.row = replace(held.row, released_at=self.now)
            if held.row.status == "attempting":
                held.row = replace(held.row, status="delivered" if sent else "pending")

    def settle(self, *, but: Collection[str] = ()) -> None:
        """Read every log to its end, but those that stand still."""
        for _ in range(4000):
            places = [place for place in self.waiting() if place[1] not in but]
            if not places:
                return
            self.read_on(places[0])
        raise AssertionError("the logs never come to rest")

    def release(self, *desks: str, rounds: int = 12) -> None:
        """Read and release until nothing moves."""
        for _ in range(rounds):
            self.settle()
            begun = [row for desk in desks or sorted(self.desks()) for row in self.begin(desk)]
            while self.attempts:
                self.end(sent=True)
            if not begun and not self.waiting():
                return
        raise AssertionError("deliveries never come to rest")

    # Once more -------------------------------------------------------------------------------------------------

    def copy(self) -> "Loop":
        """Another loop in which all of this has happened."""
        return replace(
            self,
            logs=defaultdict(list, {place: list(log) for place, log in self.logs.items()}),
            read_to=Counter(self.read_to),
            states=dict(self.states),
            histories=defaultdict(list, {place: list(log) for place, log in self.histories.items()}),
            guards=Counter(self.guards),
            members=defaultdict(list, {person: list(known) for person, known in self.members.items()}),
            undecided=dict(self.undecided),
            deliveries={name: replace(held) for name, held in self.deliveries.items()},
            left=list(self.left),
            done=set(self.done),
            rejected=dict(self.rejected),
            tasks=list(self.tasks),
            accepted=dict(self.accepted),
            ids=set(self.ids),
            begun=set(self.begun),
            recalled=Counter(self.recalled),
            attempts=list(self.attempts),
            acts=[],
        )

    def relive(self, acts: Sequence[Callable[["Loop"], None]], without: Collection[str]) -> "Loop":
        """A copy of this one in which all of that is done, but the events with these receipts were never there."""
        other = replace(self.copy(), without=without)
        for act in acts:
            act(other)
        return other

    def desks(self) -> set[str]:
        """Every desk that has a delivery."""
        return {held.row.desk for held in self.deliveries.values()}

    def family(self, name: str) -> Family:
        """A family's state."""
        state: Family = self.states.get(("events", name), Family())
        return state

    def taken(self, name: str) -> list[Logged]:
        """What took effect in a family, as it is read back: each at its time in the log."""
        events = self.histories["events", name]
        return [
            Logged(event, plain.recorded, "") for event, plain in zip(events, in_order(events), strict=True)
        ]

    def person(self, name: str) -> Person:
        """A person's state."""
        state: Person = self.states.get(("people", name), Person())
        return state

    def sent(self, desk: str) -> list[tuple[str, Mapping[str, Any]]]:
        """Everything that left to a desk, in order: the event and what was told of it."""
        return [(each.event.id, each.body) for each in self.left if each.desk == desk]

    def got(self, desk: str, kind: str) -> list[Mapping[str, Any]]:
        """What left to a desk of a kind, in order."""
        return [each.body for each in self.left if each.desk == desk and kind_of(each.event.type) == kind]

    # A life ----------------------------------------------------------------------------------------------------

    def open(self, family: str, lead: str = CHESIL, *, adults: str = "", children: str = "") -> None:
        """Open a family of these members, a letter each."""
        rows = [{"person": ref(each), "kind": "adult", "dob": "1990-01-01"} for each in adults]
        rows += [{"person": ref(each), "kind": "child", "dob": "2018-01-01"} for each in children]
        self.accept("family.opened", lead, family, lead=lead)
        self.accept("family.member_added", lead, family, members=rows)

    def support(self, family: str, person: str, desk: str, lead: str = CHESIL) -> None:
        """Refer somebody to a desk, up to the start of its support; everything is read."""
        about = {"referral": ref(f"{family}-{person}-{desk}"), "person": ref(person)}
        self.accept("person.told_recorded", lead, family, person=ref(person), told=True)
        self.accept("referral.requested", lead, family, **about, to=desk, specialism="any")
        self.settle()
        for kind in ("accepted", "allocated", "support_started"):
            self.accept(f"referral.{kind}", desk, family, **about)
        self.settle()


def void(_: object) -> None:
    """Nothing."""
