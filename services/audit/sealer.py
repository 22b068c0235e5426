"""The sealer: gives entries their indices, grows the tree, moves the head, signs the checkpoint.

One transaction, in this order: lock, head, take off the queue, leaves, tiles, compare-and-set of the head,
checkpoint. So a crash anywhere leaves the log as it was, with everything back in the queue; and of two
sealers by mistake one waits, or loses its transaction, but the log never forks.

An entry is an ALARM, is not sealed, and stays in the queue, when its row is gone, when its bytes changed
after it was sealed, or when it does not fit a bundle. An entry queued twice with the same bytes is sealed
once.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from hub import crash, ids, ledger
from hub.clock import Clock, Micros
from hub.copying import uuid
from hub.database import Connection, Database, DatabaseAwayError
from hub.telemetry.metrics import count, put
from hub.telemetry.steps import step
from services.audit import store
from services.audit.merkle import leaf_hash
from services.audit.note import Checkpoint, NoteError, Signer, open_note, parse_checkpoint, seal_note
from services.audit.store import Head, HeadMovedError, LogBrokenError, Pending
from services.audit.tiles import MAX_ENTRY, Edge, grow

log = logging.getLogger(__name__)

BATCH: Final = 20_000
"""Most entries sealed in one transaction."""
PAUSE: Final = 0.25
"""Seconds between two looks at the queue."""
IDLE_CHECKPOINT: Final = 600.0
"""Seconds after which a log without news gets a fresh checkpoint."""
LONGEST_WAIT: Final = 5.0
"""Seconds between two tries when the database is away."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """An entry that cannot be sealed, and why: `missing`, `changed`, `too_long`."""

    entry_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """What one transaction did. `taken` counts what it took off the queue, repeats and alarms included."""

    size: int
    count: int
    taken: int
    at: Micros
    alarms: tuple[Alarm, ...] = ()


@dataclass(slots=True)
class SealerStatus:
    """For metrics and readiness; times by `time.monotonic`."""

    size: int = 0
    sealed: int = 0
    looked_at: float | None = None
    sealed_at: float | None = None
    alarms: int = 0
    standing_by: bool = False


def sort_out(pending: Sequence[Pending]) -> tuple[list[bytes], list[bytes], list[Alarm]]:
    """Which entries are new (ids and leaf hashes, in order), and which are alarms. Repeats fall away.

    Pure.
    """
    new: dict[bytes, bytes] = {}
    alarms = []
    for item in pending:
        if item.leaf is None:
            alarms.append(Alarm(item.entry_id.hex(), "missing"))
            continue
        if len(item.leaf) > MAX_ENTRY:
            alarms.append(Alarm(item.entry_id.hex(), "too_long"))
            continue
        value = leaf_hash(item.leaf)
        if item.sealed_hash is None:
            new[item.entry_id] = value
        elif item.sealed_hash != value:
            alarms.append(Alarm(item.entry_id.hex(), "changed"))
    return list(new), list(new.values()), alarms


class Sealer:
    """The only signer of one log. `on_sealed` is called after each commit."""

    def __init__(
        self,
        database: Database,
        signer: Signer,
        clock: Clock,
        *,
        code: str = "",
        on_sealed: Callable[[Sealed], None] = lambda _: None,
        batch: int = BATCH,
    ) -> None:
        self.status = SealerStatus()
        self._database = database
        self._signer = signer
        self._clock = clock
        self._code = code
        self._on_sealed = on_sealed
        self._batch = batch
        # What the last commit left; the stored head decides whether it still holds.
        self._head: Head | None = None
        self._edge: Edge | None = None
        self._last_at: Micros = 0
        self._alarmed: frozenset[Alarm] = frozenset()

    @property
    def origin(self) -> str:
        """The log's name: that of the key that signs it."""
        return self._signer.verifier.name

    async def open(self) -> bool:
        """Begin the log if there is none: its first entry is `log.opened`. False when another one is sealing.

        Raises `LogBrokenError` when the last checkpoint is not of this log and key, or the tiles do not lead
        to the head.
        """
        async with self._database.transaction() as conn:
            if not await store.try_lock(conn):
                self.status.standing_by = True
                return False
            head = await store.read_head(conn)
            last = await store.last_checkpoint(conn)
            if head is None:
                head, edge = await self._begin(conn)
            else:
                self._check_last(head, last)
                edge = await store.read_edge(conn, head)
        self._last_at = max(self._last_at, last[1] if last else 0)
        self._head, self._edge = head, edge
        self.status.size = head.size
        self.status.standing_by = False
        return True

    async def _begin(self, conn: Connection) -> tuple[Head, Edge]:
        now = self._clock.now()
        entry_id = ids.derive(self.origin.encode(), "log.opened", self._signer.verifier.vkey)
        leaf = ledger.leaf_bytes("log.opened", entry_id, now, rules="", code=self._code)
        try:
            await ledger.write(conn, [ledger.Entry(entry_id, "log.opened", now, leaf, ())])
        except ledger.EntryExistsError as error:
            raise LogBrokenError(f"{self.origin} was opened before, and its head is gone") from error
        # The queue may hold older entries; this one is the first of its log.
        await conn.execute("DELETE FROM audit_pending WHERE entry_id = %s", (entry_id,))
        keys, hashes = [uuid(entry_id)], [leaf_hash(leaf)]
        return await self._append(conn, await store.insert_head(conn), Edge(), keys, hashes, now)

    def _check_last(self, head: Head, last: tuple[int, Micros, bytes] | None) -> None:
        note = b"" if last is None else last[2]
        try:
            checkpoint = parse_checkpoint(open_note(note, [self._signer.verifier]).text)
        except NoteError as error:
            raise LogBrokenError(f"the last checkpoint is not of {self.origin} and its key") from error
        if checkpoint != Checkpoint(self.origin, head.size, head.root):
            raise LogBrokenError(f"the last checkpoint ({checkpoint.size}) is not the head ({head.size})")

    async def seal(self) -> Sealed | None:
        """Seal what waits, up to one batch; None when nothing waits or another sealer is at it.

        Raises `DatabaseAwayError`, `HeadMovedError`, `LogBrokenError`.
        """
        now = self._clock.now()
        async with self._database.transaction() as conn:
            self.status.looked_at = time.monotonic()
            if not await store.has_pending(conn):
                return None
            self.status.standing_by = not await store.try_lock(conn)
            if self.status.standing_by:
                return None
            head = await store.read_head(conn)
            if head is None:
                raise LogBrokenError("the log has no head: it was not opened")
            edge = self._edge
            if edge is None or self._head != head:
                edge = await store.read_edge(conn, head)
            pending = await store.take_pending(conn, self._batch)
            keys, hashes, alarms = sort_out(pending)
            crash.point("sealer.taken")
            if keys:
                head, edge = await self._append(conn, head, edge, keys, hashes, now)
            await store.put_back(conn, [bytes.fromhex(alarm.entry_id) for alarm in alarms])
            crash.point("sealer.before_commit")
        crash.point("sealer.after_commit")
        sealed = Sealed(head.size, len(keys), len(pending), now, tuple(alarms))
        self._head, self._edge = head, edge
        self._note(sealed)
        return sealed

    async def _append(
        self,
        conn: Connection,
        head: Head,
        edge: Edge,
        keys: Sequence[bytes],
        hashes: Sequence[bytes],
        now: Micros,
    ) -> tuple[Head, Edge]:
        grown, full = grow(edge, hashes)
        new = Head(grown.size, grown.root())
        await store.insert_leaves(conn, head.size, keys, hashes)
        crash.point("sealer.leaves")
        await store.put_tiles(conn, [*full, *grown.partials()])
        crash.point("sealer.tiles")
        await store.move_head(conn, head, new)
        crash.point("sealer.head")
        await self._sign(conn, new, now)
        return new, grown

    async def _sign(self, conn: Connection, head: Head, now: Micros) -> None:
        text = Checkpoint(self.origin, head.size, head.root).text
        # A clock that was set back must not hide a checkpoint behind an older one.
        at = max(now, self._last_at + 1)
        await store.insert_checkpoint(conn, head.size, at, seal_note(text, [self._signer.sign(text)]))
        self._last_at = at

    async def refresh(self) -> None:
        """Sign the head again, so that its checkpoint is not older than the idle time."""
        async with self._database.transaction() as conn:
            if await store.try_lock(conn):
                head = await store.read_head(conn)
                if head is None:
                    raise LogBrokenError("the log has no head: it was not opened")
                await self._sign(conn, head, self._clock.now())
                self.status.sealed_at = time.monotonic()

    def _note(self, sealed: Sealed) -> None:
        if sealed.count:
            self.status.size = sealed.size
            self.status.sealed += sealed.count
            self.status.sealed_at = time.monotonic()
        self.status.alarms = len(sealed.alarms)
        count("sealed_total", sealed.count)
        put("seal_alarms", len(sealed.alarms))
        alarmed = frozenset(sealed.alarms)
        for alarm in alarmed - self._alarmed:
            log.critical("audit alarm: entry %s cannot be sealed: %s", alarm.entry_id, alarm.reason)
        self._alarmed = alarmed
        self._on_sealed(sealed)

    async def _turn(self) -> bool:
        """Seal a batch, or sign again when idle. Whether more is likely to wait already."""
        sealed = await self.seal()
        if sealed is not None:
            return sealed.count > 0 and sealed.taken >= self._batch
        if time.monotonic() - (self.status.sealed_at or 0.0) >= IDLE_CHECKPOINT:
            await self.refresh()
        return False

    async def run(self, stop: asyncio.Event) -> None:
        """Open the log and seal until told to stop; waits for a database that is away.

        Raises `LogBrokenError`: then nothing may be sealed until somebody has looked.
        """
        wait = PAUSE
        opened = False
        while not stop.is_set():
            try:
                with step("sealer"):
                    opened = opened or await self.open()
                    more = opened and await self._turn()
                if more:
                    continue
                wait = PAUSE
                put("progress_timestamp_seconds", time.time(), loop="sealer")
            except DatabaseAwayError as error:
                count("peer_errors_total", process="sealer")
                log.warning("%s; trying again in %.1f s", error, wait)
                wait = min(wait * 2, LONGEST_WAIT)
            except HeadMovedError as error:
                log.warning("%s; reading it again", error)
            await _until(stop, wait)


async def _until(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
