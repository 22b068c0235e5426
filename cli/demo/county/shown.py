"""From a year that was lived to what the page shows."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from cli.demo.county.account import Account
from cli.demo.county.asked import VICTIM
from cli.demo.county.checks import PROBATION, Seen
from cli.demo.county.living import Lived
from cli.demo.county.offices import desks
from cli.demo.county.page import Shown
from cli.demo.proof import LogHead, head_as_plain, searched
from simulation.county.agencies.council import REFUGE
from simulation.county.agencies.paragon import SAFETY_PLAN
from simulation.county.count import Ledger
from simulation.county.county import published
from simulation.county.scripts import journal, mailbag

RECALLED = "delivery.recalled"


@dataclass(frozen=True, slots=True)
class Read:
    """What the journals and mailbags of a year say. `plan`, `refuge`: desk → how often it was sent these words."""

    lived: Lived
    account: Account
    ledger: Ledger
    plan: Mapping[str, int]
    refuge: Mapping[str, int]
    victims: int
    digests: Mapping[str, Any]


def read(lived: Lived) -> Read:
    """Read the journals, and search what the desks were sent."""
    account = Account(
        [letter for week in lived.weeks for letter in week],
        {desk: _lines(journal(lived.work, desk)) for desk in desks()},
    )
    words = [SAFETY_PLAN, REFUGE.format("").strip()]
    found = {desk: searched(mailbag(lived.work, desk), words)[1] for desk in desks()}
    _, victims = searched(mailbag(lived.work, PROBATION), sorted(account.clients(VICTIM)))
    sent = list(published(lived.weeks))
    return Read(
        lived=lived,
        account=account,
        ledger=Ledger().read(map(orjson.loads, sent)),
        plan={desk: counts[words[0]] for desk, counts in found.items()},
        refuge={desk: counts[words[1]] for desk, counts in found.items()},
        victims=sum(victims.values()),
        digests={
            "published": hashlib.sha256(b"\n".join(sent)).hexdigest(),
            "received": {desk: account.told(desk) for desk in desks()},
        },
    )


def gather(known: Read, head: LogHead, place: str) -> Shown:
    """Put everything together."""
    lived, report = known.lived, head.report
    seen = Seen(
        account=known.account,
        ledger=known.ledger,
        facts=lived.facts,
        tasks=lived.status["tasks"],
        plan=known.plan,
        refuge=known.refuge,
        victims=known.victims,
        recalled=head.kinds.get(RECALLED, 0),
        restarts=lived.restarts,
        log_is_good=report.ok and not report.pending and not report.unread,
        is_whole=lived.is_whole,
    )
    return Shown(
        seen,
        lived.views,
        head_as_plain(head),
        known.digests,
        lived.county.seed,
        lived.seconds,
        lived.status["memory_mb"],
        place,
    )


def _lines(file: Path) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in file.read_bytes().splitlines()]
