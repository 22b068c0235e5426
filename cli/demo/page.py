"""The account on one screen, and as JSON. Pure: what is known in, lines out."""

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cli.demo.account import Account, Refused
from cli.demo.expectations import COUNCIL, EXPECTATIONS, PROBATION, THERAPY, VICTIM, Seen, failed

WIDTH: Final = 100
PEOPLE: Final = "{people}"
HELD_TEXT: Final = "(F04)"


@dataclass(frozen=True, slots=True)
class Shown:
    """All that the page shows. `bytes_sent`: desk → bytes that the hub sent it; `head`: the log, verified."""

    seen: Seen
    bytes_sent: Mapping[str, int]
    head: Mapping[str, Any]
    seconds: Mapping[str, float]
    speed: float
    memory_mb: int


def as_json(shown: Shown) -> dict[str, Any]:
    """Everything on the page, and more, as plain data."""
    account = shown.seen.account
    wrong = failed(shown.seen)
    return {
        "published": {
            "accepted": len(account.fates()),
            "sent_again": [each.name for each in account.published() if each.again],
            "refused": [_refused(each) for each in account.refused()],
            "rejected": account.rejected(),
        },
        "received": {desk: _received(account, desk) for desk in account.journals if account.received(desk)},
        "why": {
            name: {desk: _named(account, account.why(name, desk)) for desk in desks}
            for name, _, desks in ASKED
        },
        "searched": {desk: dict(found) for desk, found in shown.seen.searched.items()},
        "bytes_sent": dict(shown.bytes_sent),
        "tasks": dict(shown.seen.tasks),
        "restarts": dict(shown.seen.restarts),
        "released": {"count": len(account.delays()), "median_ms": _median_ms(shown)},
        "log": dict(shown.head),
        "seconds": {name: round(value, 1) for name, value in shown.seconds.items()},
        "memory_mb": shown.memory_mb,
        "expectations": {sentence: sentence not in wrong for sentence in EXPECTATIONS},
        "ok": not wrong,
    }


def lines(shown: Shown) -> Iterator[str]:
    """The page, line by line."""
    account = shown.seen.account
    seconds = shown.seconds
    yield (
        f"Two families, five desks, one year at the hub: told in {seconds['year']:.0f} s, "
        f"{seconds['all']:.0f} s with start and proof, {shown.memory_mb} MB."
    )
    yield from _published(account)
    yield from _receptions(shown)
    yield from _whys(account)
    yield from _waited(account)
    yield from _secret(shown)
    yield from _rest(shown)


def _published(account: Account) -> Iterator[str]:
    again = [each for each in account.published() if each.again]
    refused, rejected = account.refused(), account.rejected()
    yield ""
    yield (
        f"PUBLISHED  {len(account.fates())} accepted; {len(again)} sent twice and counted once; "
        f"{len(refused)} refused at the door; {len(rejected)} rejected by the family's log"
    )
    for each in refused:
        why = f"{each.rule} at {each.where}" if each.rule else "not its to publish: as if it did not exist"
        yield f"  {each.desk:<15}{each.kind:<27}refused: {each.status}, {why}"
    for name, reason in rejected.items():
        desk, _, tag = name.partition(":")
        kind = next(each.kind for each in account.published() if each.name == name)
        yield f"  {desk:<15}{kind:<27}rejected: {reason} ({tag})"


def _receptions(shown: Shown) -> Iterator[str]:
    account = shown.seen.account
    yield ""
    yield (
        f"RECEIVED   by type; half of the releases began within {_median_ms(shown)} ms of acceptance, "
        "by the machine's clock"
    )
    for desk in account.journals:
        doors = account.doors(desk)
        if not doors:
            continue
        kinds, withheld = account.counts(desk)
        yield f"  {desk:<15}{len(account.received(desk))} by {' and '.join(sorted(doors))}"
        yield from _wrapped(
            ", ".join(f"{kind.partition('.')[2]} {count}" for kind, count in kinds.most_common())
        )
        if withheld:
            yield from _wrapped(
                "withheld: " + ", ".join(f"{name} {count}" for name, count in withheld.most_common())
            )


