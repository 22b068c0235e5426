"""Clauses that their author should look at again.

Those that do nothing: nobody can send or receive by them, or another clause or forbid says all they say. Those that say
where somebody is to a desk that works with alleged perpetrators: it opposes a victim, and is kept from that, only once
it serves the one who is paired with her (RULES.md section 2). Those that give a victim's whereabouts or safety plan to
anybody but the lead without her consent: no invariant asks for it. And those that name a party that has not signed, or
signs after the start: until it does they do not exist for it (rule 4.10).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from services.consent.agreement import Agreement, Clause, RuleSet
from services.consent.compiled import CompiledRules
from services.consent.vocabulary import SPECIAL_RECIPIENTS

_WHERE: Final = frozenset(
    {"contact.address", "contact.channel", "contact.whereabouts_protected", "support.dv_safety_plan"}
)
_HERS: Final = frozenset({"contact.whereabouts_protected", "support.dv_safety_plan"})
_ASKED: Final = frozenset({"consent", "override"})
_ELSEWHERE: Final = SPECIAL_RECIPIENTS | {"hub/operations"}
"""Recipients of other surfaces: no desk of an event."""


def idle(rules: RuleSet) -> Iterator[tuple[int, int, str]]:
    """Position of the agreement, position of the clause, and why the clause does nothing."""
    for place, agreement in enumerate(rules.agreements):
        reached = _reached(rules, agreement)
        for index, clause in enumerate(agreement.clauses):
            if clause.effect == "permit" and not _is_elsewhere(clause):
                if clause.id not in reached:
                    yield place, index, "a sender and a recipient among the desks whose agencies have signed"
                elif (other := _shadow(agreement, clause)) is not None:
                    yield place, index, f"something that {other} does not say already"
                elif _denied(agreement, clause):
                    yield place, index, "a category that no forbid denies to everybody"


def exposing(rules: RuleSet) -> Iterator[tuple[int, int, str]]:
    """Position of the agreement, position of the clause, and what it should have said instead."""
    names = {name for name, desk in rules.desks.items() if desk.side == "perpetrator"}
    named = {name: {name, name.partition("/")[0]} for name in names}
    for place, agreement in enumerate(rules.agreements):
        for index, clause in enumerate(agreement.clauses):
            told = [name for name in sorted(names) if not named[name].isdisjoint(clause.to)]
            where = sorted(_WHERE.intersection(clause.categories))
            always = {each[0] for each in clause.when if len(each) == 1}
            if told and where and clause.effect == "permit" and _ASKED.isdisjoint(always):
                kept = "until it serves the one who is paired with her; only then F01 keeps it back"
                works = f"{told[0]} works with those alleged to have harmed somebody"
                yield place, index, f"consent or an override: {works}, and gets {', '.join(where)} {kept}"
            elif (
                clause.effect == "permit"
                and (hers := sorted(_HERS.intersection(clause.categories)))
                and _ASKED.isdisjoint(always)
                and set(clause.to) != {"lead"}
                and not _is_elsewhere(clause)
            ):
                yield place, index, f"consent or an override: it gives {', '.join(hers)} whatever she says"


def unsigned(rules: RuleSet) -> Iterator[tuple[int, int, str]]:
    """Position of the agreement, position of the clause, and which party that it names has not signed by the start."""
    for place, agreement in enumerate(rules.agreements):
        for index, clause in enumerate(agreement.clauses):
            named = sorted({word.partition("/")[0] for word in (*(clause.sources or ()), *clause.to)})
            for party in named:
                if party not in rules.agencies or party == "hub" or clause.effect != "permit":
                    continue
                signed = agreement.parties.get(party)
                if signed is None:
                    yield (
                        place,
                        index,
                        f"the signature of {party}, which it names: without, it does not exist for it",
                    )
                elif signed > agreement.start:
                    yield (
                        place,
                        index,
                        f"the signature of {party} by the start: until then it does not exist for it",
                    )


def _is_elsewhere(clause: Clause) -> bool:
    return clause.sources == frozenset({"hub"}) or _ELSEWHERE.issuperset(clause.to)


def _reached(rules: RuleSet, agreement: Agreement) -> set[str]:
    """The clauses by which some desk could get something from another."""
    compiled = CompiledRules(replace(rules, agreements=(agreement,)))
    return {
        permit.id
        for source in rules.desks
        for desk in rules.desks
        if source != desk
        for permits in compiled.permits(source, desk).values()
        for permit in permits
    }


def _shadow(agreement: Agreement, clause: Clause) -> str | None:
    """Another clause that permits all this one permits, on no more conditions."""
    for other in agreement.clauses:
        if other is not clause and other.effect == "permit" and _says(other, clause):
            return other.id
    return None


def _says(other: Clause, clause: Clause) -> bool:
    return (
        set(clause.categories) <= set(other.categories)
        and set(clause.to) <= set(other.to)
        and (other.sources is None or (clause.sources is not None and clause.sources <= other.sources))
        and ("any" in other.subjects or clause.subjects <= other.subjects)
        and all(any(set(mine) <= set(each) for mine in clause.when) for each in other.when)
        and (clause.purpose == other.purpose or not _by_purpose(other))
        and (other.with_gate or not clause.with_gate)
    )


def _by_purpose(clause: Clause) -> bool:
    return any(word in ("consent", "no_objection") for each in clause.when for word in each)


def _denied(agreement: Agreement, clause: Clause) -> bool:
    denied = {
        category
        for each in agreement.clauses
        if each.effect == "forbid" and "any" in each.to and not each.but
        for category in each.categories
    }
    return bool(clause.categories) and set(clause.categories) <= denied
