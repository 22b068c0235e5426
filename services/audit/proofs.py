"""Proofs out of the stored tiles: that an entry is in the log, and that one checkpoint continues another."""

from collections.abc import Callable
from dataclasses import dataclass

from hub.database import Connection
from services.audit import store
from services.audit.merkle import HASH_SIZE, NodeReader, consistency_proof, inclusion_proof
from services.audit.tiles import Tile, node_reader

Maker = Callable[[NodeReader], list[bytes]]


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """That an entry stands at `index` under a signed checkpoint: all that a verifier needs beside its bytes."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes


async def prove_entry(conn: Connection, entry_id: str) -> InclusionProof | None:
    """The proof of an entry under the first checkpoint that covers it, None while it is not sealed.

    Not the newest: its size would tell whoever asks how many entries followed this one.
    """
    found = await conn.execute("SELECT idx FROM log_leaf WHERE entry_id = %s", (entry_id,))
    row = await found.fetchone()
    first = None if row is None else await store.first_checkpoint(conn, row[0] + 1)
    if row is None or first is None:
        return None
    index, size = row[0], first[0]
    hashes = await _make(conn, size, lambda node: inclusion_proof(index, size, node))
    return InclusionProof(index, tuple(hashes), first[2])


async def prove_consistency(conn: Connection, old: int, new: int) -> list[bytes]:
    """The consistency proof between two sizes up to the log's. Raises `ProofError`, `LogBrokenError`."""
    return await _make(conn, new, lambda node: consistency_proof(old, new, node))


async def _make(conn: Connection, size: int, make: Maker) -> list[bytes]:
    wanted: dict[Tile, bytes] = {}

    def ask(tile: Tile) -> bytes:
        return wanted.setdefault(tile, bytes(tile.width * HASH_SIZE))

    # Made twice: the first time only to learn which tiles it takes, so that one query fetches them.
    make(node_reader(size, ask))
    stored = await store.read_tiles(conn, list(wanted))
    if len(stored) != len(wanted):
        raise store.LogBrokenError(f"the log has no tiles for its size {size}")
    return make(node_reader(size, stored.__getitem__))
