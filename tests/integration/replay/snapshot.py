"""Everything that processors made of the logs, opened, so that two databases can be compared."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from hub.attempts.rows import body_context
from hub.database import Connection
from hub.keys import KeyRing
from hub.ledger import detail_context
from hub.outbox import seal_context
from hub.processor.states import state_context
from hub.processor.stored import dead_context
from services.audit.coverage import CoverageSum
from services.referral_router.composition import Parts

BY_PROCESSORS = ("decision.made", "delivery.recalled", "event.rejected", "event.parked")
"""The kinds of entries that follow from the logs. `coverage` does not: it says which batches there were."""

Rows = dict[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Row:
    """A delivery, opened."""

    status: str
    body: bytes | None
    reason: str | None
    rest: tuple[str, ...]


@dataclass
class Snapshot:
    """What follows from the logs, by id."""

    states: dict[tuple[str, str], tuple[bytes, int]]
    fates: set[tuple[Any, ...]]
    events: Rows
    entries: Rows
    deliveries: dict[str, Row]
    lines: dict[tuple[str, str], list[str]]
    tasks: Rows
    letters: Rows
    covered: dict[tuple[str, str, int], tuple[int, int, dict[str, int]]]

    def details(self) -> dict[str, Any]:
        """The decisions, by entry."""
        return {
            name: orjson.loads(each[-1]) for name, each in self.entries.items() if each[0] == "decision.made"
        }


async def take(parts: Parts) -> Snapshot:
    """Read a database."""
    database, ring = parts.database, parts.ring
    async with database.transaction() as conn:
        keys = await _all(conn, "SELECT key_id::text FROM subject_key")
        await ring.load(conn, [key for (key,) in keys])
        deliveries = await _deliveries(conn, ring)
        return Snapshot(
            states=await _states(conn, ring),
            fates=set(
                await _all(
                    conn, 'SELECT processor, event_id::text, kind, partition, "offset", reason FROM fate'
                )
            ),
            events=await _events(conn, ring),
            entries=await _entries(conn, ring),
            deliveries=deliveries,
            lines=await _lines(conn),
            tasks=_by_id(
                # Who signs an agreement is asked by the gateway.
                await _all(
                    conn,
                    "SELECT task_id::text, kind, key, owner, opened_at, reason FROM task"
                    " WHERE NOT detail ? 'agreement'",
                )
            ),
            letters=await _letters(conn, ring),
            covered=await _covered(conn, ring),
        )


async def _all(conn: Connection, query: str, *values: Any) -> list[tuple[Any, ...]]:
    return await (await conn.execute(query, values)).fetchall()


def _by_id(rows: Sequence[tuple[Any, ...]]) -> Rows:
    return {row[0]: row[1:] for row in rows}


async def _states(conn: Connection, ring: KeyRing) -> dict[tuple[str, str], tuple[bytes, int]]:
    columns = "SELECT key::text, state, latest_at FROM"
    found = {("person", key): (raw, at) for key, raw, at in await _all(conn, f"{columns} person_state")}
    for key, raw, at in await _all(conn, f"{columns} family_state"):
        found["family", key] = ring.open(key, state_context("family_state", key), raw), at
    return found


async def _events(conn: Connection, ring: KeyRing) -> Rows:
    """The derived ones."""
    query = (
        "SELECT event_id::text, topic, key::text, type, source, recorded_at, accepted_at, is_primary, raises::text[],"
        " cause::text, key_id::text, body FROM event WHERE cause IS NOT NULL"
    )
    rows: Rows = {}
    for event_id, *head, key_id, body in await _all(conn, query):
        clear = body if key_id is None else ring.open(key_id, seal_context(event_id), body)
        rows[event_id] = (*map(str, head), key_id, clear)
    return rows


async def _entries(conn: Connection, ring: KeyRing) -> Rows:
    query = (
        "SELECT e.entry_id::text, e.kind, e.recorded_at, e.leaf, d.part, d.key_id::text, d.ciphertext"
        " FROM audit_entry e JOIN audit_detail d USING (entry_id) WHERE e.kind = ANY(%s)"
    )
    rows: Rows = {}
    for entry_id, kind, at, leaf, part, key_id, sealed in await _all(conn, query, list(BY_PROCESSORS)):
        rows[entry_id] = (kind, at, leaf, ring.open(key_id, detail_context(entry_id, part), sealed))
    return rows


async def _deliveries(conn: Connection, ring: KeyRing) -> dict[str, Row]:
    query = (
        "SELECT delivery_id::text, family_id::text, status, reason, body, desk, event_id, type, persons, counts,"
        " rules, valid_until, urgent, recorded_at FROM delivery"
    )
    rows = {}
    for delivery_id, family, status, reason, body, *rest in await _all(conn, query):
        clear = None if body is None else ring.open(family, body_context(delivery_id), body)
        rows[delivery_id] = Row(status, clear, reason, tuple(map(str, (family, *rest))))
    return rows


async def _lines(conn: Connection) -> dict[tuple[str, str], list[str]]:
    """The deliveries of each desk and family in the order of its line."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    query = "SELECT desk, family_id::text, delivery_id::text FROM delivery ORDER BY seq"
    for desk, family, delivery_id in await _all(conn, query):
        found[desk, family].append(delivery_id)
    return dict(found)


async def _letters(conn: Connection, ring: KeyRing) -> Rows:
    query = 'SELECT task_id::text, topic, partition, "offset", key_id::text, body FROM dead_letter'
    return {
        task: (*place, ring.open(key_id, dead_context(task), body))
        for task, *place, key_id, body in await _all(conn, query)
    }


async def _covered(
    conn: Connection, ring: KeyRing
) -> dict[tuple[str, str, int], tuple[int, int, dict[str, int]]]:
    """What the coverage entries say of each place, added up; they must meet the positions."""
    query = (
        "SELECT e.entry_id::text, d.key_id::text, d.ciphertext FROM audit_entry e JOIN audit_detail d USING (entry_id)"
        " WHERE e.kind = 'coverage'"
    )
    rows = await _all(conn, query)
    details = [orjson.loads(ring.open(key, detail_context(entry, 0), sealed)) for entry, key, sealed in rows]
    total = CoverageSum()
    for detail in sorted(details, key=lambda each: each["from"]):
        total.add(detail)
    positions = await _all(conn, "SELECT processor, topic, partition, next_offset FROM position")
    assert total.check({(name, topic, partition): at for name, topic, partition, at in positions}) == []
    return {each.place: (each.first, each.to, _said(each.counts)) for each in total.result()}


def _said(counts: Any) -> dict[str, int]:
    return {fate: number for fate, number in counts.items() if number}
