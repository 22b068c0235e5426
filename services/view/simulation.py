"""`POST /v1/rules/simulation`: recorded history under other rules, for a desk that governs information alone.

Some families at a time: an answer names the last log that it looked at, and the next request begins behind it. So
nothing is kept between two requests, each is short, and what was looked at is in the audit log (`family.viewed`)
before the answer leaves. Nothing is sent and nothing changed. Logs come in the order of their keys, which are spread
evenly: how far the last one is along is how much is done.

What cannot be made anew is counted apart: of families whose keys are gone, of families that stand still, and of those
of whom this code would refuse what it once did. Of a period without an event of any family it says from when to when
there are some (`recorded`).
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from hub.attempts.rows import Kit
from hub.clock import Micros, format_micros, parse_micros
from hub.database import Connection
from hub.looks import Look
from hub.processor.parked import parked_keys
from hub.shown import answer
from services.consent.agreement import RuleError
from services.consent.book import Book
from services.consent.load import parties
from services.consent.ruleset import ruleset_from_plain
from services.consent.tried import as_it_stands, beside, tried
from services.view import reading
from services.view.api import governs, look_of
from services.view.rules import INTERNAL, Logged
from services.view.simulate import Side, Tally, history
from services.view.viewer import Viewer

MOST_LOGS: Final = 50
MOST_EVENTS: Final = 1_000
"""Logs of one answer: no further one is read once these have as many events."""
APART: Final = ("erased", "parked", "not_recomputed")
_SPREAD: Final = 1 << 128

_KEYS: Final = """
WITH RECURSIVE log AS (
    (SELECT key FROM event WHERE key > %(after)s ORDER BY key LIMIT 1)
    UNION ALL
    SELECT (SELECT e.key FROM event e WHERE e.key > log.key ORDER BY e.key LIMIT 1) FROM log WHERE log.key IS NOT NULL
)
SELECT key::text FROM log WHERE EXISTS (SELECT FROM family f WHERE f.family_id = log.key)
    AND EXISTS (SELECT FROM event e WHERE e.key = log.key
    AND e.topic = 'events' AND e.recorded_at >= %(since)s AND e.recorded_at < %(until)s) LIMIT %(most)s
"""
"""One step of the index for each log, however long it is; the logs of families alone."""
_RECORDED: Final = (
    "SELECT min(e.recorded_at), max(e.recorded_at) FROM event e JOIN family f ON f.family_id = e.key"
    " WHERE e.topic = 'events'"
)
"""From when to when families' logs have events: read where a period has none."""
_TYPES: Final = (
    "SELECT type, count(*) FROM event WHERE key = %s AND topic = 'events' AND recorded_at >= %s"
    " AND recorded_at < %s GROUP BY type"
)

_NOTHING: Final = "00000000-0000-0000-0000-000000000000"
_EXAMPLE: Final[dict[str, Any]] = {
    "rules": {"in_force": "5f2a…", "tried": "91bc…"},
    "families": 1,
    "events": 12,
    "releases": {"before": 40, "after": 39},
    "apart": dict.fromkeys(APART, 0),
    "changes": [],
    "recorded": None,
    "done": 1.0,
    "next": None,
}


class Rules(BaseModel):
    """A rule set in the shape of its YAML. Without agencies and desks: agreements beside those in force."""

    agreements: Annotated[list[dict[str, Any]], Field(min_length=1)]
    agencies: dict[str, dict[str, Any]] | None = None
    desks: dict[str, dict[str, Any]] | None = None


class Asked(BaseModel):
    """What to simulate: which rules, over the events recorded in [since, until), behind which log."""

    rules: Rules
    since: Annotated[str, Field(max_length=64)]
    until: Annotated[str, Field(max_length=64)]
    after: UUID | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """[since, until), by the time of the logs."""

    since: Micros
    until: Micros


def build(viewer: Viewer, caller: Callable[..., Any]) -> APIRouter:
    """The route. `caller` is the dependency that gives the `Caller`."""
    router = APIRouter(prefix="/v1/rules", tags=["rules"])

    async def reviewer(request: Request, who: Annotated[Any, Depends(caller)]) -> Look:
        """The look of who governs information. For anybody else there is nothing here, whatever they sent."""
        look = look_of(who, request)
        if not governs(who):
            await viewer.deny(look, "simulation", "")
            raise HTTPException(404)
        return look

    @router.post(
        "/simulation",
        summary="Recorded history under other rules",
        responses={200: answer("What more and what less", {"type": "object"}, _EXAMPLE)},
    )
    async def simulate(asked: Asked, look: Annotated[Look, Depends(reviewer)]) -> Response:
        """What more and what less would have been released, of some families. Recorded before it answers."""
        period = Period(_instant("since", asked.since), _instant("until", asked.until))
        if period.until <= period.since:
            raise _refused("until", "after_since")
        async with viewer.database.transaction() as conn:
            await viewer.in_force.catch_up(conn)
        now = Side(viewer.in_force.book, viewer.partnership.served)
        new, digest = offered(viewer, asked.rules)
        names = {"in_force": viewer.in_force.digest(viewer.clock.now()), "tried": digest}
        found = await _simulated(viewer, names, (now, new), period, asked.after)
        await _record(viewer, look, found)
        return JSONResponse(found.plain(), headers={"cache-control": "no-store"})

    return router


