"""Section 4: what a desk may have of an event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from hub.schemas.items import Cell, Items, TextItem
from services.consent.agreement import Agreement, Clause
from services.consent.vocabulary import CATEGORIES
from tests.oracle.consent import consents, objects, was_told
from tests.oracle.family import (
    everybody,
    is_child,
    is_member,
    is_open,
    is_settled,
    is_statutory,
    live_together,
    members,
    under_enquiry,
)
from tests.oracle.roles import PERSONAL, holds, referrals
from tests.oracle.safety import WHEREABOUTS, Field, forbids, lifting, needs_lift, overrides
from tests.oracle.sides import (
    all_people,
    is_perpetrator,
    is_shielded,
    is_shielded_with,
    is_victim,
    member_rows,
    opposed,
    opposes,
    pairs,
)
from tests.oracle.truth import Truth, all_of, any_of, negated
from tests.oracle.world import NOBODY, Said, World, agency_of, covers, remembered

RELEASED, EXISTENCE, HELD, SILENT = "released", "existence", "held", "silent"
LEVELS = (RELEASED, EXISTENCE, HELD, SILENT)
CONSENTING = {"consent", "no_objection"}
WHOSE = {
    "adult": "A",
    "child": "C",
    "victim": "V",
    "perpetrator": "P",
    "worker": "W",
    "third_party": "T",
}


@dataclass(frozen=True)
class Answer:
    """What a desk gets: the bits released, the categories of which it is told that they are withheld."""

    mask: int
    withheld: tuple[str, ...]
    held: bool


@dataclass(frozen=True, eq=False)
class Asked:
    """The event that is decided."""

    event: Said
    items: Items

    @property
    def parties(self) -> tuple[str, ...]:
        """Who is a party to the incident."""
        return self.items.persons if self.event.kind == "outcome.incident_reported" else ()


def decide(world: World, asked: Asked) -> dict[str, Answer]:
    """Each desk but the source is decided by itself (4.1); of a derived event none is left out (4.23)."""
    derived = asked.event.source == "hub"
    return {
        desk: answer(world, asked, desk)
        for desk in world.rules.desks
        if derived or desk != asked.event.source
    }


@remembered
def source_of(world: World, event: Said) -> str:
    """Derived events: the desk of the request they answer (4.23)."""
    if event.source != "hub" or not event.body.get("referral"):
        return event.source
    for each in referrals(world):
        if each.told[0].body["referral"] == event.body["referral"]:
            return each.referrer
    return event.source


def answer(world: World, asked: Asked, desk: str) -> Answer:
    """Gate denied for all the event's people: nothing. Allowed for one: delivered, whatever is withheld (4.7)."""
    outcomes: dict[Item, str] = {
        each: item_outcome(world, asked, desk, each)[0] for each in every_item(asked)
    }
    opened = {gate for gate in asked.items.gates if gate_opens(world, asked, desk, gate)}
    mask = 0
    for each, level in outcomes.items():
        if level == RELEASED or each in opened:
            mask |= each.bit
    reachable = opened or any(outcomes[gate] == HELD for gate in asked.items.gates)
    held = bool(reachable) and HELD in outcomes.values()
    if is_suspended(world, asked, desk):
        return Answer(0, (), held=bool(opened) or held)
    if not opened:
        return Answer(0, (), held=held)
    told = {each.category for each, level in outcomes.items() if level == EXISTENCE}
    return Answer(mask, tuple(sorted(told)), held=held)


def is_suspended(world: World, asked: Asked, desk: str) -> bool:
    """Nothing to an agency that is suspended; what it publishes waits, protective events apart (4.11)."""
    publisher = agency_of(source_of(world, asked.event)) in world.suspended
    return agency_of(desk) in world.suspended or (publisher and not is_protective(asked.event))


def is_protective(event: Said) -> bool:
    """The protective events of section 7."""
    if event.kind == "consent.changed":
        bounded = ("valid_from", "valid_until")
        return any(
            row.get("act") == "withdraw" or any(row.get(each) is not None for each in bounded)
            for row in event.rows("cells")
        )
    if event.kind == "outcome.incident_reported":
        roles = [row.get("role") for row in event.rows("people")]
        return "victim" in roles and "alleged_perpetrator" in roles
    if event.kind in ("family.member_added", "family.member_changed"):
        rows = [row for _, row in member_rows(event)]
        return event.body.get("state") == "left" or any(
            row.get("domestic_abuse_role") or row.get("against") for row in rows
        )
    return event.kind in PROTECTIVE


