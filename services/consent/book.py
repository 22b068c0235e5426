"""Which rules are in force when: the signed versions of every agreement, by the instants from which they hold.

At an instant the rule set is, of each agreement, the highest version that has begun: one that was signed to begin far
ahead does not stand in the way of a higher one, and never takes its place. A version that has ended, and that no other
has followed, stays in the set: it permits nothing any more, and what it forbids is forbidden (invariant I07).
One that has not begun does not exist. Nothing here reads a clock: the instant is given.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from services.consent.agreement import Agreement, Micros, RuleSet
from services.consent.compiled import CompiledRules
from services.consent.ruleset import with_agreements


class Book:
    """The versions of a partnership's agreements; never changed, so what was compiled stays good."""

    def __init__(self, rules: RuleSet, known: Book | None = None) -> None:
        self.rules = rules
        """Every version there is, with the partnership's agencies and desks."""
        self.starts: tuple[Micros, ...] = tuple(sorted({each.start for each in rules.agreements}))
        self._sets: list[CompiledRules | None] = [None] * (len(self.starts) + 1)
        self._known = {} if known is None else {each.digest: each for each in known.compiled()}

    def at(self, instant: Micros) -> CompiledRules:
        """The rule set in force at an instant."""
        place = bisect_right(self.starts, instant)
        found = self._sets[place]
        if found is None:
            rules = rules_at(self.rules, instant)
            found = self._sets[place] = self._known.get(rules.digest) or CompiledRules(rules)
        return found

    def compiled(self) -> Iterator[CompiledRules]:
        """What was looked up so far."""
        return (each for each in self._sets if each is not None)

    def after(self, *signed: Agreement) -> Book:
        """The book with these versions in it as well."""
        return Book(with_agreements(self.rules, (*self.rules.agreements, *signed)), self)

    def since(self, instant: Micros) -> tuple[CompiledRules, ...]:
        """Each rule set that is in force at the instant or later, in order, once."""
        later = (self.at(each) for each in (instant, *(start for start in self.starts if start > instant)))
        return tuple({each.digest: each for each in later}.values())

    def named(self, digest: str) -> tuple[tuple[str, int], ...]:
        """The agreements and versions of the rule set of that digest; none if there never was such a one."""
        for instant in (-1, *self.starts):
            found = self.at(instant)
            if found.digest == digest:
                return tuple(sorted((each.id, each.version) for each in found.rules.agreements))
        return ()

    def newest(self, agreement: str) -> Agreement | None:
        """The highest version of an agreement, begun or not."""
        found = [each for each in self.rules.agreements if each.id == agreement]
        return max(found, key=lambda each: each.version, default=None)


def rules_at(rules: RuleSet, instant: Micros) -> RuleSet:
    """Of each agreement the highest version that has begun, with the digest of exactly that set."""
    highest: dict[str, Agreement] = {}
    for each in sorted(rules.agreements, key=lambda one: one.version):
        if each.start <= instant:
            highest[each.id] = each
    return with_agreements(rules, tuple(each for each in rules.agreements if highest.get(each.id) is each))
