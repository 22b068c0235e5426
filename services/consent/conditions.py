"""The conditions of a permit, each three-valued: True, False, None (unknown, which permits nothing).

A condition that rests on a period narrows the ask's `until`; one that looks at when the event was recorded
narrows the stretch of recorded times (`after` to `before`) for which its answer holds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from services.consent.agreement import Micros
from services.consent.compiled import Permit
from services.consent.items import FAMILY
from services.consent.person import OVERRIDE_LIMITS, PersonFacts, Refusal, Tri
from services.consent.scene import FOREVER, Scene
from services.consent.vocabulary import FAMILY_ROLES


class Ask:
    """One question: may this desk have this category about this person; collects what the answer rests on."""

    __slots__ = (
        "addressed",
        "after",
        "before",
        "category",
        "desk",
        "parties",
        "person",
        "recorded",
        "text",
        "until",
        "volatile",
        "why",
    )

    def __init__(
        self,
        desk: str,
        category: str,
        person: str,
        recorded: Micros,
        *,
        addressed: bool = False,
        text: bool = False,
        parties: tuple[str, ...] = (),
    ) -> None:
        self.desk, self.category, self.person = desk, category, person
        self.recorded, self.addressed, self.text, self.parties = recorded, addressed, text, parties
        self.after, self.before = -FOREVER, FOREVER
        self.until = FOREVER
        self.volatile = False
        self.why = ""

    def rest_on(self, until: Micros) -> None:
        """The answer holds until then at most."""
        self.until = min(self.until, until)


def held(scene: Scene, permit: Permit, ask: Ask, *, same: bool) -> Micros | None:
    """The end of the role that the permit rests on, the latest of several; None if the desk holds none."""
    if permit.direct:
        return FOREVER if not same or _holds_any(scene, ask) else None
    family = scene.family_roles.get(ask.desk, {})
    persons = scene.roles.get(ask.desk, {})
    best: Micros | None = None
    for role in permit.roles:
        if role in FAMILY_ROLES:
            end = family.get(role) if not same or _member(scene, ask.person) else None
            ends = [] if end is None else [end]
        else:
            whom = _clients(scene, ask) if same else scene.members
            ends = [persons[each][role] for each in whom if each in persons and role in persons[each]]
        for end in ends:
            best = end if best is None or end > best else best
    return best


def _member(scene: Scene, person: str) -> bool:
    return person == FAMILY or person in scene.members


def _clients(scene: Scene, ask: Ask) -> tuple[str, ...]:
    """For whom a role must be held: this very person; for a victim's child the victim will do."""
    if scene.members.get(ask.person) is not False:
        return (ask.person,)
    return (ask.person, *scene.parents_shielded(ask.person))


def _holds_any(scene: Scene, ask: Ask) -> bool:
    return bool(scene.roles.get(ask.desk, {}).get(ask.person))


def _open(scene: Scene, _: Permit, __: Ask) -> Tri:
    return scene.open


def _statutory(scene: Scene, _: Permit, __: Ask) -> Tri:
    return scene.statutory


def _s47(scene: Scene, _: Permit, __: Ask) -> Tri:
    return scene.s47


def _told(scene: Scene, _: Permit, ask: Ask) -> Tri:
    return None if ask.person == FAMILY else scene.facts.person(ask.person).told


def _addressed(_: Scene, __: Permit, ask: Ask) -> Tri:
    return ask.addressed


def _same(scene: Scene, permit: Permit, ask: Ask) -> Tri:
    return held(scene, permit, ask, same=True) is not None


def _clear(scene: Scene, _: Permit, ask: Ask) -> Tri:
    if scene.rules.opposes_nobody(ask.desk):
        return True
    if any(each in scene.members for each in scene.opposed(ask.desk)):
        return False
    return None if scene.unsettled_adults else True


def _party(scene: Scene, permit: Permit, ask: Ask) -> Tri:
    ask.volatile = True
    persons = scene.roles.get(ask.desk, {})
    return (
        any(role in persons.get(party, {}) for party in ask.parties for role in permit.roles)
        and ask.person in persons
    )


def _pair(scene: Scene, permit: Permit, ask: Ask) -> Tri:
    for person, roles in scene.roles.get(ask.desk, {}).items():
        if any(role in roles for role in permit.roles):
            if person == ask.person and scene.pair(person):
                return True
            if scene.victims_of.get(ask.person, {}).get(person) is True:
                return True
    return False


def _never(_: Scene, __: Permit, ___: Ask) -> Tri:
    return False


def _no_objection(scene: Scene, permit: Permit, ask: Ask) -> Tri:
    """None of this person's, pending or upheld, covers the cell (Art. 21; rule 4.15)."""
    found: Tri = True
    for each in scene.facts.person(ask.person).objections:
        if (
            (each.purposes is None or permit.purpose in each.purposes)
            and (each.categories is None or ask.category in each.categories)
            and (each.desks is None or ask.desk in each.desks)
        ):
            if each.stands:
                ask.why = "objection"
                return False
            found = None
    return found


