"""Forbids, for one desk, category and person: each matches if it is true or unknown (rule 4.4).

In this order: an adopted child (F10), a worker in conflict (F08), a category by name (F03, F05), a court's order (F09),
a restriction (F02), a victim whom the desk opposes (F01). A confirmed override may lift the last two, where it names
what it lifts and the ask's person, category and desk, and never for contact (rule 4.16).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from services.consent.agreement import Micros, is_of
from services.consent.ask import Ask
from services.consent.compiled import CategoryForbid
from services.consent.items import FAMILY
from services.consent.scene import Scene
from services.consent.shields import Override, Shield
from services.consent.vocabulary import CATEGORIES

PROCEEDINGS: Final = "child.proceedings"
NOTHING: Final[frozenset[str]] = frozenset()
_NEVER_SHIELDED: Final = frozenset({"identity.name", "identity.dob"})
_CHILD_SHIELDED: Final = ("contact.", "support.", "mental_health.")
_NEVER_LIFTED: Final = "contact."
_PUBLIC: Final = "family.existence"
"""That the family is open is about nobody in it."""


def forbidden(scene: Scene, ask: Ask, lift: frozenset[str] | None = None) -> str | None:
    """The id of the forbid that matches, true or unknown; None if none does.

    `lift`: what is lifted (victims, `owner|restriction`); left out, what overrides lift for this very ask, which
    then says so in `ask.by_override`.
    """
    names = scene.rules.names
    gone = scene.nobody(ask.person)
    if gone or ask.person in scene.adopted:
        return names["unconfirmed" if gone else "adopted_child"]
    if scene.conflicts and in_conflict(scene, ask.desk):
        return names["conflicted_family"]
    for each in scene.rules.forbids.get(ask.category, ()):
        if _named(scene, each, ask):
            return each.id
    if ask.category == PROCEEDINGS and not _may_have_proceedings(scene, ask):
        return names["ordered"]
    if scene.shields:
        found = _by_record(scene, ask, lift)
        if found is not None:
            return found
    return names["shielded_set"] if _opposed(scene, ask, lift) else None


def in_conflict(scene: Scene, desk: str) -> bool:
    """True for the desk of a worker for whom the family does not exist; colleagues are served (rule 4.19)."""
    agency, _, team = desk.partition("/")
    return "/" in team and any(
        desk == where or (where.partition("/")[0] in ("", agency) and _is_desk_of(worker, desk))
        for where, worker in ((each or "", worker) for each, worker in scene.conflicts)
    )


def _is_desk_of(worker: str | None, desk: str) -> bool:
    """True for the desk inside a wall that bears a worker's name, however that is written."""
    named, own = (worker or "").strip().casefold(), desk.casefold()
    return named in (own, own.rpartition("/")[2])


def lift_of(scene: Scene, desk: str, category: str, person: str) -> frozenset[str]:
    """What confirmed overrides that name this person, category and desk lift: victims, `owner|restriction`."""
    found = NOTHING
    for each in naming(scene, desk, category, person):
        found |= each.lifted
    return found


def naming(scene: Scene, desk: str, category: str, person: str) -> Iterator[Override]:
    """The overrides in force that name this person, category and desk; none for contact."""
    if person == FAMILY or category.startswith(_NEVER_LIFTED):
        return
    for each in scene.facts.person(person).overrides:
        if category in each.categories and desk in each.desks and in_force(scene, each) is not None:
            yield each


def in_force(scene: Scene, override: Override) -> Micros | None:
    """When an override that is in force ends, for an enquiry no later than that; None: it is not in force."""
    if not override.known or not override.start <= scene.at < override.end:
        return None
    if override.ground == "vital":
        return override.end
    last = scene.enquired_since(override.start, override.enquiry)
    return None if last is None else min(override.end, last)


def _named(scene: Scene, forbid: CategoryForbid, ask: Ask) -> bool:
    concerned = "any" in forbid.to or _is_one_of(scene, forbid.to, ask.desk)
    return concerned and not _is_one_of(scene, forbid.but, ask.desk)


def _is_one_of(scene: Scene, words: tuple[str, ...], desk: str) -> bool:
    family = scene.family_roles.get(desk, {})
    if any(each in family for each in words) or scene.rules.matches(words, desk):
        return True
    return any(each in roles for roles in scene.roles.get(desk, {}).values() for each in words)


def _may_have_proceedings(scene: Scene, ask: Ask) -> bool:
    """Whoever stands on the list of every order; without a list those whom the agreement spares."""
    lists = [each.allowed for each in _shields(scene, ask.person) if each.order and each.allowed is not None]
    if lists:
        return all(_stands_on(scene, each, ask.desk) for each in lists)
    clause = scene.rules.proceedings
    return _is_one_of(scene, clause.but if clause is not None else ("lead",), ask.desk)


def _shields(scene: Scene, person: str) -> Iterator[Shield]:
    """What was recorded of a person, or of any member where it is about the family as a whole."""
    for each in scene.everybody if person == FAMILY else (person,):
        yield from scene.shields.get(each, ())


def _stands_on(scene: Scene, words: Iterable[str], desk: str) -> bool:
    return any(desk.startswith(f"{each}/") or scene.rules.matches((each,), desk) for each in words)


