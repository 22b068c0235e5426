"""Rules that are tried: another rule set, as if what is new in it had always been in force."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from services.consent.agreement import Agreement, Micros, RuleSet
from services.consent.book import rules_at
from services.consent.ruleset import with_agreements

_ALWAYS: Final[Micros] = 0
_FOREVER: Final[Micros] = 1 << 62


def tried(now: RuleSet, new: RuleSet, again: Collection[tuple[str, int]] = ()) -> RuleSet:
    """`new`, with what differs from `now` in force at every time, so that a past can be decided by it.

    A version that both have is in force as it is dated. One that is new or changed is tried: as if all its parties
    had signed it and it had always been in force; of several, the highest. It stands in the place of
    every other version of its agreement. A law keeps its own date. `again`: versions that are known, and tried too.
    """
    known = {(each.id, each.version): each for each in now.agreements}
    changed = [
        each
        for each in new.agreements
        if known.get((each.id, each.version)) != each or (each.id, each.version) in again
    ]
    last = {each.id: each for each in sorted(changed, key=lambda each: each.version)}
    kept = (each for each in new.agreements if last.get(each.id, each) is each)
    return with_agreements(new, tuple(_always(each) if each.id in last else each for each in kept))


def _always(agreement: Agreement) -> Agreement:
    parties = dict.fromkeys(agreement.parties, _ALWAYS)
    return replace(agreement, parties=parties, start=_ALWAYS, end=_FOREVER)


def as_it_stands(rules: RuleSet, new: RuleSet, instant: Micros) -> str:
    """The digest of what of `new` is tried at an instant, dated as it is; `rules`: what `tried` made of it."""
    chosen = {(each.id, each.version) for each in rules_at(rules, instant).agreements}
    return with_agreements(
        new, tuple(each for each in new.agreements if (each.id, each.version) in chosen)
    ).digest


def beside(now: RuleSet, agreements: tuple[Agreement, ...]) -> RuleSet:
    """The rules in force with these agreements, each in place of the same version of itself."""
    named = {(each.id, each.version) for each in agreements}
    kept = (each for each in now.agreements if (each.id, each.version) not in named)
    return with_agreements(now, (*kept, *agreements))
