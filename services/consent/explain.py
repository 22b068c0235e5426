"""A decision in words: in full for those who govern information, for a desk only what it may know.

Ids, codes and clause ids alone come from the decision; names are the caller's to give, for the reader it has.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from services.consent.agreement import FOREVER, Micros
from services.consent.decision import Decision, Verdict
from services.consent.lacking import HELD_BACK, UNSAID, lacks
from services.consent.outcome import EXISTENCE, HELD, RELEASED, Outcome

TREATMENT: Final = frozenset(
    {"support.clinical_detail", "mental_health.detail", "substance.use_detail", "outcome.score"}
)

_REFERRAL: Final = ("referral.", "waiting.")

_SAY: Final[dict[str, str]] = {
    "support.summary": "how support goes",
    "support.dv_safety_plan": "the safety plan",
    "support.existence": "that there is support",
    "referral.existence": "that there is a referral",
    "referral.need": "needs",
    "contact.whereabouts_protected": "where they can be found",
}


_DECIDED: Final[Mapping[str, str]] = {"delivered": "to be delivered", "reduced": "to be delivered in part"}
"""What a decision says of a desk. Whether it left then, and when, its delivery says."""


CONFIRM_HOURS: Final[Mapping[str, int]] = {"child.s47": 1}
"""Within how many hours a person decides who somebody is: four, for an enquiry one (rule 4.12)."""
_HOUR: Final = 3_600_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Words:
    """What to call people and desks (an id stands for itself where no name is given), and where clocks stand.

    `had`: when the event was first released to each desk, before this decision (None: not looked at). `consents`: of
    whom the reader may know what they said to sharing (None: of everybody). `source`: what the publisher is called to
    a reader who may not know it. `once`: each desk's categories about persons that an earlier decision released (None:
    not looked at). `now`: when it is read (None: on the day that it says).
    """

    people: Mapping[str, str]
    desks: Mapping[str, str] | None = None
    zone: tzinfo = UTC
    had: Mapping[str, Micros] | None = field(default_factory=dict)
    consents: frozenset[str] | None = None
    source: str | None = None
    now: Micros | None = None
    once: Mapping[str, AbstractSet[tuple[str, str]]] | None = None

    def person(self, person: str) -> str:
        """A person's name, or their id."""
        return self.people.get(person, person) if person else "the family"

    def desk(self, desk: str) -> str:
        """A desk's name."""
        return (self.desks or {}).get(desk, desk)

    def day(self, at: Micros) -> str:
        """The day of an instant: 4 September 2023."""
        local = (_EPOCH + timedelta(microseconds=at)).astimezone(self.zone)
        return f"{local.day} {local:%B %Y}"

    def when(self, at: Micros) -> str:
        """The time of day of an instant, with its day where that is not the reader's today: 14:00."""
        hour = f"{(_EPOCH + timedelta(microseconds=at)).astimezone(self.zone):%H:%M}"
        return hour if self.now is None or self.day(self.now) == self.day(at) else f"{hour} on {self.day(at)}"


def explain(decision: Decision, desk: str, words: Words) -> list[str]:
    """Why a desk got what it got, in what that desk may know: nothing about what is silent."""
    verdict = decision.verdict(desk)
    if verdict.held and not verdict.mask:
        return [f"{_held(decision, verdict, words)}."]
    if not verdict.mask:
        return []
    told = [f"Told that this happened ({', '.join(verdict.clauses)})."]
    referred = [f"You referred {words.person(each)}." for each in _referred(decision, desk, verdict)]
    gate, released = (
        verdict.outcomes[0].category,
        (each for each in verdict.outcomes if each.result == RELEASED),
    )
    had = dict.fromkeys(each.category for each in released if each.category != gate)
    shared = [f"Shared: {', '.join(had)}."] if had else []
    said = [_said(each, decision, desk, words) for each in verdict.outcomes]
    return list(dict.fromkeys([*told, *referred, *shared, *(f"{each}." for each in said if each)]))


def explain_in_full(decision: Decision, desk: str, words: Words) -> list[str]:
    """Why a desk got what it got, with every reason; what has the same one stands together.

    For information governance alone.
    """
    verdict = decision.verdict(desk)
    if not verdict.outcomes:
        return [f"{words.desk(desk)} got nothing: it has no role in this family, and no clause names it."]
    lines = [f"{words.desk(desk)}: {_DECIDED.get(verdict.result, verdict.result)}."]
    same: dict[tuple[str, str], list[str]] = {}
    for each in verdict.outcomes:
        about = words.person(each.person), reason(each, decision, desk, words)
        same.setdefault(about, []).append(each.category)
    lines += [
        f"{', '.join(dict.fromkeys(categories))} of {who}: {why}" for (who, why), categories in same.items()
    ]
    waited = dict.fromkeys(_waits_for(each) for each in verdict.outcomes)
    lines += [f"Waiting for a second person from {each}." for each in waited if each]
    if verdict.hold:
        lines.append(f"{_held(decision, verdict, words)} ({verdict.hold}).")
    return list(dict.fromkeys(lines))


