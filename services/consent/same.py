"""Two ids that are one person: what was said under each holds under both (rule 4.12).

No id moves. What stands apart in the registers is read together, in a way that takes nothing away from anybody:

- for certain: everything. Whatever forbids, refuses or sets a desk against somebody under one of the ids does so under
  all, until it ends by its own event; roles and consents of one are roles and consents of all.
- perhaps: what forbids, refuses, objects and sets against, and nothing that permits. What a permit could rest on as
  well, such as a pair, is unknown; a role counts for sides alone; and who they are is not confirmed (F06).

It is transitive, and what only perhaps is one of them makes all of its like perhaps. While nothing is known of one of
them, not all is known of any.

What a family is to somebody, which no register says, the scene asks of every id: whom it presumes to be P, who is
another adult, or a child. Nobody is another than themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from services.consent.person import UNKNOWN, Bond, PersonFacts, Tri
from services.consent.read_person import person_facts

_STATED: Final = frozenset({"victim", "alleged_perpetrator", UNKNOWN})
_NOBODY: Final = PersonFacts(registers={}, known=False)
_Value = TypeVar("_Value")


def together(own: Mapping[str, PersonFacts]) -> tuple[dict[str, dict[str, bool]], dict[str, PersonFacts]]:
    """Who is one with whom, and everybody's facts with those of whoever is one with them."""
    one = others({person: facts.same for person, facts in own.items()})
    persons = dict(own)
    for person, theirs in one.items():
        sure = {each: own.get(each, _NOBODY) for each, certain in theirs.items() if certain}
        perhaps = [own.get(each, _NOBODY) for each, certain in theirs.items() if not certain]
        persons[person] = joined(own.get(person, _NOBODY), sure, perhaps)
    return one, persons


def one_with(persons: Mapping[str, Mapping[str, Any]], person: str) -> frozenset[str]:
    """Who is, or may be, one with a person, by the persons' registers in their JSON form."""
    bonds = {
        each: person_facts(named, known=True).same
        for each, plain in persons.items()
        if (named := {key: register for key, register in plain.items() if key.startswith("same")})
    }
    return frozenset(others(bonds).get(person, ()))


def others(bonds: Mapping[str, Mapping[str, Bond]]) -> dict[str, dict[str, bool]]:
    """Person → whoever is one with them → whether that is certain; what both sides have of a bond is one.

    In the order of their ids, so that it is the same whatever came first.
    """
    found: dict[tuple[str, str], Bond] = {}
    for person, theirs in bonds.items():
        for other, bond in theirs.items():
            key = (min(person, other), max(person, other))
            found[key] = Bond(*map(max, found.get(key, Bond()), bond))
    perhaps = _neighbours(pair for pair, bond in found.items() if bond.holds)
    sure = _neighbours(pair for pair, bond in found.items() if bond.is_sure)
    result = {}
    for person in sorted(perhaps):
        certain = _reached(sure, person)
        result[person] = {each: each in certain for each in sorted(_reached(perhaps, person) - {person})}
    return result


