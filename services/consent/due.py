"""What of a person waits for somebody to decide: an objection, holders who disagree, a consent that ends.

RULES.md section 7 and rules 4.13, 4.15.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from services.consent.agreement import Micros
from services.consent.consents import Cell, stands
from services.consent.givers import disagreeing
from services.consent.person import PersonFacts

RENEWAL: Final = "renewal"
DECISION: Final = "decision"
ENDS: Final = "consent_ends"
OBJECTION: Final = "objection"
DISAGREE: Final = "holders_disagree"


class Due(NamedTuple):
    """One thing that waits: `receipt` of the event that it is about.

    `at`: of a consent when it ends, of an objection when it was raised, else when the last holder spoke.
    """

    kind: str
    receipt: str
    reason: str
    at: Micros


def due(facts: PersonFacts) -> frozenset[Due]:
    """All that waits."""
    raised = (
        Due(DECISION, each.receipt, OBJECTION, each.at)
        for each in facts.objections
        if each.stands and each.pending
    )
    return frozenset((*raised, *_of_consents(facts)))


def _of_consents(facts: PersonFacts) -> Iterator[Due]:
    for key, given in facts.registers.items():
        name, _, rest = key.partition("|")
        if name != "consent":
            continue
        cell = Cell(*rest.split("|"))
        value = given[2]
        until = value.get("until") if isinstance(value, dict) else None
        if isinstance(until, int) and stands(facts, cell, given):
            yield Due(RENEWAL, given[1], ENDS, until)
        for act in disagreeing(facts, given, cell):
            yield Due(DECISION, act.receipt, DISAGREE, act.at)
