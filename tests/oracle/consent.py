"""Consent, objections, and having been told (4.13 to 4.15)."""

from __future__ import annotations

from dataclasses import dataclass

from tests.oracle.family import is_child_at, members
from tests.oracle.sides import is_p_for_consent, is_p_of_a_pair_by
from tests.oracle.truth import Truth, all_of, any_of, negated
from tests.oracle.world import (
    Micros,
    Said,
    World,
    birthday,
    covers,
    day,
    instant,
    means,
    remembered,
    start_of,
)

Cell = tuple[str, str, str]
"""A cell of one person: purpose, category, desk."""
_SHARING = (None, "information_sharing", "both")
_COUNCIL = "council"
_HOLDERS = ("parent", "council")


@dataclass
class Act:
    """What somebody did about one cell."""

    event: Said
    cell: Cell
    gives: bool
    start: Micros
    end: Micros | None
    earlier: bool


@remembered
def acts(world: World, person: str, cell: Cell) -> list[Act]:
    """The acts about a cell, by acceptance, then receipt id."""
    found: list[Act] = []
    for event in world.said("consent.given", "consent.changed", "consent.refused", "consent.withdrawn"):
        if event.who() != person:
            continue
        stops = event.kind in ("consent.refused", "consent.withdrawn")
        rows = event.rows("cells") or ([{}] if stops else [])
        for row in rows:
            named = (row.get("purpose"), row.get("category"), row.get("desk"))
            if any(each != mine for each, mine in zip(named, cell, strict=True) if each or not stops):
                continue
            gives = not stops and row.get("act", "give") == "give"
            start = max(instant(row.get("valid_from")) or 0, event.recorded)
            found.append(
                Act(event, cell, gives, start, instant(row.get("valid_until")), bool(row.get("earlier")))
            )
    return sorted(found, key=lambda each: (each.event.recorded, each.event.receipt))


@remembered
def consents(world: World, person: str, cell: Cell, recorded: Micros) -> Truth:
    """`consent`: one in force covers this person, purpose, category and desk.

    In force if the last act is a giving and no refusal or withdrawal occurred at or after it. It opens only what was
    recorded while it was in force, unless it says `earlier`; renewed in time, it stays in force. It ends at death; a
    parent's at the child's 18th birthday.
    """
    if ("consent", person, *cell) in world.unread:
        return None
    every = [
        each for each in acts(world, person, cell) if not (each.gives and had_no_say(world, person, each))
    ]
    if not every or not every[-1].gives:
        return False
    last = every[-1]
    return all_of(
        [
            not any(not each.gives and each.event.occurred >= last.event.occurred for each in every),
            covers(last.start, last.end, world.at),
            in_force_then(world, person, every, recorded),
            not has_died(world, person),
            last.event.body.get("given_as") not in _HOLDERS or stands_for_a_child(world, person, cell, last),
            may_give(world, person, last.event),
        ]
    )


def in_force_then(world: World, person: str, every: list[Act], recorded: Micros) -> bool:
    """Whether it was in force when something was recorded, and ever since."""
    later = every[-1]
    if later.earlier or covers(later.start, later.end, recorded):
        return True
    for act in reversed(every[:-1]):
        at_once = later.start == later.event.recorded and (act.end is None or later.start <= act.end)
        if not (act.gives and at_once and act.start <= later.start):
            return False
        refused = any(not each.gives and each.event.occurred >= act.event.occurred for each in every)
        child = act.event.body.get("given_as") in _HOLDERS
        cell = act.cell
        if refused or (child and not stands_for_a_child(world, person, cell, act)):
            return False
        if may_give(world, person, act.event) is not True:
            return False
        if act.earlier or covers(act.start, later.start, recorded):
            return True
        later = act
    return False


def stands_for_a_child(world: World, person: str, cell: Cell, giving: Act) -> bool:
    """A parent's ends at the child's 18th birthday; holders disagree: not in force, a person decides."""
    of_age = negated(is_child_at(world, person, world.at))
    return of_age is False and not holders_disagree(world, person, cell, giving)


