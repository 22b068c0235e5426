"""Why something was shared or withheld: `GET /v1/decisions/{id}` (RULES.md 4.20, P31).

A desk asks with the id of a delivery of its own, and is told in words why it has what it has of that event, by the
rules of now and in no more than what it may know (`services/view`). All the rest is for information governance alone.

The id is a receipt's, an event's or a delivery's. The answer has every copy of the event, each with every decision ever
made on it, in the order made: first when it entered its log, or when the facts had come that it waited for, again when
a fact, a withdrawal or an expiry changed what it rested on; `undecided` while it waits. For each desk: the outcome, and
the reasons in words. A notice, a chase or a rejection is decided for nobody: `notice` says to whom it goes, and of a
notice whether it was answered. People stand as the hub's ids; `people` says what the reader may call them.

The token must say who looks (`sub`), for which `purpose` and `reason`. The look is an entry of the audit log
(`family.viewed`), committed before the answer. Anybody else gets the 404 of what does not exist, and that they asked is
an entry as well (`access.denied`). Information governance, from which nothing of it is kept, is told that an id is
none, or has another form.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from hub import ledger
from hub.clock import Micros, format_micros
from hub.database import Connection
from hub.ids import is_id
from hub.looks import Look, NoSuchIdError, Recorder, stated
from hub.partnership import IG_TEAM
from hub.processor.writer import decision_entry_id
from hub.shown import answer
from services.consent.agreement import FOREVER
from services.consent.decision import Decision, Verdict
from services.consent.explain import Words, explain_in_full
from services.consent.outcome import RELEASED, Outcome
from services.gateway.api import Doors
from services.gateway.called import called
from services.gateway.identity import Caller
from services.gateway.named import NAMING, notice_of
from services.gateway.parts import Parts

_COPIES: Final = (
    "SELECT event_id::text, key::text, type, source, recorded_at FROM event WHERE topic = 'events' AND"
    " (receipt_id = %(id)s OR event_id = %(id)s"
    " OR event_id = (SELECT event_id FROM delivery WHERE delivery_id = %(id)s))"
    " ORDER BY is_primary DESC, event_id"
)
_LOG: Final = "SELECT event_id::text, type FROM event WHERE key = %s AND topic = 'events'"
"""What may have brought a decision: a family's whole log. Its order is not that of the events' own times."""
_WAITS: Final = "SELECT EXISTS (SELECT FROM undecided WHERE event_id = %s)"
_ENTRIES: Final = (
    "SELECT entry_id::text, recorded_at FROM audit_entry WHERE entry_id = ANY(%s::uuid[])"
    " ORDER BY recorded_at, entry_id"
)
_FATE: Final = "SELECT kind, reason FROM fate WHERE event_id = %s AND processor = 'router'"
_DELIVERY: Final = "delivery_id::text, desk, status, reason, tries, released_at"
_DELIVERIES: Final = f"SELECT {_DELIVERY} FROM delivery WHERE event_id = %s ORDER BY desk"

_IDS: Final = (
    "the id of a receipt (`event send` and `receipt show` have it), of an event, or of a delivery (an inbox and"
    " `audit who` have it)"
)
_NO_STORE: Final = {"cache-control": "no-store"}
_EXAMPLE: Final[dict[str, Any]] = {"id": "5b1f7c0e-4a7d-8c3e-9f10-00000000000a", "people": {}, "events": []}


def build(doors: Doors, own: Callable[[str, Look], Awaitable[Response]]) -> APIRouter:
    """The route. `own` answers a desk that asks about a delivery of its own; it records that."""
    router = APIRouter(prefix="/v1/decisions", tags=["decisions"])

    @router.get(
        "/{about}",
        summary="Why something was shared or withheld",
        responses={200: answer("Every decision on the event", {"type": "object"}, _EXAMPLE)},
    )
    async def show(
        about: str, request: Request, caller: Annotated[Caller, Depends(doors.caller)]
    ) -> Response:
        """Every decision on one event; `about` is the id of its receipt, of the event, or of a delivery.

        For a desk that does not govern information: of one of its own deliveries, why it has what it has of it.
        """
        look = stated(caller.desk.name, caller.subject, caller.claims, str(request.state.instance))
        if caller.desk.name != f"{caller.desk.agency}/{IG_TEAM}":
            return await own(about, look)
        async with doors.parts.database.transaction() as conn:
            answer = await read(conn, doors.parts, look, about) if is_id(about) else None
            if answer is None:
                recorder, now = _recorder(doors.parts), doors.parts.clock.now()
                await recorder.deny(conn, look, now, "decisions", about)
        if answer is None:
            raise NoSuchIdError("about", about, _IDS, "one on which nothing was decided, or not yet")
        return JSONResponse(answer, headers=_NO_STORE)

    return router


async def read(conn: Connection, parts: Parts, look: Look, about: str) -> dict[str, Any] | None:
    """Every decision on an event, and the audit entry of this look, in the caller's transaction; None if none is."""
    found = await conn.execute(_COPIES, {"id": about})
    copies = await found.fetchall()
    shown = [await _event(conn, parts, *copy) for copy in copies]
    if not shown:
        return None
    seen: dict[str, dict[str, Any]] = {}
    for event in shown:
        of = seen.setdefault(event["family"], {"what": "decisions", "id": about, "events": []})
        of["events"].append(event["event"])
    await _recorder(parts).record(conn, "family.viewed", look, parts.clock.now(), seen)
    people = await called(conn, parts, look.desk.partition("/")[0], seen)
    return {"id": about, "people": people, "events": shown}


