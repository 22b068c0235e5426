"""The county's year on one page, and as JSON. Pure: what is known in, lines out."""

import hashlib
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cli.demo.county.asked import Seen as View
from cli.demo.county.checks import DECEMBER, NOVEMBER, Seen, as_plain, expectations, presented
from cli.demo.holding import unmet

WIDTH: Final = 112
COLUMN: Final = 54
VIEW_LINES: Final = 26
MOST_NAMED: Final = 4


@dataclass(frozen=True, slots=True)
class Shown:
    """All that the page shows.

    `digests`: of the published bytes, and by desk of what it received; the same for the same seed. `place`: the
    folder in which the hub stays up; empty if it does not.
    """

    seen: Seen
    views: Sequence[View]
    head: Mapping[str, Any]
    digests: Mapping[str, Any]
    seed: int
    seconds: Mapping[str, float]
    memory_mb: int
    place: str


def as_json(shown: Shown) -> dict[str, Any]:
    """Everything on the page as plain data."""
    seen = shown.seen
    account, ledger = seen.account, seen.ledger
    expected = expectations(seen)
    wrong = unmet(expected, seen)
    return {
        "published": {
            "sent": len(account.sent),
            "accepted": account.accepted(),
            "sent_again": len(account.again()),
            "refused": [
                {"status": status, "rule": rule, "where": where, "count": count}
                for (status, rule, where), count in account.refused().most_common()
            ],
            "rejected": dict(Counter(reason for _, _, reason in account.rejections())),
            "waiting": dict(seen.facts.waiting),
            "derived": seen.facts.derived,
        },
        "received": {
            desk: {
                "deliveries": len(came),
                "doors": account.doors(desk),
                "types": dict(account.kinds(desk)),
                "withheld": dict(account.withheld(desk)),
            }
            for desk, came in account.received.items()
        },
        "recalled": seen.recalled,
        "tasks": dict(seen.tasks),
        "figures": {
            "open": as_plain(ledger.open_on(NOVEMBER)),
            "completed": as_plain(ledger.completed_by(NOVEMBER)),
            "referrals": {
                name: dict(
                    zip(("presented", "open", "known_percent", "open_known_percent"), each, strict=True)
                )
                for name, each in presented(ledger).items()
            },
            "children_in_need": dict(ledger.in_need_on(DECEMBER)),
        },
        "views": {each.desk: each.view for each in shown.views},
        "restarts": dict(seen.restarts),
        "log": dict(shown.head),
        "seconds": {name: round(value, 1) for name, value in shown.seconds.items()},
        "memory_mb": shown.memory_mb,
        "seed": shown.seed,
        "digests": dict(shown.digests),
        "expectations": {sentence: sentence not in wrong for sentence in expected},
        "ok": not wrong,
    }


def lines(shown: Shown) -> Iterator[str]:
    """The page, line by line."""
    seconds = shown.seconds
    whole = "December 2022 to December 2023" if shown.seen.is_whole else "its first months"
    yield (
        f"A county, {len(shown.seen.account.journals)} desks, {whole}: lived in {seconds['year']:.0f} s, "
        f"{seconds['all']:.0f} s with start and proof, {shown.memory_mb} MB."
    )
    yield from _published(shown.seen)
    yield from _received(shown.seen)
    if shown.seen.is_whole:
        yield from _figures(shown.seen)
    yield from _family(shown.views)
    yield from _rest(shown)
    yield from _next(shown)


def _published(seen: Seen) -> Iterator[str]:
    account = seen.account
    rejected = Counter((desk, reason) for desk, _, reason in account.rejections())
    yield ""
    yield (
        f"PUBLISHED  {len(account.sent)} events sent, {account.accepted()} accepted, {len(account.again())} sent "
        f"again and counted once; the hub derived {seen.facts.derived} more"
    )
    for (status, rule, where), count in account.refused().most_common():
        why = f"{rule} at {where}" if rule else ANSWERS.get(status, "")
        yield f"  {count:>5} refused: {status}, {why}"
    for (desk, reason), count in rejected.most_common():
        yield f"  {count:>5} rejected by the family's log: {reason} ({desk})"
    for reason, count in seen.facts.waiting.items():
        yield f"  {count:>5} waiting: {reason}: nobody has told the hub of them; after a minute a person's task"


ANSWERS: Final = {
    404: "not its to publish: as if it did not exist",
    409: "an id that was used for something else",
}