def _by_record(scene: Scene, ask: Ask, lift: frozenset[str] | None) -> str | None:
    """F09 or F02: what a court order or a restriction keeps from this desk."""
    for person, shields in scene.shields.items():
        for each in shields:
            if _concerns(scene, each, ask, person) and _keeps_from(scene, each, ask.desk):
                name = f"{each.owner}|{each.id}"
                if each.order:
                    return scene.rules.names["ordered"]
                if not each.known or not _is_lifted(scene, ask, lift, name, {each.owner}):
                    return scene.rules.names["restricted_set"]
    return None


def _concerns(scene: Scene, shield: Shield, ask: Ask, person: str) -> bool:
    """True if this is what the record names: its categories about that person, or their shielded set.

    Of one that cannot be read: all about that person, and what the shielded set has of others.
    """
    if not shield.known and ask.person == person:
        return True
    if shield.categories is not None:
        named = ask.category in shield.categories or ask.stated in shield.categories
        return ask.person == person and named
    if ask.person == FAMILY:
        return ask.category != _PUBLIC and person in scene.everybody
    if ask.person == person:
        return ask.category not in _NEVER_SHIELDED
    child = any(adult is not True for adult in scene.kinds(ask.person))
    with_them = person in scene.facts.person(ask.person).exposed or scene.lives_with(ask.person, person)
    return child and with_them and _shielded_of_child(ask, shield.since)


def _keeps_from(scene: Scene, shield: Shield, desk: str) -> bool:
    """True for a desk that the record names, or that may be the one it names."""
    if not shield.known:
        return True
    if shield.order and shield.allowed is not None:
        return not _stands_on(scene, shield.allowed, desk)
    if shield.person is not None and shield.person in scene.sides.get(desk, ()):
        return not scene.rules.opposes_nobody(desk)
    return _is_place_of(scene, shield, desk)


def _is_place_of(scene: Scene, shield: Shield, desk: str) -> bool:
    """True if agency, team and worker fit; without a wall a worker is whoever reads what the team gets."""
    places = [each for each in (shield.agency, shield.desk) if each is not None]
    inside = all(is_of(desk, each) for each in places)
    if shield.worker is None:
        return bool(places) and inside
    if desk.count("/") > 1:
        return inside and _is_desk_of(shield.worker, desk)
    if places:
        return inside
    walled = any(_is_desk_of(shield.worker, each) for each in scene.rules.desks if each.count("/") > 1)
    return not walled and not scene.rules.opposes_nobody(desk)


def _opposed(scene: Scene, ask: Ask, lift: frozenset[str] | None) -> bool:
    """F01: the desk opposes a victim whose shielded set this belongs to."""
    opposed = scene.opposed(ask.desk)
    if not opposed and (ask.person in scene.members or ask.person == FAMILY):
        return False
    if ask.person == FAMILY:
        # What is about the family as a whole is about its victims as well, save that the family is open.
        return ask.category != _PUBLIC and any(each in scene.everybody for each in opposed)
    if ask.person in opposed:
        victims = [ask.person] if ask.category not in _NEVER_SHIELDED else []
    elif ask.person not in scene.members and not scene.facts.person(ask.person).known:
        return not scene.rules.opposes_nobody(ask.desk)  # who they are to this desk is unknown
    else:
        # A child is shielded with every victim, recorded as one or only opposed: whom it lives with would tell that
        # she moved, and that she fled may be known before anybody records a pair.
        kinds = scene.kinds(ask.person)
        child = not kinds or any(adult is not True for adult in kinds)
        of_family = list(opposed) if child else []
        start = min((scene.since(each) for each in of_family), default=0)
        victims = of_family if of_family and _shielded_of_child(ask, start) else []
    return any(not _is_lifted(scene, ask, lift, each, _owners(scene, each)) for each in victims)


def _is_lifted(scene: Scene, ask: Ask, lift: frozenset[str] | None, name: str, owners: Iterable[str]) -> bool:
    """True if an override lifts it; then the ask rests on that override, or says for whose second person it waits.

    A victim is named by any id that is certainly theirs.
    """
    names = {name, *scene.facts.person(name).selves}
    if lift is not None:
        return not names.isdisjoint(lift)
    if not scene.facts.person(ask.person).overrides:
        return False
    found = list(naming(scene, ask.desk, ask.category, ask.person))
    lifting = [
        end
        for each in found
        if not names.isdisjoint(each.lifted) and (end := in_force(scene, each)) is not None
    ]
    if lifting:
        ask.by_override = True
        ask.lifted_until = min(ask.lifted_until, max(lifting))
        return True
    asked = {*name.split("|")[-1:], name}
    if any(not asked.isdisjoint(each.victims | each.restrictions) for each in found):
        ask.why = f"second_person:{','.join(sorted(owners))}"
    return False


def _owners(scene: Scene, victim: str) -> set[str]:
    return scene.facts.person(victim).owners


def _shielded_of_child(ask: Ask, start: Micros) -> bool:
    category = ask.category
    if ask.text or CATEGORIES[category].free_text or category.startswith(_CHILD_SHIELDED):
        return True
    return category == "child.education" or (category == "family.membership" and _since(ask, start))


def _since(ask: Ask, start: Micros) -> bool:
    """Membership changes of a shielded child are shielded from the record of the pair on."""
    if ask.recorded >= start:
        ask.after = max(ask.after, start)
        return True
    ask.before = min(ask.before, start)
    return False