def _referred(decision: Decision, desk: str, verdict: Verdict) -> list[str]:
    """Of whom a desk hears because it referred them."""
    desks: Mapping[str, Any] = decision.facts.get("desks", {})
    roles: Mapping[str, Any] = desks.get(desk, {}).get("persons", {})
    released = (each for each in verdict.outcomes if each.result == RELEASED)
    about = {each.person for each in released if each.category.startswith(_REFERRAL)}
    return sorted(each for each in about if "referrer" in roles.get(each, ()))


def _held(decision: Decision, verdict: Verdict, words: Words) -> str:
    if all(each.result != HELD for each in verdict.outcomes):
        return "Until the agency's suspension ends"
    gate = verdict.outcomes[0].category
    due = decision.recorded + CONFIRM_HOURS.get(gate, 4) * _HOUR
    return f"Until a person confirms who this is, by {words.when(due)}"


def _said(each: Outcome, decision: Decision, desk: str, words: Words) -> str:
    """One line for what a desk may know: an override that it rests on, whose consent or objection it waits for."""
    if each.result == RELEASED and each.why.startswith("override:"):
        _, ground, reason = each.why.split(":", 2)
        what = "for the enquiry" if ground == "s47" else "because life is in danger,"
        why = reason.replace("_", " ") or "of a reason not given as a code"
        return f"Shared without consent {what} until {words.day(each.until)}, because {why}"
    return withheld(each, decision, desk, words) if each.result == EXISTENCE else ""


def withheld(each: Outcome, decision: Decision, desk: str, words: Words) -> str:
    """What a desk is told of something whose existence alone it may know."""
    condition, _, rest = each.why.partition(":")
    state, _, at = rest.partition(":")
    if words.consents is not None and each.person not in words.consents:
        objects = "no_objection" if "no_objection" in condition else "consent"
        said = UNSAID[objects].format(
            who=words.person(each.person), sharing=_sharing(each, decision, desk, words)
        )
        return f"Withheld: {said}"
    if "no_objection" in condition:
        condition = "no_objection"
    elif state == "withdrawn" and _was_released(each, at, decision, desk, words):
        what = (
            "what had been released cannot be called back"
            if (words.had or {}).get(desk, FOREVER) < int(at)
            else "recalled before release"
        )
        return f"Withheld: {words.person(each.person)} withdrew{_on(at, words)}; {what}"
    return f"Withheld: {_lacks(each, condition, state, at, decision, desk, words)}"


def _was_released(each: Outcome, at: str, decision: Decision, desk: str, words: Words) -> bool:
    """Whether it was to be released until somebody withdrew, as far as that is known."""
    if words.had is None or not at.isdigit() or int(at) < decision.recorded:
        return False
    return words.once is None or (each.category, each.person) in words.once.get(desk, ())


def _lacks(
    each: Outcome, condition: str, state: str, at: str, decision: Decision, desk: str, words: Words
) -> str:
    sharing, who = _sharing(each, decision, desk, words), words.person(each.person)
    return lacks(condition, state, who=who, desk=words.desk(desk), sharing=sharing, on=_on(at, words))


def _sharing(each: Outcome, decision: Decision, desk: str, words: Words) -> str:
    by = decision.source.partition("/")[0] if words.source is None else words.source
    return f"{by} sharing {_what(each.category)} with {words.desk(desk)}"


def _on(at: str, words: Words) -> str:
    return f" on {words.day(int(at))}" if at.lstrip("-").isdigit() else ""


def _what(category: str) -> str:
    return "treatment detail" if category in TREATMENT else _SAY.get(category, category.replace("_", " "))


def _waits_for(each: Outcome) -> str:
    condition, _, agencies = each.why.partition(":")
    return agencies.replace(",", " and ") if condition == "second_person" else ""


def reason(each: Outcome, decision: Decision, desk: str, words: Words) -> str:
    """Why one item was released, held or withheld, and by which clause. For information governance alone."""
    said = _said(each, decision, desk, words)
    if said:
        return f"{said} ({each.clause})."
    if each.result == RELEASED:
        return f"shared ({each.clause})"
    if each.result == HELD:
        return f"held until a person confirms who this is ({each.clause})"
    if each.clause and (not each.why or _waits_for(each)):
        return f"forbidden ({each.clause})"
    if not each.clause:
        return "withheld silently: no clause allows it"
    condition, _, rest = each.why.partition(":")
    state, _, at = rest.partition(":")
    if condition in HELD_BACK:
        said = HELD_BACK[condition].format(desk=words.desk(desk))
    else:
        said = _lacks(each, condition, state, at, decision, desk, words)
    return f"withheld silently: {said} ({each.clause})"