def _received(seen: Seen) -> Iterator[str]:
    account = seen.account
    total = sum(map(len, account.received.values()))
    yield ""
    yield f"RECEIVED   {total} deliveries; {seen.recalled} were recalled before they left"
    for desk, came in account.received.items():
        if not came:
            continue
        withheld = account.withheld(desk)
        named = ", ".join(f"{name} {count}" for name, count in withheld.most_common(MOST_NAMED))
        told = f"; told of, and withheld: {named}" if named else ""
        yield from _wrapped(f"{desk:<22}{len(came):>6} by {' and '.join(account.doors(desk))}{told}")


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent=" " * 32, break_long_words=False)


def _figures(seen: Seen) -> Iterator[str]:
    ledger = seen.ledger
    now, done, need = ledger.open_on(NOVEMBER), ledger.completed_by(NOVEMBER), ledger.in_need_on(DECEMBER)
    yield ""
    yield "THE REPORT'S FIGURES, counted from what was published, 30 November 2023"
    yield f"  in the programme: {now.families} families, {now.children} children, {now.adults} adults"
    yield f"  closed after support: {done.families} families, {done.children} children, {done.adults} adults"
    for name, (referrals, running, known, open_known) in presented(ledger).items():
        yield (
            f"  {name.replace('_', ' ')}: {referrals} referrals, {running} open; "
            f"known before {known}% and {open_known}%"
            if referrals
            else f"  {name.replace('_', ' ')}: none"
        )
    west = need["dorchester"] + need["west"]
    yield f"  CIN and CP, December: Chesil {need['chesil']}, Dorchester and West {west}"


def _family(views: Sequence[View]) -> Iterator[str]:
    left, right = views
    yield ""
    yield "ONE FAMILY, as two desks see it: its lead, and a service that works with one of the adults"
    yield f"  {left.desk:<{COLUMN}}  {right.desk}"
    rows = max(len(_column(left)), len(_column(right)))
    for one, other in zip(_filled(_column(left), rows), _filled(_column(right), rows), strict=True):
        yield f"  {one:<{COLUMN}}  {other}".rstrip()


def _column(view: View) -> list[str]:
    said, _, events = view.words.partition("\nCHRONOLOGY\n")
    found = [line[:COLUMN] for line in said.splitlines()[1:] if line.strip()]
    rest = len(found) - VIEW_LINES
    shown = found[:VIEW_LINES]
    if rest > 0:
        shown.append(f"… {rest} lines more")
    return [*shown, f"CHRONOLOGY: {len(events.splitlines())} events"]


def _filled(column: list[str], rows: int) -> list[str]:
    return [*column, *[""] * (rows - len(column))]


def _rest(shown: Shown) -> Iterator[str]:
    seen, head = shown.seen, shown.head
    killed = [name for name, count in seen.restarts.items() if count]
    tasks = ", ".join(f"{count} {kind}" for kind, count in seen.tasks.items()) or "nothing"
    expected = expectations(seen)
    wrong = unmet(expected, seen)
    received = hashlib.sha256("".join(shown.digests["received"].values()).encode()).hexdigest()
    yield ""
    yield f"WAITS FOR A PERSON  {tasks}"
    if "left_between" in seen.tasks:
        yield "  left_between: what left about somebody after an incident and before its record, for council/ig"
    if killed:
        yield f"KILLED ON THE WAY   {' and '.join(killed)}: started again; nothing lost, nothing twice"
    yield f"THE LOG  {head['origin']}, {head['size']} entries, head {head['root'][:16]}…"
    yield (
        f"  rebuilt from its entries: {head['details']} details match, {head['offsets']} offsets with one fate "
        f"each: {'whole and unchanged' if head['ok'] else 'NOT GOOD'}"
    )
    yield (
        f"THE SAME AGAIN      seed {shown.seed}: published {shown.digests['published'][:16]}…; received, by desk and "
        f"family, {received[:16]}…"
    )
    yield ""
    yield f"{len(expected) - len(wrong)} of {len(expected)} expectations hold."
    yield from (f"  DOES NOT HOLD: {sentence}" for sentence in wrong)


def _next(shown: Shown) -> Iterator[str]:
    left, right = shown.views
    folder = shown.place or "./county"
    number = left.family.ref["value"]
    yield ""
    yield "TRY NEXT"
    if not shown.place:
        yield f"  .venv/bin/wraparound demo --stay --folder {folder}    (the hub stays up; then, elsewhere:)"
    find = f"family find liquidlogic {number} --as {right.desk}"
    yield f'  .venv/bin/wraparound {find} --folder {folder} --reason "to see"'
    yield f"  .venv/bin/wraparound audit verify --folder {folder}"
    if shown.place:
        yield f"  .venv/bin/wraparound status --folder {folder}"
