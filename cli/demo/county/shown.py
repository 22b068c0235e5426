"""From a year that was lived to what the page shows."""

import hashlib
from pathlib import Path

import orjson

from cli.demo.county.account import Account
from cli.demo.county.asked import VICTIM
from cli.demo.county.checks import PROBATION, Seen
from cli.demo.county.living import Lived
from cli.demo.county.offices import desks
from cli.demo.county.page import Shown
from cli.demo.proof import head_as_plain, searched
from simulation.county.agencies.council import REFUGE
from simulation.county.agencies.paragon import SAFETY_PLAN
from simulation.county.count import Ledger
from simulation.county.county import published
from simulation.county.scripts import journal, mailbag

RECALLED = "delivery.recalled"


def gather(lived: Lived, place: str) -> Shown:
    """Read the journals, search what the desks were sent, and put everything together."""
    account = Account(
        [letter for week in lived.weeks for letter in week],
        {desk: _lines(journal(lived.work, desk)) for desk in desks()},
    )
    words = [SAFETY_PLAN, REFUGE.format("").strip()]
    found = {desk: searched(mailbag(lived.work, desk), words)[1] for desk in desks()}
    _, victims = searched(mailbag(lived.work, PROBATION), sorted(account.clients(VICTIM)))
    report = lived.head.report
    sent = list(published(lived.weeks))
    seen = Seen(
        account=account,
        ledger=Ledger().read(map(orjson.loads, sent)),
        facts=lived.facts,
        tasks=lived.status["tasks"],
        plan={desk: counts[words[0]] for desk, counts in found.items()},
        refuge={desk: counts[words[1]] for desk, counts in found.items()},
        victims=sum(victims.values()),
        recalled=lived.head.kinds.get(RECALLED, 0),
        restarts=lived.restarts,
        log_is_good=report.ok and not report.pending and not report.unread,
        is_whole=lived.is_whole,
    )
    head = head_as_plain(lived.head)
    digests = {
        "published": hashlib.sha256(b"\n".join(sent)).hexdigest(),
        "received": {desk: account.told(desk) for desk in desks()},
    }
    return Shown(
        seen, lived.views, head, digests, lived.county.seed, lived.seconds, lived.status["memory_mb"], place
    )


def _lines(file: Path) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in file.read_bytes().splitlines()]
