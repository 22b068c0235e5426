"""Who is in the family, who leads it, whether it is open, how old they are and where they live (section 2, 4.18)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.oracle.truth import Truth
from tests.oracle.world import Micros, Said, World, agency_of, birthday, covers, day, remembered, who

Span = tuple[Micros, Micros | None, str | None]
"""From, until, and the event that ended it."""


def stands(world: World, span: Span) -> bool:
    """A role or openness that the event ends still counts for that event, now and when decided again (4.9)."""
    start, end, ender = span
    return covers(start, end, world.at) or (ender == world.asked and start <= world.at)


@remembered
def openings(world: World) -> list[Span]:
    """The times during which the family was open."""
    spans: list[Span] = []
    for event in world.said("family.opened", "family.closed"):
        closed = not spans or spans[-1][1] is not None
        if event.kind == "family.opened" and closed:
            spans.append((event.recorded, None, None))
        elif event.kind == "family.closed" and not closed:
            spans[-1] = (spans[-1][0], event.recorded, event.id)
    return spans


@remembered
def is_open(world: World) -> bool:
    """`open`: the family is open."""
    return any(stands(world, span) for span in openings(world))


def open_at(world: World, event: Said) -> bool:
    """Whether the family was open when something was said: by what was said before, whatever the clock showed."""
    found = False
    for each in world.log:
        if each is event:
            return found
        if each.kind in ("family.opened", "family.closed"):
            found = each.kind == "family.opened"
    return found


@remembered
def leads(world: World) -> dict[str, list[Span]]:
    """lead: from family opened, naming the team, until closed, or moved to another team."""
    spans: list[tuple[str, Span]] = []
    for event in world.said("family.opened", "family.lead_changed", "family.closed"):
        named = event.body.get("lead")
        if spans and spans[-1][1][1] is None and named != spans[-1][0]:
            desk, (start, _, _) = spans[-1]
            spans[-1] = (desk, (start, event.recorded, event.id))
        elif spans and spans[-1][1][1] is None:
            continue
        if named:
            spans.append((named, (event.recorded, None, None)))
    found: dict[str, list[Span]] = {}
    for desk, span in spans:
        found.setdefault(desk, []).append(span)
    return found


@dataclass
class Member:
    """One who is or was a member: kind, birth, and the times of membership."""

    kind: str | None = None
    kind_stated: Micros = 0
    born: object = None
    spans: list[Span] | None = None


@remembered
def members(world: World) -> dict[str, Member]:
    """Everybody who ever was a member."""
    found: dict[str, Member] = {}
    for event in world.log:
        if event.kind == "family.member_added":
            for row in event.rows("members"):
                _told(found, who(row.get("person")), row, event, joins=True)
        elif event.kind == "family.member_changed":
            _told(found, event.who(), event.body, event, joins=event.body.get("state") == "member")
            if event.body.get("state") == "left":
                _leaves(found, event.who(), event)
        elif event.kind == "person.adopted":
            _leaves(found, event.who(), event)
    return found


def _told(found: dict[str, Member], person: str | None, row: object, event: Said, *, joins: bool) -> None:
    if person is None:
        return
    assert hasattr(row, "get")
    member = found.setdefault(person, Member(spans=[]))
    if row.get("kind"):
        member.kind, member.kind_stated = row.get("kind"), event.recorded
    member.born = row.get("dob") or member.born
    assert member.spans is not None
    if joins and (not member.spans or member.spans[-1][1] is not None):
        member.spans.append((event.recorded, None, None))


def _leaves(found: dict[str, Member], person: str | None, event: Said) -> None:
    member = found.get(person or "")
    if member is not None and member.spans and member.spans[-1][1] is None:
        member.spans[-1] = (member.spans[-1][0], event.recorded, event.id)


@remembered
def is_member(world: World, person: str) -> bool:
    """A member now, or until the event that is decided."""
    member = members(world).get(person)
    return member is not None and any(stands(world, span) for span in member.spans or [])


@remembered
def is_child(world: World, person: str) -> Truth:
    """18: an adult (4.18)."""
    return is_child_at(world, person, world.at)


def is_child_at(world: World, person: str, at: Micros) -> Truth:
    """Whether they were a child at an instant; contradictory: an adult under 18, a child who was 18 when called so."""
    member = members(world).get(person)
    if member is None:
        return None
    born = day(member.born)
    if born is not None and birthday(born, 18) <= at:
        return None if member.kind == "child" and birthday(born, 18) <= member.kind_stated else False
    if born is not None and member.kind == "adult":
        return None
    if member.kind is None:
        return None if born is None else True
    return member.kind == "child"


@remembered
def household(world: World, person: str) -> str | None:
    """Where somebody lives; None: not known."""
    if ("household", person) in world.unread:
        return None
    found: str | None = None
    for event in world.said("family.household_changed"):
        for row in event.rows("moves"):
            if who(row.get("person")) == person:
                found = who(row.get("household"))
    return found


@remembered
def live_together(world: World, one: str, other: str) -> Truth:
    """Sharing a household; not known where one of the two is not."""
    if one == other:
        return True
    here, there = household(world, one), household(world, other)
    return None if here is None or there is None else here == there


@remembered
def left_by_adoption(world: World, person: str) -> bool:
    """Adopted: leaves the family at the order (4.18)."""
    return any(event.who() == person for event in world.said("person.adopted"))


@remembered
def enquiries(world: World) -> list[tuple[str, Span]]:
    """The section 47 enquiries about children of the family: from when to when; begun anew, one is another."""
    found: dict[tuple[str, str], list[Span]] = {}
    for event in world.said("child.section_47_started", "child.section_47_ended"):
        for child in [who(row) for row in event.rows("children")]:
            spans = found.setdefault((event.body["enquiry"], child or ""), [])
            running = bool(spans) and spans[-1][1] is None
            if event.kind == "child.section_47_started" and not running:
                spans.append((event.recorded, None, None))
            elif event.kind == "child.section_47_ended" and running:
                spans[-1] = (spans[-1][0], event.recorded, event.id)
    return [
        (name, span)
        for (name, child), spans in found.items()
        if is_member(world, child) and is_child(world, child) is not False
        for span in spans
    ]


@remembered
def enquiry_runs(world: World, name: str | None, since: Micros) -> bool:
    """Whether the enquiry for which something was done still runs; not said which: any that ran then.

    Done before it was recorded: one that began later, if none of these has ended meanwhile.
    """
    spans = [span for each, span in enquiries(world) if name in (None, each)]
    running = [span for span in spans if stands(world, span)]
    if any(start <= since for start, _, _ in running):
        return True
    return bool(running) and not any(end is not None and since < end <= world.at for _, end, _ in spans)


@remembered
def under_enquiry(world: World) -> bool:
    """`s47`: a child of the family is under s47."""
    return any(stands(world, span) for _, span in enquiries(world))


@remembered
def is_statutory(world: World) -> bool:
    """`statutory`: a child of the family is CP, CLA or under s47."""
    status: dict[str, str] = {}
    for event in world.said("child.status_changed"):
        status[event.who() or ""] = event.body["status"]
    return under_enquiry(world) or any(
        value in ("cp", "cla") and is_member(world, child) and is_child(world, child) is not False
        for child, value in status.items()
    )


@remembered
def is_settled(world: World, person: str) -> bool:
    """Identity below confirmed: all about that person is held (4.12); so is a member of whom nothing is known yet."""
    if person in world.probable or (person in world.strangers and is_member(world, person)):
        return False
    degree: str | None = None
    for event in world.said("hub.identity_linked"):
        if person in (event.who(), *(who(each) for each in event.rows("candidates"))):
            degree = event.body.get("degree") or "probable"
    return degree in (None, "confirmed") and ("identity", person) not in world.unread


@remembered
def everybody(world: World) -> list[str]:
    """Sides are taken over everybody who ever was a member, who left by adoption apart (ADR 0012)."""
    return [each for each in members(world) if not left_by_adoption(world, each)]


def agency_second(
    world: World,
    request: str,
    agency: str,
    owners: Callable[[Micros], set[str]],
    before: Micros | None = None,
) -> bool:
    """A second person of this agency has approved the request (in time), before any of its owners refused it.

    A desk is not its own second person; whose word it needs is asked as of that word.
    """
    asker = next(each.source for each in world.log if each.id == request)
    for event in world.said("hub.approval_given"):
        if event.source == asker:
            continue
        if event.body["request"] == request and agency_of(event.source) in owners(event.recorded):
            if event.body["decision"] != "approved":
                return False
            if agency_of(event.source) == agency:
                return before is None or event.recorded < before
    return False
