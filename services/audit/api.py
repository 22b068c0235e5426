"""The log over HTTP, in the form of C2SP tlog-tiles: hashes to the parties, entries to IG desks alone.

Answers come from the tables alone, cut to a checkpoint: what is not covered by a signature is not served. That is
the newest for those that read the entries; for any other desk the first one behind each 256th entry, since the log
grows more for an event about somebody known than for one about nobody (ADR 0020). Tiles are immutable; a partial one
is served for every size up to the checkpoint's.
"""

import asyncio
from base64 import b64encode
from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Response
from fastapi.responses import JSONResponse

from hub.clock import Micros
from hub.database import Connection, Database
from hub.errors import PeerError
from hub.shown import answer
from services.audit import reading, store
from services.audit.proofs import InclusionProof, prove_entry
from services.audit.tiles import WIDTH, Tile, TileError, encode_entries, parse_path, tile_at

_FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
_BRIEFLY = {"Cache-Control": "private, max-age=2"}
_TILE = "application/octet-stream"
_TEXT = "text/plain; charset=utf-8"

_NOTE = (
    "wraparound/sandbox\n3\nSuQbYTBvVcsV0bLuhWlIEMNTbUALlFZa7m3w4fWcVFM=\n\n\u2014 wraparound/sandbox ...\n"
)

_PROOF = {"index": 41, "leaf": "e30=", "hashes": [], "checkpoint": _NOTE}
SEALED_WITHIN: Final = 5.0
"""Seconds for which a proof is waited for: twice what a checkpoint takes at most (AUDIT.md section 6)."""
LOOK_EVERY: Final = 0.25
GRID: Final = WIDTH
"""Entries between two checkpoints that a desk is served: far more than one event makes."""

_BYTES = {"type": "string", "format": "binary"}

Allowed = Callable[..., Any]
"""A FastAPI dependency that raises for whoever may not read."""


def log_router(
    database: Database, *, party: Allowed, entries_reader: Allowed, sees_growth: Callable[[str], bool]
) -> APIRouter:
    """Routes to mount at the root: `/log/checkpoint` and `/log/tile/…`.

    `party` decides who may read checkpoint and hash tiles, `entries_reader` who may read entries. Both raise, or give
    the desk; `sees_growth`: whether that desk is served the newest checkpoint.
    """
    router = APIRouter(prefix="/log", tags=["log"])

    @router.get(
        "/checkpoint",
        response_class=Response,
        responses={200: answer("A signed note", {"type": "string"}, _NOTE, "text/plain")},
    )
    async def checkpoint(desk: Annotated[str, Depends(party)]) -> Response:
        """The signed checkpoint that this desk may have: a new one about every 256 entries."""
        async with database.transaction() as conn:
            served = await _checkpoint(conn, newest=sees_growth(desk))
        if served is None:
            raise HTTPException(404)
        return Response(served[2], media_type=_TEXT, headers=_BRIEFLY)

    @router.get(
        "/tile/entries/{name:path}",
        dependencies=[Depends(entries_reader)],
        response_class=Response,
        responses={200: answer("Entries, each behind its length", _BYTES, "", _TILE)},
    )
    async def entry_bundle(name: str) -> Response:
        """An entry bundle: `/log/tile/entries/<N>[.p/<W>]`."""
        return await _serve(database, f"tile/entries/{name}", _bundle, newest=True)

    @router.get(
        "/tile/{level}/{name:path}",
        response_class=Response,
        responses={200: answer("Hashes of 32 bytes", _BYTES, "", _TILE)},
    )
    async def hash_tile(level: str, name: str, desk: Annotated[str, Depends(party)]) -> Response:
        """A hash tile: `/log/tile/<L>/<N>[.p/<W>]`."""
        return await _serve(database, f"tile/{level}/{name}", _hashes, newest=sees_growth(desk))

    return router


def proofs_router(database: Database, *, desk: Allowed) -> APIRouter:
    """`GET /v1/receipts/{id}/proof`: that an acceptance is in the log, for the desk that published."""
    router = APIRouter(prefix="/v1/receipts", tags=["events"])

    @router.get(
        "/{receipt}/proof",
        summary="Prove that an acceptance is in the log",
        responses={200: answer("The proof", {"type": "object"}, _PROOF)},
    )
    async def proof(receipt: str, caller: Annotated[str, Depends(desk)]) -> JSONResponse:
        """The leaf, its index, the hashes and a signed checkpoint; waits for the seal, which takes a second or two."""
        end = asyncio.get_running_loop().time() + SEALED_WITHIN
        while (found := await _proved(database, receipt, caller)) is None:
            if asyncio.get_running_loop().time() >= end:
                raise NotSealedError("the entry is not under a checkpoint yet")
            await asyncio.sleep(LOOK_EVERY)
        entry, leaf, proof_ = found
        return JSONResponse(
            {
                "receipt": receipt,
                "entry": entry,
                "leaf": b64encode(leaf).decode(),
                "index": proof_.index,
                "hashes": [b64encode(each).decode() for each in proof_.hashes],
                "checkpoint": proof_.checkpoint.decode(),
            }
        )

    return router


async def _proved(database: Database, receipt: str, desk: str) -> tuple[str, bytes, InclusionProof] | None:
    """The entry of a receipt, its leaf, and the proof; None until it is sealed. Raises a 404 for what is not there."""
    async with database.transaction() as conn:
        entry = await reading.entry_of_receipt(conn, receipt, desk)
        if entry is None:
            raise HTTPException(404)
        found = await prove_entry(conn, entry)
        leaf = await reading.leaf(conn, entry)
    return None if found is None or leaf is None else (entry, leaf, found)


class NotSealedError(PeerError):
    """What is asked for is in the log a moment later."""


async def _checkpoint(conn: Connection, *, newest: bool) -> tuple[int, Micros, bytes] | None:
    last = await store.last_checkpoint(conn)
    return last if last is None or newest else await store.first_checkpoint(conn, last[0] // GRID * GRID)


async def _serve(
    database: Database, path: str, read: Callable[[Connection, Tile], Any], *, newest: bool
) -> Response:
    try:
        tile = parse_path(path)
        async with database.transaction() as conn:
            served = await _checkpoint(conn, newest=newest)
            # A width above the log's own would promise what is not signed yet.
            if served is None or tile.width > tile_at(tile.level or 0, tile.n, served[0]).width:
                raise HTTPException(404)
            content: bytes | None = await read(conn, tile)
    except TileError as error:
        raise HTTPException(404) from error
    if content is None:
        raise HTTPException(404)
    return Response(content, media_type=_TILE, headers=_FOREVER)


async def _hashes(conn: Connection, tile: Tile) -> bytes | None:
    return (await store.read_tiles(conn, [tile])).get(tile)


async def _bundle(conn: Connection, tile: Tile) -> bytes | None:
    start = tile.n * WIDTH
    found = await reading.entries(conn, start, start + tile.width)
    return encode_entries(found) if len(found) == tile.width else None