PROTECTIVE = {
    "consent.refused",
    "consent.withdrawn",
    "consent.objection_raised",
    "safety.restriction_placed",
    "safety.pair_recorded",
    "safety.court_order_recorded",
    "safety.override_ended",
    "hub.worker_conflict_recorded",
    "hub.identity_unlinked",
    "person.adopted",
    "person.died",
    "person.registered",
    "person.probation_supervision_started",
    "referral.requested",
    "referral.allocated",
    "referral.reopened",
}


def gate_opens(world: World, asked: Asked, desk: str, gate: Cell) -> bool:
    """The gate is allowed by itself, or a clause with ‡ that releases something about the person carries it along."""
    if cell_outcome(world, asked, desk, gate)[0] == RELEASED:
        return True
    if not is_settled(world, gate.person):
        return False
    alike = Field(gate.category, gate.person, asked.event.recorded)
    for each in every_item(asked):
        if each.person != gate.person:
            continue
        level, clauses = item_outcome(world, asked, desk, each)
        carrying = [clause for clause in clauses if clause.with_gate]
        if level != RELEASED or not carrying:
            continue
        denied = forbids(world, desk, alike)
        if not denied:
            return True
        # An override names categories and their gates: it lifts of the gate what it lifts of the field.
        as_field = replace(alike, category=each.category)
        if denied <= {"F01", "F02"} and not forbids(world, desk, as_field):
            return True
    return False


Outcome = tuple[str, tuple[Clause, ...]]
Item = Cell | TextItem


def every_item(asked: Asked) -> list[Item]:
    """All that an event holds."""
    return [*asked.items.cells, *asked.items.texts]


def item_outcome(world: World, asked: Asked, desk: str, item: Item) -> Outcome:
    """What becomes of one cell or text."""
    if isinstance(item, TextItem):
        return text_outcome(world, asked, desk, item)
    return cell_outcome(world, asked, desk, item)


def cell_outcome(world: World, asked: Asked, desk: str, cell: Cell) -> Outcome:
    """The categories that a cell is decided as (4.2); all of them must be released."""
    fields = [
        Field(
            category,
            cell.person,
            asked.event.recorded,
            stated=cell.category,
            place=cell.place,
            addressed=desk in cell.addressed,
        )
        for category in decided_as(world, desk, cell)
    ]
    return strictest([field_outcome(world, asked, desk, field) for field in fields])


def strictest(found: list[Outcome]) -> Outcome:
    """Of several the most hidden."""
    worst = max((level for level, _ in found), key=LEVELS.index)
    return worst, tuple(clause for _, clauses in found for clause in clauses)


def decided_as(world: World, desk: str, cell: Cell) -> list[str]:
    """Lift (4.2): what tells where a shielded person, or one sharing their household, can be found, is whereabouts.

    What is only perhaps protected must be allowed as both (ADR 0012); so must what is stated as something else than
    a contact.
    """
    if not (cell.place or cell.category == "contact.address"):
        return [cell.category]
    protected = is_protected(world, desk, cell.person)
    if protected is False:
        return [cell.category]
    if protected is True and cell.category.startswith("contact."):
        return [WHEREABOUTS]
    return [cell.category, WHEREABOUTS]


@remembered
def is_protected(world: World, desk: str, person: str) -> Truth:
    """Shielded, or sharing the household of one who is; to a desk that opposes a victim households are not known."""
    people = all_people(world)
    if opposed(world, desk):
        if is_victim(world, person) is True:
            return True
        return None if any(is_victim(world, each) is not False for each in people) else False
    sharing = (
        all_of([is_shielded(world, each), live_together(world, person, each)])
        for each in people
        if each != person
    )
    return any_of([is_shielded(world, person), *sharing])