def may_give(world: World, person: str, event: Said) -> Truth:
    """Who gives: an adult for self, with capacity; an attorney or deputy; a child of 16, or assessed competent, for
    self; else a holder of parental responsibility (council with a care order too), never P.
    """
    given_as, giver = event.body.get("given_as"), event.who("given_by")
    if given_as == "self" or (given_as is None and giver == person):
        return giver in (None, person) and gives_for_self(world, person, event)
    if given_as in ("welfare_attorney", "deputy"):
        adult = negated(is_child_at(world, person, event.recorded))
        return all_of([adult, represents(world, person, giver, given_as, event.recorded)])
    return gives_for_a_child(world, person, event) if given_as in _HOLDERS else None


def gives_for_self(world: World, person: str, event: Said) -> Truth:
    """An adult with capacity; a child of 16, or assessed competent."""
    child = is_child_at(world, person, event.recorded)
    adult = all_of([negated(child), has_capacity(world, person, event)])
    return any_of([adult, all_of([child, decides_for_self(world, person, event)])])


def gives_for_a_child(world: World, person: str, event: Said) -> Truth:
    """A holder of parental responsibility, never P; the council with a care order."""
    giver, at = event.who("given_by"), event.recorded
    minor = all_of([is_child_at(world, person, at), negated(decides_for_self(world, person, event))])
    if event.body["given_as"] == "council":
        council = world.rules.desks[event.source].kind == "council"
        return all_of([minor, council, is_responsible(world, person, None, at)])
    if giver is None:
        return None
    innocent = negated(is_p_for_consent(world, giver))
    return all_of([minor, is_responsible(world, person, giver, at), innocent])


def has_capacity(world: World, person: str, event: Said) -> Truth:
    """Presumed, until assessed otherwise. Later loss of capacity: the consent stays."""
    return _assessed(world, "person.capacity_assessed", "has_capacity", person, event, default=True)


def decides_for_self(world: World, person: str, event: Said) -> Truth:
    """A child of 16, or assessed competent."""
    member = members(world).get(person)
    born = day(member.born) if member else None
    if born is not None and birthday(born, 16) <= event.recorded:
        return True
    return _assessed(world, "person.competence_assessed", "competent", person, event, default=False)


def _assessed(world: World, kind: str, name: str, person: str, before: Said, *, default: bool) -> Truth:
    found: Truth = default
    for event in world.said(kind):
        if event.who() == person and event.body.get("matter") in _SHARING and event.when <= before.when:
            found = event.body.get(name)
    return found


def represents(world: World, person: str, giver: str | None, kind: str, at: Micros) -> bool:
    """A welfare attorney or deputy; never a relative."""
    found = False
    for event in world.said("person.representative_recorded"):
        named = (event.who(), event.who("representative"), event.body.get("kind")) == (person, giver, kind)
        if named and event.recorded <= at:
            found = not event.body.get("ended") and _dated(event, at)
    return found


def is_responsible(world: World, person: str, holder: str | None, at: Micros) -> bool:
    """A holder of parental responsibility; None: the council, with a care order."""
    found = False
    for event in world.said("person.parental_responsibility_recorded"):
        if event.who() != person or event.recorded > at:
            continue
        council = bool(event.body.get("held_by_council"))
        care_order = event.body.get("basis") in ("care_order", "interim_care_order")
        if council if holder is None else event.who("holder") == holder:
            found = _dated(event, at) and (not council or care_order)
    return found


def _dated(event: Said, at: Micros) -> bool:
    start, end = day(event.body.get("from_date")), day(event.body.get("until_date"))
    return covers(start_of(start) if start else 0, start_of(end) if end else None, at)


