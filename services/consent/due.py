"""What of a person waits for somebody to decide: an objection, holders who disagree, what ends or is to be reviewed.

RULES.md section 7 and rules 4.13, 4.15, 4.17.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from services.consent.agreement import Micros
from services.consent.consents import givings, standing
from services.consent.covering import covering
from services.consent.givers import disagreeing
from services.consent.person import PersonFacts

RENEWAL: Final = "renewal"
DECISION: Final = "decision"
ENDS: Final = "consent_ends"
REVIEW: Final = "restriction_review"
OBJECTION: Final = "objection"
DISAGREE: Final = "holders_disagree"


class Due(NamedTuple):
    """One thing that waits: `receipt` of the event that it is about.

    `at`: of a consent when it ends, of a restriction its review, of an objection when it was raised, else when the last
    holder spoke. `against`: of what a holder did, the receipt of the last giving that it stands against.
    """

    kind: str
    receipt: str
    reason: str
    at: Micros
    against: str = ""


def due(facts: PersonFacts) -> frozenset[Due]:
    """All that waits."""
    raised = (
        Due(DECISION, each.receipt, OBJECTION, each.at)
        for each in facts.objections
        if each.stands and each.pending
    )
    reviewed = (
        Due(RENEWAL, each.receipt, REVIEW, each.review) for each in facts.shields if each.review is not None
    )
    return frozenset((*raised, *_ending(facts), *_disagreements(facts), *reviewed))


def _ending(facts: PersonFacts) -> Iterator[Due]:
    stands = standing(facts)
    for cell, given in givings(facts):
        value = given[2]
        until = value.get("until") if isinstance(value, dict) else None
        if isinstance(until, int) and stands(cell, given):
            yield Due(RENEWAL, given[1], ENDS, until)


def _disagreements(facts: PersonFacts) -> Iterator[Due]:
    """One for each act of a holder, however many cells others gave: that against the last."""
    about = covering(facts.acts)
    last: dict[tuple[str, Micros], tuple[Micros, str]] = {}
    for cell, given in givings(facts):
        for act in disagreeing(given, about(cell), facts.responsible):
            key = act.receipt, act.at
            last[key] = max(last.get(key, (0, "")), (given[0], given[1]))
    for (receipt, at), (_, against) in last.items():
        yield Due(DECISION, receipt, DISAGREE, at, against)