def _median_ms(shown: Shown) -> int:
    delays = shown.seen.account.delays()
    return round(delays[len(delays) // 2] / shown.speed / 1000) if delays else 0


def _wrapped(text: str) -> list[str]:
    indent = " " * 17
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False)


ASKED: Final = (
    (
        "s2w/sft:score-1",
        "s2w scores Mara's depression; nobody has asked her yet",
        (COUNCIL, VICTIM, PROBATION),
    ),
    ("reach/sft:goals-objected", "Reach reviews Tamsin's goals; she has objected", (COUNCIL,)),
    ("council/chesil:q-moved", "Mara and Wren move to a refuge", (THERAPY, VICTIM, PROBATION)),
    ("council/chesil:q-incident", "Doran waits at the school gate", (VICTIM, PROBATION)),
)
"""Events whose decisions the page explains: `desk:tag`, what happened, and to whom it might have gone."""


def _whys(account: Account) -> Iterator[str]:
    yield ""
    yield f"WHY NOT THE REST   {len(account.decisions)} events looked up as council/ig; each look is in the log, too"
    for name, said, desks in ASKED:
        yield f"  {account.recorded_at(name)[:10]}  {said}"
        for desk in desks:
            for reason in _briefly(_named(account, account.why(name, desk))):
                yield f"{'':14}{desk:<15}{reason}"


def _briefly(reasons: list[str]) -> list[str]:
    """What was withheld from a desk, people with the same reason together; what it got is counted elsewhere."""
    if len(reasons) > 1 and all("forbidden" in each for each in reasons[1:]):
        forbids = sorted({each.rpartition("(")[2].rstrip(")") for each in reasons[1:]})
        return [f"nothing at all: forbidden ({', '.join(forbids)})"]
    found: dict[str, list[str]] = {}
    for each in reasons[1:]:
        about, _, why = each.partition(": ")
        category, _, person = about.partition(" of ")
        if why.startswith("Withheld: "):
            found.setdefault(why.removeprefix("Withheld: "), [])
        elif HELD_TEXT in why:
            found.setdefault(f"{category}: the text, in which somebody stands who may not be shown (F04)", [])
        elif not why.startswith("shared"):
            reason = why.removeprefix("withheld silently: ")
            found.setdefault(f"{category}{PEOPLE}: {reason}", []).append(person)
    said = [
        why.replace(PEOPLE, f" of {' and '.join(dict.fromkeys(people))}") for why, people in found.items()
    ]
    return said or ["everything"]


def _waited(account: Account) -> Iterator[str]:
    name = "s2w/sft:score-3"
    yield ""
    yield "WITHDRAWN WHILE IT WAITED"
    days = [account.recorded_at(each)[:10] for each in ("council/ig:suspended", name, "s2w/sft:withdrawal")]
    yield f"  {days[0]}  Paragon is suspended: nothing is released there"
    yield f"  {days[1]}  s2w scores Mara again, with her consent: the council reads it, Paragon's waits"
    yield f"  {days[2]}  Mara takes her consent for Paragon back: decided again"
    yield f"  {account.released_at(name, VICTIM)[:10]}  Paragon is back, and gets the event without the score:"
    for reason in _briefly(_named(account, account.why(name, VICTIM))):
        yield f"{'':14}{reason}"


def _secret(shown: Shown) -> Iterator[str]:
    account = shown.seen.account
    names = [f"paragon/victim:{tag}" for tag in ("started", "plan-2", "plan-3")]
    told = sum("support.dv_safety_plan" in account.withheld(name, COUNCIL) for name in names)
    read = sum("dv_safety_plan" in (account.data(name, COUNCIL) or {}) for name in names)
    found = shown.seen.searched[PROBATION]
    yield ""
    yield (
        f"THE SAFETY PLAN  written {len(names)} times; the council was told of it {_times(told)}, "
        f"and read it {_times(read)}, after Mara agreed"
    )
    yield (
        f"  {PROBATION} was sent {shown.bytes_sent[PROBATION]} bytes: the plan stands in them "
        f"{_times(found[shown.seen.plan])}, the refuge {_times(found[shown.seen.refuge])}, "
        f"Mara's id {_times(found[shown.seen.victim])}"
    )


def _rest(shown: Shown) -> Iterator[str]:
    head = shown.head
    tasks = ", ".join(f"{count} {kind}" for kind, count in shown.seen.tasks.items()) or "nothing"
    killed = [name for name, count in shown.seen.restarts.items() if count]
    wrong = failed(shown.seen)
    yield ""
    yield f"WAITS FOR A PERSON  {tasks}: Tamsin's objection is council/ig's to decide;"
    yield "                    Mara's case number was also entered for Tamsin: council/chesil decides"
    yield f"KILLED ON THE WAY   {' and '.join(killed) or 'nothing'}: started again; nothing lost, nothing twice"
    signed = f"head {head['root'][:16]}…, signed at {head['signed_at'][:10]}"
    yield f"THE LOG  {head['origin']}, {head['size']} entries, {signed}"
    yield (
        f"  rebuilt from its entries: {head['details']} details match, {head['checkpoints']} checkpoints, "
        f"{head['offsets']} offsets with one fate each: {'whole and unchanged' if head['ok'] else 'NOT GOOD'}"
    )
    yield ""
    yield f"{len(EXPECTATIONS) - len(wrong)} of {len(EXPECTATIONS)} expectations hold."
    yield from (f"  DOES NOT HOLD: {sentence}" for sentence in wrong)


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _named(account: Account, reasons: list[str]) -> list[str]:
    named = []
    for reason in reasons:
        said = reason
        for hub_id, name in account.names().items():
            said = said.replace(hub_id, name)
        named.append(said)
    return named


def _refused(each: Refused) -> dict[str, Any]:
    return {
        "desk": each.desk,
        "id": each.tag,
        "type": each.kind,
        "status": each.status,
        "rule": each.rule,
        "where": each.where,
    }


def _received(account: Account, desk: str) -> dict[str, Any]:
    kinds, withheld = account.counts(desk)
    return {
        "deliveries": len(account.received(desk)),
        "doors": {door: len(ids) for door, ids in account.doors(desk).items()},
        "types": dict(kinds),
        "withheld": dict(withheld),
    }
