"""Pairs, victims, who is shielded with them, and whom a desk opposes (section 2 and ADR 0012)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.oracle.family import agency_second, everybody, is_child, live_together
from tests.oracle.truth import Truth, all_of, any_of, negated
from tests.oracle.world import Micros, Said, World, agency_of, remembered, who

OPPOSING = ("referrer", "referred_to", "supporting", "supervising", "universal", "former")


@dataclass
class Pair:
    """P against V: since when it is recorded, by whom first, and whether it stands."""

    since: Micros
    owner: str
    stands: Truth = True
    recorded: bool = True
    """False for one that nobody recorded, and that a person with a second one said is none."""


@remembered
def pairs(world: World) -> dict[tuple[str, str], Pair]:
    """Each pair (P, V): recorded by an incident, restriction or member role; ended by an event with a second person."""
    found: dict[tuple[str, str], Pair] = {}
    for event in world.log:
        for couple in recorded_by(event):
            known = found.setdefault(couple, Pair(event.recorded, event.source))
            known.stands = known.recorded = True
        if event.kind == "safety.pair_ended":
            couple = (event.who("perpetrator") or "", event.who("victim") or "")
            if is_agreed(world, event):
                found.setdefault(couple, Pair(0, event.source, recorded=False)).stands = False
    for couple, pair in found.items():
        if ("pair", *couple) in world.unread:
            pair.stands = None
    return found


def is_agreed(world: World, event: Said) -> bool:
    """A second person of the agency that asks has agreed."""
    agency = agency_of(event.source)
    return agency_second(world, event.id, agency, lambda _: {agency})


def recorded_by(event: Said) -> list[tuple[str, str]]:
    """The pairs (P, V) that an event records."""
    if event.kind == "safety.pair_recorded":
        return _couple(event.who("perpetrator"), event.who("victim"))
    if event.kind == "safety.restriction_placed":
        return _couple(event.who("from_person"), event.who())
    if event.kind == "outcome.incident_reported":
        rows = event.rows("people")
        accused = [who(row.get("person")) for row in rows if row.get("role") == "alleged_perpetrator"]
        victims = [who(row.get("person")) for row in rows if row.get("role") == "victim"]
        return [couple for p in accused for v in victims for couple in _couple(p, v)]
    return [couple for person, row in member_rows(event) for couple in _by_role(person, row)]


def member_rows(event: Said) -> list[tuple[str, Mapping[str, Any]]]:
    """What a member event says of whom."""
    if event.kind == "family.member_changed":
        return [(event.who() or "", event.body)]
    if event.kind == "family.member_added":
        return [(who(row.get("person")) or "", row) for row in event.rows("members")]
    return []


def _by_role(person: str, row: Mapping[str, Any]) -> list[tuple[str, str]]:
    role, against = row.get("domestic_abuse_role"), who(row.get("against"))
    if role == "alleged_perpetrator":
        return _couple(person, against)
    return _couple(against, person) if role == "victim" else []


def _couple(perpetrator: str | None, victim: str | None) -> list[tuple[str, str]]:
    return [(perpetrator, victim)] if perpetrator and victim and perpetrator != victim else []


@remembered
def in_need(world: World, person: str) -> bool:
    """A domestic-abuse need: stated to be a victim, a request for a victim's service, or one that states the need."""
    return stated_role(world, person) == "victim" or any(
        event.who() == person and states_need(world, event) for event in world.said("referral.requested")
    )


def states_need(world: World, event: Said) -> bool:
    """A request for a victim's service, or one that states the need, and is not for perpetrators' work."""
    side = world.rules.desks[event.body["to"]].side
    needs = any((row.get("need") or "").startswith("domestic_abuse") for row in event.rows("needs"))
    return side == "victim" or (needs and side != "perpetrator")


@remembered
def stated_role(world: World, person: str) -> str | None:
    """What a member event last said of them: victim, alleged_perpetrator or neither."""
    found: str | None = None
    for event in world.log:
        for name, row in member_rows(event):
            if name == person:
                found = row.get("domestic_abuse_role") or found
    return found


def is_accused(world: World, person: str) -> bool:
    """Stated to be a perpetrator, against nobody in particular."""
    accused = stated_role(world, person) == "alleged_perpetrator"
    return accused and not any(person == perpetrator for perpetrator, _ in pairs(world))