@remembered
def field_outcome(world: World, asked: Asked, desk: str, field: Field) -> Outcome:
    """Forbids first, then permits, then whether they are settled (4.4 to 4.6, 4.12)."""
    if forbids(world, desk, field):
        return SILENT, ()
    permits: list[Clause] = []
    near: list[Clause] = []
    for agreement in world.rules.agreements:
        for clause in agreement.clauses:
            if not is_about(world, asked, desk, field, agreement, clause):
                continue
            if needs_lift(world, desk, field) and ("override",) not in clause.when:
                continue  # an override works through its own clause only
            failing = [when for when in clause.when if not_true(world, asked, desk, field, clause, when)]
            if not failing:
                permits.append(clause)
            elif all(CONSENTING & set(when) for when in failing):
                near.append(clause)
    if permits:
        return (RELEASED if is_settled(world, field.person) else HELD), tuple(permits)
    if near and all(clause.if_denied == EXISTENCE for clause in near) and is_settled(world, field.person):
        return EXISTENCE, ()
    return SILENT, ()


def is_about(
    world: World, asked: Asked, desk: str, field: Field, agreement: Agreement, clause: Clause
) -> bool:
    """A permit matches on source, role, subject and category, in an active agreement (4.5, 4.10)."""
    if clause.effect != "permit" or field.category not in clause.categories:
        return False
    source = source_of(world, asked.event)
    return (
        comes_from(world, clause, source)
        and concerns(world, clause, field)
        and is_active(world, agreement, clause, source, desk)
        and role_of(world, desk, field, clause) is True
    )


def is_active(world: World, agreement: Agreement, clause: Clause, source: str, desk: str) -> bool:
    """Not started, ended, or unsigned by sender or recipient: its clauses do not exist. So has a law its date."""
    signed = all(
        each == "hub" or (each in agreement.parties and agreement.parties[each] <= world.at)
        for each in (agency_of(source), agency_of(desk))
    )
    lawful = clause.basis.starts is None or clause.basis.starts <= world.at
    return covers(agreement.start, agreement.end, world.at) and signed and lawful


def comes_from(world: World, clause: Clause, source: str) -> bool:
    """From these agencies, kinds or desks; None: from any."""
    if clause.sources is None:
        return True
    desk = world.rules.desks.get(source)
    words = {source, agency_of(source)} | ({desk.kind, "agency"} if desk else set())
    return bool(words & clause.sources)


def concerns(world: World, clause: Clause, field: Field) -> bool:
    """The subjects of a clause; what is about the family as a whole is about whom its category is about."""
    if "any" in clause.subjects:
        return True
    if field.category in ("worker.contact", "third_party.detail"):
        return ("worker" if field.category == "worker.contact" else "third_party") in clause.subjects
    if field.person == NOBODY:
        return any(WHOSE[each] in CATEGORIES[field.category].whose for each in clause.subjects)
    tests = {
        "adult": lambda: all_of([is_member(world, field.person), negated(is_child(world, field.person))]),
        "child": lambda: all_of([is_member(world, field.person), is_child(world, field.person)]),
        "victim": lambda: is_victim(world, field.person),
        "perpetrator": lambda: is_perpetrator(world, field.person),
    }
    return any(tests[each]() is True for each in clause.subjects if each in tests)


def role_of(world: World, desk: str, field: Field, clause: Clause) -> Truth:
    """The desk is one of those that the clause names, or holds one of the roles (with `same`: for this very person)."""
    mine = world.rules.desks[desk]
    same = ("same",) in clause.when
    answers: list[Truth] = []
    for word in clause.to:
        role, _, kind = word.partition(":")
        if role in ("lead", "core_group"):
            answers.append(
                all_of([holds(world, desk, role, NOBODY), not same or in_the_family(world, field)])
            )
        elif role in PERSONAL:
            people = (
                clients(world, field) if same else [each for each in members(world) if is_member(world, each)]
            )
            served = any_of(holds(world, desk, role, each) for each in people)
            answers.append(all_of([not kind or mine.kind == kind, served]))
        else:
            served = any(
                holds(world, desk, role, each) is True
                for role in PERSONAL
                if role != "former"
                for each in clients(world, field)
            )
            answers.append(word in (desk, mine.agency, mine.kind) and (not same or served))
    return any_of(answers)


