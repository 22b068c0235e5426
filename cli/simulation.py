"""`wraparound rules simulate`: the period that is asked for, the answers added up, and the result in words."""

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any, Final

import typer

from cli.caller import Caller
from cli.progress import progress
from client import calls
from hub.clock import parse_micros

_ORDER: Final = ("silent", "held", "existence", "released")
_SAID: Final = {
    "silent": "nothing",
    "held": "waiting",
    "existence": "that it is withheld",
    "released": "released",
}
_EXPECTED: Final = (
    "expected a month such as 2024-03, or a start and a later end such as 2024-03-01/2024-04-01"
)
_WHOLE: Final = 100
_SHOWN: Final = 3
"""Examples of one kind of change; the same as one answer has."""
_COUNTS: Final = ("families", "events")


def period(over: str) -> dict[str, str]:
    """`since` and `until` of a month (2024-03), a year, a day, or two instants or days with a slash between.

    All in UTC, the end not included. Raises `typer.BadParameter`.
    """
    first, slash, last = over.partition("/")
    try:
        since, until = (_instant(first), _instant(last)) if slash else _calendar(over)
    except ValueError as error:
        raise typer.BadParameter(_EXPECTED, param_hint="--over") from error
    if parse_micros(until) <= parse_micros(since):
        raise typer.BadParameter(_EXPECTED, param_hint="--over")
    return {"since": since, "until": until}


def _instant(text: str) -> str:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        text += "T00:00:00Z"
    parse_micros(text)
    return text


def _calendar(text: str) -> tuple[str, str]:
    match = re.fullmatch(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?", text)
    if match is None:
        raise ValueError("neither")
    year, month, day = (int(each) if each else None for each in match.groups())
    assert year is not None
    start = date(year, month or 1, day or 1)
    if day is not None:
        end = start + timedelta(days=1)
    elif month is not None:
        end = (start + timedelta(days=31)).replace(day=1)
    else:
        end = date(year + 1, 1, 1)
    return f"{start}T00:00:00Z", f"{end}T00:00:00Z"


def simulated(me: Caller, asked: Mapping[str, Any], why: tuple[str, str, str]) -> dict[str, Any]:
    """All answers of the hub, added up. `why`: purpose, reason and user of the look."""
    total: dict[str, Any] = {}
    after: str | None = None
    with progress("per cent", "events compared") as told:
        while True:
            call = calls.simulation({**asked, "after": after}, signed=me.signed(*why))
            page = me.run(call)
            total = added(total, page)
            after = page["next"]
            told(_WHOLE if after is None else int(page["done"] * (_WHOLE - 1)), _WHOLE, total["events"])
            if after is None:
                return {"over": {name: asked[name] for name in ("since", "until")}, **total}


def added(total: Mapping[str, Any], page: Mapping[str, Any]) -> dict[str, Any]:
    """What was found so far, and what one more answer says; no family is in two of them."""
    if not total:
        return {name: value for name, value in page.items() if name not in ("done", "next")}
    rows = {_kind(each): dict(each) for each in total["changes"]}
    for each in page["changes"]:
        known = rows.setdefault(_kind(each), {**each, "events": 0, "families": 0, "examples": []})
        known |= {name: known[name] + each[name] for name in _COUNTS}
        known["examples"] = [*known["examples"], *each["examples"]][:_SHOWN]
    return {
        "rules": total["rules"],
        **{name: total[name] + page[name] for name in _COUNTS},
        **{name: _sum(total[name], page[name]) for name in ("releases", "apart")},
        "changes": [rows[key] for key in sorted(rows)],
        "recorded": total["recorded"],
    }


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: one[name] + other[name] for name in one}


def _kind(change: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return change["desk"], change["category"], change["before"], change["after"]


def text(found: Mapping[str, Any]) -> str:
    """The result in words: what less, what more, each with examples; then what was counted apart."""
    rules, releases = found["rules"], found["releases"]
    over = found["over"]
    if not found["families"] and not any(found["apart"].values()):
        return _none(found["recorded"], **over)
    lines = [
        f"Recorded from {over['since']} to {over['until']}: {_counted(found)}.",
        f"In force: rule set {rules['in_force'][:12]}, {releases['before']} releases to desks.",
        f"Tried:    rule set {rules['tried'][:12]}, {releases['after']} releases to desks.",
    ]
    if not found["changes"]:
        lines.append("Nothing more, nothing less.")
    for title, more in (("LESS", False), ("MORE", True)):
        rows = [each for each in found["changes"] if _is_more(each) is more]
        lines += ["", title] if rows else []
        lines += [f"  {line}" for each in rows for line in _row(each)]
    apart = found["apart"]
    if any(apart.values()):
        said = [
            f"{apart['erased']} of erased families",
            f"{apart['parked']} of families that stand still",
            f"{apart['not_recomputed']} of families whose history cannot be made anew",
        ]
        lines += ["", f"Counted apart, events: {', '.join(said)}."]
    return "\n".join(lines)


def _none(recorded: Mapping[str, str] | None, since: str, until: str) -> str:
    """Nothing was compared: that is no answer about the rules."""
    if recorded is None:
        there = "No family's log has one yet."
    else:
        there = f"Families' logs have some from {recorded['first'][:19]}Z to {recorded['last'][:19]}Z."
    return f"No event of any family was recorded from {since} to {until}: nothing was compared. {there}"


def _is_more(change: Mapping[str, Any]) -> bool:
    return _ORDER.index(change["after"]) > _ORDER.index(change["before"])


def _row(change: Mapping[str, Any]) -> Iterator[str]:
    moved = f"{_SAID[change['before']]} in force, {_SAID[change['after']]} if tried"
    yield f"{change['desk']}, {change['category']}: {moved}: {_counted(change)}"
    for each in change["examples"]:
        about = f" about {each['person']}" if each["person"] else ""
        yield (
            f"  {each['at'][:19]}  {each['type']} from {each['from']}{about}, family {each['family']},"
            f" event {each['event']}"
        )
        yield f"    in force: {each['before']}"
        yield f"    tried:    {each['after']}"


def _counted(found: Mapping[str, Any]) -> str:
    return f"{found['events']} events of {found['families']} families"