def holders_disagree(world: World, person: str, cell: Cell, giving: Act) -> bool:
    """Holders disagree: not in force, a person decides."""
    last: dict[str, bool] = {}
    for act in acts(world, person, cell):
        if act.event.body.get("given_as") in _HOLDERS and (holder := _holder(act.event)):
            last[holder] = act.gives
    return any(
        not gives and holder != _holder(giving.event) and holds_now(world, person, holder)
        for holder, gives in last.items()
    )


def _holder(event: Said) -> str | None:
    return _COUNCIL if event.body.get("given_as") == _COUNCIL else event.who("given_by")


def holds_now(world: World, person: str, holder: str) -> bool:
    """Who holds parental responsibility at this instant, and lives."""
    mine = None if holder == _COUNCIL else holder
    return is_responsible(world, person, mine, world.at) and not has_died(world, holder)


def had_no_say(world: World, person: str, giving: Act) -> bool:
    """Who gave it certainly could not when they did: it counts for nothing (I17)."""
    event = giving.event
    given_as, giver, at = event.body.get("given_as"), event.who("given_by"), event.recorded
    child = is_child_at(world, person, at)
    if child is None or (given_as is None and giver is None):
        return False
    if given_as in (None, "self"):
        return giver not in (None, person) or gives_for_self(world, person, event) is False
    accused = giver is not None and is_p_of_a_pair_by(world, giver, at)
    if given_as in ("welfare_attorney", "deputy"):
        able = not child and has_capacity(world, person, event) is not True
        ended = any(
            (each.who(), each.who("representative")) == (person, giver) and each.body.get("ended")
            for each in world.said("person.representative_recorded")
        )
        return accused or not (able and (ended or represents(world, person, giver, given_as, at)))
    able = child and decides_for_self(world, person, event) is False
    if given_as == _COUNCIL:
        return not (able and is_responsible(world, person, None, at))
    return accused or giver is None or not (able and is_responsible(world, person, giver, at))


def has_died(world: World, person: str) -> bool:
    """Consent ends at death."""
    return any(event.who() == person for event in world.said("person.died"))


@remembered
def objects(world: World, person: str, cell: Cell) -> Truth:
    """An objection, pending or upheld, that covers it."""
    purpose, category, desk = cell
    answers: list[Truth] = []
    for event in world.said("consent.objection_raised"):
        if event.who() != person or _decided(world, event) in ("overruled", "ended"):
            continue
        if ("objection", person, event.body["objection"]) in world.unread:
            answers.append(None)
            continue
        purposes, categories, desks = (event.body.get(each) for each in ("purposes", "categories", "desks"))
        answers.append(
            (purposes is None or purpose in purposes)
            and (categories is None or any(means(each, category) for each in categories))
            and (desks is None or any(desk == each or desk.startswith(each + "/") for each in desks))
        )
    return any_of(answers)


def _decided(world: World, raised: Said) -> str | None:
    outcome: str | None = None
    like = [
        event
        for event in world.said("consent.objection_raised")
        if (event.body["objection"], event.who()) == (raised.body["objection"], raised.who())
    ]
    for event in world.said("consent.objection_decided"):
        if event.who() != raised.who() or event.when <= raised.when:
            continue
        said = all(event.body.get(each) is not None for each in ("reason", "told_on"))
        if event.body["outcome"] == "overruled" and not said:
            continue  # overruled: reason, person, subject told (4.15)
        raisers = {each.source for each in like if each.when < event.when}
        # Of several desks' by then, which one is meant its receipt alone says.
        by_id = event.body["objection"] == raised.body["objection"] and len(raisers) == 1
        if by_id or event.body["objection"] == raised.receipt:
            outcome = event.body["outcome"]
    return outcome


@remembered
def was_told(world: World, person: str) -> Truth:
    """`told`: the person was told, or a coded reason why not is recorded."""
    if ("told", person) in world.unread:
        return None
    found = False
    for event in world.said("person.told_recorded"):
        if event.who() == person:
            found = bool(event.body["told"]) or bool(event.body.get("reason_not_told"))
    return found
