"""The people processor: one person's facts, from every family's log, to every log that decides on them.

A person may be in several families, and what holds for them holds in each. Each family's router sends
here the registers that its log set (`hub.person_fact`, key = person); here they are joined, which no
order of arrival changes, and sent on: to the log of each family of that person, and of everybody paired
with them, because what the other side's desks may see turns on both; and of everybody who is, or may be, one with
them, and of everybody paired with these.

The families of a paired person arrive as registers too: `near|<person>|<family>`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from hub.clock import Micros
from hub.effects import Done, Emit, Outcome, Queue
from hub.events import Event
from hub.processor.machine import Kept
from services.consent.registers import VOID, Register, Registers, from_wire, join, register_of, to_wire, voids

PERSON_FACT = "wraparound.hub.person_fact.v1"
FAMILY = "family|"
NEAR = "near|"


@dataclass(frozen=True, slots=True)
class Person:
    """The facts of a person from all their families' logs, and the protective events counted."""

    facts: Registers = field(default_factory=dict)
    raises: int = 0
    time: Micros = 0
    """The latest time of a log that anything came from: what is sent on is no earlier (a Lamport clock)."""


@dataclass(frozen=True, slots=True)
class People:
    """The machine of the processor `people`."""

    name: str = "people"
    topic: str = "people"
    table: str = "person_state"
    shape: int = 6
    sealed: bool = False

    def initial(self, key: str) -> Person:  # noqa: ARG002 - nothing is known of anybody
        """Nothing known."""
        return Person()

    def dump(self, state: Person, stored: Person | None) -> Kept:  # noqa: ARG002 - what is new of a person is facts
        """As JSON, with the time beside it."""
        plain = {"facts": dump_registers(state.facts), "raises": state.raises}
        return Kept(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS), state.time)

    def load(self, kept: Kept) -> Person:
        """From JSON."""
        plain = orjson.loads(kept.body or b"")
        return Person(load_registers(plain["facts"]), plain["raises"], kept.latest)

    def needs_queue(self, event: Event) -> bool:  # noqa: ARG002 - a person has no deliveries of their own
        """Never."""
        return False

    def needs_history(self, state: Person, event: Event) -> bool:  # noqa: ARG002 - what comes says it
        """Whether something is void from now on: what it had overwritten may stand again."""
        return event.type == PERSON_FACT and any(each["key"] == VOID for each in event.data["facts"])

    def rebuild(self, history: Sequence[Event]) -> Person:
        """A person as all that came makes it."""
        state = Person()
        for number, event in enumerate(history):
            before = history[:number] if self.needs_history(state, event) else ()
            outcome = self.handle(state, event, (), before)
            state = outcome.state if isinstance(outcome, Done) else state
        return state

    def handle(
        self,
        state: Person,
        event: Event,
        queued: Queue,  # noqa: ARG002 - a person has no deliveries of their own
        history: Sequence[Event] = (),
    ) -> Outcome:
        """Join what came; tell every log that decides on this person what is in force now."""
        if event.type != PERSON_FACT:
            return Done(state)
        person = event.envelope.key
        came = from_wire(event.data["facts"])
        facts, raises = join(state.facts, came), state.raises + event.data["raised"]
        if not voids(came) <= voids(state.facts):
            facts = joined_anew(history, facts)
        asked = any(key.startswith(FAMILY) for key in came)
        if facts == state.facts and raises == state.raises and not asked:
            return Done(state)
        after = Person(facts, raises, max(state.time, event.envelope.recorded_at))
        knows = None if raises != state.raises or asked else whose_own(event, came)
        return Done(after, (*tell_families(person, after, knows), *tell_paired(person, state.facts, after)))


def whose_own(event: Event, came: Registers) -> str | None:
    """The family that has all of this already: its own log set what came, and it was told of what there was before.

    Not where it has the person's facts sent from now on, nor where something is void: what that had overwritten may
    be another log's.
    """
    family = event.data.get("family")
    if family is None or VOID in came or any(key.startswith((FAMILY, NEAR)) for key in came):
        return None
    return str(family["value"])


def joined_anew(history: Sequence[Event], facts: Registers) -> Registers:
    """All that ever came, without what these facts say is void: what was overwritten by that stands again."""
    void = {key: facts[key] for key in (VOID, *voids(facts))}
    for each in history:
        if each.type == PERSON_FACT:
            void = join(void, from_wire(each.data["facts"]))
    return join(void, facts)


def dump_registers(registers: Registers) -> dict[str, list[object]]:
    """Registers as plain JSON values."""
    return {key: [each.at, each.by, each.value] for key, each in registers.items()}


def load_registers(plain: Mapping[str, object]) -> Registers:
    """Registers from plain JSON values."""
    found = {key: register_of(each) for key, each in plain.items()}
    return {key: each for key, each in found.items() if each is not None}


def families(facts: Registers, prefix: str = FAMILY) -> set[str]:
    """The families that these registers say the person is in, or was: a former one is told of its end."""
    return {key.rsplit("|", 1)[1] for key in facts if key.startswith(prefix)}


def paired(facts: Registers) -> set[str]:
    """Everybody paired with the person, now or before."""
    return {key.split("|")[1] for key in facts if key.startswith("pair|")}


def one_with(facts: Registers) -> set[str]:
    """Everybody said to be one with the person, now or before."""
    return {key.partition("|")[2] for key in facts if key.startswith("same|")}


def counts_in(facts: Registers) -> Registers:
    """The families in which the person counts: their own, and those of whoever is one with them."""
    same = one_with(facts)
    found = {key.rsplit("|", 1)[1]: each for key, each in facts.items() if _of(key) in same}
    return found | {key.removeprefix(FAMILY): each for key, each in facts.items() if key.startswith(FAMILY)}


def _of(key: str) -> str | None:
    """The person near whom a family is, by a register that says so."""
    return key.split("|")[1] if key.startswith(NEAR) else None


def tell_families(person: str, state: Person, knows: str | None = None) -> Iterator[Emit]:
    """The facts and the raises counted, for each family of the person and of everybody paired with them.

    Not for the one that `knows` them.
    """
    told: dict[str, Register] = {k: r for k, r in state.facts.items() if not k.startswith(NEAR)}
    data = {
        "person": {"scheme": "hub", "value": person},
        "facts": to_wire(told),
        "raises": state.raises,
        "raised": 0,
    }
    for family in sorted((families(state.facts) | families(state.facts, NEAR)) - {knows}):
        yield Emit("events", family, PERSON_FACT, data, None, part=person, recorded=state.time)


def tell_paired(person: str, before: Registers, after: Person) -> Iterator[Emit]:
    """This person's families, for each person paired or one with them whose list of them may be out of date."""
    mine, had = counts_in(after.facts), counts_in(before)
    moved = any(had.get(family) != register for family, register in mine.items())
    known = paired(before) | one_with(before)
    near = {f"{NEAR}{person}|{family}": register for family, register in mine.items()}
    for other in sorted(paired(after.facts) | one_with(after.facts)):
        if near and (moved or other not in known):
            data = {
                "person": {"scheme": "hub", "value": other},
                "facts": to_wire(near),
                "raises": None,
                "raised": 0,
            }
            yield Emit("people", other, PERSON_FACT, data, None, part=person, recorded=after.time)
