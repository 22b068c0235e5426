"""The roles of section 2: what starts each, and what ends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.oracle.family import Span, is_child, leads, open_at, stands
from tests.oracle.sides import is_victim
from tests.oracle.truth import Truth, all_of, any_of
from tests.oracle.world import DAY, Said, World, months_later, remembered

ENDS = ("returned", "declined", "withdrawn", "support_ended", "closed_before_support")
PERSONAL = (
    "referrer",
    "referred_to",
    "supporting",
    "supporting_victim",
    "supervising",
    "universal",
    "former",
)


@dataclass
class Referral:
    """One referral: who, by whom, to whom, and what became of it."""

    person: str
    referrer: str
    to: str
    told: list[Said] = field(default_factory=list)

    def times(self, starts: tuple[str, ...], ends: tuple[str, ...]) -> list[Span]:
        """From each of these events until the next of those."""
        spans: list[Span] = []
        for event in self.told:
            name = event.kind.removeprefix("referral.")
            running = bool(spans) and spans[-1][1] is None
            if name in starts and not running:
                spans.append((event.recorded, None, None))
            elif name in ends and running:
                spans[-1] = (spans[-1][0], event.recorded, event.id)
        return spans


@remembered
def referrals(world: World) -> list[Referral]:
    """Every referral of the family."""
    found: dict[str, Referral] = {}
    for event in world.log:
        if event.kind.startswith("referral."):
            name = event.body["referral"]["value"]
            if event.kind == "referral.requested":
                found[name] = Referral(event.who() or "", event.source, event.body["to"])
            if name in found:
                found[name].told.append(event)
    return list(found.values())


def lead(world: World, desk: str) -> bool:
    """lead: family opened, naming the team, until closed, or moved to another team."""
    return any(stands(world, span) for span in leads(world).get(desk, []))


@remembered
def core_group(world: World, desk: str) -> bool:
    """core_group: plan_agreed or supervision_held names it, until removed, or family closed.

    A later list is the group from then on: who is not on it is removed. After the close nobody is named any more.
    """
    spans: list[Span] = []
    for event in world.said("practice.plan_agreed", "practice.supervision_held", "family.closed"):
        named = event.body.get("core_group") if event.kind != "family.closed" else []
        running = bool(spans) and spans[-1][1] is None
        if named is None:
            continue
        if desk in named and not running and open_at(world, event):
            spans.append((event.recorded, None, None))
        elif desk not in named and running:
            spans[-1] = (spans[-1][0], event.recorded, event.id)
    return any(stands(world, span) for span in spans)


@remembered
def holds(world: World, desk: str, role: str, person: str) -> Truth:
    """Whether a desk holds a role for a person."""
    if role == "lead":
        return lead(world, desk)
    if role == "core_group":
        return core_group(world, desk)
    if person in world.strangers and is_child(world, person) is not True:
        return True if _holds(world, desk, role, person) is True else None
    return _holds(world, desk, role, person)


def _holds(world: World, desk: str, role: str, person: str) -> Truth:
    if role == "supporting_victim":
        specialism = world.rules.desks[desk].side == "victim"
        return all_of([specialism, holds(world, desk, "supporting", person), is_victim(world, person)])
    mine = [each for each in referrals(world) if each.person == person]
    to_it = [each for each in mine if each.to == desk]
    answers: dict[str, Callable[[], Truth]] = {
        "referrer": lambda: any_of(referrer(world, each) for each in mine if each.referrer == desk),
        "referred_to": lambda: any_of(referred_to(world, each) for each in to_it),
        "supporting": lambda: any_of(supporting(world, each) for each in to_it),
        "former": lambda: any_of(former(world, each) for each in to_it),
        "supervising": lambda: any_of(
            [
                supervises(world, desk, person),
                *(supporting(world, each) for each in to_it if perpetrator_referral(world, each, desk)),
            ]
        ),
        "universal": lambda: registered(world, desk, person),
    }
    return answers[role]()


def referrer(world: World, referral: Referral) -> bool:
    """requested, by it; until 28 days after the referral ends."""
    return any(
        stands(world, (start, None if end is None else end + 28 * DAY, None))
        for start, end, _ in referral.times(("requested", "reopened"), ENDS)
    )


def referred_to(world: World, referral: Referral) -> bool:
    """requested, to it; until any end of the referral, or support_started."""
    spans = referral.times(("requested", "reopened"), (*ENDS, "support_started"))
    return any(stands(world, span) for span in spans)


def supporting(world: World, referral: Referral) -> bool:
    """allocated; until support_ended. Whose support never began, until the referral ends."""
    return any(stands(world, span) for span in referral.times(("allocated",), ENDS))


def former(world: World, referral: Referral) -> bool:
    """support_ended; 24 months."""
    return any(
        stands(world, (event.recorded, months_later(event.recorded, 24), None))
        for event in referral.told
        if event.kind == "referral.support_ended"
    )


def supervises(world: World, desk: str, person: str) -> bool:
    """supervision of P; until its end is recorded."""
    span: Span | None = None
    for event in world.said("person.probation_supervision_started", "person.probation_supervision_ended"):
        if event.who() != person or (event.body.get("desk") or event.source) != desk:
            continue
        if event.kind.endswith("started"):
            span = span if span is not None and span[1] is None else (event.recorded, None, None)
        elif span is not None and span[1] is None:
            span = (span[0], event.recorded, event.id)
    return span is not None and stands(world, span)


def perpetrator_referral(world: World, referral: Referral, desk: str) -> bool:
    """… or perpetrator referral; until its end is recorded. It sets the desk against V from the request on, and lets
    it have what a supervising desk may have once the case is allocated: nothing that was only asked of it.
    """
    if referral.to != desk or world.rules.desks[desk].side != "perpetrator":
        return False
    return referred_to(world, referral) or supporting(world, referral)


@remembered
def supervises_against(world: World, desk: str, person: str) -> Truth:
    """Supervising as it sets a desk against others; a team also through a worker of it behind a wall."""
    return any_of(_supervises_against(world, each, person) for each in [desk, *workers(world, desk)])


def workers(world: World, desk: str) -> list[str]:
    """The named workers of a team who have a desk inside its wall."""
    return [each for each in world.rules.desks if each.startswith(f"{desk}/")]


def _supervises_against(world: World, desk: str, person: str) -> Truth:
    mine = [each for each in referrals(world) if each.person == person]
    found = supervises(world, desk, person) or any(perpetrator_referral(world, each, desk) for each in mine)
    unknown = person in world.strangers and is_child(world, person) is not True
    return True if found else None if unknown else False


@remembered
def sides_with(world: World, desk: str, person: str) -> Truth:
    """The roles that set a desk against whoever is paired with this person; a registration also unconfirmed."""
    every = [desk, *workers(world, desk)]
    roles = any_of(holds(world, one, each, person) for each in PERSONAL for one in every)
    itself = any_of(registered(world, one, person, confirmed=False) for one in every)
    return any_of([roles, itself, supervises_against(world, desk, person)])


def registered(world: World, desk: str, person: str, *, confirmed: bool = True) -> bool:
    """registered as their school, GP, landlord, once the council confirms; until de-registered."""
    span: Span | None = None
    for event in world.said("person.registered", "person.deregistered"):
        if event.who() != person or event.body.get("desk") != desk:
            continue
        council = not confirmed or world.rules.desks[event.source].kind == "council"
        if event.kind == "person.registered" and council:
            span = span if span is not None and span[1] is None else (event.recorded, None, None)
        elif event.kind == "person.deregistered" and span is not None and span[1] is None:
            span = (span[0], event.recorded, event.id)
    return span is not None and stands(world, span)
