"""The conditions of a permit, each three-valued: True, False, None (unknown, which permits nothing).

A condition that rests on a period narrows the ask's `until`; one that looks at when the event was recorded
narrows the stretch of recorded times (`after` to `before`) for which its answer holds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from services.consent.agreement import FOREVER
from services.consent.ask import Ask, held
from services.consent.compiled import Permit
from services.consent.consents import consent, no_objection, override
from services.consent.items import FAMILY
from services.consent.person import Tri
from services.consent.scene import Scene


def _open(scene: Scene, _: Permit, __: Ask) -> Tri:
    return scene.open


def _statutory(scene: Scene, _: Permit, ask: Ask) -> Tri:
    ask.rest_on(scene.statutory_until)
    return scene.statutory


def _s47(scene: Scene, _: Permit, ask: Ask) -> Tri:
    ask.rest_on(scene.s47_until)
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
    if any(each in scene.everybody for each in scene.opposed(ask.desk)):
        return False
    return None if scene.unsettled_adults else True


def _party(scene: Scene, permit: Permit, ask: Ask) -> Tri:
    ask.volatile = True
    # Its own client's row: an incident's other perpetrators are no clients of this desk.
    held_for = scene.roles.get(ask.desk, {}).get(ask.person, {})
    return ask.person in ask.parties and any(role in held_for for role in permit.roles)


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


Condition = Callable[[Scene, Permit, Ask], Tri]


EVALUATE: Final[dict[str, Condition]] = {
    "open": _open,
    "consent": consent,
    "no_objection": no_objection,
    "statutory": _statutory,
    "s47": _s47,
    "override": override,
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
