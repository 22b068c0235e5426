"""The log over HTTP: a client that knows nothing but the specification checks it."""

import httpx
import pytest
from fastapi import FastAPI, HTTPException

from services.audit import merkle, note, tiles
from services.audit.api import log_router
from services.audit.proofs import prove_entry
from tests.integration.audit.world import Log, signer


async def nobody() -> None:
    raise HTTPException(404)


async def anybody() -> None:
    return None


def client(log: Log, *, party: bool = True, reader: bool = True, grows: bool = True) -> httpx.AsyncClient:
    app = FastAPI()
    app.include_router(
        log_router(
            log.database,
            party=anybody if party else nobody,
            entries_reader=anybody if reader else nobody,
            sees_growth=lambda _: grows,
        )
    )
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub")


async def test_every_entry_is_proven_when_only_the_served_files_are_used(log: Log) -> None:
    await log.filled(300, 400)
    async with client(log) as http:
        answer = await http.get("/log/checkpoint")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        opened = note.open_note(answer.content, [signer().verifier])
        checkpoint = note.parse_checkpoint(opened.text)
        served: dict[tiles.Tile, bytes] = {}
        entries: list[bytes] = []
        for tile in tiles.tiles_of(checkpoint.size):
            answer = await http.get(f"/log/{tile.path}")
            assert answer.headers["content-type"] == "application/octet-stream"
            assert "immutable" in answer.headers["cache-control"]
            served[tile] = answer.content
            if tile.level == 0:
                bundle = await http.get(f"/log/{tiles.Tile(None, tile.n, tile.width).path}")
                entries += tiles.decode_entries(bundle.content, tile.width)
    node = tiles.node_reader(checkpoint.size, served.__getitem__)
    assert len(entries) == checkpoint.size == 701
    for index in (0, 255, 256, 700):
        proof = merkle.inclusion_proof(index, checkpoint.size, node)
        leaf = merkle.leaf_hash(entries[index])
        merkle.verify_inclusion(leaf, index, checkpoint.size, proof, checkpoint.root)


async def test_partial_tile_of_an_older_size_is_served_when_the_log_has_grown(log: Log) -> None:
    await log.filled(10, 20)
    async with client(log) as http:
        old = await http.get("/log/tile/0/000.p/11")
        new = await http.get("/log/tile/0/000.p/31")
    assert len(old.content) == 11 * 32
    assert new.content.startswith(old.content)


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/000", "tile/0/000.p/32", "tile/0/001.p/1", "tile/1/000.p/1", "tile/entries/000", "tile/0/x000/000.p/1",
        "tile/64/000.p/1", "tile/entries/000.p/32", "tile/0/000.p/0", "tile/x/000.p/1", "tile/0/", "tile/entries/",
        "tile/7/x999/x999/x999/x999/x999/999.p/9",
    ],
)  # fmt: skip
async def test_answer_is_404_when_the_path_is_malformed_or_not_signed_yet(log: Log, path: str) -> None:
    await log.filled(30)
    async with client(log) as http:
        assert (await http.get(f"/log/{path}")).status_code == 404


async def test_answer_is_404_when_there_is_no_log_yet(log: Log) -> None:
    async with client(log) as http:
        for path in ("checkpoint", "tile/0/000.p/1", "tile/entries/000.p/1"):
            assert (await http.get(f"/log/{path}")).status_code == 404


async def test_entries_are_kept_back_when_the_reader_may_read_hashes_alone(log: Log) -> None:
    await log.filled(3)
    async with client(log, reader=False) as http:
        assert (await http.get("/log/tile/0/000.p/4")).status_code == 200
        assert (await http.get("/log/tile/entries/000.p/4")).status_code == 404
    async with client(log, party=False) as http:
        assert (await http.get("/log/checkpoint")).status_code == 404
        assert (await http.get("/log/tile/0/000.p/4")).status_code == 404
        assert (await http.get("/log/tile/entries/000.p/4")).status_code == 200


async def test_desk_sees_no_growth_when_fewer_entries_came_than_it_is_served_at_once(log: Log) -> None:
    sealing = await log.filled(3)

    async def size() -> int:
        async with client(log, grows=False) as http:
            answer = await http.get("/log/checkpoint")
            here = note.parse_checkpoint(note.open_note(answer.content, [signer().verifier]).text).size
            for width in range(1, 20):
                tile = await http.get(f"/log/tile/0/{here // 256:03}.p/{here % 256 + width}")
                assert tile.status_code == 404
            if here % 256:
                tile = await http.get(f"/log/tile/0/{here // 256:03}.p/{here % 256}")
                assert len(tile.content) == here % 256 * 32
        return here

    sizes = []
    for portion in (1, 6, 100, 160, 5, 1):
        sizes.append(await size())
        await log.write(portion)
        await sealing.seal()
    assert [*sizes, await size()] == [1, 1, 1, 1, 271, 271, 271]


async def test_proof_is_the_same_when_the_log_has_grown_since(log: Log) -> None:
    sealing = await log.filled(3)
    (written,) = await log.write(1)
    await sealing.seal()
    async with log.database.transaction() as conn:
        before = await prove_entry(conn, written.entry_id)
    await log.write(7)
    await sealing.seal()
    async with log.database.transaction() as conn:
        assert await prove_entry(conn, written.entry_id) == before
    assert before is not None
    opened = note.open_note(before.checkpoint, [signer().verifier])
    assert note.parse_checkpoint(opened.text).size == 5
