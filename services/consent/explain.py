"""A decision in words: in full for those who govern information, for a desk only what it may know.

Ids, codes and clause ids alone come from the decision; names are the caller's to give, for the reader it has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from services.consent.decision import Decision, Verdict
from services.consent.outcome import EXISTENCE, HELD, RELEASED, SILENT, Outcome

TREATMENT: Final = frozenset(
    {"support.clinical_detail", "mental_health.detail", "substance.use_detail", "outcome.score"}
)

_SAY: Final[dict[str, str]] = {
    "support.summary": "how support goes",
    "support.dv_safety_plan": "the safety plan",
    "support.existence": "that there is support",
    "referral.existence": "that there is a referral",
    "referral.need": "needs",
    "contact.whereabouts_protected": "where they can be found",
}


@dataclass(frozen=True, slots=True)
class Words:
    """What to call people and desks; an id stands for itself where no name is given."""

    people: Mapping[str, str]
    desks: Mapping[str, str] | None = None

    def person(self, person: str) -> str:
        """A person's name, or their id."""
        return self.people.get(person, person) if person else "the family"

    def desk(self, desk: str) -> str:
        """A desk's name."""
        return (self.desks or {}).get(desk, desk)


def explain(decision: Decision, desk: str, words: Words) -> list[str]:
    """Why a desk got what it got, in what that desk may know: nothing about what is silent."""
    verdict = decision.verdict(desk)
    if verdict.held and not verdict.mask:
        return [_held(verdict)]
    if not verdict.mask:
        return []
    told = [f"Told that this happened ({', '.join(verdict.clauses)})."]
    withheld = [_withheld(each, decision.source, desk, words) for each in verdict.outcomes if _told(each)]
    return list(dict.fromkeys([*told, *withheld]))


def explain_in_full(decision: Decision, desk: str, words: Words) -> list[str]:
    """Why a desk got what it got, item by item, with every reason. For information governance alone."""
    verdict = decision.verdict(desk)
    if not verdict.outcomes:
        return [f"{words.desk(desk)} got nothing: it has no role in this family, and no clause names it."]
    lines = [f"{words.desk(desk)}: {verdict.result}."]
    for each in verdict.outcomes:
        about = f"{each.category} of {words.person(each.person)}"
        lines.append(f"{about}: {_reason(each, decision.source, desk, words)}")
    if verdict.hold:
        lines.append(_held(verdict))
    return list(dict.fromkeys(lines))


def _told(each: Outcome) -> bool:
    return each.result == EXISTENCE


def _held(verdict: Verdict) -> str:
    suspended = all(each.result != HELD for each in verdict.outcomes)
    why = "until the agency's suspension ends" if suspended else "until a person confirms who this is"
    return f"Held: {why} ({verdict.hold})."


def _withheld(each: Outcome, source: str, desk: str, words: Words) -> str:
    """One line for what a desk may know to exist: whose consent or objection it waits for."""
    who = words.person(each.person)
    condition, _, state = each.why.partition(":")
    if "no_objection" in condition:
        return f"Withheld: {who}'s objection is being decided ({each.clause})."
    sharing = f"{source.partition('/')[0]} sharing {_what(each.category)} with {words.desk(desk)}"
    said = {
        "withdrawn": f"{who} withdrew consent to {sharing}",
        "refused": f"{who} refused consent to {sharing}",
        "expired": f"{who}'s consent to {sharing} has ended",
        "recorded_before": f"{who} consented to {sharing} only later",
    }.get(state, f"{who} has not consented to {sharing}")
    return f"Withheld: {said} ({each.clause})."


def _what(category: str) -> str:
    return "treatment detail" if category in TREATMENT else _SAY.get(category, category.replace("_", " "))


def _reason(each: Outcome, source: str, desk: str, words: Words) -> str:
    if each.result == RELEASED:
        return f"shared ({each.clause})"
    if each.result == EXISTENCE:
        return _withheld(each, source, desk, words)
    if each.result == SILENT and each.clause and not each.why:
        return f"forbidden ({each.clause})"
    near = f"{each.clause} needs {each.why}" if each.clause else "no clause allows it"
    return f"{'held' if each.result == HELD else 'withheld silently'}: {near}"
