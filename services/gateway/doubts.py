"""Ids that may stand for several people: what is opened for a person to decide, and what their decision does.

An event whose ids are doubtful is in the log of each candidate, about a stand-in (placement.py), right behind a
`hub.identity_linked` of degree *probable*, which it names as its cause. If it protects somebody, that link names the
candidates too, and all that is about them is held (RULES.md 4.12, F06). One task per id lists the copies.

When a person has said whose the id is, each of these events enters the log of that person's families anew, as an event
about them, with the time of the decision and its own time of acceptance; if it protects them it raises their guard
again; one in which another id is in doubt too does so once that is decided. In every log a `hub.identity_unlinked`
ends the stand-in, which is nobody for good, and the hold on those who were not meant, which says no more than that.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson

from hub.clock import Micros
from hub.database import Connection
from hub.events import HUB, Envelope
from hub.ids import derive
from hub.keys import KeyRing
from hub.outbox import LogEvent, seal_context
from hub.schemas import Catalogue, wire
from hub.schemas.event_type import EventType
from hub.schemas.refs import Datum
from services.consent.event import PlainEvent, kind_of
from services.consent.facts import protective
from services.consent.facts_person import ANOTHER
from services.gateway.placement import copy_id

LINKED: Final = "wraparound.hub.identity_linked.v1"
UNLINKED: Final = "wraparound.hub.identity_unlinked.v1"
KIND: Final = "held"
REASON: Final = "identity_in_doubt"
NOT_MEANT: Final = "not_meant"


@dataclass(frozen=True, slots=True)
class Copied:
    """A doubtful copy: its event, and who stands in for the candidate.

    `settled`: whom its other stand-ins stood for, as far as that is decided; None if that was not as it reads them.
    """

    event_id: str
    stand_in: str
    settled: Mapping[str, str] | None = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Stored:
    """A doubtful copy as it was stored."""

    envelope: Envelope
    type: EventType
    datum: Datum


def task_id(secret: bytes, token: bytes) -> str:
    """The task about an id."""
    return derive(secret, "task", KIND, token.hex())


def linked(
    catalogue: Catalogue,
    secret: bytes,
    *,
    event_id: str,
    log: str,
    stand_in: str,
    held: Sequence[str],
    agency: str,
    recorded_at: Micros,
    accepted_at: Micros,
) -> LogEvent:
    """Says in the log, before the event `event_id`, who stands in for its person; all about the `held` is held."""
    event_type = catalogue.type(LINKED)
    datum = event_type.datum(
        family=_ref(log),
        person=_ref(stand_in),
        source=agency,
        degree="probable",
        candidates=[_ref(each) for each in held] or None,
    )
    envelope = Envelope(
        id=derive(secret, "event", event_id, LINKED, stand_in),
        type=LINKED,
        source=HUB,
        key=log,
        recorded_at=recorded_at,
        accepted_at=accepted_at,
    )
    return LogEvent(envelope, "events", wire.encode(event_type, datum), log)


async def note(conn: Connection, task: str, person: str, copied: Copied, *, held: bool) -> None:
    """Add a copy that reads the id as this person to the task's list."""
    row = [[copied.event_id, copied.stand_in]]
    await conn.execute(
        "UPDATE task SET detail = jsonb_set(jsonb_set(detail, ARRAY['copies', %s],"
        " coalesce(detail -> 'copies' -> %s, '[]'::jsonb) || %s::jsonb),"
        " '{held}', to_jsonb((detail ->> 'held')::boolean OR %s)) WHERE task_id = %s",
        (person, person, orjson.dumps(row).decode(), held, task),
    )


async def decide(
    conn: Connection,
    ring: KeyRing,
    catalogue: Catalogue,
    secret: bytes,
    *,
    token: bytes,
    person: str,
    families: Sequence[str],
    cause: str,
    by: str,
    at: Micros,
) -> list[LogEvent]:
    """End the doubt about an id: it is this person's. The events that follow, in their order."""
    found = await conn.execute(
        "UPDATE task SET done_at = %s, done_by = %s, detail = detail || jsonb_build_object('ended_by', %s::text)"
        " WHERE task_id = %s AND done_at IS NULL RETURNING detail",
        (at, by, cause, task_id(secret, token)),
    )
    row = await found.fetchone()
    if row is None:
        return []
    copies = _copies(row[0])
    stored = await _stored(
        conn, ring, catalogue, [each.event_id for found in copies.values() for each in found]
    )
    later = await _tell_others(conn, copies, person)
    meant = [
        each for each in copies.get(person, []) if each.settled is not None and each.event_id not in later
    ]
    entering: dict[str, LogEvent] = {}
    for each in meant:
        own = stored[each.event_id].envelope.key
        logs = dict.fromkeys([*families, own] if each.settled or not families else families)
        for number, log in enumerate(logs):
            event = _again(secret, stored[each.event_id], each, person, log, number == 0, at)
            entering.setdefault(event.envelope.id, event)
    await ring.load(conn, sorted({event.envelope.key for event in entering.values()}))
    held = (
        await _still_held(conn, row[0]["candidates"])
        if row[0].get("held")
        else frozenset(row[0]["candidates"])
    )
    ended: dict[tuple[str, str], str | None] = {}
    for candidate, found_copies in copies.items():
        for each in found_copies:
            log = stored[each.event_id].envelope.key
            ended[log, each.stand_in] = person
            if candidate != person and candidate not in held:
                ended.setdefault((log, candidate), None)
    unlinked = [
        _unlinked(catalogue, secret, log, who, meant, cause, at) for (log, who), meant in ended.items()
    ]
    return [*entering.values(), *unlinked]


