"""A rule set indexed for decisions: for a sender and a recipient, the permits of each category.

The index is filled as pairs of desks are first met and lives as long as the rule set, no longer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from services.consent.agreement import Agreement, Clause, Desk, Micros, RuleSet
from services.consent.vocabulary import FORBIDDEN, FORBIDDEN_CATEGORIES, ROLES

UNBUILT: Final = frozenset({"deidentified", "holder", "own"})
"""Conditions of other surfaces (reports, notices, subject access): of an event never true."""

ADVERSE_KINDS_EXEMPT: Final = frozenset({"council", "police"})
"""Kinds of agency that serve everybody and so never oppose anybody (section 2)."""

_ELSEWHERE: Final = frozenset({"hub"})


@dataclass(frozen=True, slots=True)
class Permit:
    """A permit between two desks: the roles that it needs (none if `direct`), from when until when."""

    id: str
    direct: bool
    roles: tuple[str, ...]
    same: bool
    subjects: frozenset[str]
    purpose: str
    when: tuple[tuple[str, ...], ...]
    existence: bool
    opens: bool
    start: Micros
    end: Micros
    override: bool
    """It rests on an override: it alone may release what an override lifts (rule 4.16)."""


@dataclass(frozen=True, slots=True)
class CategoryForbid:
    """A forbid of one category: everybody but those who hold one of these roles or names."""

    id: str
    to: tuple[str, ...]
    but: tuple[str, ...]


class CompiledRules:
    """The rule set as decisions read it."""

    def __init__(self, rules: RuleSet) -> None:
        self.rules = rules
        self.digest = rules.digest
        self.desks = rules.desks
        self._permits: dict[tuple[str, str], dict[str, tuple[Permit, ...]]] = {}
        self._direct: dict[tuple[str, str], tuple[str, ...]] = {}
        self.names = _names(rules)
        self.forbids = _category_forbids(rules)
        self.proceedings = next((each for each in _forbids(rules) if each.what == "ordered"), None)
        self.forbid_ids = {*self.names.values(), *(one.id for each in self.forbids.values() for one in each)}
        self.edges = tuple(sorted(_edges(rules)))

    def desk(self, name: str) -> Desk | None:
        """A desk of the partnership, or None."""
        return self.desks.get(name)

    def permits(self, source: str, desk: str) -> dict[str, tuple[Permit, ...]]:
        """By category, what this recipient may get from that sender, by agreement and clause id."""
        found = self._permits.get((source, desk))
        if found is None:
            found = self._permits[source, desk] = _permits(self.rules, source, desk)
        return found

    def direct(self, source: str, gate: str) -> tuple[str, ...]:
        """The desks that a permit names (or their agency or its kind) for an event of that gate."""
        found = self._direct.get((source, gate))
        if found is None:
            names = (desk for desk in sorted(self.desks) if self._is_direct(source, desk, gate))
            found = self._direct[source, gate] = tuple(names)
        return found

    def opposes_nobody(self, desk: str) -> bool:
        """True for council and police, which serve everybody."""
        known = self.desks.get(desk)
        return known is not None and known.kind in ADVERSE_KINDS_EXEMPT

    def matches(self, words: Iterable[str], desk: str) -> bool:
        """True if one of the words names this desk, its agency or its agency's kind."""
        known = self.desks.get(desk)
        return known is not None and any(each in (known.name, known.agency, known.kind) for each in words)

    def _is_direct(self, source: str, desk: str, gate: str) -> bool:
        permits = self.permits(source, desk)
        if any(_reaches(each) for each in permits.get(gate, ())):
            return True
        return any(each.opens and _reaches(each) for group in permits.values() for each in group)


def _reaches(permit: Permit) -> bool:
    """True for a permit that names the desk, by conditions that an event can fulfil."""
    return permit.direct and not any(UNBUILT.issuperset(each) for each in permit.when)


def compile_rules(rules: RuleSet) -> CompiledRules:
    """Index a rule set."""
    return CompiledRules(rules)


def _forbids(rules: RuleSet) -> list[Clause]:
    """All forbids, in force or not: that an agreement ended must release nothing (invariant I07)."""
    return [clause for each in rules.agreements for clause in each.clauses if clause.effect == "forbid"]


