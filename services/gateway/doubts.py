"""Ids that may stand for several people: what is opened for a person to decide, and what a decision undoes.

An event whose ids are doubtful is in the log of each candidate, right behind a `hub.identity_linked` of degree
*probable*, which it names as its cause; what is about the candidates is held (RULES.md 4.12, F06). One task per id
lists those copies. When a person has said whose the id is, the copies about the others are retracted in their logs,
and the doubt about them ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from hub.clock import Micros
from hub.database import Connection
from hub.events import HUB, Envelope
from hub.ids import derive
from hub.keys import KeyRing
from hub.outbox import LogEvent, seal_context
from hub.schemas import Catalogue, wire
from services.consent.event import PlainEvent, kind_of
from services.consent.facts import protective

LINKED: Final = "wraparound.hub.identity_linked.v1"
UNLINKED: Final = "wraparound.hub.identity_unlinked.v1"
KIND: Final = "held"
REASON: Final = "identity_in_doubt"


def task_id(secret: bytes, token: bytes) -> str:
    """The task about an id."""
    return derive(secret, "task", KIND, token.hex())


def linked(
    catalogue: Catalogue,
    secret: bytes,
    *,
    event_id: str,
    log: str,
    person: str,
    candidates: Sequence[str],
    agency: str,
    recorded_at: Micros,
    accepted_at: Micros,
) -> LogEvent:
    """Says in the log, before the event `event_id`, that it may be about `person`, one of the candidates."""
    event_type = catalogue.type(LINKED)
    datum = event_type.datum(
        family=_ref(log),
        person=_ref(person),
        source=agency,
        degree="probable",
        candidates=[_ref(each) for each in candidates],
    )
    envelope = Envelope(
        id=derive(secret, "event", event_id, LINKED, person),
        type=LINKED,
        source=HUB,
        key=log,
        recorded_at=recorded_at,
        accepted_at=accepted_at,
    )
    return LogEvent(envelope, "events", wire.encode(event_type, datum), log)


async def note(conn: Connection, task: str, person: str, event_ids: Sequence[str]) -> None:
    """Add copies that read the id as this person to the task's list."""
    await conn.execute(
        "UPDATE task SET detail = jsonb_set(detail, ARRAY['copies', %s],"
        " coalesce(detail -> 'copies' -> %s, '[]'::jsonb) || %s::jsonb) WHERE task_id = %s",
        (person, person, orjson.dumps(list(event_ids)).decode(), task),
    )


@dataclass(frozen=True, slots=True)
class Undone:
    """What ends with a decision: the events that say so, and whose guards they raise."""

    events: tuple[LogEvent, ...]
    raised: frozenset[str]


async def decide(
    conn: Connection,
    ring: KeyRing,
    catalogue: Catalogue,
    secret: bytes,
    *,
    token: bytes,
    person: str,
    cause: str,
    by: str,
    receipt: str,
    at: Micros,
) -> Undone:
    """End the doubt about an id: it is this person's. The copies that read it otherwise are retracted."""
    found = await conn.execute(
        "UPDATE task SET done_at = %s, done_by = %s WHERE task_id = %s AND done_at IS NULL"
        " RETURNING detail -> 'copies'",
        (at, by, task_id(secret, token)),
    )
    row = await found.fetchone()
    copies: dict[str, list[str]] = (row[0] or {}) if row is not None else {}
    events: list[LogEvent] = []
    raised: set[str] = set()
    for other, event_ids in sorted(copies.items()):
        if other == person:
            continue
        logs: dict[str, None] = {}
        for each in await _stored(conn, ring, event_ids):
            retraction, whose = _retraction(catalogue, secret, each, cause, receipt, at)
            events.append(retraction)
            raised |= whose
            logs[retraction.envelope.key] = None
        events += [_unlinked(catalogue, secret, log, other, person, cause, at) for log in logs]
    return Undone(tuple(events), frozenset(raised))


def _retraction(
    catalogue: Catalogue, secret: bytes, stored: dict[str, Any], cause: str, receipt: str, at: Micros
) -> tuple[LogEvent, frozenset[str]]:
    event_type, datum = wire.decode(catalogue, stored["body"])
    datum = {**datum, "corrects": stored["id"], "retracted": True}
    plain = PlainEvent(
        stored["id"], kind_of(event_type.type), stored["source"], stored["key"], at, at, receipt, datum
    )
    whose = protective(plain)
    envelope = Envelope(
        id=derive(secret, "event", stored["id"], "retracted", cause),
        type=event_type.type,
        source=stored["source"],
        key=stored["key"],
        recorded_at=at,
        accepted_at=at,
        raises=tuple(sorted(whose)),
        primary=False,
        cause=cause,
    )
    return LogEvent(envelope, "events", wire.encode(event_type, datum), stored["key"]), whose


def _unlinked(
    catalogue: Catalogue, secret: bytes, log: str, other: str, person: str, cause: str, at: Micros
) -> LogEvent:
    event_type = catalogue.type(UNLINKED)
    datum = event_type.datum(
        family=_ref(log), person=_ref(other), reason="confirmed_as_another", belongs_to=_ref(person)
    )
    envelope = Envelope(
        id=derive(secret, "event", cause, UNLINKED, log, other),
        type=UNLINKED,
        source=HUB,
        key=log,
        recorded_at=at,
        accepted_at=at,
        cause=cause,
    )
    return LogEvent(envelope, "events", wire.encode(event_type, datum), log)


async def _stored(conn: Connection, ring: KeyRing, event_ids: Sequence[str]) -> list[dict[str, Any]]:
    """The stored events of these ids, opened, in the order in which they were recorded."""
    found = await conn.execute(
        "SELECT event_id::text, key::text, source, body FROM event WHERE event_id = ANY(%s::uuid[])"
        " ORDER BY recorded_at, event_id",
        (list(event_ids),),
    )
    rows = await found.fetchall()
    await ring.load(conn, sorted({row[1] for row in rows}))
    return [
        {
            "id": row[0],
            "key": row[1],
            "source": row[2],
            "body": ring.open(row[1], seal_context(row[0]), bytes(row[3])),
        }
        for row in rows
    ]


def _ref(hub_id: str) -> dict[str, str]:
    return {"scheme": HUB, "value": hub_id}
