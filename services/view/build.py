"""The family view as plain data, out of what its reader was told and nothing else. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub.clock import Micros, format_micros
from services.view import care, people
from services.view.chronology import chronology
from services.view.freshness import Overdue, freshness
from services.view.told import Told, chosen, kept, persons, standing

HELD: Final[Mapping[str, str]] = {
    "facts": "Part of this is held: facts that it rests on are on their way. Ask again in a moment.",
    "identity": "Part of this is held until a person confirms who somebody is.",
}
"""What a reader is told of what is held, by reason."""


@dataclass(frozen=True, slots=True)
class Context:
    """What stands around a view. `until`: as it was on that day; `titles`: what desks are called."""

    family: str
    desk: str
    now: Micros
    until: Micros | None
    titles: Mapping[str, str]
    overdue: Overdue
    feeds: Mapping[str, Micros]


def build(
    context: Context, told: Sequence[Told], held: Sequence[str], unnamed: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Every section of the view. A section without rows is an empty list, for every reader alike.

    `unnamed`: why names are not shown, for whoever may know.
    """
    stands = standing(told)
    members = people.members(stands)
    involved = people.involved(stands)
    named = {row["desk"] for row in involved} | {each.by for each in told if each.by is not None}
    return {
        "family": context.family,
        "for": context.desk,
        "at": format_micros(context.now),
        "as_it_was_on": None if context.until is None else format_micros(context.until),
        "case": _case(stands),
        "held": [{"reason": each, "says": HELD[each]} for each in held],
        "members": members,
        "unnamed": _unnamed(stands, members, unnamed or {}),
        "relationships": people.relationships(stands),
        "involved": involved,
        "statuses": care.statuses(stands),
        "risk": care.risk(stands),
        "referrals": care.referrals(stands),
        "goals": care.goals(stands),
        "outcomes": care.outcomes(stands),
        "actions": care.actions(stands),
        "linked_families": care.links(stands),
        "freshness": freshness(
            told,
            involved,
            context.now if context.until is None else context.until,
            context.overdue,
            context.feeds,
        ),
        "withheld": _withheld(told),
        "chronology": chronology(told),
        "desks": {desk: context.titles[desk] for desk in sorted(named) if desk in context.titles},
    }


def explained(
    context: tuple[str, str, Micros], told: Told, said: Sequence[str], known: Sequence[Told]
) -> dict[str, Any]:
    """One event as a desk has it, and why it has that and no more (`said`, people as the hub's ids).

    `context`: family, desk, now. `known`: all that it may know of the family, for what people are called.
    """
    family, desk, now = context
    members = people.members(standing(known))
    named = {row["person"]: row["name"] for row in members if "name" in row}
    return {
        "id": told.id,
        "for": desk,
        "family": family,
        "type": told.kind,
        "recorded_at": format_micros(told.recorded),
        "at": format_micros(now),
        "withheld": list(told.withheld),
        "why": list(said),
        "people": {each: name for each, name in named.items() if any(each in line for line in said)},
    } | kept(by=told.by)


def _case(told: Sequence[Told]) -> dict[str, Any]:
    """Whether the family is open, who leads, since when."""
    case: dict[str, Any] = {}
    for each in told:
        if each.kind == "family.opened":
            case = {"state": "open"} | chosen(each.data, "lead", "locality", "opened_on")
        elif each.kind == "family.lead_changed":
            case |= chosen(each.data, "lead", "locality")
        elif each.kind == "family.closed":
            case |= {"state": "closed"} | chosen(each.data, "closed_on", "reason", "stepped_to")
    return case


def _unnamed(
    told: Sequence[Told], members: Sequence[Mapping[str, Any]], why: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Everybody in the view whose name the reader may not have now, or nobody gave: which of the two is not said."""
    named = {row["person"] for row in members if "name" in row}
    found = dict.fromkeys(person for each in told for person in persons(each.data) if person not in named)
    return [{"person": each} | kept(why=why.get(each)) for each in found]


def _withheld(told: Sequence[Told]) -> list[dict[str, Any]]:
    """The categories of which something exists that the reader may not have, in which events, and why in words."""
    found: dict[str, list[str]] = {}
    clauses: dict[str, set[str]] = {}
    why: dict[str, dict[str, None]] = {}
    for each in told:
        for category in each.withheld:
            found.setdefault(category, []).append(each.id)
            clauses.setdefault(category, set()).update(filter(None, [each.lacked.get(category)]))
            why.setdefault(category, {}).update(dict.fromkeys(each.why.get(category, ())))
    return [
        {"category": category, "in": found[category]}
        | kept(why=list(why[category]), clauses=sorted(clauses[category]))
        for category in sorted(found)
    ]
