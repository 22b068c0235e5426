"""Consent, objection and override, three-valued, as a person's facts have them (rules 4.13, 4.15, 4.16)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from services.consent.agreement import FOREVER, Micros
from services.consent.ask import Ask
from services.consent.compiled import Permit
from services.consent.covering import covering
from services.consent.forbids import in_force
from services.consent.givers import able_to_give
from services.consent.person import PersonFacts, Refusal, Tri
from services.consent.scene import FamilyFacts, Scene


def no_objection(scene: Scene, permit: Permit, ask: Ask) -> Tri:
    """None of this person's, pending or upheld, covers the cell (Art. 21; rule 4.15)."""
    found: Tri = True
    for each in scene.facts.person(ask.person).objections:
        if (
            (each.purposes is None or permit.purpose in each.purposes)
            and (each.categories is None or ask.category in each.categories)
            and (each.desks is None or ask.desk in each.desks)
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
    given = facts.registers.get(f"consent|{permit.purpose}|{ask.category}|{ask.desk}")
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
    if able is not True:
        return able
    return _in_time(scene, ask, value, start)


def _in_time(scene: Scene, ask: Ask, value: dict[str, object], start: Micros) -> Tri:
    until = value.get("until")
    end = FOREVER if until is None else until
    if not isinstance(end, int):
        ask.why = "unreadable"
        return None
    if not start <= scene.at < end:
        ask.why = "not_started" if scene.at < start else "expired"
        return False
    if value.get("earlier") is not True:
        before, after = ask.recorded < start, ask.recorded >= end
        ask.after = max(ask.after, end if after else -FOREVER if before else start)
        ask.before = min(ask.before, start if before else FOREVER if after else end)
        if before or after:
            ask.why = "recorded_before" if before else "recorded_after"
            return False
    ask.rest_on(end)
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
    for key, given in facts.registers.items():
        name, _, rest = key.partition("|")
        if name == "consent":
            yield Cell(*rest.split("|")), given


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
        elif ask.category in each.categories and ask.desk in each.desks and in_force(scene, each):
            ask.rest_on(each.end)
            ask.why = f"{each.ground}:{each.reason}"
            return True
    return found
