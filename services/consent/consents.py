"""Consent, objection and override, three-valued, as a person's facts have them (rules 4.13, 4.15, 4.16)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from services.consent.agreement import FOREVER, Micros, is_of
from services.consent.ask import Ask
from services.consent.compiled import Permit
from services.consent.covering import covering
from services.consent.family_facts import FamilyFacts
from services.consent.forbids import in_force
from services.consent.givers import able_to_give, counts_for_nothing
from services.consent.person import PersonFacts, Refusal, Tri
from services.consent.scene import Scene

Givings = tuple[list[Any], ...]
"""The registers of givings of one cell, the last one last."""


def no_objection(scene: Scene, permit: Permit, ask: Ask) -> Tri:
    """None of this person's, pending or upheld, covers the cell (Art. 21; rule 4.15)."""
    found: Tri = True
    for each in scene.facts.person(ask.person).objections:
        if (
            (each.purposes is None or permit.purpose in each.purposes)
            and (each.categories is None or ask.category in each.categories)
            and (each.desks is None or any(is_of(ask.desk, one) for one in each.desks))
        ):
            if each.stands:
                ask.why = "objection" if each.pending else "upheld"
                return False
            found = None
    return found


def consent(scene: Scene, permit: Permit, ask: Ask) -> Tri:
    """One in force covers this person x purpose x category x desk (rule 4.13)."""
    facts = scene.facts.person(ask.person)
    cell = Cell(permit.purpose, ask.category, ask.desk)
    every = _that_count(scene, facts, ask.person, cell)
    given = every[-1] if every else None
    refusal = _refusal(facts, cell, given)
    if given is None or refusal:
        ask.why = refusal or _last_refusal(facts, cell) or "none"
        return False
    value = given[2]
    start = value.get("from") if isinstance(value, dict) else None
    if not isinstance(start, int):
        ask.why = "unreadable"
        return None
    able = able_to_give(scene, facts, ask, given, permit.purpose)
    return _in_time(scene, facts, ask, cell, every) if able is True else able


def _that_count(scene: Scene, facts: PersonFacts, person: str, cell: Cell) -> Givings:
    """The givings of a cell but those of who had no say (I17); of these the last, where there are no others."""
    every = facts.given(cell)
    if len(every) < 2:
        return every
    return tuple(each for each in every if not counts_for_nothing(scene, facts, person, each)) or every[-1:]


def _in_time(scene: Scene, facts: PersonFacts, ask: Ask, cell: Cell, every: Givings) -> Tri:
    value = every[-1][2]
    start, until = value["from"], value.get("until")
    end = FOREVER if until is None else until
    if not isinstance(end, int):
        ask.why = "unreadable"
        return None
    if not start <= scene.at < end:
        ask.why = "not_started" if scene.at < start else "expired"
        return False
    if value.get("earlier") is not True and not _recorded_then(scene, facts, ask, cell, every, end):
        return False
    ask.rest_on(end)
    return True


def _recorded_then(
    scene: Scene, facts: PersonFacts, ask: Ask, cell: Cell, every: Givings, end: Micros
) -> bool:
    """Whether it was recorded while the consent was in force: since the giving that decides, or one that it renews."""
    *before, given = every
    if ask.recorded >= end:
        ask.after, ask.why = max(ask.after, end), "recorded_after"
        return False
    until, start, stated = end, given[2]["from"], given[2].get("at")
    for each in reversed(before):
        # A renewal begins when it is stated: else there was a time in which nothing was in force.
        if ask.recorded >= start or start != stated or not _goes_on(scene, facts, ask, cell, each, start):
            break
        until, start, stated = start, each[2]["from"], each[2].get("at")
        if each[2].get("earlier") is True:
            start = -FOREVER
    if ask.recorded < start:
        ask.before, ask.why = min(ask.before, start), "recorded_before"
        return False
    ask.after, ask.before = max(ask.after, start), min(ask.before, until)
    return True


