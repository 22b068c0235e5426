"""`audit verify`: rebuilds the whole log from its entries and compares it with everything that is stored.

- Every entry is hashed as it is stored; leaves, tiles, head and root follow from that alone, and each is
  compared.
- Every checkpoint ever signed must have the root that the entries have at its size, which is stronger than
  consistency between them. Checkpoints from outside (witnessed, exported) are held to the same.
- Headers must agree with their rows; details, as far as they exist and keys are given, with their
  commitments.
- Coverage must add up: every offset that a processor read has exactly one fate. It is never erased, since no
  person's key seals it: where what a coverage entry says is gone, somebody took it.
- Entries that are neither sealed nor queued are found too, and so are receipts, attempts and releases that name
  an entry which is not there.

All of it is read in one snapshot, a portion at a time, so memory does not grow with the log. Where an entry
does not give its leaf's hash, the rebuilding goes on with the stored one: each fault is told once, at its
own index.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from hub.clock import format_micros
from hub.database import Connection
from hub.keys import KeyErasedError, KeyRing, SealError
from hub.ledger import VERSION, commitment, detail_context
from services.audit import reading
from services.audit.coverage import CoverageError, CoverageSum
from services.audit.judge import Judge, Signed
from services.audit.merkle import HASH_SIZE, leaf_hash
from services.audit.note import Verifier
from services.audit.reading import DetailRow, LeafRow
from services.audit.report import Report
from services.audit.tiles import TILE_BYTES, WIDTH, Edge, TileData, grow, tiles_of

PORTION = 16 * WIDTH
"""Entries held in memory at once."""

_LEAF_KEYS = {"code", "details", "id", "kind", "recorded_at", "rules", "subjects", "v"}


async def verify(
    conn: Connection,
    verifiers: Sequence[Verifier],
    *,
    origin: str,
    keys: KeyRing | None = None,
    outside: Sequence[bytes] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Verify the log on a connection whose transaction has read nothing yet.

    `verifiers`: the keys that may have signed this log's checkpoints. `outside`: checkpoints (notes) that
    others kept. Without `keys`, neither details nor coverage can be checked, and the report says how many.
    `progress` is told how many entries are done, and of how many.
    """
    await conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    run = _Verification(conn, verifiers, origin, keys)
    await run.all_leaves(run.judge.read_outside(outside), progress)
    await run.the_rest()
    return run.report