def _neighbours(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one, other in pairs:
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return found


def _reached(neighbours: Mapping[str, set[str]], start: str) -> set[str]:
    found, new = {start}, [start]
    while new:
        for each in neighbours.get(new.pop(), ()):
            if each not in found:
                found.add(each)
                new.append(each)
    return found


def joined(own: PersonFacts, sure: Mapping[str, PersonFacts], perhaps: Sequence[PersonFacts]) -> PersonFacts:
    """A person's facts with those of who is certainly, and of who perhaps is, the same."""
    certain = [own, *sure.values()]
    every = [*certain, *perhaps]
    doubted = [_doubted(each) for each in perhaps]
    read = [*certain, *doubted]
    return replace(
        own,
        known=all(each.known for each in every),
        confirmed=not perhaps and all(each.confirmed for each in certain),
        selves=frozenset(sure),
        givings=_givings(certain),
        spans=tuple(span for each in read for span in each.spans),
        victims=_tri(each.victims for each in read),
        perpetrators=_tri(each.perpetrators for each in read),
        exposed=_tri(each.exposed for each in read),
        since=_earliest(each.since for each in every),
        owners=set().union(*(each.owners for each in every)),
        side=_side(certain, perhaps),
        side_since=min((each.side_since for each in every if each.side in _STATED), default=own.side_since),
        needs=tuple(need for each in read for need in each.needs),
        told=True if any(each.told is True for each in certain) else own.told,
        died=any(each.died for each in every),
        household=own.household if all(_lives(own, each) for each in every) else None,
        capacity=tuple(one for each in certain for one in each.capacity),
        competence=tuple(one for each in certain for one in each.competence),
        responsible=_first(each.responsible for each in certain),
        representatives=_first(each.representatives for each in certain),
        acts=tuple(act for each in read for act in each.acts),
        objections=tuple(one for each in every for one in each.objections),
        refusals=tuple(one for each in every for one in each.refusals),
        refused=tuple(one for each in every for one in each.refused),
        shields=tuple(one for each in every for one in each.shields),
        overrides=tuple(one for each in certain for one in each.overrides),
        edges=tuple(sorted({edge for each in every for edge in each.edges})),
    )


def _doubted(facts: PersonFacts) -> PersonFacts:
    """What protects of the facts of somebody who may be the person: nothing in it is certain."""
    return replace(
        facts,
        spans=tuple(span._replace(perhaps=True) for span in facts.spans),
        victims=_unsure(facts.victims),
        perpetrators=_unsure(facts.perpetrators),
        exposed=_unsure(facts.exposed),
        needs=tuple((desk, None if stated else stated, since) for desk, stated, since in facts.needs),
        acts=tuple(act for act in facts.acts if not act.gave),
    )


def _unsure(found: Mapping[str, Tri]) -> dict[str, Tri]:
    return {key: None for key, tri in found.items() if tri is not False}


def _tri(found: Iterable[Mapping[str, Tri]]) -> dict[str, Tri]:
    """Of each key True if one says so, else None if one does not know; what ended under one id alone has not."""
    result: dict[str, Tri] = {}
    for each in found:
        for key, tri in each.items():
            before = result.get(key, False)
            result[key] = True if before or tri else None if before is None or tri is None else False
    return result


def _earliest(found: Iterable[Mapping[str, int]]) -> dict[str, int]:
    result: dict[str, int] = {}
    for each in found:
        for key, at in each.items():
            result[key] = min(at, result.get(key, at))
    return result


def _first(found: Iterable[Mapping[str, _Value]]) -> dict[str, _Value]:
    result: dict[str, _Value] = {}
    for each in found:
        result = {**each, **result}
    return result


def _side(certain: Sequence[PersonFacts], perhaps: Sequence[PersonFacts]) -> str | None:
    """Victim or P, if that is all that was stated; what only may be, or is both, is unknown. Else the person's own."""
    stated = {each.side for each in certain if each.side in _STATED}
    if all(each.side in stated or each.side not in _STATED for each in perhaps):
        return stated.pop() if len(stated) == 1 else UNKNOWN if stated else certain[0].side
    return UNKNOWN


def _lives(own: PersonFacts, other: PersonFacts) -> bool:
    return other.household is None or other.household == own.household


def _givings(found: Iterable[PersonFacts]) -> dict[tuple[str, ...], tuple[list[Any], ...]]:
    """Each cell's givings, the last one last."""
    result: dict[tuple[str, ...], tuple[list[Any], ...]] = {}
    for each in found:
        for cell, every in each.givings.items():
            result[cell] = (*result.get(cell, ()), *every)
    return {
        cell: tuple(sorted(every, key=lambda register: (register[0], register[1])))
        for cell, every in result.items()
    }