def _consent(scene: Scene, permit: Permit, ask: Ask) -> Tri:
    """One in force covers this person x purpose x category x desk (rule 4.13; so far an adult's own)."""
    facts = scene.facts.person(ask.person)
    given = facts.registers.get(f"consent|{permit.purpose}|{ask.category}|{ask.desk}")
    refusal = _refusal(facts, permit, ask, given)
    if given is None or refusal:
        ask.why = refusal or _last_refusal(facts, permit, ask) or "none"
        return False
    value = given[2]
    start = value.get("from") if isinstance(value, dict) else None
    if not isinstance(start, int):
        ask.why = "unreadable"
        return None
    able = _by_self(scene, facts, ask, given)
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


def _covers(each: Refusal, permit: Permit, ask: Ask) -> bool:
    return (
        each.purpose in ("*", permit.purpose)
        and each.category in ("*", ask.category)
        and each.desk in ("*", ask.desk)
    )


def _refusal(facts: PersonFacts, permit: Permit, ask: Ask, given: list[object] | None) -> str | None:
    """The act that stands against a giving: accepted after it, or having occurred at or after it."""
    if given is None:
        return None
    value = given[2]
    occurred = value.get("occurred") if isinstance(value, dict) else None
    for each in facts.refusals:
        if _covers(each, permit, ask) and (each.at, each.by) > (given[0], given[1]):
            return each.act
    for each in facts.refused:
        if _covers(each, permit, ask) and not (isinstance(occurred, int) and each.at < occurred):
            return each.act
    return None


def _last_refusal(facts: PersonFacts, permit: Permit, ask: Ask) -> str | None:
    found = [each for each in facts.refusals if _covers(each, permit, ask)]
    return max(found, key=lambda each: (each.at, each.by)).act if found else None


def _by_self(scene: Scene, facts: PersonFacts, ask: Ask, given: list[object]) -> Tri:
    """Given by the person, an adult then, alive, and not known to lack capacity when giving it."""
    value = given[2] if isinstance(given[2], dict) else {}
    member = scene.facts.state.get("members", {}).get(ask.person, {})
    adult_from = member.get("adult_from")
    adult = member.get("kind") == "adult" or (adult_from is not None and adult_from <= value.get("from", 0))
    if facts.died or not adult:
        ask.why = "dead" if facts.died else "not_adult"
        return False
    if value.get("by") != ask.person or value.get("as") not in ("self", None):
        ask.why = "not_self"
        return False
    before = [each for each in facts.capacity if each[:2] < (given[0], given[1])]
    has = max(before)[2] if before else True
    if has is not True:
        ask.why = "no_capacity"
    return has


def _override(scene: Scene, _: Permit, ask: Ask) -> Tri:
    """One in force names this person, category and desk (rule 4.16)."""
    facts = scene.facts.person(ask.person)
    found: Tri = False
    for name in facts.overrides:
        value = facts.registers[f"override|{name}"][2]
        end = _override_end(facts, name, value)
        if not isinstance(value, dict) or end is None:
            found = None
            continue
        names = ask.category in value.get("categories", ()) and ask.desk in value.get("desks", ())
        grounded = value.get("ground") == "vital" or (value.get("ground") == "s47" and scene.s47)
        if names and grounded and value["from"] <= scene.at < end:
            ask.rest_on(end)
            return True
    return found


def _override_end(facts: PersonFacts, name: str, value: object) -> Micros | None:
    start = value.get("from") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(start, int):
        return None
    ends = [start + OVERRIDE_LIMITS["vital" if value.get("ground") == "vital" else "s47"]]
    if f"override_seconded|{name}" not in facts.registers:
        ends.append(start + OVERRIDE_LIMITS["alone"])
    if f"override_ended|{name}" in facts.registers:
        ends.append(start)
    until = value.get("until")
    if isinstance(until, int):
        ends.append(until)
    return min(ends)


Condition = Callable[[Scene, Permit, Ask], Tri]

EVALUATE: Final[dict[str, Condition]] = {
    "open": _open,
    "consent": _consent,
    "no_objection": _no_objection,
    "statutory": _statutory,
    "s47": _s47,
    "override": _override,
    "told": _told,
    "addressed": _addressed,
    "clear": _clear,
    "party": _party,
    "pair": _pair,
    "same": _same,
    "deidentified": _never,
    "holder": _never,
    "own": _never,
}
"""Every condition that an agreement may name. The last three: never true of an event."""

CONSENTING: Final = frozenset({"consent", "no_objection"})
"""A permit that fails on these alone may tell its recipient that something is withheld (rule 4.6)."""


def evaluate(scene: Scene, permit: Permit, ask: Ask) -> tuple[Tri, tuple[str, ...]]:
    """All conditions of a permit: their value, and the first alternatives that are not true."""
    value: Tri = True
    failing: tuple[str, ...] = ()
    for alternatives in permit.when:
        one = _any(scene, permit, ask, alternatives)
        if one is not True:
            if failing and not CONSENTING.isdisjoint(failing) and CONSENTING.isdisjoint(alternatives):
                failing = alternatives  # what is no matter of consent decides the level
            failing = failing or alternatives
            value = False if one is False or value is False else None
    return value, failing


def _any(scene: Scene, permit: Permit, ask: Ask, alternatives: tuple[str, ...]) -> Tri:
    """One true alternative is enough; of several the one that holds longest is relied on."""
    value: Tri = False
    before, best = ask.until, -FOREVER
    for name in alternatives:
        ask.until = before
        one = EVALUATE[name](scene, permit, ask)
        if one is True:
            best, value = max(best, ask.until), True
        elif one is None and value is False:
            value = None
    ask.until = best if value is True else before
    return value
