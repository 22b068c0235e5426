"""Tiles: the Merkle tree as files of 256 hashes (C2SP tlog-tiles v0.1.0). Pure.

- Tile (level, n) holds the hashes of 256 consecutive subtrees of 256^level leaves each; the last one of a
  level is partial while the log grows, and a partial tile is never hashed into the level above.
- `Edge` is all that is needed to go on: the partial tile of each level. `grow` appends leaves and gives the
  tiles that became full; `partials` the ones that are open.
- Paths are strict: one form for each tile, everything else is refused.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from hub.errors import SenderError
from services.audit.merkle import EMPTY_ROOT, HASH_SIZE, NodeReader, node_hash, perfect_root

WIDTH = 256
TILE_BYTES = WIDTH * HASH_SIZE
MAX_LEVEL = 63
MAX_ENTRY = 65_535

_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<n>(?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


class TileError(SenderError):
    """A path, tile or bundle is not in its form."""


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """Which tile: `level` (None: the entries themselves), place in its level, and how many hashes it has."""

    level: int | None
    n: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """`tile/<L>/<N>[.p/<W>]`, N in groups of three digits, all but the last with `x`."""
        name = f"{self.n % 1000:03d}"
        rest = self.n // 1000
        while rest:
            name = f"x{rest % 1000:03d}/{name}"
            rest //= 1000
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{'entries' if self.level is None else self.level}/{name}{partial}"


@dataclass(frozen=True, slots=True)
class TileData:
    """A tile with its concatenated hashes."""

    tile: Tile
    hashes: bytes


def parse_path(path: str) -> Tile:
    """Read a tile's path.

    Raises `TileError` for any other spelling, level above 63 or width outside 1 to 255.
    """
    match = _PATH.fullmatch(path)
    if match is None:
        raise TileError("expected tile/<level>/<nnn>[.p/<width>]")
    name = match["n"]
    level = None if match["level"] == "entries" else int(match["level"])
    tile = Tile(level, int(name.replace("x", "").replace("/", "")), int(match["width"] or WIDTH))
    if tile.path != path or (level or 0) > MAX_LEVEL or (match["width"] and tile.width >= WIDTH):
        raise TileError("expected a level of at most 63, a width from 1 to 255, and no needless zeroes")
    return tile


def tile_at(level: int, n: int, size: int) -> Tile:
    """The tile as it stands in a tree of `size` leaves. Raises `TileError` where it would be empty."""
    width = min(WIDTH, (size >> (8 * level)) - n * WIDTH)
    if width <= 0:
        raise TileError(f"tile {level}/{n} is empty in a tree of size {size}")
    return Tile(level, n, width)


def tiles_of(size: int) -> Iterator[Tile]:
    """Every tile of a tree of `size` leaves, level by level."""
    level = 0
    while count := size >> (8 * level):
        for n in range((count + WIDTH - 1) // WIDTH):
            yield tile_at(level, n, size)
        level += 1


@dataclass(frozen=True, slots=True)
class Edge:
    """The right edge of a tree: per level, the hashes of its partial tile (fewer than 256, concatenated)."""

    size: int = 0
    levels: tuple[bytes, ...] = ()

    def root(self) -> bytes:
        """The root of the tree: its perfect subtrees, folded from the right."""
        if not self.size:
            return EMPTY_ROOT
        found: bytes | None = None
        for hashes in self.levels:
            end, width = len(hashes), len(hashes) // HASH_SIZE
            while width:
                span = (width & -width) * HASH_SIZE
                subtree = perfect_root(hashes[end - span : end])
                found = subtree if found is None else node_hash(subtree, found)
                end -= span
                width &= width - 1
        assert found is not None  # a size above 0 has a hash in some level
        return found

    def partials(self) -> list[TileData]:
        """The open tile of each level that has one."""
        return [
            TileData(Tile(level, self.size >> (8 * level + 8), len(hashes) // HASH_SIZE), hashes)
            for level, hashes in enumerate(self.levels)
            if hashes
        ]


def grow(edge: Edge, leaf_hashes: Sequence[bytes]) -> tuple[Edge, list[TileData]]:
    """Append leaves: the new edge, and the tiles that became full on the way.

    Raises `TileError` when a hash is not 32 bytes.
    """
    if any(len(value) != HASH_SIZE for value in leaf_hashes):
        raise TileError(f"expected leaf hashes of {HASH_SIZE} bytes")
    levels, full = list(edge.levels), []
    carried, level = b"".join(leaf_hashes), 0
    while carried:
        if level == len(levels):
            levels.append(b"")
        data = levels[level] + carried
        whole = len(data) - len(data) % TILE_BYTES
        first = edge.size >> (8 * level + 8)
        upward = []
        for number, start in enumerate(range(0, whole, TILE_BYTES)):
            hashes = data[start : start + TILE_BYTES]
            full.append(TileData(Tile(level, first + number), hashes))
            upward.append(perfect_root(hashes))
        levels[level], carried = data[whole:], b"".join(upward)
        level += 1
    return Edge(edge.size + len(leaf_hashes), tuple(levels)), full


def edge_tiles(size: int) -> list[Tile]:
    """The partial tiles of a tree of `size` leaves."""
    levels = range((size.bit_length() + 7) // 8)
    counts = [(level, size >> (8 * level)) for level in levels]
    return [Tile(level, count // WIDTH, count % WIDTH) for level, count in counts if count % WIDTH]


def edge_of(size: int, read: Callable[[Tile], bytes]) -> Edge:
    """The edge of a tree of `size` leaves, from its stored tiles.

    Raises `TileError` for a tile of another length.
    """
    levels = [b""] * ((size.bit_length() + 7) // 8)
    for tile in edge_tiles(size):
        assert tile.level is not None
        levels[tile.level] = _read(tile, read)
    return Edge(size, tuple(levels))


def node_reader(size: int, read: Callable[[Tile], bytes]) -> NodeReader:
    """Hashes of perfect subtrees out of the tiles of a tree of `size` leaves, to make proofs from."""

    def node(level: int, index: int) -> bytes:
        tile_level, height = divmod(level, 8)
        place = index << height
        hashes = _read(tile_at(tile_level, place // WIDTH, size), read)
        start = place % WIDTH * HASH_SIZE
        wanted = hashes[start : start + (HASH_SIZE << height)]
        if len(wanted) != HASH_SIZE << height:
            raise TileError(f"subtree {level}/{index} is not whole in a tree of size {size}")
        return perfect_root(wanted)

    return node


def _read(tile: Tile, read: Callable[[Tile], bytes]) -> bytes:
    hashes = read(tile)
    if len(hashes) != tile.width * HASH_SIZE:
        raise TileError(f"expected {tile.width * HASH_SIZE} bytes of {tile.path}, got {len(hashes)}")
    return hashes


def encode_entries(entries: Sequence[bytes]) -> bytes:
    """An entry bundle: each entry behind its length in two bytes. Raises `TileError` above 65,535 bytes."""
    if any(len(entry) > MAX_ENTRY for entry in entries):
        raise TileError(f"an entry has at most {MAX_ENTRY} bytes")
    return b"".join([len(entry).to_bytes(2, "big") + entry for entry in entries])


def decode_entries(bundle: bytes, width: int) -> list[bytes]:
    """The `width` entries of a bundle. Raises `TileError` when they are not exactly that."""
    entries, at = [], 0
    while at < len(bundle):
        start = at + 2
        at = start + int.from_bytes(bundle[at:start], "big")
        if at > len(bundle) or start > len(bundle):
            raise TileError("the bundle ends inside an entry")
        entries.append(bundle[start:at])
    if len(entries) != width:
        raise TileError(f"expected {width} entries, got {len(entries)}")
    return entries
