"""Receipts claimed: the first transaction that holds an event's source and id is the one that accepts it."""

from collections.abc import Sequence
from dataclasses import dataclass

from hub.clock import Micros
from hub.database import Connection
from services.gateway.checking import Published
from services.gateway.problems import CONFLICT, ProblemError


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event is durable. `first`: by this very call; else it was, and this is its first receipt."""

    receipt_id: str
    first: bool


Result = Accepted | ProblemError


async def claim(
    conn: Connection, events: Sequence[Published], *, entry_id: str, at: Micros, mono: Micros
) -> tuple[list[Result], list[Published]]:
    """The answer to each event, and those that are new, each once.

    The same content again is the first receipt, other content a conflict. A claim waits for a transaction that holds
    the same one, until it is known whether that commits.
    """
    distinct: dict[str, Published] = {}
    for event in events:
        distinct.setdefault(event.receipt_id, event)
    new = await _insert(conn, list(distinct.values()), entry_id, at, mono)
    digests = {key: distinct[key].digest for key in new}
    missing = [key for key in distinct if key not in new]
    if missing:
        digests |= await _digests(conn, missing)
    results: list[Result] = []
    answered: set[str] = set()
    for event in events:
        if event.digest != digests[event.receipt_id]:
            results.append(ProblemError(CONFLICT))
            continue
        results.append(Accepted(event.receipt_id, event.receipt_id in new - answered))
        answered.add(event.receipt_id)
    return results, [event for key, event in distinct.items() if key in new]


async def _insert(
    conn: Connection, events: Sequence[Published], entry_id: str, at: Micros, mono: Micros
) -> frozenset[str]:
    """In id order, so that two batches of the same events wait for each other and do not deadlock."""
    ordered = sorted(events, key=lambda event: event.receipt_id)
    found = await conn.execute(
        "INSERT INTO receipt"
        " (receipt_id, desk, source_id, type, digest, accepted_at, accepted_mono, protective, entry_id)"
        " SELECT id, desk, source_id, type, digest, %s, %s, false, %s::uuid"
        " FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::bytea[])"
        " AS new (id, desk, source_id, type, digest)"
        " ON CONFLICT DO NOTHING RETURNING receipt_id::text",
        (
            at,
            mono,
            entry_id,
            [event.receipt_id for event in ordered],
            [event.desk.name for event in ordered],
            [event.source_id for event in ordered],
            [event.type.type for event in ordered],
            [event.digest for event in ordered],
        ),
        binary=True,
    )
    return frozenset([row[0] for row in await found.fetchall()])


async def release(conn: Connection, event: Published) -> None:
    """Give a receipt back that this transaction claimed: the event is refused, as if it had never come."""
    await conn.execute("DELETE FROM receipt WHERE receipt_id = %s", (event.receipt_id,))


async def _digests(conn: Connection, receipts: Sequence[str]) -> dict[str, bytes]:
    found = await conn.execute(
        "SELECT receipt_id::text, digest FROM receipt WHERE receipt_id = ANY(%s::uuid[])",
        (list(receipts),),
        binary=True,
    )
    return {row[0]: bytes(row[1]) for row in await found.fetchall()}
