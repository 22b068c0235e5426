"""The engine and the oracle, asked the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from random import Random
from typing import Any

from hub.partnership import load
from hub.schemas.items import Items
from services.consent.agreement import Desk, RuleSet
from services.consent.compiled import CompiledRules, compile_rules
from services.consent.decision import Verdict
from services.consent.engine import decide as engine_decides
from services.consent.event import PlainEvent
from services.consent.facts import protective
from services.consent.family import State, Stepped, step
from services.consent.family_facts import FamilyFacts
from services.consent.items import Item
from services.consent.load import load_rules
from tests.oracle import decide as oracle
from tests.oracle.logs import LATER, PEOPLE, Step, Teller
from tests.oracle.world import DAY, Said, World
from tests.unit.consent.cast import CATALOGUE, DORSET, START


@dataclass(frozen=True)
class Case:
    """A log, and which of its events is decided how long after its end."""

    seed: int
    steps: tuple[Step, ...]
    asked: int
    later: int
    rules: str = "dorset"
    suspended: frozenset[str] = frozenset()
    probable: frozenset[str] = frozenset()
    strangers: frozenset[str] = frozenset()
    unread: int = 0


@dataclass(frozen=True)
class Difference:
    """What the two say of one desk."""

    desk: str
    engine: Verdict
    oracle: oracle.Answer
    what: str


@cache
def rule_sets() -> dict[str, tuple[RuleSet, CompiledRules]]:
    """Dorset with workers behind a wall; with a party that has not signed yet; with a law that has a date."""
    rules = load_rules(DORSET, load(DORSET))
    walls = {f"reach/sft/{name}": Desk(f"reach/sft/{name}", "reach", "substance") for name in ("ann", "bob")}
    desks = {**rules.desks, **walls}
    (agreement,) = rules.agreements
    late = replace(
        agreement, parties={**agreement.parties, "reach": START + 40 * DAY, "health": START + 200 * DAY}
    )
    dated = tuple(
        replace(each, basis=replace(each.basis, starts=START + 90 * DAY))
        if each.id in ("P12", "P14")
        else each
        for each in agreement.clauses
    )
    found = {
        "dorset": replace(rules, desks=desks),
        "late": replace(rules, desks=desks, agreements=(late,)),
        "dated": replace(rules, desks=desks, agreements=(replace(agreement, clauses=dated),)),
    }
    return {name: (each, compile_rules(each)) for name, each in found.items()}


@dataclass(frozen=True)
class Told:
    """What a log came to: the family's state, and its events as both sides read them."""

    state: State
    plain: dict[int, PlainEvent]
    said: dict[int, Said]
    now: int


def tell(steps: tuple[Step, ...], strangers: frozenset[str] = frozenset()) -> Told:
    """Let the family's state machine take every step that it allows."""
    state: State = {}
    plain: dict[int, PlainEvent] = {}
    said: dict[int, Said] = {}
    for index, event, after in taken(steps, strangers):
        each, state = steps[index], after
        plain[index] = event
        said[index] = Said(f"e{index}", each.kind, each.source, event.recorded, f"r{index:03}", each.data)
    return Told(state, plain, said, START + sum(each.wait for each in steps))


def taken(
    steps: tuple[Step, ...], strangers: frozenset[str] = frozenset()
) -> Iterator[tuple[int, PlainEvent, State]]:
    """Each step that the family's state machine allows: its place, its event and the state after it."""
    state: State = {}
    now = START
    for index, each in enumerate(steps):
        now += each.wait
        event = PlainEvent(
            f"e{index}", each.kind, each.source, "family-1", now, now, f"r{index:03}", each.data
        )
        stepped = step(state, event)
        if isinstance(stepped, Stepped):
            state = _known(stepped.state, strangers)
            yield index, event, state


def _known(state: State, strangers: frozenset[str]) -> State:
    """The persons' own logs have answered."""
    known = {each: each not in strangers for each in {*PEOPLE, *state.get("persons", {})}}
    return state if state.get("known") == known else {**state, "known": known}


def differences(case: Case) -> list[Difference] | None:
    """Every desk for which the two differ; None if the event never happened."""
    told = tell(case.steps, case.strangers)
    if case.asked not in told.plain:
        return None
    plain, said = told.plain[case.asked], told.said[case.asked]
    items = CATALOGUE.type(f"wraparound.{plain.kind}.v1").items(dict(plain.data))
    assert isinstance(items, Items)
    rules, compiled = rule_sets()[case.rules]
    at = told.now + case.later
    state, unread = _unreadable(told.state, case)
    world = World(
        rules,
        tuple(told.said.values()),
        at,
        plain.id,
        case.suspended,
        case.probable,
        unread,
        case.strangers,
    )
    source = oracle.source_of(world, said)
    item = Item(
        plain.id,
        source,
        items,
        derived=plain.source == "hub",
        protective=bool(protective(plain)),
        probable=case.probable,
    )
    decision = engine_decides(compiled, FamilyFacts.of(state, case.suspended), item, plain.recorded, at)
    answers = oracle.decide(world, oracle.Asked(said, items))
    found = [
        Difference(desk, decision.verdict(desk), answer, what)
        for desk, answer in answers.items()
        if (what := _differs(decision.verdict(desk), answer, at_most=bool(case.strangers)))
    ]
    nothing = oracle.Answer(0, (), held=False)
    found += [
        Difference(each.desk, each, nothing, "source")
        for each in decision.verdicts
        if each.desk not in answers and each.mask
    ]
    if not found:
        found += _too_long(case, world, said, items, decision.verdicts)
    return found