def _copies(detail: Mapping[str, Any]) -> dict[str, list[Copied]]:
    """The copies that a task lists, by whom they read its id as."""
    return {each: [Copied(*row) for row in rows] for each, rows in sorted(detail.get("copies", {}).items())}


async def _tell_others(
    conn: Connection, copies: Mapping[str, Sequence[Copied]], person: str
) -> frozenset[str]:
    """Tell the open tasks that list one of these copies too whom its stand-in stood for. Gives what they list."""
    told = {each.event_id: (candidate, each) for candidate, found in copies.items() for each in found}
    found = await conn.execute(
        "SELECT task_id::text, detail FROM task WHERE kind = %s AND reason = %s AND done_at IS NULL AND EXISTS ("
        " SELECT FROM jsonb_each(detail -> 'copies') c, jsonb_array_elements(c.value) r WHERE r ->> 0 = ANY(%s))"
        " ORDER BY task_id FOR UPDATE",
        (KIND, REASON, list(told)),
    )
    listed: set[str] = set()
    for task, detail in await found.fetchall():
        theirs = _copies(detail)
        listed.update(each.event_id for rows in theirs.values() for each in rows)
        after = {who: [_told(each, told, person) for each in rows] for who, rows in theirs.items()}
        plain = {who: [[e.event_id, e.stand_in, e.settled] for e in rows] for who, rows in after.items()}
        await conn.execute(
            "UPDATE task SET detail = jsonb_set(detail, '{copies}', %s::jsonb) WHERE task_id = %s",
            (orjson.dumps(plain).decode(), task),
        )
    return frozenset(listed)


def _told(copied: Copied, told: Mapping[str, tuple[str, Copied]], person: str) -> Copied:
    """A copy of another task, with what is decided of it now."""
    if copied.event_id not in told or copied.settled is None:
        return copied
    candidate, here = told[copied.event_id]
    if candidate != person or here.settled is None:
        return replace(copied, settled=None)
    return replace(copied, settled={**copied.settled, **here.settled, here.stand_in: person})


def _again(
    secret: bytes, stored: _Stored, copied: Copied, person: str, log: str, primary: bool, at: Micros
) -> LogEvent:
    """A doubtful event as what it was: about the person meant, in one of their logs."""
    event_type, before = stored.type, stored.envelope
    whom = {**(copied.settled or {}), copied.stand_in: person}
    mapping = {ref.key: whom.get(ref.value, ref.value) for ref in event_type.refs(stored.datum)}
    datum = event_type.replace_refs(stored.datum, mapping)
    plain = PlainEvent(
        before.id, kind_of(before.type), before.source, log, at, before.accepted_at, before.receipt, datum
    )
    envelope = Envelope(
        id=copy_id(secret, before.receipt, log),
        type=before.type,
        source=before.source,
        key=log,
        recorded_at=at,
        accepted_at=before.accepted_at,
        receipt=before.receipt,
        raises=tuple(sorted(protective(plain))),
        primary=primary,
    )
    return LogEvent(envelope, "events", wire.encode(event_type, datum), log)


def _unlinked(
    catalogue: Catalogue, secret: bytes, log: str, who: str, meant: str | None, cause: str, at: Micros
) -> LogEvent:
    """Ends a stand-in, by whom is `meant`; or, without, the hold on somebody who is not."""
    event_type = catalogue.type(UNLINKED)
    datum = event_type.datum(
        family=_ref(log),
        person=_ref(who),
        reason=NOT_MEANT if meant is None else ANOTHER,
        belongs_to=None if meant is None else _ref(meant),
    )
    envelope = Envelope(
        id=derive(secret, "event", cause, UNLINKED, log, who),
        type=UNLINKED,
        source=HUB,
        key=log,
        recorded_at=at,
        accepted_at=at,
        cause=cause,
    )
    return LogEvent(envelope, "events", wire.encode(event_type, datum), log)


async def _still_held(conn: Connection, candidates: Sequence[str]) -> frozenset[str]:
    """Those of these people who are candidates for another id that holds them."""
    found = await conn.execute(
        "SELECT c FROM unnest(%s::text[]) AS c WHERE EXISTS (SELECT FROM task WHERE kind = %s AND reason = %s"
        " AND done_at IS NULL AND (detail ->> 'held')::boolean AND detail -> 'candidates' ? c)",
        (list(candidates), KIND, REASON),
    )
    return frozenset([row[0] for row in await found.fetchall()])


async def _stored(
    conn: Connection, ring: KeyRing, catalogue: Catalogue, event_ids: Sequence[str]
) -> Mapping[str, _Stored]:
    found = await conn.execute(
        "SELECT event_id::text, receipt_id::text, key::text, type, source, recorded_at, accepted_at, body"
        " FROM event WHERE event_id = ANY(%s::uuid[])",
        (list(event_ids),),
    )
    rows = await found.fetchall()
    await ring.load(conn, sorted({row[2] for row in rows}))
    return dict(_opened(rows, ring, catalogue))


def _opened(
    rows: Sequence[tuple[Any, ...]], ring: KeyRing, catalogue: Catalogue
) -> Iterator[tuple[str, _Stored]]:
    for event_id, receipt, key, type_, source, recorded_at, accepted_at, body in rows:
        event_type, datum = wire.decode(catalogue, ring.open(key, seal_context(event_id), bytes(body)))
        envelope = Envelope(event_id, type_, source, key, recorded_at, accepted_at, receipt)
        yield event_id, _Stored(envelope, event_type, datum)


def _ref(hub_id: str) -> dict[str, str]:
    return {"scheme": HUB, "value": hub_id}
