"""One cell for one desk: forbids first, then permits, then what is held (rules 4.2 to 4.7)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

from services.consent.agreement import Micros
from services.consent.ask import Ask, held
from services.consent.compiled import CategoryForbid, Permit
from services.consent.conditions import CONSENTING, evaluate
from services.consent.items import FAMILY
from services.consent.scene import FOREVER, Scene
from services.consent.vocabulary import CATEGORIES

SILENT: Final = "silent"
EXISTENCE: Final = "existence"
HELD: Final = "held"
RELEASED: Final = "released"

WHEREABOUTS: Final = "contact.whereabouts_protected"
_NEVER_SHIELDED: Final = frozenset({"identity.name", "identity.dob"})
_CHILD_SHIELDED: Final = ("contact.", "support.", "mental_health.")
_LETTERS: Final = {
    "adult": "A",
    "child": "C",
    "victim": "V",
    "perpetrator": "P",
    "worker": "W",
    "third_party": "T",
}


class Outcome(NamedTuple):
    """What becomes of one category about one person for one desk, and why.

    `clause`: the permit relied on, the forbid, or the permit that came nearest. `why`: empty, or the
    condition that failed (`consent:withdrawn`). `until`: when it must be decided again (FOREVER: never).
    `opens`: the permit carries the event's gate too. `after` to `before`: the recorded times for which this
    holds.
    """

    result: str
    category: str
    person: str
    clause: str
    why: str
    until: Micros
    opens: bool
    after: Micros
    before: Micros


def lifted(scene: Scene, category: str, person: str, *, place: bool) -> str:
    """The category that is decided: what tells where a shielded person can be found is protected (4.2).

    Until households and appointments are followed to the end, every contact counts as protected, whosoever's.
    """
    if category.startswith("contact."):
        return WHEREABOUTS
    if not place or not scene.victims:
        return category
    near = person == FAMILY or any(_near(scene, person, each) for each in scene.victims)
    return WHEREABOUTS if near else category


def _near(scene: Scene, person: str, victim: str) -> bool:
    return person == victim or scene.lives_with(person, victim) or scene.shielded(person)


def outcome(scene: Scene, source: str, ask: Ask, probable: Collection[str] = ()) -> Outcome:
    """The outcome for one desk, category and person; nothing is released that no permit names."""
    forbid = forbidden(scene, ask)
    if forbid is not None:
        return _outcome(ask, SILENT, forbid)
    permits = scene.rules.permits(source, ask.desk).get(ask.category, ())
    doubtful = unsettled(scene, ask, probable)
    best = _best(scene, permits, ask, doubtful=doubtful)
    if best.result == RELEASED and doubtful:
        return best._replace(result=HELD, clause=scene.rules.names["unconfirmed"], why="unconfirmed")
    return best


def unsettled(scene: Scene, ask: Ask, probable: Collection[str]) -> bool:
    """True if F06 holds: it is not certain who this is, or who opposes them."""
    if ask.person in probable or not scene.settled(ask.person):
        return True
    if not scene.unsettled_adults or scene.rules.opposes_nobody(ask.desk):
        return False
    if ask.person == FAMILY:
        return ask.category != "family.existence"
    return scene.members.get(ask.person) is not False or scene.shielded(ask.person)


def forbidden(scene: Scene, ask: Ask) -> str | None:
    """The id of the forbid that matches, true or unknown; None if none does."""
    for each in scene.rules.forbids.get(ask.category, ()):
        if _named(scene, each, ask):
            return each.id
    proceedings = scene.rules.proceedings
    if ask.category == "child.proceedings":
        spared = proceedings.but if proceedings is not None else ("lead",)
        if not _is_one_of(scene, spared, ask.desk):
            return scene.rules.names["ordered"]
    return scene.rules.names["shielded_set"] if _shielded(scene, ask) else None


def _named(scene: Scene, forbid: CategoryForbid, ask: Ask) -> bool:
    concerned = "any" in forbid.to or _is_one_of(scene, forbid.to, ask.desk)
    return concerned and not _is_one_of(scene, forbid.but, ask.desk)


def _is_one_of(scene: Scene, words: tuple[str, ...], desk: str) -> bool:
    family = scene.family_roles.get(desk, {})
    if any(each in family for each in words) or scene.rules.matches(words, desk):
        return True
    return any(each in roles for roles in scene.roles.get(desk, {}).values() for each in words)


def _shielded(scene: Scene, ask: Ask) -> bool:
    """F01: the desk opposes a victim whose shielded set this belongs to."""
    opposed = scene.opposed(ask.desk)
    if ask.person == FAMILY:
        # What is about the family as a whole is about its victims as well, save that the family is open.
        return ask.category != "family.existence" and any(each in scene.members for each in opposed)
    if ask.person in opposed:
        return ask.category not in _NEVER_SHIELDED
    if ask.person not in scene.members and not scene.facts.person(ask.person).known:
        return not scene.rules.opposes_nobody(ask.desk)  # who they are to this desk is unknown
    victims = [each for each in scene.shielders(ask.person) if each in opposed]
    return bool(victims) and _shielded_of_child(scene, ask, victims)


def _shielded_of_child(scene: Scene, ask: Ask, victims: list[str]) -> bool:
    category = ask.category
    if ask.text or CATEGORIES[category].free_text or category.startswith(_CHILD_SHIELDED):
        return True
    return category == "child.education" or (category == "family.membership" and _since(scene, ask, victims))


def _since(scene: Scene, ask: Ask, victims: list[str]) -> bool:
    """Membership changes of a shielded child are shielded from the record of the pair on."""
    start = min(scene.since(each) for each in victims)
    if ask.recorded >= start:
        ask.after = max(ask.after, start)
        return True
    ask.before = min(ask.before, start)
    return False


def _best(scene: Scene, permits: tuple[Permit, ...], ask: Ask, *, doubtful: bool) -> Outcome:
    """The permit that holds longest; without one, the level that the nearest of them leave (rule 4.6)."""
    best: Outcome | None = None
    near: list[Permit] = []
    closest = ("", "no_clause")
    opens = FOREVER + 1
    named = scene.role_words(ask.desk)
    for permit in permits:
        if not permit.direct and named.isdisjoint(permit.roles):
            continue
        if not permit.start <= scene.at < permit.end:
            continue
        if not _about(scene, permit.subjects, ask):
            continue
        ask.until, ask.why = permit.end, ""
        role = held(scene, permit, ask, same=permit.same)
        if role is None:
            continue
        ask.rest_on(role)
        value, failing = evaluate(scene, permit, ask)
        if value is True:
            opens = min(opens, ask.until) if permit.opens else opens
            if best is None or ask.until > best.until:
                best = _outcome(ask, RELEASED, permit.id)
        else:
            consenting = not CONSENTING.isdisjoint(failing)
            if consenting:
                near.append(permit)
            if consenting or not closest[0]:
                closest = (permit.id, _why(failing, ask))
    if best is not None:
        return best._replace(
            until=min(best.until, opens), opens=opens <= FOREVER, after=ask.after, before=ask.before
        )
    if doubtful and _possible(scene, permits, ask):
        return _outcome(ask, HELD, scene.rules.names["unconfirmed"], "unconfirmed")
    level = EXISTENCE if near and all(each.existence for each in near) else SILENT
    return _outcome(ask, level, *closest)


def _possible(scene: Scene, permits: tuple[Permit, ...], ask: Ask) -> bool:
    """True if something may be released once it is known who this is: the desk has some role here."""
    concerned = ask.desk in scene.family_roles or ask.desk in scene.roles
    return any(permit.start <= scene.at < permit.end and (permit.direct or concerned) for permit in permits)


def _why(failing: tuple[str, ...], ask: Ask) -> str:
    words = "|".join(failing)
    return f"{words}:{ask.why}" if ask.why else words


def _about(scene: Scene, subjects: frozenset[str], ask: Ask) -> bool:
    """Whether the person is certainly one of those that a permit is about."""
    if "any" in subjects:
        return True
    if ask.category in ("worker.contact", "third_party.detail"):
        return ("worker" if ask.category == "worker.contact" else "third_party") in subjects
    if ask.person == FAMILY:
        return any(_LETTERS[each] in CATEGORIES[ask.category].whose for each in subjects)
    return not subjects.isdisjoint(scene.words(ask.person))


def _outcome(ask: Ask, result: str, clause: str, why: str = "") -> Outcome:
    until = ask.until if result == RELEASED else FOREVER
    return Outcome(result, ask.category, ask.person, clause, why, until, False, ask.after, ask.before)