def _goes_on(scene: Scene, facts: PersonFacts, ask: Ask, cell: Cell, given: list[Any], until: Micros) -> bool:
    """Whether a giving was in force until another took its place, and what was recorded by then may still go out."""
    value = given[2]
    start, end = (value.get("from"), value.get("until")) if isinstance(value, dict) else (None, None)
    if not isinstance(start, int) or not (end is None or (isinstance(end, int) and end >= until)):
        return False
    if _refusal(facts, cell, given):
        return False
    asked = Ask(ask.desk, ask.category, ask.person, ask.recorded)
    if able_to_give(scene, facts, asked, given, cell.purpose) is not True:
        return False
    ask.rest_on(asked.until)
    return True


class Cell(NamedTuple):
    """What one consent is for; none carries to another (rule 4.13)."""

    purpose: str
    category: str
    desk: str


def ended(before: FamilyFacts, after: FamilyFacts, person: str) -> dict[Cell, list[Any]]:
    """The person's cells given before against which an act of theirs stands only now, or a death; each's giving."""
    was, now = before.person(person), after.person(person)
    stood, stand = standing(was), standing(now)
    return {
        cell: given
        for cell, given in givings(was)
        if (stood(cell, given) and _live(before, was, given))
        and not (stand(cell, given) and _live(after, now, given))
    }


def _live(facts: FamilyFacts, whose: PersonFacts, given: list[Any]) -> bool:
    """Whether nobody has died by whose life a consent stands: whose it is, and who gave it."""
    giver = giver_of(given)
    return not whose.died and not (giver is not None and facts.person(giver).died)


def giver_of(given: list[Any]) -> str | None:
    """Who gave a consent; None if that cannot be read."""
    by = given[2].get("by") if isinstance(given[2], dict) else None
    return by if isinstance(by, str) else None


def givings(facts: PersonFacts) -> Iterator[tuple[Cell, list[Any]]]:
    """Each cell's last giving."""
    for cell, every in facts.givings.items():
        yield Cell(*cell), every[-1]


def standing(facts: PersonFacts) -> Callable[[Cell, list[Any]], bool]:
    """Whether nothing that the person did stands against a giving; its time and its giver are not asked about."""
    refusals, refused = covering(facts.refusals), covering(facts.refused)
    return lambda cell, given: _against(refusals(cell), refused(cell), given) is None


def _covers(each: Refusal, cell: Cell) -> bool:
    return (
        each.purpose in ("*", cell.purpose)
        and each.category in ("*", cell.category)
        and each.desk in ("*", cell.desk)
    )


def _refusal(facts: PersonFacts, cell: Cell, given: list[object] | None) -> str | None:
    """The act that stands against a giving, and when: accepted after it, or having occurred at or after it."""
    if given is None:
        return None
    refusals, refused = (
        [each for each in acts if _covers(each, cell)] for acts in (facts.refusals, facts.refused)
    )
    return _against(refusals, refused, given)


def _against(refusals: Iterable[Refusal], refused: Iterable[Refusal], given: list[Any]) -> str | None:
    """The same, of all that cover its cell."""
    value = given[2]
    occurred = value.get("occurred") if isinstance(value, dict) else None
    for each in refusals:
        if (each.at, each.by) > (given[0], given[1]):
            return f"{each.act}:{each.at}"
    for each in refused:
        if not (isinstance(occurred, int) and each.at < occurred):
            return f"{each.act}:{each.at}"
    return None


def _last_refusal(facts: PersonFacts, cell: Cell) -> str | None:
    found = [each for each in facts.refusals if _covers(each, cell)]
    last = max(found, key=lambda each: (each.at, each.by)) if found else None
    return None if last is None else f"{last.act}:{last.at}"


def override(scene: Scene, _: Permit, ask: Ask) -> Tri:
    """One in force names this person, category and desk (rule 4.16)."""
    found: Tri = False
    for each in scene.facts.person(ask.person).overrides:
        if not each.known:
            found = None
        elif (
            ask.category in each.categories
            and ask.desk in each.desks
            and (end := in_force(scene, each)) is not None
        ):
            ask.rest_on(end)
            ask.why = f"{each.ground}:{each.reason}"
            return True
    return found