def _differs(verdict: Verdict, answer: oracle.Answer, *, at_most: bool) -> str:
    if at_most:
        return "more" if verdict.mask & ~answer.mask else ""
    if verdict.mask != answer.mask:
        return "mask"
    if verdict.withheld != answer.withheld:
        return "withheld"
    return "held" if answer.held and not verdict.held else ""


def _too_long(
    case: Case, world: World, said: Said, items: Items, verdicts: tuple[Verdict, ...]
) -> Iterator[Difference]:
    """What the engine says holds until `valid_until`: at any instant before it the oracle must allow all of it."""
    later = Random(case.seed * 31 + case.asked)
    for each in verdicts:
        if not each.mask or case.strangers:
            continue
        end = each.valid_until or world.at + 900 * DAY
        at = later.choice((end - 1, world.at + later.randrange(max(1, end - world.at))))
        again = replace(world, at=at, memory={})
        answer = oracle.answer(again, oracle.Asked(said, items), each.desk)
        if each.mask & ~answer.mask:
            yield Difference(each.desk, each, answer, f"still released at {(at - world.at) / DAY} days")


def _unreadable(state: State, case: Case) -> tuple[State, frozenset[tuple[str, ...]]]:
    """Some facts that nobody can read: their registers in the engine, their names for the oracle."""
    if not case.unread:
        return state, frozenset()
    chance = Random(case.unread)
    names: set[tuple[str, ...]] = set()
    persons: dict[str, dict[str, Any]] = {who: dict(each) for who, each in state.get("persons", {}).items()}
    every = sorted((who, key) for who, each in persons.items() for key in each if _name(who, key))
    for who, key in chance.sample(every, min(len(every), 2)):
        name = _name(who, key)
        assert name is not None
        names.add(name)
        for other, found in persons.items():
            for each in found:
                if _name(other, each) == name:
                    found[each] = [*found[each][:2], {"unreadable": True}]
    return {**state, "persons": persons}, frozenset(names)


def _name(person: str, key: str) -> tuple[str, ...] | None:
    word, *rest = key.split("|")
    if word in ("told", "household"):
        return (word, person)
    if word == "pair":
        return (word, rest[0], person) if rest[1] == "p" else (word, person, rest[0])
    if word == "consent":
        return (word, person, *rest[:3])
    if word in ("objection", "restriction"):
        return (word, person, rest[1])
    return (word, person, rest[0]) if word == "order" else (word, rest[1]) if word == "override" else None


def cases(seed: int) -> Iterator[Case]:
    """Some events of one random family, decided at some time after it."""
    teller = Teller(seed)
    steps = tuple(teller.log())
    chance = teller.random
    case = Case(seed, steps, 0, 0, chance.choice(("dorset", "dorset", "late", "dated")))
    if chance.random() < 0.05:
        case = replace(case, suspended=frozenset({chance.choice(("s2w", "council", "paragon"))}))
    if chance.random() < 0.1:
        case = replace(case, probable=frozenset({chance.choice(("mother-v", "father-p", "child-k"))}))
    if chance.random() < 0.05:
        case = replace(case, strangers=frozenset({chance.choice(("mother-v", "father-p", "child-k"))}))
    elif chance.random() < 0.2:
        case = replace(case, unread=chance.randrange(1, 1 << 30))
    open_steps = [i for i, each in enumerate(steps) if not each.kind.startswith("hub.")]
    for _ in range(4):
        # What came last is what the facts are about.
        among = open_steps if chance.random() < 0.3 else open_steps[-12:]
        yield replace(case, asked=chance.choice(among), later=chance.choice(LATER))


def shortened(case: Case) -> Case:
    """The same difference with as few steps as possible: a step is taken out as one that never happens."""
    never = Step("hub.approval_given", "hub", {"task": "T", "request": "-", "decision": "refused"}, 0)
    changed = True
    while changed:
        changed = False
        for index, each in enumerate(case.steps):
            if index == case.asked or each.data is never.data or each.data.get("request") == "-":
                continue
            without = replace(never, wait=each.wait)
            less = replace(case, steps=(*case.steps[:index], without, *case.steps[index + 1 :]))
            if differences(less):
                case, changed = less, True
    return case
