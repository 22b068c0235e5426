"""The log's tables: the head, its tiles, its checkpoints. All SQL of the sealer that changes them is here.

Nothing is ever moved: leaves and checkpoints are inserted, tiles only grow, and the head moves by
compare-and-set on size and root. Whoever loses that compare has lost its transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

from psycopg.errors import UniqueViolation

from hub.clock import Micros
from hub.copying import Rows, int8
from hub.database import Connection
from hub.errors import HubError
from services.audit.merkle import EMPTY_ROOT
from services.audit.tiles import Edge, Tile, TileData, TileError, edge_of, edge_tiles

LOCK = 710_002
"""The advisory lock of whoever is sealing."""

_TAKE = """
WITH taken AS (
    DELETE FROM audit_pending
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM audit_pending ORDER BY seq LIMIT %s))
    RETURNING seq, entry_id
)
SELECT taken.seq, uuid_send(taken.entry_id), entry.leaf, sealed.leaf_hash
FROM taken LEFT JOIN audit_entry AS entry USING (entry_id) LEFT JOIN log_leaf AS sealed USING (entry_id)
"""
_TILES = """
INSERT INTO log_tile (level, n, width, hashes)
SELECT * FROM unnest(%s::int[], %s::bigint[], %s::int[], %b::bytea[])
ON CONFLICT (level, n) DO UPDATE SET width = EXCLUDED.width, hashes = EXCLUDED.hashes
"""


class LogBrokenError(HubError):
    """ALARM: what is stored of the log contradicts itself. Nothing is sealed; `audit verify` says where."""

    exit_code = 8


class HeadMovedError(HubError):
    """Another sealer moved the head first: this transaction is lost, and nothing of it stands."""


@dataclass(frozen=True, slots=True)
class Head:
    """How far the log goes."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Pending:
    """An entry that waits to be sealed: its bytes, and its leaf hash where it was sealed before."""

    entry_id: bytes
    leaf: bytes | None
    sealed_hash: bytes | None


async def try_lock(conn: Connection) -> bool:
    """Whether nobody else is sealing; held to the end of the transaction."""
    found = await (await conn.execute("SELECT pg_try_advisory_xact_lock(%s)", (LOCK,))).fetchone()
    return found == (True,)


async def read_head(conn: Connection) -> Head | None:
    """The head, or None before the log was opened."""
    row = await (await conn.execute("SELECT size, root FROM log_head")).fetchone()
    return None if row is None else Head(*row)


async def insert_head(conn: Connection) -> Head:
    """The head of the empty log."""
    await conn.execute("INSERT INTO log_head (size, root) VALUES (0, %s)", (EMPTY_ROOT,))
    return Head(0, EMPTY_ROOT)


async def move_head(conn: Connection, old: Head, new: Head) -> None:
    """Compare-and-set. Raises `HeadMovedError`."""
    moved = await conn.execute(
        "UPDATE log_head SET size = %s, root = %s WHERE size = %s AND root = %s",
        (new.size, new.root, old.size, old.root),
    )
    if moved.rowcount != 1:
        raise HeadMovedError(f"expected the log's head at {old.size}; it has moved")


async def has_pending(conn: Connection) -> bool:
    """Whether anything waits."""
    return await (await conn.execute("SELECT 1 FROM audit_pending LIMIT 1")).fetchone() is not None


async def take_pending(conn: Connection, limit: int) -> list[Pending]:
    """Take the first entries off the queue, in order; they are back when the transaction fails."""
    async with conn.cursor(binary=True) as cursor:
        await cursor.execute(_TAKE, (limit,))
        # Sorted here, since the leaves do not fit the server's memory for sorting.
        return [Pending(*row[1:]) for row in sorted(await cursor.fetchall(), key=itemgetter(0))]


async def put_back(conn: Connection, entry_ids: Sequence[bytes]) -> None:
    """Queue entries again, at the end."""
    rows = Rows("audit_pending", ("entry_id",))
    for entry_id in entry_ids:
        rows.add(entry_id)
    await rows.write(conn)


async def insert_leaves(
    conn: Connection, first: int, entry_ids: Sequence[bytes], leaf_hashes: Sequence[bytes]
) -> None:
    """Give the entries their indices, from `first` on without a gap. Raises `LogBrokenError` where one is taken."""
    rows = Rows("log_leaf", ("idx", "entry_id", "leaf_hash"))
    for offset, (entry_id, leaf_hash) in enumerate(zip(entry_ids, leaf_hashes, strict=True)):
        rows.add(int8(first + offset), entry_id, leaf_hash)
    try:
        await rows.write(conn)
    except UniqueViolation as error:
        raise LogBrokenError(f"an index from {first} on is taken, but the head is there") from error


async def put_tiles(conn: Connection, tiles: Sequence[TileData]) -> None:
    """Store new and grown tiles."""
    columns = zip(*((t.tile.level, t.tile.n, t.tile.width, t.hashes) for t in tiles), strict=True)
    await conn.execute(_TILES, tuple(list(column) for column in columns))


async def read_tiles(conn: Connection, tiles: Sequence[Tile]) -> dict[Tile, bytes]:
    """The hashes of tiles, each cut to the width asked for; what is not there, or narrower, is left out."""
    found = await conn.execute(
        "SELECT level, n, hashes FROM log_tile JOIN unnest(%s::int[], %s::bigint[]) AS w (level, n)"
        " USING (level, n)",
        ([tile.level for tile in tiles], [tile.n for tile in tiles]),
    )
    stored = {(level, n): hashes for level, n, hashes in await found.fetchall()}
    wanted = {tile: stored.get((tile.level, tile.n), b"")[: tile.width * 32] for tile in tiles}
    return {tile: hashes for tile, hashes in wanted.items() if len(hashes) == tile.width * 32}


async def read_edge(conn: Connection, head: Head) -> Edge:
    """The right edge of the stored tree. Raises `LogBrokenError` when its root is not the head's."""
    stored = await read_tiles(conn, edge_tiles(head.size))
    try:
        edge = edge_of(head.size, lambda tile: stored.get(tile, b""))
    except TileError as error:
        raise LogBrokenError(f"the log has no tiles for its size {head.size}") from error
    if edge.root() != head.root:
        raise LogBrokenError(f"the log's tiles do not lead to its root at size {head.size}")
    return edge


async def insert_checkpoint(conn: Connection, size: int, at: Micros, note: bytes) -> None:
    """Keep a signed checkpoint."""
    await conn.execute(
        "INSERT INTO log_checkpoint (size, at, note) VALUES (%s, %s, %s)", (size, at, note.decode())
    )


async def last_checkpoint(conn: Connection) -> tuple[int, Micros, bytes] | None:
    """The newest checkpoint: size, when, note."""
    found = await conn.execute(
        "SELECT size, at, note FROM log_checkpoint ORDER BY size DESC, at DESC LIMIT 1"
    )
    row = await found.fetchone()
    return None if row is None else (row[0], row[1], row[2].encode())


async def first_checkpoint(conn: Connection, size: int) -> tuple[int, Micros, bytes] | None:
    """The first checkpoint that covers so many entries: size, when, note. What came later shows in no part of it."""
    found = await conn.execute(
        "SELECT size, at, note FROM log_checkpoint WHERE size >= %s ORDER BY size, at LIMIT 1", (size,)
    )
    row = await found.fetchone()
    return None if row is None else (row[0], row[1], row[2].encode())
