"""Tiles: paths, widths, growth, and proofs out of them."""

import contextlib
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.audit import merkle, tiles
from services.audit.tiles import Edge, Tile, TileError


def leaves(count: int) -> list[bytes]:
    return [merkle.leaf_hash(i.to_bytes(4, "big")) for i in range(count)]


def stored(count: int) -> dict[Tile, bytes]:
    """All tiles of a tree, as a log would serve them."""
    edge, full = tiles.grow(Edge(), leaves(count))
    return {data.tile: data.hashes for data in [*full, *edge.partials()]}


def test_tiles_are_those_of_the_specification_when_the_tree_has_70000_leaves() -> None:
    widths = Counter((tile.level, tile.width) for tile in tiles.tiles_of(70_000))
    assert widths == {(0, 256): 273, (0, 112): 1, (1, 256): 1, (1, 17): 1, (2, 1): 1}


def test_tiles_are_a_full_one_and_a_partial_one_when_the_tree_has_256_leaves() -> None:
    assert list(tiles.tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert list(tiles.tiles_of(0)) == []


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 1_234_067), "tile/0/x001/x234/067"),
        (Tile(1, 273, 17), "tile/1/273.p/17"),
        (Tile(None, 999, 255), "tile/entries/999.p/255"),
        (Tile(63, 1000, 1), "tile/63/x001/000.p/1"),
    ],
)
def test_path_is_that_of_the_specification_when_a_tile_is_named(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert tiles.parse_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/64/000", "tile/00/000", "tile/0/0", "tile/0/0000", "tile/0/x000/067", "tile/0/001/067",
        "tile/0/x001", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/",
        "tile/0/000.p/300", "tile/-1/000", "tile/0/", "tile/0/000/", "/tile/0/000", "tile/entries/",
        "tile/0/x00a/000", "tile/0/\u0660\u0660\u0660", "tile/0/000\n", "tile/0/" + "x999/" * 8 + "000", "",
    ],
)  # fmt: skip
def test_path_is_refused_when_it_has_another_spelling(path: str) -> None:
    with pytest.raises(TileError):
        tiles.parse_path(path)


@given(st.integers(0, 63) | st.none(), st.integers(0, (1 << 55) - 1), st.integers(1, 256))
def test_path_reads_back_as_the_same_tile_when_parsed(level: int | None, n: int, width: int) -> None:
    assert tiles.parse_path(Tile(level, n, width).path) == Tile(level, n, width)


@given(st.text(alphabet="tile/entrisx.p0123456789", max_size=30))
def test_parsed_path_is_the_only_spelling_when_any_text_is_given(text: str) -> None:
    with contextlib.suppress(TileError):
        assert tiles.parse_path(text).path == text


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 700), max_size=6))
def test_edge_has_the_root_of_the_tree_when_leaves_come_in_any_portions(portions: list[int]) -> None:
    hashes = leaves(sum(portions))
    edge, kept = Edge(), {}
    for portion in portions:
        edge, full = tiles.grow(edge, hashes[edge.size : edge.size + portion])
        kept.update({data.tile: data.hashes for data in full})
    kept.update({data.tile: data.hashes for data in edge.partials()})
    assert edge.root() == merkle.root_of(hashes)
    assert sorted(kept) == sorted(tiles.tiles_of(len(hashes)))
    assert tiles.edge_of(len(hashes), kept.__getitem__) == edge


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_793])
def test_proofs_out_of_tiles_verify_when_the_tree_has_a_size_at_a_border(size: int) -> None:
    hashes = leaves(size)
    node = tiles.node_reader(size, stored(size).__getitem__)
    root = tiles.grow(Edge(), hashes)[0].root()
    for index in {0, size // 2, size - 1, min(255, size - 1), min(256, size - 1)}:
        merkle.verify_inclusion(hashes[index], index, size, merkle.inclusion_proof(index, size, node), root)
    for old in {1, size // 2 or 1, size}:
        old_root = tiles.grow(Edge(), hashes[:old])[0].root()
        merkle.verify_consistency(old, size, merkle.consistency_proof(old, size, node), old_root, root)


def test_tile_is_refused_when_it_has_another_length_than_its_width() -> None:
    short = {tile: data[:-1] for tile, data in stored(300).items()}
    with pytest.raises(TileError):
        tiles.edge_of(300, short.__getitem__)
    with pytest.raises(TileError):
        tiles.node_reader(300, short.__getitem__)(0, 0)


def test_subtree_is_refused_when_it_is_not_whole_yet() -> None:
    node = tiles.node_reader(300, stored(300).__getitem__)
    for level, index in ((0, 300), (6, 4), (8, 1)):
        with pytest.raises(TileError):
            node(level, index)


def test_growth_is_refused_when_a_hash_is_not_32_bytes() -> None:
    with pytest.raises(TileError):
        tiles.grow(Edge(), [b"short"])


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bundle_gives_the_entries_back_when_decoded(entries: list[bytes]) -> None:
    assert tiles.decode_entries(tiles.encode_entries(entries), len(entries)) == entries


@pytest.mark.parametrize("bundle", [b"\x00", b"\x00\x02a", b"\x00\x01ab", b"\x00\x01a\x00"])
def test_bundle_is_refused_when_it_is_not_whole(bundle: bytes) -> None:
    with pytest.raises(TileError):
        tiles.decode_entries(bundle, 1)


def test_entry_is_refused_when_its_length_does_not_fit_two_bytes() -> None:
    assert len(tiles.encode_entries([bytes(65_535)])) == 65_537
    with pytest.raises(TileError):
        tiles.encode_entries([bytes(65_536)])
