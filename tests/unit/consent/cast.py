"""The cast of the specification's worked examples, told to the rules by events alone, as the hub would."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from hub.events import HUB
from hub.partnership import load
from hub.schemas import Catalogue
from services.consent.compiled import CompiledRules, compile_rules
from services.consent.corrections import along, correct, rebuilt
from services.consent.decision import Decision, Verdict
from services.consent.engine import decide
from services.consent.event import PlainEvent
from services.consent.facts import protective
from services.consent.family import State, Stepped, step
from services.consent.family_facts import FamilyFacts
from services.consent.items import Item
from services.consent.load import load_rules
from services.consent.moves import NotAllowed
from services.consent.registers import register_of, to_wire
from services.consent.ruleset import micros
from services.consent.versions import is_correction

ROOT: Final = Path(__file__).parents[3]
DORSET: Final = ROOT / "partnerships" / "dorset"
CATALOGUE: Final = Catalogue.load(ROOT / "schemas", sandbox=True)
SECOND: Final = 1_000_000
DAY: Final = 86_400 * SECOND
START: Final = micros("2023-09-04T09:00:00Z", ())

K, V, P = "child-k", "mother-v", "father-p"
CHESIL, S2W, PARAGON, PROBATION = "council/chesil", "s2w/sft", "paragon/victim", "probation/perp"
POLICE, MINUTES, REACH = "police/dorset", "council/minutes", "reach/sft"


@cache
def dorset() -> CompiledRules:
    """Dorset's own agreement, as its parties sign it."""
    return compile_rules(load_rules(DORSET, load(DORSET)))


def ref(value: str) -> dict[str, str]:
    """A reference as the hub's log has it."""
    return {"scheme": "hub", "value": value}


def text(words: str, *about: str) -> dict[str, Any]:
    """Free text about these persons."""
    return {"text": words, "about": [ref(each) for each in about]}


class Family:
    """A family's log as it grows: each event is checked against its schema, applied, and can be decided."""

    def __init__(self, name: str = "family-1") -> None:
        self.name = name
        self.state: State = {}
        self.now = START
        self.count = 0
        self.suspended: frozenset[str] = frozenset()
        self.history: list[PlainEvent] = []
        self._facts: FamilyFacts | None = None

    def event(self, kind: str, source: str, /, **data: Any) -> PlainEvent:
        """The next event, a minute after the one before."""
        self.now += 60 * SECOND
        self.count += 1
        type_ = CATALOGUE.type(f"wraparound.{kind}.v1")
        if any(each.name == "family" for each in type_.fields):
            data.setdefault("family", ref(self.name))
        datum = type_.from_json(data)
        return PlainEvent(
            id=f"{self.name}-e{self.count}",
            kind=kind,
            source=source,
            family=self.name,
            recorded=self.now,
            accepted=self.now,
            receipt=f"{self.name}-r{self.count:04}",
            data=datum,
        )

    def tell(self, kind: str, source: str, /, **data: Any) -> PlainEvent:
        """Let an event take effect, and let every person's own log answer it."""
        event = self.event(kind, source, **data)
        self.apply(event)
        return event

    def apply(self, event: PlainEvent) -> Stepped:
        """Apply one event, which must be allowed."""
        stepped = self.attempt(event)
        assert isinstance(stepped, Stepped), stepped
        self.state = stepped.state
        self.history.append(event)
        if event.corrects:
            assert rebuilt(self.history) == self.state
            assert [*along(self.history)][-1] == self.state
        return stepped

    def attempt(self, event: PlainEvent) -> Stepped | NotAllowed:
        """What one event would do."""
        if is_correction(event):
            return correct(event, self.history, protective(event) | self.state["members"].keys())
        return step(self.state, event)

    def refused(self, kind: str, source: str, /, **data: Any) -> str:
        """Why an event is not allowed."""
        found = self.attempt(self.event(kind, source, **data))
        assert isinstance(found, NotAllowed)
        return found.code

    def settle(self, *persons: str) -> None:
        """The persons' own logs have answered: all that is known of them was seen here."""
        for person in persons:
            plain = self.state["persons"][person]
            registers = {key: found for key, each in plain.items() if (found := register_of(each))}
            rows = to_wire(registers)
            self.tell("hub.person_fact", "hub", person=ref(person), facts=rows, raises=0, raised=0)

    def facts(self) -> FamilyFacts:
        """What a decision reads now."""
        self._facts = FamilyFacts.of(self.state, self.suspended, self._facts)
        return self._facts

    def decide(self, event: PlainEvent, at: int | None = None, **options: Any) -> Decision:
        """Decide an event on the facts of now."""
        type_ = CATALOGUE.type(f"wraparound.{event.kind}.v1")
        options.setdefault("source", event.source)
        options.setdefault("protective", bool(protective(event)))
        rules = options.pop("rules", None) or dorset()
        item = Item(event.id, items=type_.items(dict(event.data)), **options)
        return decide(rules, self.facts(), item, event.recorded, event.recorded if at is None else at)

    def publish(self, kind: str, source: str, /, **data: Any) -> Seen:
        """Let an event take effect and decide it."""
        event = self.tell(kind, source, **data)
        return Seen(event, self.decide(event))

    def refer(self, person: str, desk: str, referral: str, **data: Any) -> None:
        """A referral that runs up to its allocation."""
        about = {"referral": ref(referral), "person": ref(person)}
        self.tell("referral.requested", CHESIL, **about, to=desk, specialism="any", **data)
        self.tell("referral.offered", HUB, **about)
        self.tell("referral.accepted", desk, **about)
        self.tell("referral.allocated", desk, **about)