def in_the_family(world: World, field: Field) -> bool:
    """`same` for a family role: a member."""
    return field.person == NOBODY or is_member(world, field.person)


def clients(world: World, field: Field) -> list[str]:
    """`same`: for this very person; for V's child: for V."""
    victims = [each for each in all_people(world) if is_shielded_with(world, field.person, each) is True]
    return [field.person, *victims]


def not_true(
    world: World, asked: Asked, desk: str, field: Field, clause: Clause, when: tuple[str, ...]
) -> bool:
    """Every condition must be true; not known is not true; of alternatives one is enough."""
    return any_of(condition(world, asked, desk, field, clause, each) for each in when) is not True


def condition(world: World, asked: Asked, desk: str, field: Field, clause: Clause, word: str) -> Truth:
    """The conditions of section 3, each true exactly when it says."""
    cell = (clause.purpose, field.category, desk)
    supported = [each for each in members(world) if holds(world, desk, "supporting_victim", each) is True]
    answers: dict[str, Callable[[], Truth]] = {
        "open": lambda: is_open(world),
        "consent": lambda: consents(world, field.person, cell, field.recorded),
        "no_objection": lambda: negated(objects(world, field.person, cell)),
        "statutory": lambda: is_statutory(world),
        "s47": lambda: under_enquiry(world),
        "override": lambda: any(each.names(desk, field) for each in overrides(world)),
        "told": lambda: was_told(world, field.person),
        "addressed": lambda: field.addressed,
        "clear": lambda: negated(any_of(opposes(world, desk, each) for each in everybody(world))),
        "party": lambda: field.person in asked.parties and holds(world, desk, "supervising", field.person),
        "pair": lambda: any_of(is_of_pair(world, field.person, each) for each in supported),
        "same": lambda: True,  # what `role_of` has asked
        "deidentified": lambda: False,  # a delivery has ids
        "holder": lambda: False,  # a notice, no delivery
        "own": lambda: False,  # subject access, no delivery
    }
    return answers[word]()


def is_of_pair(world: World, person: str, victim: str) -> bool:
    """P of a recorded pair against this V, or that V: who only counts as P is no reason to share."""
    recorded = [
        couple for couple, pair in pairs(world).items() if pair.stands is True and couple[1] == victim
    ]
    return bool(recorded) and (person == victim or (person, victim) in recorded)


def text_outcome(world: World, asked: Asked, desk: str, text: TextItem) -> Outcome:
    """Text carries `about`; it goes out only if every other person in it may be shown too (4.8)."""
    field = Field(
        text.category, text.person, asked.event.recorded, text=True, addressed=desk in text.addressed
    )
    own = field_outcome(world, asked, desk, field)
    if own[0] == SILENT:
        return own
    others = [
        Field(text.category, each, field.recorded, text=True, addressed=field.addressed)
        for each in about(world, text)
    ]
    shown = [field_outcome(world, asked, desk, each) for each in others if each.person != text.person]
    if text.about is None:
        shown.append(
            field_outcome(world, asked, desk, replace(field, category="third_party.detail", person=NOBODY))
        )
    levels = {level for level, _ in shown}
    unsaid = text.about is None and levels != {RELEASED}
    if SILENT in levels or unsaid or not may_read(world, desk, field, others):
        return SILENT, ()
    return strictest([own, *((level, ()) for level, _ in shown)])


def about(world: World, text: TextItem) -> list[str]:
    """Whom a text is about; not said: everybody."""
    return everybody(world) if text.about is None else list(text.about)


def may_read(world: World, desk: str, field: Field, others: list[Field]) -> bool:
    """A desk that opposes anybody gets text only if addressed and not about a V, what an override lifts apart."""
    against = opposed(world, desk)
    if not against:
        return True
    touching = [each for each in {field, *others} if each.person in against]
    lifted = all(
        any(each.person in override.victims for override in lifting(world, desk, each)) for each in touching
    )
    named = any(each.names(desk, field) and (each.victims or each.restrictions) for each in overrides(world))
    return (lifted and named) or (not touching and field.addressed)
