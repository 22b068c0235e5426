"""Who may give a consent (rule 4.13): they must have been able to when they gave it, and what that rests on must last.

- An adult gives for self, with capacity; without it, a welfare attorney or deputy. Never a relative.
- A child of 16, or assessed competent, gives for self; for any other child a holder of parental responsibility, the
  council too under a care order. Never P. Where holders disagree a person decides: not in force.
- It ends when the person dies, and what was given for a child when the child turns 18. A later loss of capacity
  changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from services.consent.agreement import Micros
from services.consent.ask import Ask
from services.consent.giving import COUNCIL, Act, Responsible, holds
from services.consent.person import PersonFacts, Tri
from services.consent.scene import Scene

Given = list[Any]
"""The register of a giving: [at, by, value]."""


def able_to_give(scene: Scene, facts: PersonFacts, ask: Ask, given: Given, purpose: str) -> Tri:
    """Whether who gave this consent, for this purpose, could; `ask.why` says why not."""
    value: Mapping[str, Any] = given[2]
    then = value.get("occurred", value.get("from", 0))
    member = scene.facts.state.get("members", {}).get(ask.person, {})
    adult = member.get("kind") == "adult" or _of_age(member, "adult_from", then)
    role = value.get("as") or "self"
    found = _refused_by_law(facts, member, adult=adult, role=role)
    if found:
        ask.why = found
        return False
    if role == "self":
        return _self(facts, member, ask, given, then=then, adult=adult)
    if role in ("welfare_attorney", "deputy"):
        return _represented(scene, facts, ask, given, then=then, role=role)
    return _for_child(scene, facts, ask, given, purpose, then=then)


def _of_age(member: Mapping[str, Any], age: str, then: Micros) -> bool:
    reached = member.get(age)
    return isinstance(reached, int) and reached <= then


def _refused_by_law(facts: PersonFacts, member: Mapping[str, Any], *, adult: bool, role: str) -> str:
    if facts.died:
        return "dead"
    if role in ("parent", "council") and (adult or member.get("kind") != "child"):
        return "not_child"
    if role in ("welfare_attorney", "deputy") and not adult:
        return "not_adult"
    return "" if role in ("self", "parent", "council", "welfare_attorney", "deputy") else "not_self"


def _self(
    facts: PersonFacts, member: Mapping[str, Any], ask: Ask, given: Given, *, then: Micros, adult: bool
) -> Tri:
    by = given[2].get("by")
    if by != ask.person:
        ask.why = "giver_unknown" if by is None else "not_self"
        return None if by is None else False
    if adult or _of_age(member, "sixteen", then):
        has = _last(facts.capacity, given, default=True)
        ask.why = "" if has is True else "no_capacity"
        return has
    competent = _last(facts.competence, given, default=False)
    ask.why = "" if competent is True else "not_adult"
    return competent


def _last(assessed: tuple[tuple[int, str, Tri], ...], given: Given, *, default: bool) -> Tri:
    """The last assessment before a giving; one after it changes nothing."""
    before = [each for each in assessed if each[:2] < (given[0], given[1])]
    return max(before, key=lambda each: each[:2])[2] if before else default


def _represented(scene: Scene, facts: PersonFacts, ask: Ask, given: Given, *, then: Micros, role: str) -> Tri:
    """By a welfare attorney or deputy, of somebody who lacked capacity."""
    by = given[2].get("by")
    found: Responsible | None = facts.representatives.get(by)
    if found is None or found.kind != role or not found.start <= then < found.end or scene.at >= found.end:
        ask.why = "not_representative"
        return False
    has = _last(facts.capacity, given, default=True)
    if has is not False:
        ask.why = "has_capacity"
        return None if has is None else False
    ask.rest_on(found.end)
    return _not_accused(scene, ask, by)


def _for_child(
    scene: Scene, facts: PersonFacts, ask: Ask, given: Given, purpose: str, *, then: Micros
) -> Tri:
    """By a holder of parental responsibility, until the child is 18."""
    member = scene.facts.state.get("members", {}).get(ask.person, {})
    grown = member.get("adult_from")
    if grown is not None and scene.at >= grown:
        ask.why = "of_age"
        return False
    if _of_age(member, "sixteen", then) or _last(facts.competence, given, default=False) is not False:
        ask.why = "decides_for_self"
        return False
    council = given[2].get("as") == "council"
    by = COUNCIL if council else given[2].get("by")
    end = holds(facts.responsible, by, then=then, now=scene.at)
    if end is None or (not council and by == ask.person):
        ask.why = "not_responsible"
        return False
    if _disagree(facts, ask, given, purpose):
        ask.why = "holders_disagree"
        return None
    if grown is not None:
        ask.rest_on(grown)
    ask.rest_on(end)
    return True if council else _not_accused(scene, ask, by)


def _not_accused(scene: Scene, ask: Ask, giver: str) -> Tri:
    """Not P against anybody, recorded, stated or presumed; whoever is not known here may be."""
    facts = scene.facts.person(giver)
    accused = scene.accused(giver)
    if accused or facts.died or not facts.known:
        ask.why = "given_by_p" if accused else "dead" if facts.died else "giver_unknown"
        return False if accused or facts.died else None
    return True


def _disagree(facts: PersonFacts, ask: Ask, given: Given, purpose: str) -> bool:
    """True if another holder's last act about this cell was not to give."""
    acts = [each for each in facts.acts if _covers(each, ask, purpose)]
    return any(not each.gave for each in _others(given, acts))


def disagreeing(given: Given, acts: Iterable[Act]) -> list[Act]:
    """What other holders last did against this giving for a child; `acts`: all of holders that cover its cell.

    Nothing once who gave it has taken it back: then they agree.
    """
    if given[2].get("as") not in ("parent", "council"):
        return []
    acts = list(acts)
    mine = _last_acts(acts).get(_giver(given) or "")
    if mine is not None and not mine.gave:
        return []
    return [each for each in _others(given, acts) if not each.gave]


def _giver(given: Given) -> str | None:
    return COUNCIL if given[2].get("as") == "council" else given[2].get("by")


def _others(given: Given, acts: Iterable[Act]) -> list[Act]:
    """The last act of each holder but who gave it."""
    giver = _giver(given)
    return [act for by, act in _last_acts(acts).items() if by != giver]


def _last_acts(acts: Iterable[Act]) -> dict[str, Act]:
    last: dict[str, Act] = {}
    for each in acts:
        known = last.get(each.by)
        if known is None or (each.at, each.receipt) > (known.at, known.receipt):
            last[each.by] = each
    return last


def _covers(act: Act, ask: Ask, purpose: str) -> bool:
    return (
        act.purpose in ("*", purpose) and act.category in ("*", ask.category) and act.desk in ("*", ask.desk)
    )
