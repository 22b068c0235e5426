"""What the county's year must show, each in a sentence. Pure: facts in, whether it holds out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cli.demo.county.account import Account
from cli.demo.county.asked import Facts
from simulation.county.count import Count, Ledger
from simulation.county.figures import COUNTED_ON, LAST_DAY

NOVEMBER: Final = COUNTED_ON.isoformat()
DECEMBER: Final = LAST_DAY.isoformat()
PRESENTED: Final = {
    "mental_health": (141, 72, 68, 72),
    "substance_use": (89, 48, 28, 29),
    "domestic_abuse_victim": (79, 41, 32, 32),
    "domestic_abuse_perpetrator": (0, 0, 0, 0),
}
"""The report's figures: referrals, open; known before, in per cent of referrals and of open."""
LEADS: Final = frozenset({"council/chesil", "council/dorchester", "council/west"})
PROBATION: Final = "probation/perp"


@dataclass(frozen=True, slots=True)
class Seen:
    """What is asked.

    `plan`, `refuge`: desk → how often these words stand in what the desk was sent; `victims`: how often a victim's
    id, in what Probation was sent. `recalled`: what the audit log says was recalled.
    """

    account: Account
    ledger: Ledger
    facts: Facts
    tasks: Mapping[str, int]
    plan: Mapping[str, int]
    refuge: Mapping[str, int]
    victims: int
    recalled: int
    restarts: Mapping[str, int]
    log_is_good: bool
    is_whole: bool
    """Whether the whole year was lived."""


def presented(ledger: Ledger) -> dict[str, tuple[int, int, int, int]]:
    """The referral figures as the report gives them."""
    return {
        name: (
            each.referrals,
            each.open,
            round(100 * each.known / max(1, each.referrals)),
            round(100 * each.open_known / max(1, each.open)),
        )
        for name, each in ledger.presented_by(NOVEMBER).items()
    }


def _figures(seen: Seen) -> bool:
    counted = (seen.ledger.open_on(NOVEMBER), seen.ledger.completed_by(NOVEMBER))
    return counted == (Count(127, 267, 148), Count(17, 36, 20)) and presented(seen.ledger) == PRESENTED


def _children(seen: Seen) -> bool:
    found = seen.ledger.in_need_on(DECEMBER)
    return (found["chesil"], found["dorchester"] + found["west"]) == (392, 303)


def _told(seen: Seen) -> set[tuple[str, str]]:
    return {(desk, receipt) for desk, receipt, _ in seen.account.rejections()}


def _rejected(seen: Seen) -> bool:
    """In a part of the year some of it waits still, behind what waits."""
    told, meant = _told(seen), seen.account.meant_to_be_rejected()
    return told == meant if seen.is_whole else told <= meant


def _fates(seen: Seen) -> bool:
    fates = dict(seen.facts.fates)
    return fates.pop("rejected", 0) == len(_told(seen)) and set(fates) == {"done"}


def _waiting(seen: Seen) -> bool:
    """In a part of the year others wait besides: for what would have come later."""
    meant = sum(letter.expect == "waits" for letter, _ in seen.account.sent)
    found = sum(seen.facts.waiting.values())
    return found == meant if seen.is_whole else found >= meant


def _arrived(seen: Seen) -> bool:
    return all(seen.facts.released.get(desk, 0) == len(came) for desk, came in seen.account.received.items())


def _ended(seen: Seen) -> bool:
    """Every delivery has come, was recalled, or is held for a person's decision."""
    ends = {status for rows in seen.facts.deliveries.values() for status in rows}
    return ends <= {"delivered", "recalled", "held"}


EVER: Final[Mapping[str, Callable[[Seen], bool]]] = {
    "the door refuses what is wrong on purpose, and nothing else": lambda seen: not seen.account.surprises(),
    "what is sent again gets the first receipt": lambda seen: all(seen.account.again()),
    "a family's log rejects what is out of order on purpose, and nothing else": _rejected,
    "everything else takes effect": _fates,
    "what names somebody unknown waits": _waiting,
    "whatever was released has arrived": _arrived,
    "every delivery has ended": _ended,
    "no delivery comes twice, unless to a topic after a kill and the very same": lambda seen: (
        not seen.account.repeated()
    ),
    "safety plans are read by the council alone": lambda seen: (
        {desk for desk, count in seen.plan.items() if count} <= LEADS
    ),
    "the refuge's address reaches nobody": lambda seen: not any(seen.refuge.values()),
    "Probation is sent no victim's id": lambda seen: seen.victims == 0,
    "the log, rebuilt from its entries, is whole and unchanged": lambda seen: seen.log_is_good,
}
"""What holds of any stretch of the year."""
IN_A_YEAR: Final[Mapping[str, Callable[[Seen], bool]]] = {
    "families, children, adults and referrals are those of the report, counted from what was published": _figures,
    "children in need and on a plan are those of the localities": _children,
    "there was something of each: sent again, out of order, of somebody unknown": lambda seen: bool(
        seen.account.again() and seen.account.meant_to_be_rejected() and seen.facts.waiting
    ),
    "a victim's safety plan was read where she agreed, and Probation was told something": lambda seen: bool(
        any(seen.plan.values()) and seen.account.received[PROBATION]
    ),
    "something that waited while it came to be forbidden was recalled": lambda seen: seen.recalled > 0,
    "router and delivery were killed in the middle of it, and came back": lambda seen: (
        seen.restarts["router"] > 0 and seen.restarts["delivery"] > 0
    ),
}
"""What the whole year must have had besides."""


def expectations(seen: Seen) -> Mapping[str, Callable[[Seen], bool]]:
    """All that is expected of what was lived."""
    return {**IN_A_YEAR, **EVER} if seen.is_whole else EVER


def as_plain(count: Count) -> dict[str, Any]:
    """As plain data."""
    return {"families": count.families, "children": count.children, "adults": count.adults}
