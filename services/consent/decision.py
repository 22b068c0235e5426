"""What was decided, for every desk, and the record of it that the audit log keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from services.consent.agreement import FOREVER, Micros
from services.consent.outcome import Outcome

NOTHING: Final = "nothing"
DELIVERED: Final = "delivered"
HOLDING: Final = "held"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision for one desk.

    `mask`: the bits of what may be released now (0: nothing, the event does not exist for this desk).
    `withheld`: the categories whose existence may be told. `held`: something may follow once a hold ends;
    decide again then. `valid_until`: from then on decide again before releasing (None: no end known).
    """

    desk: str
    mask: int
    withheld: tuple[str, ...]
    held: bool
    valid_until: Micros | None
    outcomes: tuple[Outcome, ...]
    hold: str | None = None

    def until(self, at: Micros) -> Verdict:
        """The same, to be decided again then at the latest."""
        if not self.mask or at >= FOREVER or (self.valid_until is not None and self.valid_until <= at):
            return self
        return replace(self, valid_until=at)

    @property
    def result(self) -> str:
        """`delivered`, `held` or `nothing`."""
        return DELIVERED if self.mask else HOLDING if self.held else NOTHING

    @property
    def clauses(self) -> tuple[str, ...]:
        """The clauses that released something, sorted."""
        return tuple(sorted({each.clause for each in self.outcomes if each.result == "released"}))


@dataclass(frozen=True, slots=True)
class Decision:
    """One event decided: by desk, sorted, all desks that a rule might concern; every other desk gets nothing.

    `waits`: the persons who are not certain; when one of them is settled, decide the event again for all
    desks.
    """

    event: str
    source: str
    rules: str
    recorded: Micros
    at: Micros
    verdicts: tuple[Verdict, ...]
    waits: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """The verdicts as `record` has them, filled when first asked: decisions of the same verdicts share it."""

    def verdict(self, desk: str) -> Verdict:
        """The decision for a desk; nothing for one that no rule concerns."""
        for each in self.verdicts:
            if each.desk == desk:
                return each
        return Verdict(desk, 0, (), False, None, ())

    @property
    def recipients(self) -> tuple[Verdict, ...]:
        """The verdicts by which something is delivered now or held."""
        return tuple(each for each in self.verdicts if each.mask or each.held)

    def record(self) -> dict[str, Any]:
        """Everything as plain JSON data, for the audit's detail: outcome, reasons, clauses, rule set, facts.

        A cell is `[category, person, result, clause, why, until | null]`.
        """
        if not self.told:
            self.told.update((each.desk, _verdict(each)) for each in self.verdicts)
        return {
            "event": self.event,
            "source": self.source,
            "rules": self.rules,
            "recorded": self.recorded,
            "at": self.at,
            "waits": list(self.waits),
            "facts": self.facts,
            "desks": self.told,
        }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    result: dict[str, Any] = {
        "result": verdict.result,
        "mask": verdict.mask,
        "withheld": list(verdict.withheld),
        "until": verdict.valid_until,
        "clauses": list(verdict.clauses),
        "cells": [_cell(each) for each in verdict.outcomes],
    }
    if verdict.held:
        result["hold"] = verdict.hold
    return result


def _cell(each: Outcome) -> list[Any]:
    until = None if each.until >= FOREVER else each.until
    return [each.category, each.person, each.result, each.clause, each.why, until]