def _names(rules: RuleSet) -> dict[str, str]:
    """The clause id of each built-in forbid; each works by itself too, under its own word."""
    named = {what: what for what in FORBIDDEN}
    named.update({clause.what: clause.id for clause in _forbids(rules) if clause.what})
    return named


def _category_forbids(rules: RuleSet) -> dict[str, tuple[CategoryForbid, ...]]:
    found: dict[str, list[CategoryForbid]] = {}
    for clause in _forbids(rules):
        if clause.what is None:
            for category in clause.categories:
                found.setdefault(category, []).append(CategoryForbid(clause.id, clause.to, clause.but))
    for category in FORBIDDEN_CATEGORIES:
        if not any(says_whole(each, category) for each in found.get(category, ())):
            found.setdefault(category, []).append(CategoryForbid(category, ("any",), _spared(category)))
    return {key: tuple(sorted(each, key=lambda one: one.id)) for key, each in found.items()}


def says_whole(forbid: CategoryForbid | Clause, category: str) -> bool:
    """Whether a forbid says all of F03 or F05, which hold of a category without it: one that says less ends neither."""
    return "any" in forbid.to and set(forbid.but) <= set(_spared(category))


def _spared(category: str) -> tuple[str, ...]:
    return ("lead",) if category == "third_party.detail" else ()


def _edges(rules: RuleSet) -> set[Micros]:
    edges: set[Micros] = set()
    for each in rules.agreements:
        edges |= {each.start, each.end, *each.parties.values()}
        edges |= {clause.basis.starts for clause in each.clauses if clause.basis.starts is not None}
    return edges


def _permits(rules: RuleSet, source: str, desk: str) -> dict[str, tuple[Permit, ...]]:
    sender, recipient = rules.desks.get(source), rules.desks.get(desk)
    found: dict[str, list[Permit]] = {}
    if recipient is None:
        return {}
    for agreement in sorted(rules.agreements, key=lambda each: (each.id, each.version)):
        for clause in sorted(agreement.clauses, key=lambda each: each.id):
            permit = _permit(agreement, clause, source, sender, recipient)
            if permit is not None:
                for category in clause.categories:
                    found.setdefault(category, []).append(permit)
    return {category: tuple(each) for category, each in found.items()}


def _permit(
    agreement: Agreement, clause: Clause, source: str, sender: Desk | None, recipient: Desk
) -> Permit | None:
    if clause.effect != "permit" or not _sends(clause, source, sender):
        return None
    direct, roles = _recipient(clause, sender, recipient)
    signed = agreement.parties.get(recipient.agency)
    sent = agreement.start if sender is None else agreement.parties.get(sender.agency)
    if signed is None or sent is None or not (direct or roles):
        return None
    return Permit(
        id=clause.id,
        direct=direct,
        roles=roles,
        same=("same",) in clause.when,
        subjects=clause.subjects,
        purpose=clause.purpose,
        when=tuple(each for each in clause.when if each != ("same",)),
        existence=clause.if_denied == "existence",
        opens=clause.with_gate,
        start=max(agreement.start, signed, sent, clause.basis.starts or agreement.start),
        end=agreement.end,
        override=("override",) in clause.when,
    )


def _sends(clause: Clause, source: str, sender: Desk | None) -> bool:
    if clause.sources == _ELSEWHERE:
        return (
            False  # what the hub itself shows (notices, subject access, previews) is no delivery of an event
        )
    if sender is None:
        return source == "hub" and (clause.sources is None or "hub" in clause.sources)
    if clause.sources is None or "agency" in clause.sources:
        return True
    return not clause.sources.isdisjoint({sender.name, sender.agency, sender.kind})


def _recipient(clause: Clause, sender: Desk | None, recipient: Desk) -> tuple[bool, tuple[str, ...]]:
    direct, roles = False, []
    for each in clause.to:
        role, _, kind = each.partition(":")
        if role in ROLES:
            if not kind or kind in (recipient.kind, recipient.agency):
                roles.append(role)
        elif each == "itself":
            direct = direct or (sender is not None and sender.agency == recipient.agency)
        elif each in (recipient.name, recipient.agency, recipient.kind):
            direct = True
    return direct, tuple(roles)
