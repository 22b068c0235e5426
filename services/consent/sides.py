"""Who is whose victim, recorded or presumed, and whom a desk therefore opposes (section 2).

`victims_of` is P → V → in force; None where that is unreadable or contradictory. `members` is person → True for an
adult, False for a child, None where that is not known (who then counts as an adult).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from services.consent.compiled import CompiledRules
from services.consent.person import UNKNOWN, PersonFacts, Tri

Pairs = dict[str, dict[str, Tri]]
_VICTIM: Final = "victim"


def pairs(persons: Mapping[str, PersonFacts]) -> Pairs:
    """P → V → in force, of every pair recorded; what one of the two has against the other is unknown."""
    found: Pairs = {}
    for person, facts in persons.items():
        for victim, tri in facts.victims.items():
            _merge(found.setdefault(person, {}), victim, tri)
        for perpetrator, tri in facts.perpetrators.items():
            _merge(found.setdefault(perpetrator, {}), person, tri)
    return found


def _merge(found: dict[str, Tri], key: str, tri: Tri) -> None:
    found[key] = tri if key not in found or found[key] is tri else None


def need(facts: PersonFacts, rules: CompiledRules) -> Tri:
    """Whether somebody is a victim by need: stated so, or referred for it, not to perpetrators' work."""
    found: Tri = True if facts.side == _VICTIM else None if facts.side == UNKNOWN else False
    for desk, stated, _ in facts.needs:
        one = is_need(desk, stated, rules)
        found = True if found or one else None if one is None or found is None else False
    return found


def is_need(desk: str, stated: Tri, rules: CompiledRules) -> Tri:
    """Whether a request to this desk makes somebody a victim by need."""
    known = rules.desk(desk)
    side = known.side if known is not None else None
    return side != "perpetrator" if stated else side == _VICTIM or stated


def presumed(
    members: Mapping[str, Tri],
    in_need: Mapping[str, Tri],
    stated: Mapping[str, str | None],
    victims_of: Mapping[str, Mapping[str, Tri]],
    selves: Mapping[str, Collection[str]],
) -> dict[str, set[str]]:
    """P → V for every adult of whom it is not recorded whether they are P against a member in need, of any age.

    Somebody stated to be a perpetrator, against nobody in particular, counts as P against every other adult. Who is a
    member under two ids (`selves`) is no other.
    """
    adults = [each for each, adult in members.items() if adult is not False]
    found: dict[str, set[str]] = {}
    for victim, adult in members.items():
        for other in adults:
            side = stated[other]
            accused = (
                side in ("alleged_perpetrator", UNKNOWN) and other not in victims_of and adult is not False
            )
            recorded = victim in victims_of.get(other, {}) or side == "neither"
            same = other == victim or other in selves[victim]
            if not same and not recorded and (accused or in_need[victim] is not False):
                found.setdefault(other, set()).add(victim)
    return found


def victims(
    in_need: Mapping[str, Tri],
    victims_of: Mapping[str, Mapping[str, Tri]],
    presumed_of: Mapping[str, set[str]],
) -> dict[str, Tri]:
    """Person → True or None (perhaps) for every victim, by pair or by need."""
    found: dict[str, Tri] = {}
    for recorded in victims_of.values():
        for victim, tri in recorded.items():
            if tri is not False:
                found[victim] = True if tri or found.get(victim) else None
    for guessed in presumed_of.values():
        for victim in guessed:
            found.setdefault(victim, None)
    for member, tri in in_need.items():
        if tri is not False:
            found[member] = True if tri or found.get(member) else None
    return found


def opposes(
    clients: Collection[str],
    supervised: Collection[str],
    members: Mapping[str, Tri],
    victims_of: Mapping[str, Mapping[str, Tri]],
    presumed_of: Mapping[str, set[str]],
    selves: Mapping[str, Collection[str]],
) -> dict[str, Tri]:
    """Whom a desk opposes that works for these persons: their victims; who supervises one, every other adult."""
    found: dict[str, Tri] = {}
    for person in clients:
        for victim, tri in victims_of.get(person, {}).items():
            if tri is not False:
                found[victim] = True if tri or found.get(victim) else None
        found.update(dict.fromkeys(presumed_of.get(person, ()), True))
    for person in supervised:
        if person in members:
            adults = (each for each, adult in members.items() if adult is not False)
            found.update({each: True for each in adults if each != person and each not in selves[person]})
    return found