def offered(viewer: Viewer, rules: Rules) -> tuple[Side, str]:
    """The rules that are tried, and their digest. Raises `RequestValidationError` where they cannot be read."""
    plain: dict[str, Any] = dict(parties(viewer.partnership))
    plain["agreements"] = rules.agreements
    whole = rules.agencies is not None and rules.desks is not None
    if whole:
        plain |= {"agencies": rules.agencies, "desks": rules.desks}
    try:
        new = ruleset_from_plain(plain)
    except RuleError as error:
        raise _refused("/".join(("rules", *map(str, error.path))), error.expected) from error
    now, instant = viewer.in_force.book.rules, viewer.clock.now()
    again: set[tuple[str, int]] = set()
    if not whole:
        # Somebody who offers a version of old asks what it would be to go back to it.
        standing = {(each.id, each.version) for each in viewer.in_force.book.at(instant).rules.agreements}
        again = {(each.id, each.version) for each in new.agreements} - standing
        new = beside(now, new.agreements)
    served = frozenset(name for name, desk in plain["desks"].items() if desk.get("served") is True)
    found = tried(now, new, again)
    return Side(Book(found), served), as_it_stands(found, new, instant)


@dataclass(slots=True)
class _Answer:
    """What was found out of some logs."""

    rules: Mapping[str, str]
    period: Period
    tally: Tally
    apart: Counter[str]
    last: str | None
    recorded: tuple[Micros, Micros] | None = None
    """The first and the last event that any family's log has, where the period has none."""

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        done = 1.0 if self.last is None else round(UUID(self.last).int / _SPREAD, 4)
        apart = {name: self.apart[name] for name in APART}
        recorded = None
        if self.recorded is not None:
            recorded = dict(zip(("first", "last"), map(format_micros, self.recorded), strict=True))
        return {
            "rules": self.rules,
            **self.tally.plain(),
            "apart": apart,
            "recorded": recorded,
            "done": done,
            "next": self.last,
        }


async def _simulated(
    viewer: Viewer, names: Mapping[str, str], sides: tuple[Side, Side], period: Period, after: UUID | None
) -> _Answer:
    logs: list[tuple[str, Sequence[Logged]]] = []
    found = _Answer(names, period, Tally(period.since), Counter(), None)
    asked = {"after": after or _NOTHING, "since": period.since, "until": period.until, "most": MOST_LOGS}
    async with viewer.database.transaction() as conn:
        keys = [row[0] for row in await (await conn.execute(_KEYS, asked)).fetchall()]
        parked = await parked_keys(conn, "router", keys)
        found.last = keys[-1] if len(keys) == MOST_LOGS else None
        if not keys and after is None:
            found.recorded = await _recorded(conn)
        read = 0
        for key in keys:
            why = "parked" if key in parked else "erased" if await viewer.kit.ring.load(conn, [key]) else ""
            if why:
                found.apart[why] += await _count(conn, viewer.kit, key, period)
                continue
            log = await reading.log_of(conn, viewer.kit, key, lambda _: "")
            logs.append((key, log))
            read += len(log)
            if read >= MOST_EVENTS and key != keys[-1]:
                found.last = key
                break
    await asyncio.to_thread(_compared, found, viewer.kit, logs, *sides)
    return found


def _compared(
    found: _Answer, kit: Kit, logs: Sequence[tuple[str, Sequence[Logged]]], now: Side, new: Side
) -> None:
    """The work itself, in a thread: the door goes on answering others."""
    for key, log in logs:
        steps = history(kit.catalogue, log, found.period.until)
        if steps is None:
            gates = (each for each in log if found.period.since <= each.recorded < found.period.until)
            found.apart["not_recomputed"] += sum(_is_shared(kit, each.event.type) for each in gates)
        else:
            found.tally.add(key, steps, now, new)


async def _recorded(conn: Connection) -> tuple[Micros, Micros] | None:
    """From when to when families' logs have events; None: they have none."""
    row = await (await conn.execute(_RECORDED)).fetchone()
    return None if row is None or row[0] is None else (row[0], row[1])


async def _count(conn: Connection, kit: Kit, key: str, period: Period) -> int:
    """The events of the period that the rules would decide."""
    rows = await (await conn.execute(_TYPES, (key, period.since, period.until))).fetchall()
    return sum(count for type_, count in rows if _is_shared(kit, type_))


def _is_shared(kit: Kit, type_: str) -> bool:
    return kit.catalogue.type(type_).gate != INTERNAL


async def _record(viewer: Viewer, look: Look, found: _Answer) -> None:
    what: dict[str, Any] = {
        "what": "simulation",
        "rules": found.rules["tried"],
        "over": [found.period.since, found.period.until],
    }
    families = {family: {**what, "shown": shown} for family, shown in found.tally.shown.items()}
    async with viewer.database.transaction() as conn:
        await viewer.recorder().record(conn, "family.viewed", look, viewer.clock.now(), families, what)


def _instant(name: str, given: str) -> Micros:
    try:
        return parse_micros(given)
    except ValueError as error:
        raise _refused(name, "datetime") from error


def _refused(where: str, rule: str) -> RequestValidationError:
    return RequestValidationError([{"loc": ("body", *where.split("/")), "type": rule}])