def _recorder(parts: Parts) -> Recorder:
    return Recorder(parts.ring, parts.secret, parts.rules, parts.code)


async def _event(
    conn: Connection, parts: Parts, event: str, family: str, type_: str, source: str, at: Micros
) -> dict[str, Any]:
    log = await (await conn.execute(_LOG, (family,))).fetchall()
    causes = {decision_entry_id(parts.secret, event, cause): (cause, kind) for cause, kind in log}
    entries = await (await conn.execute(_ENTRIES, (list(causes),))).fetchall()
    # Several may bear one instant of the hub's clock: the event's own decision came first.
    entries.sort(key=lambda row: (row[1], causes[row[0]][0] != event))
    deliveries = await (await conn.execute(_DELIVERIES, (event,))).fetchall()
    released = {desk: at for _, desk, *_, at in deliveries if at is not None}
    once: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    decisions = [
        # A fact keeps its own time, and may be older than the event that waited for it.
        await _decision(
            conn, parts, entry, max(when, at), *causes[entry], released=released, once=once, first=number == 0
        )
        for number, (entry, when) in enumerate(entries)
    ]
    fate = await (await conn.execute(_FATE, (event,))).fetchone()
    waits = await (await conn.execute(_WAITS, (event,))).fetchone()
    notice = await notice_of(conn, parts, event, family) if type_ in NAMING else None
    return {
        "event": event,
        "family": family,
        "type": type_,
        "source": source,
        "recorded_at": format_micros(at),
        "fate": None if fate is None else {"kind": fate[0], "reason": fate[1]},
        "undecided": waits is not None and waits[0],
        "notice": notice,
        "decisions": decisions,
        "deliveries": [_delivery(*row) for row in deliveries],
    }


async def _decision(
    conn: Connection,
    parts: Parts,
    entry: str,
    at: Micros,
    cause: str,
    type_: str,
    *,
    released: Mapping[str, Micros],
    once: defaultdict[str, set[tuple[str, str]]],
    first: bool,
) -> dict[str, Any]:
    """One of an event's decisions; `once`: what those before it released, to which this one adds."""
    record = (await ledger.read_details(conn, parts.ring, entry)).get(0)
    shown: dict[str, Any] = {
        "entry": entry,
        "at": format_micros(at),
        "because_of": {"event": cause, "type": type_},
    }
    if record is None:
        # The family's key is destroyed: that it was decided stands, what was decided cannot be read again.
        return shown | {"erased": True}
    decision = from_record(record)
    words = Words(
        {},
        zone=ZoneInfo(parts.partnership.calendar.timezone),
        had={desk: first for desk, first in released.items() if first < at},
        now=parts.clock.now(),
        once=once,
    )
    shown["rules"] = decision.rules
    shown["agreements"] = [
        {"agreement": name, "version": version} for name, version in parts.in_force.book.named(decision.rules)
    ]
    shown["desks"] = {
        verdict.desk: {
            "result": verdict.result,
            "withheld": list(verdict.withheld),
            "clauses": list(verdict.clauses),
            "why": explain_in_full(decision, verdict.desk, words),
        }
        for verdict in decision.verdicts
    }
    for verdict in decision.verdicts:
        once[verdict.desk] |= {(o.category, o.person) for o in verdict.outcomes if o.result == RELEASED}
    if first:
        asked = {*shown["desks"], decision.source}
        receiving = (each.name for each in parts.partnership.active_desks if each.receives)
        shown["no_role_and_no_clause"] = sorted(set(receiving) - asked)
    return shown


def from_record(record: Mapping[str, Any]) -> Decision:
    """A decision from its record in the log (`Decision.record`), as far as words need it."""
    verdicts = tuple(_verdict(desk, plain) for desk, plain in record["desks"].items())
    return Decision(
        record["event"],
        record["source"],
        record["rules"],
        record["recorded"],
        record["at"],
        verdicts,
        tuple(record["waits"]),
        record["facts"],
    )


def _verdict(desk: str, plain: Mapping[str, Any]) -> Verdict:
    outcomes = tuple(
        Outcome(
            result,
            category,
            person,
            clause,
            why,
            FOREVER if until is None else until,
            False,
            -FOREVER,
            FOREVER,
        )
        for category, person, result, clause, why, until in plain["cells"]
    )
    held = "hold" in plain
    return Verdict(
        desk, plain["mask"], tuple(plain["withheld"]), held, plain["until"], outcomes, plain.get("hold")
    )


def _delivery(
    delivery: str, desk: str, status: str, reason: str | None, tries: int, released: Micros | None
) -> dict[str, Any]:
    return {
        "delivery": delivery,
        "desk": desk,
        "status": status,
        "reason": reason,
        "tries": tries,
        "released_at": None if released is None else format_micros(released),
    }
