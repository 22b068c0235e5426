"""What verification and the read API take out of the log's tables. Reads only."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from hub.clock import Micros
from hub.database import Connection
from services.audit.coverage import Place
from services.audit.store import Head, read_head

_LEAVES = """
SELECT log.idx, log.entry_id::text, log.leaf_hash, entry.kind, entry.recorded_at, entry.leaf
FROM log_leaf AS log LEFT JOIN audit_entry AS entry USING (entry_id)
WHERE log.idx >= %s AND log.idx < %s
"""
# By id, not by joining a range of indices: the planner would read the whole table for each portion.
_DETAILS = """
SELECT entry_id::text, part, key_id::text, ciphertext FROM audit_detail
WHERE entry_id = ANY (%s::uuid[]) ORDER BY entry_id, part
"""
_PENDING = """
SELECT -1, queued.entry_id::text, coalesce(log.leaf_hash, ''), entry.kind, entry.recorded_at, entry.leaf
FROM audit_pending AS queued LEFT JOIN audit_entry AS entry USING (entry_id)
LEFT JOIN log_leaf AS log USING (entry_id) ORDER BY queued.seq
"""
_UNQUEUED = """
SELECT count(*), min(entry_id::text) FROM audit_entry AS entry
WHERE NOT EXISTS (SELECT FROM log_leaf AS log WHERE log.entry_id = entry.entry_id)
AND NOT EXISTS (SELECT FROM audit_pending AS queued WHERE queued.entry_id = entry.entry_id)
"""
_RECORDED = """
(EXISTS (SELECT FROM log_leaf AS log WHERE log.entry_id = made.entry_id)
 OR EXISTS (SELECT FROM audit_pending AS queued WHERE queued.entry_id = made.entry_id))
"""
_UNRECORDED = {
    "receipts": "SELECT count(*), min(receipt_id::text) FROM receipt AS made"
    f" WHERE NOT {_RECORDED} OR NOT EXISTS (SELECT FROM audit_entry AS entry"
    " WHERE entry.entry_id = made.entry_id AND entry.kind = 'event.accepted')",
    "attempts": f"SELECT count(*), min(attempt_id::text) FROM attempt AS made WHERE NOT {_RECORDED}",
    "releases": "SELECT count(*), min(delivery_id::text) FROM delivery AS sent WHERE attempt_id IS NOT NULL"
    f" AND NOT EXISTS (SELECT FROM attempt AS made WHERE made.attempt_id = sent.attempt_id AND {_RECORDED})",
}
_ENTRIES = """
SELECT entry.leaf FROM log_leaf AS log JOIN audit_entry AS entry USING (entry_id)
WHERE log.idx >= %s AND log.idx < %s ORDER BY log.idx
"""


@dataclass(frozen=True, slots=True)
class LeafRow:
    """A leaf with its entry.

    `leaf` is None where the entry is gone; `leaf_hash` is empty where it is not sealed.
    """

    index: int
    entry_id: str
    leaf_hash: bytes
    kind: str
    recorded_at: Micros
    leaf: bytes | None


@dataclass(frozen=True, slots=True)
class DetailRow:
    """A sealed detail of an entry."""

    part: int
    key_id: str
    ciphertext: bytes


async def head(conn: Connection) -> Head | None:
    """The stored head."""
    return await read_head(conn)


async def leaf_end(conn: Connection) -> int:
    """One past the highest index, or the head's size where that is more."""
    found = await conn.execute(
        "SELECT greatest((SELECT max(idx) + 1 FROM log_leaf), (SELECT size FROM log_head), 0)"
    )
    row = await found.fetchone()
    assert row is not None
    return int(row[0])


async def leaves(conn: Connection, start: int, end: int) -> list[LeafRow]:
    """The leaves from `start` up to, not including, `end`, in no order."""
    async with conn.cursor(binary=True) as cursor:
        await cursor.execute(_LEAVES, (start, end))
        return [LeafRow(*row) for row in await cursor.fetchall()]