class _Verification:
    def __init__(
        self, conn: Connection, verifiers: Sequence[Verifier], origin: str, keys: KeyRing | None
    ) -> None:
        self.report = Report()
        self._conn = conn
        self._keys = keys
        self._edge = Edge()
        self._coverage = CoverageSum()
        self.judge = Judge(self.report, verifiers, origin)

    async def all_leaves(
        self, outside: Sequence[Signed], progress: Callable[[int, int], None] | None
    ) -> None:
        """Rebuild the tree, portion by portion."""
        end = await reading.leaf_end(self._conn)
        for start in range(0, end, PORTION):
            stop = min(start + PORTION, end)
            tiles = await reading.leaf_tiles(self._conn, start // WIDTH, (stop + WIDTH - 1) // WIDTH)
            hashes = await self._portion(start, stop, tiles)
            notes = [Signed(*own, False) for own in await reading.checkpoints(self._conn, start, stop)]
            notes += [note for note in outside if start < note.size <= stop]
            await self._grow(start, hashes, sorted(notes), tiles)
            if progress is not None:
                progress(stop, end)
        for size in (note.size for note in outside):
            if size > end:
                self.report.found(
                    "checkpoint", end, f"a checkpoint from outside covers {size} entries, not {end}"
                )
        self.report.size, self.report.root = end, self._edge.root()

    async def the_rest(self) -> None:
        """Compare what does not belong to one leaf."""
        await self._partial_tiles()
        await self._head()
        await self._queue()
        await self._unqueued()
        await self._unrecorded()
        await self._positions()

    async def _portion(self, start: int, stop: int, tiles: Mapping[int, bytes]) -> list[bytes]:
        rows = {row.index: row for row in await reading.leaves(self._conn, start, stop)}
        details = await reading.details(self._conn, [row.entry_id for row in rows.values()])
        if self._keys is not None:
            await self._keys.load(self._conn, {row.key_id for part in details.values() for row in part})
        hashes = []
        for index in range(start, stop):
            row = rows.get(index)
            if row is None:
                self.report.found("gap", index, "no leaf has this index")
                hashes.append(_tile_hash(tiles, index))
            else:
                hashes.append(self._leaf(row, details.get(row.entry_id, ())))
        return hashes

    def _leaf(self, row: LeafRow, details: Sequence[DetailRow]) -> bytes:
        report = self.report
        if row.leaf is None:
            report.found("missing", row.index, f"the entry {row.entry_id} is gone")
            return row.leaf_hash
        value = leaf_hash(row.leaf)
        if value != row.leaf_hash:
            report.found("changed", row.index, f"the entry {row.entry_id} is not the one that was sealed")
            return row.leaf_hash
        report.entries += 1
        leaf = _header(row)
        if leaf is None:
            report.found("header", row.index, f"the entry {row.entry_id}: its columns contradict its leaf")
        else:
            self._details(row.index, row.entry_id, leaf, details)
        return value

    def _details(
        self, index: int | None, entry_id: str, leaf: Mapping[str, Any], rows: Sequence[DetailRow]
    ) -> None:
        """Compare an entry's details with its commitments; a coverage entry is added up."""
        report, commitments = self.report, leaf["details"]
        is_coverage = leaf["kind"] == "coverage"
        gone = max(0, len(commitments) - len(rows))
        for row in rows:
            if row.part >= len(commitments):
                report.found("detail", index, f"the entry {entry_id} has no part {row.part}")
                continue
            if self._keys is None:
                report.unread += 1
                continue
            try:
                plain = self._keys.open(row.key_id, detail_context(entry_id, row.part), row.ciphertext)
                salt = self._keys.salt(row.key_id, entry_id, row.part)
            except KeyErasedError:
                gone += 1
                continue
            except SealError:
                report.found("detail", index, f"the entry {entry_id}: part {row.part} does not open")
                continue
            if commitment(salt, plain).hex() != commitments[row.part]:
                report.found("detail", index, f"the entry {entry_id}: part {row.part} is another one")
                continue
            report.details += 1
            if is_coverage:
                self._cover(index, plain)
        if is_coverage and (gone or not commitments):
            report.found("coverage", index, f"the entry {entry_id}: what it covers is gone")
        else:
            report.erased += gone

    def _cover(self, index: int | None, plain: bytes) -> None:
        try:
            self._coverage.add(orjson.loads(plain))
        except (CoverageError, orjson.JSONDecodeError) as error:
            self.report.found("coverage", index, str(error))

    async def _grow(
        self,
        start: int,
        hashes: Sequence[bytes],
        notes: Sequence[Signed],
        tiles: Mapping[int, bytes],
    ) -> None:
        """Append a portion's leaves, stopping at each size that a checkpoint speaks of."""
        full: list[TileData] = []
        for signed in notes:
            if signed.size > self._edge.size:
                self._edge, new = grow(self._edge, hashes[self._edge.size - start : signed.size - start])
                full += new
            self.judge.judge(signed, self._edge.root())
        self._edge, new = grow(self._edge, hashes[self._edge.size - start :])
        for data in full + new:
            tile = data.tile
            assert tile.level is not None
            stored = (
                tiles.get(tile.n) if tile.level == 0 else await reading.tile(self._conn, tile.level, tile.n)
            )
            self._tile(data, stored or b"")

    def _tile(self, data: TileData, stored: bytes) -> None:
        if stored == data.hashes:
            return
        tile = data.tile
        assert tile.level is not None
        place = _first_difference(stored, data.hashes)
        first = tile.n * WIDTH + place
        span = 8 * tile.level
        self.report.found(
            "tile", first << span, f"{tile.path} is not that of the entries", (first + 1) << span
        )

    async def _partial_tiles(self) -> None:
        for data in self._edge.partials():
            assert data.tile.level is not None
            self._tile(data, await reading.tile(self._conn, data.tile.level, data.tile.n) or b"")
        expected = sum(1 for _ in tiles_of(self._edge.size))
        stored = await reading.tile_count(self._conn)
        if stored > expected:
            self.report.found("tile", None, f"{stored} tiles are stored, the entries have {expected}")

    async def _head(self) -> None:
        report, head = self.report, await reading.head(self._conn)
        if head is None:
            if report.size:
                report.found("head", None, "the log has no head")
            return
        if head.size != report.size:
            index = min(head.size, report.size)
            report.found("head", index, f"the head is at {head.size}, the entries at {report.size}")
        elif head.root != report.root:
            report.found("head", None, "the head's root is not that of the entries")
        if self.judge.covered < head.size:
            text = f"no checkpoint covers the entries from {self.judge.covered}"
            report.found("checkpoint", self.judge.covered, text, head.size)

    async def _queue(self) -> None:
        """What waits to be sealed: it must be sealable, and its coverage counts already."""
        for row in await reading.pending(self._conn):
            self.report.pending += 1
            if row.leaf is None:
                self.report.found("pending", None, f"the queued entry {row.entry_id} is gone")
                continue
            if row.leaf_hash and row.leaf_hash != leaf_hash(row.leaf):
                self.report.found(
                    "pending", None, f"the queued entry {row.entry_id} was sealed with other bytes"
                )
                continue
            leaf = _header(row)
            if leaf is None:
                self.report.found("pending", None, f"the queued entry {row.entry_id} contradicts its columns")
            elif leaf["kind"] == "coverage" and self._keys is not None and not row.leaf_hash:
                rows = (await reading.details(self._conn, [row.entry_id])).get(row.entry_id, [])
                await self._keys.load(self._conn, {item.key_id for item in rows})
                self._details(None, row.entry_id, leaf, rows)

    async def _unqueued(self) -> None:
        count, first = await reading.unqueued(self._conn)
        if count:
            self.report.found("unqueued", None, f"{count} entries are in no queue and no log; one is {first}")

    async def _unrecorded(self) -> None:
        for what, (count, first) in (await reading.unrecorded(self._conn)).items():
            text = f"{count} {what} name an entry that is in no queue and no log; one is {first}"
            self.report.found("unrecorded", None, text)

    async def _positions(self) -> None:
        self.report.covered = self._coverage.result()
        if self._keys is not None:
            for text in self._coverage.check(await reading.positions(self._conn)):
                self.report.found("coverage", None, text)


def _header(row: LeafRow) -> dict[str, Any] | None:
    """The leaf, read; None when it is no leaf, or the row's own columns say something else."""
    try:
        leaf: Any = orjson.loads(row.leaf or b"")
    except orjson.JSONDecodeError:
        return None
    if not isinstance(leaf, dict) or leaf.keys() != _LEAF_KEYS or not isinstance(leaf["details"], list):
        return None
    stated = (VERSION, row.entry_id, row.kind, format_micros(row.recorded_at))
    return leaf if stated == (leaf["v"], leaf["id"], leaf["kind"], leaf["recorded_at"]) else None


def _tile_hash(tiles: Mapping[int, bytes], index: int) -> bytes:
    at = index % WIDTH * HASH_SIZE
    return tiles.get(index // WIDTH, b"")[at : at + HASH_SIZE].ljust(HASH_SIZE, b"\0")


def _first_difference(stored: bytes, rebuilt: bytes) -> int:
    for place in range(TILE_BYTES // HASH_SIZE):
        span = slice(place * HASH_SIZE, (place + 1) * HASH_SIZE)
        if stored[span] != rebuilt[span]:
            return place
    return 0
