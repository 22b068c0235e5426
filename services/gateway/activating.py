"""An agreement is activated: asked for, proved, signed by a second person (RULES.md section 3, docs/adr/0029).

| state | what is so |
|--|--|
| `proving` | accepted; this or another gateway proves every rule set that it would bring (proving.py) |
| `waiting` | proved; the second person is asked |
| `signed` | in force from its start |
| `refused` | never in force: an invariant is `broken`, it was `late`, `overtaken`, or refused by the second person |

A signature holds back all processors for its moment, and is refused where one of them, or the clock, is less than a
minute before the start: so nothing is ever decided at or after the start without it.
"""

from dataclasses import dataclass
from typing import Any, Final

import orjson

from hub import ledger
from hub.agreements import FOUNDING
from hub.clock import MINUTE, Micros, format_micros
from hub.database import Connection
from hub.ids import derive, hub_subject
from services.gateway import seconding
from services.gateway.agreements import ACTIVATED, read_agreement
from services.gateway.checking import Published
from services.gateway.parts import Parts
from services.gateway.problems import INVALID, Fault, ProblemError, invalid

AHEAD: Final = MINUTE
"""How long before its start an agreement must be asked for, and signed, at the latest."""
BROKEN: Final = "broken"
LATE: Final = "late"
OVERTAKEN: Final = "overtaken"
UNPROVED: Final = "not_proved"
BY_SECOND: Final = "second_person"
_WHY: Final = {
    LATE: "a signature at least a minute before the start",
    OVERTAKEN: "no other agreement signed since it was proved",
}


@dataclass(frozen=True, slots=True)
class Request:
    """A version that is asked for. `base`: the place of the last signature when it was proved."""

    receipt_id: str
    text: str
    starts_at: Micros
    state: str
    asked_by: str
    base: int | None
    agreement: str
    version: int
    digest: str


_COLUMNS: Final = "receipt_id::text, text, starts_at, state, asked_by, base, agreement, version, digest"


async def refusal(conn: Connection, parts: Parts, event: Published) -> ProblemError | None:
    """Why a new event that asks for an agreement is not accepted, as things are; None for every other event."""
    if event.kind != ACTIVATED:
        return None
    await parts.in_force.catch_up(conn)
    faults = list(
        _untimely(parts, event.datum["agreement"], event.datum["version"], event.datum["starts_at"])
    )
    if seconding.second_desk(parts, event.desk.name) is None:
        expected = f"another desk of {event.desk.agency} that receives, to sign as the second person"
        faults.append(Fault("", "second-person", expected, "none"))
    return ProblemError(INVALID, faults) if faults else None


def _untimely(parts: Parts, agreement: str, version: int, start: Micros) -> list[Fault]:
    """What stands against a version beside those that are signed, and against its start.

    It may begin before a lower one that was signed to begin later: that one then never holds.
    """
    now, known = parts.clock.now(), parts.in_force.book.newest(agreement)
    first = now + AHEAD
    faults = []
    if known is not None and version <= known.version:
        expected = f"a version after {known.version}, the last that was signed"
        faults.append(
            Fault("/data/version", "version", expected, str(version), f"version: {known.version + 1}")
        )
    if start < first:
        expected = f"a start at least a minute after now, which is {format_micros(now)}"
        later = format_micros(first + 10 * MINUTE)
        faults.append(Fault("/data/starts_at", "start", expected, format_micros(start), f"start: {later}"))
    return faults


async def concluded(conn: Connection, parts: Parts, event: Published, at: Micros) -> None:
    """What an event that entered its log means for an agreement: it is asked for, or its second person has spoken."""
    if event.kind == ACTIVATED:
        await _request(conn, event, at)
    elif seconding.is_answer(event) and await seconding.answered(conn, event, at, "agreement") is not None:
        if event.datum["decision"] == "approved":
            await _sign(conn, parts, event)
        else:
            await refuse(conn, event.datum["request"], BY_SECOND)


async def _request(conn: Connection, event: Published, at: Micros) -> None:
    datum = event.datum
    await conn.execute(
        "INSERT INTO agreement_version"
        " (receipt_id, agreement, version, text, digest, starts_at, state, asked_by, asked_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, 'proving', %s, %s) ON CONFLICT DO NOTHING",
        (
            *(event.receipt_id, datum["agreement"], datum["version"], "".join(datum["content"])),
            *(datum["digest"], datum["starts_at"], event.desk.name, at),
        ),
    )


async def request(conn: Connection, receipt_id: str) -> Request | None:
    """A version that is asked for, locked."""
    found = await conn.execute(
        f"SELECT {_COLUMNS} FROM agreement_version WHERE receipt_id = %s FOR UPDATE", (receipt_id,)
    )
    row = await found.fetchone()
    return None if row is None else Request(*row)


