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

from services.consent.ages import is_adult
from services.consent.agreement import Micros
from services.consent.ask import Ask
from services.consent.giving import COUNCIL, UNREADABLE, Act, Responsible, holds, may_hold
from services.consent.person import PersonFacts, Tri
from services.consent.scene import Scene

Given = list[Any]
"""The register of a giving: [at, by, value]."""


def able_to_give(scene: Scene, facts: PersonFacts, ask: Ask, given: Given, purpose: str) -> Tri:
    """Whether who gave this consent, for this purpose, could; `ask.why` says why not."""
    value: Mapping[str, Any] = given[2]
    then = value.get("occurred", value.get("from", 0))
    member = scene.facts.state.get("members", {}).get(ask.person, {})
    adult = is_adult(member, then)
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


def _refused_by_law(facts: PersonFacts, member: Mapping[str, Any], *, adult: Tri, role: str) -> str:
    if facts.died:
        return "dead"
    if role in ("parent", "council") and (adult is not False or member.get("kind") != "child"):
        return "not_child"
    if role in ("welfare_attorney", "deputy") and adult is not True:
        return "not_adult"
    return "" if role in ("self", "parent", "council", "welfare_attorney", "deputy") else "not_self"


def _self(
    facts: PersonFacts, member: Mapping[str, Any], ask: Ask, given: Given, *, then: Micros, adult: Tri
) -> Tri:
    by = given[2].get("by")
    if by != ask.person and by not in facts.selves:
        ask.why = "giver_unknown" if by is None else "not_self"
        return None if by is None else False
    if adult is None:
        ask.why = "not_adult"
        return None
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
    if _disagree(scene, facts, ask, given, purpose):
        ask.why = "holders_disagree"
        return None
    if grown is not None:
        ask.rest_on(grown)
    ask.rest_on(end)
    return True if council else _not_accused(scene, ask, by)


def counts_for_nothing(scene: Scene, facts: PersonFacts, person: str, given: Given) -> bool:
    """Whether who gave it certainly had no say when they did: it gives nothing, and what was given before it stands.

    By what was so at that time alone. Who could give then and cannot any more has put theirs in the place of what was
    before; so has somebody whom what came later made P: a protective event brings no consent back (I07).
    """
    value: Mapping[str, Any] = given[2] if isinstance(given[2], dict) else {}
    then, role = value.get("occurred", value.get("from", 0)), value.get("as") or "self"
    by: Any = value.get("by")
    member = scene.facts.state.get("members", {}).get(person, {})
    adult = is_adult(member, then)
    if not value or (role == "self" and by is None) or adult is None:
        return False
    if role == "self":
        return _self(facts, member, Ask("", "", person, 0), given, then=then, adult=adult) is False
    if role in ("welfare_attorney", "deputy"):
        found, kind = facts.representatives.get(by), role
        unable = not adult or _last(facts.capacity, given, default=True) is True
    elif role in ("parent", "council"):
        found, kind = may_hold(facts.responsible, COUNCIL if role == "council" else by), ""
        competent = _last(facts.competence, given, default=False) is True
        unable = adult or by == person or competent or _of_age(member, "sixteen", then)
    else:
        return True
    if unable or found is None:
        return True
    unlike = kind not in ("", found.kind) or not found.start <= then < found.end
    return (found != UNREADABLE and unlike) or (role != "council" and scene.accused_by(by, given[0]))


def _not_accused(scene: Scene, ask: Ask, giver: str) -> Tri:
    """Not P against anybody, recorded, stated or presumed; whoever is not known here may be."""
    facts = scene.facts.person(giver)
    accused = scene.accused(giver)
    if accused or facts.died or not facts.known:
        ask.why = "given_by_p" if accused else "dead" if facts.died else "giver_unknown"
        return False if accused or facts.died else None
    return True


def _disagree(scene: Scene, facts: PersonFacts, ask: Ask, given: Given, purpose: str) -> bool:
    """True if the last act about this cell of somebody else who holds responsibility now was not to give.

    Who never held it, or has died, has no say; from who will hold it the consent is in force until then.
    """
    acts = [
        each._replace(by=_holder(scene, facts, given, each.by))
        for each in facts.acts
        if _covers(each, ask, purpose)
    ]
    perhaps = {
        other: held
        for holder, held in facts.responsible.items()
        for other, certain in scene.facts.one_with(holder).items()
        if not certain
    }
    responsible = {**perhaps, **facts.responsible}
    for each in disagreeing(given, acts, responsible):
        found = may_hold(responsible, each.by)
        if found is None or scene.at >= found.end or scene.facts.person(each.by).died:
            continue
        if found.start <= scene.at:
            return True
        ask.rest_on(found.start)
    return False


def _holder(scene: Scene, facts: PersonFacts, given: Given, by: str) -> str:
    """Who acted: under another id of theirs it was who gave, or a holder on record (rule 4.12)."""
    ids = (by, *sorted(scene.facts.person(by).selves))
    giver = _giver(given)
    return giver if giver in ids else next((each for each in ids if each in facts.responsible), by)


def disagreeing(given: Given, acts: Iterable[Act], responsible: Mapping[str, Responsible]) -> list[Act]:
    """What other holders, whenever they are, last did against this giving for a child; `acts`: all that cover its cell.

    Nothing once who gave it has taken it back: then they agree.
    """
    if given[2].get("as") not in ("parent", "council"):
        return []
    acts = list(acts)
    mine = _last_acts(acts).get(_giver(given) or "")
    if mine is not None and not mine.gave:
        return []
    others = (act for by, act in _last_acts(acts).items() if by != _giver(given))
    return [each for each in others if not each.gave and may_hold(responsible, each.by) is not None]


def _giver(given: Given) -> str | None:
    return COUNCIL if given[2].get("as") == "council" else given[2].get("by")


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
