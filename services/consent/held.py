"""The roles that desks hold for one person at an instant, and until when what was read of them stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.consent.agreement import FOREVER, Micros
from services.consent.compiled import CompiledRules
from services.consent.person import PersonFacts, Span
from services.consent.vocabulary import OPPOSING_ROLES


@dataclass(frozen=True, slots=True)
class Held:
    """What desks hold for a person in [start, end), by these facts and rules.

    `roles`: desk → role → its end, what permits may rest on. `sides`: desks that a role sets against the person's
    victims; `supervises`: desks that supervise the person.
    """

    facts: PersonFacts
    rules: CompiledRules
    start: Micros
    end: Micros
    roles: Mapping[str, Mapping[str, Micros]]
    sides: frozenset[str]
    supervises: frozenset[str]

    def stands(self, facts: PersonFacts, rules: CompiledRules, at: Micros) -> bool:
        """Whether this is what these facts and rules say at that instant."""
        return self.facts is facts and self.rules is rules and self.start <= at < self.end


def held_at(facts: PersonFacts, rules: CompiledRules, at: Micros, event: str | None) -> Held:
    """What desks hold for a person. A role that `event` itself ended stands for it (rule 4.9)."""
    roles: dict[str, dict[str, Micros]] = {}
    sides: set[str] = set()
    supervises: set[str] = set()
    for span in facts.spans:
        end = _end(span, at, event)
        if end is None:
            continue
        if span.role in OPPOSING_ROLES:
            sides.update(_readers(span.desk))
        if _may_rest_on(rules, span) and not span.perhaps:
            _hold(roles, span.desk, span.role, end)
        if _is_supervision(rules, span):
            supervises.update(_readers(span.desk))
            if span.role == "supporting" and not span.perhaps:
                _hold(roles, span.desk, "supervising", end)
    start = max((each for each in facts.edges if each <= at), default=-FOREVER)
    until = min((each for each in facts.edges if each > at), default=FOREVER)
    return Held(facts, rules, start, until, roles, frozenset(sides), frozenset(supervises))


def stated_by_council(rules: CompiledRules, span: Span) -> bool:
    """Whether a council has stated a registration, not the desk alone that it registers with."""
    agency = rules.rules.agencies.get(span.cause)
    return agency is not None and agency.kind == "council"


def _end(span: Span, at: Micros, event: str | None) -> Micros | None:
    ends_here = span.ended_by is not None and span.ended_by == event
    if span.start > at or (span.end is not None and at >= span.end and not ends_here):
        return None
    return FOREVER if span.end is None or ends_here else span.end


def _may_rest_on(rules: CompiledRules, span: Span) -> bool:
    """Former roles permit nothing; a registration counts once the council has stated it (section 2)."""
    if span.role == "universal":
        return stated_by_council(rules, span)
    return span.role != "former"


def _readers(desk: str) -> tuple[str, ...]:
    """Who reads what a desk gets or does its work: of a worker behind a wall the team as well, whose desk they are of.

    A wall stands between named workers (section 2): a team with one of them on a side is on that side.
    """
    return (desk, desk.rpartition("/")[0]) if desk.count("/") > 1 else (desk,)


def _is_supervision(rules: CompiledRules, span: Span) -> bool:
    desk = rules.desk(span.desk)
    against = desk is not None and desk.side == "perpetrator"
    return span.role == "supervising" or (against and span.role in ("referred_to", "supporting"))


def _hold(roles: dict[str, dict[str, Micros]], desk: str, role: str, end: Micros) -> None:
    of_desk = roles.setdefault(desk, {})
    of_desk[role] = max(end, of_desk.get(role, end))
