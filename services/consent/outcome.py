"""One cell for one desk: forbids first, then permits, then what is held (rules 4.2 to 4.7)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final, NamedTuple

from services.consent.agreement import FOREVER, Micros
from services.consent.ask import Ask, held
from services.consent.compiled import Permit
from services.consent.conditions import CONSENTING, evaluate
from services.consent.forbids import forbidden
from services.consent.items import FAMILY
from services.consent.scene import Scene
from services.consent.vocabulary import CATEGORIES

SILENT: Final = "silent"
EXISTENCE: Final = "existence"
HELD: Final = "held"
RELEASED: Final = "released"

Forbid = Callable[[Scene, Ask], str | None]
"""What denies: the forbids, or in a proof of the permits alone anything that they may answer."""

_HIDDEN: Final = (RELEASED, EXISTENCE, HELD, SILENT)
"""From the least hidden to the most."""

WHEREABOUTS: Final = "contact.whereabouts_protected"
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


def lifted(scene: Scene, desk: str, category: str, person: str, *, place: bool) -> tuple[str, ...]:
    """What is decided: of what tells where somebody can be found, whereabouts that are protected (4.2).

    What is stated as something else than a contact, such as the place of an appointment, must be allowed as that
    too: else a record that protects would open what an objection keeps (I07). Where it is not certain whether they
    are, both must be allowed of a contact as well. A desk that opposes a victim is decided for as if nothing were
    known of where anybody lives with whom: else what it gets would tell that she moved.
    """
    if not place and category != "contact.address":
        return (category,)
    if scene.opposed(desk):
        near = True if scene.victims.get(person) is True else None if scene.victims else False
    else:
        near = scene.near(person)
    if near is False:
        return (category,)
    return (WHEREABOUTS,) if near and category.startswith("contact.") else (category, WHEREABOUTS)


def outcome(
    scene: Scene, source: str, ask: Ask, probable: Collection[str] = (), forbid: Forbid = forbidden
) -> Outcome:
    """The outcome for one desk, category and person; nothing is released that no permit names."""
    denied = forbid(scene, ask)
    if denied is not None:
        return _outcome(ask, SILENT, denied, ask.why)
    permits = scene.rules.permits(source, ask.desk).get(ask.category, ())
    doubtful = unsettled(scene, ask, probable)
    best = _best(scene, permits, ask, doubtful=doubtful)
    if best.result == RELEASED and doubtful:
        return best._replace(result=HELD, clause=scene.rules.names["unconfirmed"], why="unconfirmed")
    return best


def strictest(found: list[Outcome]) -> Outcome:
    """Of several that must all be released, the most hidden, holding as long as all of them."""
    worst = max(found, key=lambda each: _HIDDEN.index(each.result))
    return worst._replace(
        until=min(each.until for each in found),
        after=max(each.after for each in found),
        before=min(each.before for each in found),
    )


def unsettled(scene: Scene, ask: Ask, probable: Collection[str]) -> bool:
    """True if F06 holds: it is not certain who this is, or who opposes them."""
    if ask.person in probable or not scene.settled(ask.person):
        return True
    if not scene.unsettled_adults or scene.rules.opposes_nobody(ask.desk):
        return False
    # Whom the desk opposes may come out of it, and every child of the family is shielded with them.
    return ask.person != FAMILY or ask.category != "family.existence"


def _best(scene: Scene, permits: tuple[Permit, ...], ask: Ask, *, doubtful: bool) -> Outcome:
    """The permit that holds longest; without one, the level that the nearest of them leave (rule 4.6).

    Nearest is one whose conditions are asked, then one that is for this desk but for the role that it lacks.
    """
    best: Outcome | None = None
    near: list[Permit] = []
    closest, roleless = ("", "no_clause"), ("", "no_clause")
    opens = FOREVER + 1
    named = scene.role_words(ask.desk)
    for permit in permits:
        if not permit.direct and named.isdisjoint(permit.roles):
            continue
        if not permit.start <= scene.at < permit.end or not _about(scene, permit.subjects, ask):
            continue
        if ask.by_override and not permit.override:
            continue  # works through its own clause alone
        ask.until, ask.why = min(permit.end, ask.lifted_until), ""
        role = held(scene, permit, ask, same=permit.same)
        if role is None:
            if not roleless[0]:
                roleless = (permit.id, "client" if permit.same else "role")
            continue
        ask.rest_on(role)
        ask.rest_on(_of_age(scene, permit.subjects, ask))
        value, failing = evaluate(scene, permit, ask)
        if value is True:
            opens = min(opens, ask.until) if permit.opens else opens
            best = _longer(best, permit, ask)
            continue
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
    return _outcome(ask, level, *(closest if closest[0] else roleless))


def _longer(best: Outcome | None, permit: Permit, ask: Ask) -> Outcome:
    if best is not None and ask.until <= best.until:
        return best
    return _outcome(ask, RELEASED, permit.id, f"override:{ask.why}" if permit.override else "")


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
    return scene.is_one_of(ask.person, subjects)


def _of_age(scene: Scene, subjects: frozenset[str], ask: Ask) -> Micros:
    """When a permit about children ends for one who grows up."""
    if "any" in subjects or ask.person not in scene.grows_up:
        return FOREVER
    still = (scene.words(ask.person) - {"child"}) | {"adult"}
    return FOREVER if not still.isdisjoint(subjects) else scene.grows_up[ask.person]


def _outcome(ask: Ask, result: str, clause: str, why: str = "") -> Outcome:
    until = ask.until if result == RELEASED else FOREVER
    return Outcome(result, ask.category, ask.person, clause, why, until, False, ask.after, ask.before)