@remembered
def is_pair(world: World, perpetrator: str, victim: str) -> Truth:
    """Whether this P is paired with this V, or counts as such.

    Domestic-abuse need: every other adult of the family counts as P until a person records who is and who is not:
    their pair with this V, or that they are neither. Who is accused against nobody in particular may be anybody's P.
    """
    if perpetrator == victim:
        return False
    recorded = pairs(world).get((perpetrator, victim))
    if recorded is not None:
        return recorded.stands
    both = perpetrator in everybody(world) and victim in everybody(world)
    if not both or is_child(world, perpetrator) is True or stated_role(world, perpetrator) == "neither":
        return False
    if in_need(world, victim):
        return True
    return None if is_accused(world, perpetrator) and is_child(world, victim) is not True else False


def all_people(world: World) -> list[str]:
    """Everybody of the family, and everybody whom a pair names."""
    return [*dict.fromkeys([*everybody(world), *(each for couple in pairs(world) for each in couple)])]


@remembered
def is_victim(world: World, person: str) -> Truth:
    """V in some pair, or by need."""
    needy = in_need(world, person) and person in everybody(world)
    return any_of([needy, *(is_pair(world, each, person) for each in all_people(world))])


@remembered
def is_perpetrator(world: World, person: str) -> Truth:
    """P in some pair, stated to be one, or supervised."""
    from tests.oracle.roles import supervises_against

    supervised = (supervises_against(world, desk, person) for desk in world.rules.desks)
    stated = stated_role(world, person) == "alleged_perpetrator"
    recorded = (pair.stands for (p, _), pair in pairs(world).items() if p == person)
    return any_of([stated, *supervised, *recorded])


def is_p_of_a_pair_by(world: World, person: str, at: Micros) -> bool:
    """P of a recorded pair that stands, and was recorded by then."""
    return any(
        p == person and pair.stands is True and pair.since <= at for (p, _), pair in pairs(world).items()
    )


@remembered
def is_p_for_consent(world: World, person: str) -> Truth:
    """Never P: recorded, stated, or counted as one."""
    stated = stated_role(world, person) == "alleged_perpetrator"
    return any_of([stated, *(is_pair(world, person, each) for each in all_people(world))])


@remembered
def suffered_it(world: World, child: str, victim: str) -> bool:
    """A child who saw, heard or suffered it."""
    for event in world.log:
        exposed = [who(each) for each in event.rows("exposed_children")]
        if event.kind == "safety.pair_recorded" and event.who("victim") == victim and child in exposed:
            return True
        if event.kind == "outcome.incident_reported":
            roles = {who(row.get("person")): row.get("role") for row in event.rows("people")}
            if roles.get(child) == "child_present" and roles.get(victim) == "victim":
                return True
    return False


@remembered
def is_shielded_with(world: World, child: str, victim: str) -> Truth:
    """Children living with V, or who saw, heard or suffered it, are shielded like V."""
    if child == victim:
        return False
    near = any_of([live_together(world, child, victim), suffered_it(world, child, victim)])
    return all_of([is_child(world, child), is_victim(world, victim), near])


@remembered
def is_shielded(world: World, person: str) -> Truth:
    """V, or a child shielded with V."""
    return any_of(
        [is_victim(world, person), *(is_shielded_with(world, person, each) for each in all_people(world))]
    )


@remembered
def opposes(world: World, desk: str, victim: str) -> Truth:
    """Whether a desk opposes V. Never council or police. No restriction needed."""
    from tests.oracle.roles import sides_with, supervises_against

    if world.rules.desks[desk].kind in ("council", "police"):
        return False
    serves = [
        all_of([is_pair(world, each, victim), sides_with(world, desk, each)]) for each in all_people(world)
    ]
    supervises = [
        all_of([supervises_against(world, desk, each), negated(is_child(world, victim))])
        for each in everybody(world)
        if each != victim and victim in everybody(world)
    ]
    return any_of([*serves, *supervises])


@remembered
def opposed(world: World, desk: str) -> list[str]:
    """Everybody whom a desk opposes, or may oppose."""
    return [each for each in all_people(world) if opposes(world, desk, each) is not False]


@remembered
def paired_since(world: World, victim: str) -> Micros:
    """When V was first recorded as one, by pair or need; the beginning where she never was: nothing tells it."""
    found = [pair.since for (_, v), pair in pairs(world).items() if v == victim and pair.recorded]
    for event in world.log:
        if event.kind == "referral.requested" and event.who() == victim and states_need(world, event):
            found.append(event.recorded)
        for name, row in member_rows(event):
            if name == victim and row.get("domestic_abuse_role") == "victim":
                found.append(event.recorded)
    return min(found, default=0)