async def to_prove(conn: Connection) -> Request | None:
    """The version that waits longest to be proved."""
    found = await conn.execute(
        f"SELECT {_COLUMNS} FROM agreement_version WHERE state = 'proving' ORDER BY asked_at, receipt_id LIMIT 1"
    )
    row = await found.fetchone()
    return None if row is None else Request(*row)


def void(parts: Parts, asked: Request) -> str | None:
    """Why what is asked for can never be signed any more, as a code."""
    if asked.starts_at < parts.clock.now() + AHEAD:
        return LATE
    faults = _untimely(parts, asked.agreement, asked.version, asked.starts_at)
    return OVERTAKEN if faults else None


async def refuse(conn: Connection, receipt_id: str, reason: str, detail: Any = None) -> None:
    """It never comes into force."""
    await conn.execute(
        "UPDATE agreement_version SET state = 'refused', reason = %s, detail = %s::jsonb"
        " WHERE receipt_id = %s AND state <> 'signed'",
        (reason, None if detail is None else orjson.dumps(detail).decode(), receipt_id),
    )


async def proved(conn: Connection, parts: Parts, asked: Request, base: int) -> None:
    """It broke nothing beside what was signed up to `base`: the second person is asked."""
    await conn.execute(
        "UPDATE agreement_version SET state = 'waiting', base = %s WHERE receipt_id = %s",
        (max(base, FOUNDING), asked.receipt_id),
    )
    agreement = read_agreement(parts.partnership, asked.text)
    detail = {
        "type": ACTIVATED,
        "agreement": asked.agreement,
        "version": asked.version,
        "document": agreement.document,
        "digest": asked.digest,
        "starts_at": format_micros(agreement.start),
        "ends_at": format_micros(agreement.end),
    }
    due, now = asked.starts_at - AHEAD, parts.clock.now()
    await seconding.ask(conn, parts, asked.receipt_id, asked.asked_by, at=now, due_at=due, detail=detail)


async def _sign(conn: Connection, parts: Parts, event: Published) -> None:
    """The second person has signed: it is in force from its start; or it is too late for that."""
    # INVARIANT: until this commits no position moves, and whoever moves one afterwards knows of it.
    await conn.execute("LOCK TABLE position IN SHARE ROW EXCLUSIVE MODE")
    asked = await request(conn, event.datum["request"])
    if asked is None or asked.state != "waiting":
        return
    found = await conn.execute(
        "SELECT coalesce((SELECT max(latest_at) FROM position), 0),"
        " coalesce((SELECT max(place) FROM agreement_version), 0)"
    )
    row = await found.fetchone()
    assert row is not None
    reached, place = row
    now = parts.clock.now()
    if asked.starts_at < now + AHEAD or asked.starts_at <= reached:
        await refuse(conn, asked.receipt_id, LATE)
    elif asked.base != place:
        await refuse(conn, asked.receipt_id, OVERTAKEN)
    else:
        await conn.execute(
            "UPDATE agreement_version SET state = 'signed', signed_by = %s, signed_at = %s, place = %s"
            " WHERE receipt_id = %s",
            (event.desk.name, now, place + 1, asked.receipt_id),
        )
        await _record(conn, parts, asked, event.desk.name, now)


async def _record(conn: Connection, parts: Parts, asked: Request, signed_by: str, now: Micros) -> None:
    hub = hub_subject(parts.secret)
    await parts.ring.create(conn, hub, "hub", now)
    detail = {
        "agreement": asked.agreement,
        "version": asked.version,
        "digest": asked.digest,
        "starts_at": asked.starts_at,
        "receipt": asked.receipt_id,
        "asked_by": asked.asked_by,
        "signed_by": signed_by,
    }
    entry = ledger.entry(
        parts.ring,
        "rules.activated",
        derive(parts.secret, "rules.activated", asked.receipt_id),
        now,
        rules=parts.rules,
        code=parts.code,
        details=[(hub, detail)],
    )
    await ledger.write(conn, [entry])


async def check_signed(conn: Connection, receipt_id: str) -> None:
    """That the approval of this transaction has signed. Raises `ProblemError`: then nothing of it is kept."""
    found = await conn.execute(
        "SELECT state, reason FROM agreement_version WHERE receipt_id::text = %s", (receipt_id,)
    )
    row = await found.fetchone()
    if row is not None and row[0] != "signed":
        expected = _WHY.get(row[1], "an agreement that waits for its second person")
        raise invalid("", "activation", expected, row[1] or row[0], "refuse it, and activate it anew")
