"""Events that enter a log: stored once, sealed, and queued for Kafka in the caller's own transaction."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from hub.database import Connection
from hub.events import Envelope
from hub.keys import KeyRing


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One event for one log. `body` is the wire form in the clear; `key_id` seals it at rest (None: codes only)."""

    envelope: Envelope
    topic: str
    body: bytes
    key_id: str | None


def seal_context(event_id: str) -> bytes:
    """What binds a sealed body to its event, so that two rows cannot be swapped unseen."""
    return b"event|" + event_id.encode()


async def put(conn: Connection, keys: KeyRing, events: Sequence[LogEvent]) -> None:
    """Store the events and queue them for Kafka, in the order given.

    The keys named must be loaded in `keys`. The order of one key's events in the outbox is the order of its log.
    """
    if not events:
        return
    async with conn.cursor() as cursor:
        async with cursor.copy(
            "COPY event (event_id, receipt_id, topic, key, type, source, recorded_at, accepted_at, is_primary,"
            " raises, cause, key_id, body) FROM STDIN (FORMAT BINARY)"
        ) as copy:
            copy.set_types(
                ["uuid", "uuid", "text", "uuid", "text", "text", "int8", "int8", "bool", "uuid[]", "uuid", "uuid", "bytea"]
            )
            for item in events:
                head = item.envelope
                body = item.body
                if item.key_id is not None:
                    body = keys.seal(item.key_id, seal_context(head.id), body)
                await copy.write_row(
                    (
                        UUID(head.id),
                        UUID(head.receipt) if head.receipt else None,
                        item.topic,
                        UUID(head.key),
                        head.type,
                        head.source,
                        head.recorded_at,
                        head.accepted_at,
                        head.primary,
                        [UUID(person) for person in head.raises],
                        UUID(head.cause) if head.cause else None,
                        UUID(item.key_id) if item.key_id else None,
                        body,
                    )
                )
        # COPY gives identities in row order, so the queue keeps the order that the caller chose.
        packed = bytearray(b"PGCOPY\n\xff\r\n\0" + b"\0" * 8)
        for item in events:
            packed += struct.pack("!hi", 1, 16) + UUID(item.envelope.id).bytes
        packed += b"\xff\xff"
        async with cursor.copy("COPY outbox (event_id) FROM STDIN (FORMAT BINARY)") as copy:
            await copy.write(bytes(packed))
