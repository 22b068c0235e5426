"""The producer of the outbox: events enter their logs on Kafka in the order of the queue.

One process owns the outbox at a time, by an advisory lock on its own connection. A batch is read, sent,
acknowledged and then deleted: a crash between sends it again, and the processors drop what they have seen
by its id. Behind a batch that failed nothing of its partition is sent, so that the order of a key never
changes.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from hub.crash import point
from hub.database import Connection
from hub.errors import PeerError
from hub.events import Envelope, to_headers
from hub.keys import KeyRing
from hub.outbox import seal_context
from hub.producer import Message, Outcome, Producer
from hub.session import Session, keep_going
from hub.telemetry import traces
from hub.telemetry.metrics import count

log = logging.getLogger("wraparound.outbox")

OUTBOX_LOCK: Final = 710_003
LIMIT: Final = 2_000
SECONDS: Final = 30.0
BUSY: Final = 0.01
IDLE: Final = 0.1

_READ: Final = (
    "SELECT o.seq, e.event_id::text, e.receipt_id::text, e.topic, e.key::text, e.type, e.source, e.recorded_at,"
    " e.accepted_at, e.is_primary, e.raises::text[], e.cause::text, e.key_id::text, e.body"
    " FROM outbox o JOIN event e USING (event_id) ORDER BY o.seq LIMIT %s"
)


class RefusedError(PeerError):
    """The broker does not take a log's records: its topic or our right to it is missing."""


class OutboxProducer:
    """Moves outbox rows to Kafka while it owns the outbox."""

    def __init__(
        self, dsn: str, ring: KeyRing, producer: Producer, *, name: str = "outbox", limit: int = LIMIT
    ) -> None:
        self.sent = 0
        self.limit = limit
        self._name = name
        self._ring = ring
        self._producer = producer
        self._owner = False
        self._done: list[int] = []
        self._quiet = 0
        self._session = Session(dsn, name, self._lost)

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until told to stop; then delete what was acknowledged and let go."""
        try:
            await keep_going(self._name, self.cycle, stopping)
            with suppress(PeerError):
                await self._read(0)
        finally:
            await self._producer.stop()
            await self._session.close()

    def _lost(self) -> None:
        self._owner = False

    async def cycle(self) -> float:
        """One batch: the last one deleted, the next one read and sent. Returns how long to rest."""
        if not self._owner and not await self._session.try_locks(OUTBOX_LOCK, ["outbox"]):
            return 1.0
        self._owner = True
        await self._producer.start()
        seqs, messages = await self._read(self.limit)
        if not messages:
            self._quiet += 1
            return BUSY if self._quiet < 50 else IDLE
        self._quiet = 0
        await self._send(seqs, messages)
        return 0.0 if len(messages) == self.limit else BUSY

    async def _read(self, limit: int) -> tuple[list[int], list[Message]]:
        """Delete what is done and read what is next; whoever ends between them deletes again, or sends again."""
        async with self._session.statements() as conn:
            if self._done:
                await conn.execute("DELETE FROM outbox WHERE seq = ANY(%s::bigint[])", (self._done,))
                self._done = []
            rows = await self._rows(conn, limit) if limit else []
        return [row[0] for row in rows], [self._message(row) for row in rows]

    async def _rows(self, conn: Connection, limit: int) -> list[tuple[Any, ...]]:
        cursor = await conn.execute(_READ, (limit,), binary=True)
        rows = await cursor.fetchall()
        await self._ring.load(conn, sorted({row[12] for row in rows if row[12] is not None}))
        return rows

    def _message(self, row: tuple[Any, ...]) -> Message:
        (
            _,
            event_id,
            receipt,
            topic,
            key,
            kind,
            source,
            recorded,
            accepted,
            primary,
            raises,
            cause,
            key_id,
            body,
        ) = row
        envelope = Envelope(
            id=event_id,
            type=kind,
            source=source,
            key=key,
            recorded_at=recorded,
            accepted_at=accepted,
            receipt=receipt or "",
            raises=tuple(raises),
            primary=primary,
            cause=cause or "",
        )
        value = body if key_id is None else self._ring.open(key_id, seal_context(event_id), body)
        headers = to_headers(envelope)
        if receipt and traces.on():
            headers.append(traces.traceparent(receipt))
        return Message(topic, key.encode(), value, headers)

    async def _send(self, seqs: Sequence[int], messages: Sequence[Message]) -> None:
        point("outbox.before_send")
        began = traces.now()
        results = await self._producer.send(messages, seconds=SECONDS)
        point("outbox.after_send")
        self._done = [seq for seq, sent in zip(seqs, results, strict=True) if sent.outcome is Outcome.SENT]
        self.sent += len(self._done)
        count("outbox_sent_total", len(self._done))
        if traces.on():
            traces.stage("produce", traces.receipts_of(each.headers for each in messages), began)
        refused = {sent.reason for sent in results if sent.outcome is Outcome.REFUSED}
        if refused:
            raise RefusedError(f"Kafka refuses records of a log: {', '.join(sorted(refused))}")