async def details(conn: Connection, entry_ids: Sequence[str]) -> dict[str, list[DetailRow]]:
    """The details of these entries that exist, by entry, in the order of their parts."""
    found: dict[str, list[DetailRow]] = defaultdict(list)
    async with conn.cursor(binary=True) as cursor:
        await cursor.execute(_DETAILS, (list(entry_ids),))
        for entry_id, part, key_id, ciphertext in await cursor.fetchall():
            found[entry_id].append(DetailRow(part, key_id, ciphertext))
    return found


async def pending(conn: Connection) -> list[LeafRow]:
    """What waits to be sealed."""
    async with conn.cursor(binary=True) as cursor:
        await cursor.execute(_PENDING)
        return [LeafRow(*row) for row in await cursor.fetchall()]


async def unqueued(conn: Connection) -> tuple[int, str]:
    """How many entries are neither sealed nor queued, and one of them."""
    row = await (await conn.execute(_UNQUEUED)).fetchone()
    assert row is not None
    return row[0], row[1] or ""


async def unrecorded(conn: Connection) -> dict[str, tuple[int, str]]:
    """Receipts, attempts and releases that no entry records: how many of each, and one of them; nothing for none."""
    found = {}
    for what, statement in _UNRECORDED.items():
        row = await (await conn.execute(statement.encode())).fetchone()
        assert row is not None
        if row[0]:
            found[what] = (row[0], row[1])
    return found


async def leaf_tiles(conn: Connection, first: int, end: int) -> dict[int, bytes]:
    """The stored tiles of level 0 from `first` up to, not including, `end`."""
    found = await conn.execute(
        "SELECT n, hashes FROM log_tile WHERE level = 0 AND n >= %s AND n < %s", (first, end)
    )
    return dict(await found.fetchall())


async def tile(conn: Connection, level: int, n: int) -> bytes | None:
    """The hashes of a stored tile."""
    found = await conn.execute("SELECT hashes FROM log_tile WHERE level = %s AND n = %s", (level, n))
    row = await found.fetchone()
    return None if row is None else row[0]


async def tile_count(conn: Connection) -> int:
    """How many tiles are stored."""
    row = await (await conn.execute("SELECT count(*) FROM log_tile")).fetchone()
    assert row is not None
    return int(row[0])


async def checkpoints(conn: Connection, start: int, end: int) -> list[tuple[int, bytes]]:
    """Checkpoints of sizes above `start` up to `end`: size and note."""
    found = await conn.execute(
        "SELECT size, note FROM log_checkpoint WHERE size > %s AND size <= %s ORDER BY size, at", (start, end)
    )
    return [(size, note.encode()) for size, note in await found.fetchall()]


async def positions(conn: Connection) -> dict[Place, int]:
    """Where each processor stands."""
    found = await conn.execute("SELECT processor, topic, partition, next_offset FROM position")
    return {(row[0], row[1], row[2]): row[3] for row in await found.fetchall()}


async def entries(conn: Connection, start: int, end: int) -> list[bytes]:
    """The stored bytes of the entries from `start` up to, not including, `end`, in order."""
    async with conn.cursor(binary=True) as cursor:
        await cursor.execute(_ENTRIES, (start, end))
        return [row[0] for row in await cursor.fetchall()]


async def entry_of_receipt(conn: Connection, receipt: str, desk: str) -> str | None:
    """The entry of the acceptance that a receipt stands for, if it is that desk's."""
    found = await conn.execute(
        "SELECT entry_id::text FROM receipt WHERE receipt_id::text = %s AND desk = %s", (receipt, desk)
    )
    row = await found.fetchone()
    return None if row is None else str(row[0])


async def leaf(conn: Connection, entry_id: str) -> bytes | None:
    """The stored bytes of an entry."""
    found = await conn.execute("SELECT leaf FROM audit_entry WHERE entry_id = %s", (entry_id,))
    row = await found.fetchone()
    return None if row is None else bytes(row[0])