class Seen:
    """What each desk saw of one event, as its delivery would be."""

    def __init__(self, event: PlainEvent, decision: Decision) -> None:
        self.event, self.decision = event, decision
        self.type = CATALOGUE.type(f"wraparound.{event.kind}.v1")
        self.items = self.type.items(dict(event.data))

    def verdict(self, desk: str) -> Verdict:
        """The verdict for a desk."""
        return self.decision.verdict(desk)

    def body(self, desk: str) -> dict[str, Any] | None:
        """The delivery's body, or None where the event does not exist for the desk."""
        verdict = self.verdict(desk)
        if not verdict.mask:
            return None
        return dict(
            self.type.reduce(dict(self.event.data), self.items, verdict.mask, withheld=verdict.withheld)
        )

    def fields(self, desk: str) -> set[str]:
        """The root fields that the desk got a value of, ids and the hub's own apart."""
        body = self.body(desk)
        return set() if body is None else {name for name in _told(body) if name not in _FRAME}


_FRAME: Final = frozenset({"family", "person", "referral", "withheld", "addressed_to", "incident"})


def _told(body: Mapping[str, Any]) -> set[str]:
    return {name for name, value in body.items() if value not in (None, [])}


def the_cast(family: Family | None = None) -> Family:
    """K (CIN), mother V, father P; pair P against V; council/chesil leads.

    paragon and s2w support V; s2w and probation are the core group; probation supervises P; no consents.
    """
    family = Family() if family is None else family
    family.tell("family.opened", CHESIL, lead=CHESIL)
    members = [(V, "adult"), (P, "adult"), (K, "child")]
    rows = [{"person": ref(each), "kind": kind} for each, kind in members]
    family.tell("family.member_added", CHESIL, members=rows)
    family.settle(V, P, K)
    family.tell("child.status_changed", CHESIL, person=ref(K), status="cin")
    family.tell("person.told_recorded", CHESIL, person=ref(V), told=True)
    family.refer(V, PARAGON, "referral-paragon")
    family.refer(V, S2W, "referral-s2w")
    for desk, cause in ((PARAGON, "referral-paragon"), (S2W, "referral-s2w")):
        family.tell("referral.support_started", desk, referral=ref(cause), person=ref(V))
    family.tell("safety.pair_recorded", PARAGON, victim=ref(V), perpetrator=ref(P), basis="disclosure")
    family.tell("person.probation_supervision_started", PROBATION, person=ref(P), desk=PROBATION)
    family.tell("practice.plan_agreed", CHESIL, discussed=[ref(K)], core_group=[S2W, PROBATION])
    return family
