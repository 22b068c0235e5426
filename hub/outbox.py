"""Events that enter a log: stored once, sealed, and queued for Kafka in the caller's own transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from hub.copying import Rows, boolean, int8, uuid, uuid_array
from hub.database import Connection
from hub.events import Envelope
from hub.keys import KeyRing

_EVENT = (
    "event_id", "receipt_id", "topic", "key", "type", "source", "recorded_at", "accepted_at", "is_primary",
    "raises", "cause", "key_id", "body",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One event for one log.

    `body` is the wire form in the clear; `key_id` seals it at rest (None: codes only).
    """

    envelope: Envelope
    topic: str
    body: bytes
    key_id: str | None


def seal_context(event_id: str) -> bytes:
    """What binds a sealed body to its event, so that two rows cannot be swapped unseen."""
    return b"event|" + event_id.encode()


async def put(conn: Connection, keys: KeyRing, events: Sequence[LogEvent]) -> None:
    """Store the events and queue them for Kafka, in the order given.

    The keys named must be loaded in `keys`. The order of one key's events in the outbox is the order of its
    log:
    COPY gives identities in row order.
    """
    await keep(conn, keys, events)
    queued = Rows("outbox", ("event_id",))
    for item in events:
        queued.add(uuid(item.envelope.id))
    await queued.write(conn)


async def keep(conn: Connection, keys: KeyRing, events: Sequence[LogEvent]) -> None:
    """Store the events alone: the log has them already."""
    stored = Rows("event", _EVENT)
    for item in events:
        head = item.envelope
        body = item.body
        if item.key_id is not None:
            body = keys.seal(item.key_id, seal_context(head.id), body)
        stored.add(
            uuid(head.id),
            uuid(head.receipt) if head.receipt else None,
            item.topic.encode(),
            uuid(head.key),
            head.type.encode(),
            head.source.encode(),
            int8(head.recorded_at),
            int8(head.accepted_at),
            boolean(head.primary),
            uuid_array(head.raises),
            uuid(head.cause) if head.cause else None,
            uuid(item.key_id) if item.key_id else None,
            body,
        )
    await stored.write(conn)


async def stored_already(conn: Connection, event_ids: Sequence[str]) -> set[str]:
    """Which of these events the database has."""
    if not event_ids:
        return set()
    cursor = await conn.execute(
        "SELECT event_id::text FROM event WHERE event_id = ANY(%s::uuid[])", (list(event_ids),)
    )
    return {row[0] for row in await cursor.fetchall()}
