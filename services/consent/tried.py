"""Rules that are tried: another rule set, as if what is new in it had always been in force."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from services.consent.agreement import Agreement, Micros, RuleSet
from services.consent.ruleset import with_agreements

_ALWAYS: Final[Micros] = 0
_FOREVER: Final[Micros] = 1 << 62


def tried(now: RuleSet, new: RuleSet) -> RuleSet:
    """`new`, with what differs from `now` in force at every time, so that a past can be decided by it.

    An agreement that both have is in force as it is dated. One that is new or changed is tried: as if all its parties
    had signed it and it had always been in force. Of several versions that of the latest start is; the others permit
    nothing, but what they forbid is forbidden, as by every agreement that is not in force. A law keeps its own date.
    The digest is that of `new` as it stands.
    """
    known = {(each.id, each.version): each for each in now.agreements}
    changed = [each for each in new.agreements if known.get((each.id, each.version)) != each]
    last = {each.id: each for each in sorted(changed, key=lambda each: (each.start, each.version))}
    return replace(new, agreements=tuple(_as_tried(each, last.get(each.id)) for each in new.agreements))


def _as_tried(agreement: Agreement, instead: Agreement | None) -> Agreement:
    if instead is None:
        return agreement
    if instead is not agreement:
        return replace(
            agreement, clauses=tuple(each for each in agreement.clauses if each.effect == "forbid")
        )
    parties = dict.fromkeys(agreement.parties, _ALWAYS)
    return replace(agreement, parties=parties, start=_ALWAYS, end=_FOREVER)


def beside(now: RuleSet, agreements: tuple[Agreement, ...]) -> RuleSet:
    """The rules in force with these agreements, each in place of the same version of itself."""
    named = {(each.id, each.version) for each in agreements}
    kept = (each for each in now.agreements if (each.id, each.version) not in named)
    return with_agreements(now, (*kept, *agreements))
