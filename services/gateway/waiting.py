"""Events that were accepted and cannot enter a log yet, kept in order until somebody is known.

A row says why, as a code: *unidentified* (an id stands for nobody yet, or a person is in no open family), *behind* (an
earlier event of the same desk waits for an id that this one names too), *suspended* (the agency is). `tokens` are the
HMACs of the ids it waits for. The body is sealed under the desk's own key, as published, with the persons whose guards
its acceptance raised already.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from hub.clock import Micros
from hub.database import Connection
from hub.ids import derive
from hub.keys import KeyRing
from services.gateway.checking import Published

Reason = Literal["unidentified", "behind", "suspended"]

_COLUMNS: Final = "receipt_id::text, seq, desk, type, tokens, reason, accepted_at, key_id::text, body"


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that waits. `data` is what was published, `raised` whose guards are raised already."""

    receipt_id: str
    seq: int
    desk: str
    type: str
    tokens: frozenset[bytes]
    reason: Reason
    accepted_at: Micros
    data: Any
    raised: tuple[str, ...]


def desk_subject(secret: bytes, desk: str) -> str:
    """The subject under whose key a desk's own details, and what it published and nobody could place, are sealed."""
    return derive(secret, "subject", "desk", desk)


async def write(
    conn: Connection,
    ring: KeyRing,
    event: Published,
    *,
    key_id: str,
    reason: Reason,
    tokens: Collection[bytes],
    raised: Collection[str],
    accepted_at: Micros,
    mono: Micros,
) -> None:
    """Keep an event waiting; the desk's key must be loaded."""
    plain = orjson.dumps({"data": event.type.to_json(event.datum), "raised": sorted(raised)})
    await conn.execute(
        "INSERT INTO waiting (receipt_id, desk, type, tokens, reason, accepted_at, accepted_mono, key_id, body)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            event.receipt_id,
            event.desk.name,
            event.type.type,
            sorted(tokens),
            reason,
            accepted_at,
            mono,
            key_id,
            ring.seal(key_id, _context(event.receipt_id), plain),
        ),
        binary=True,
    )


async def obstacles(conn: Connection, desk: str, tokens: Collection[bytes]) -> tuple[bool, frozenset[bytes]]:
    """Whether the desk's agency is suspended; and those of the tokens for which an event of the desk waits.

    Events that only a suspension keeps waiting are none that others queue behind.
    """
    found = await conn.execute(
        "SELECT coalesce((SELECT closed FROM agency_guard WHERE agency = %s), false),"
        " ARRAY(SELECT DISTINCT t FROM waiting w, unnest(w.tokens) AS t"
        " WHERE w.desk = %s AND w.tokens && %s::bytea[] AND w.reason <> 'suspended' AND t = ANY(%s::bytea[]))",
        (desk.partition("/")[0], desk, sorted(tokens), sorted(tokens)),
        binary=True,
    )
    row = await found.fetchone()
    assert row is not None
    return bool(row[0]), frozenset(bytes(token) for token in row[1])


async def is_any(conn: Connection) -> bool:
    """Whether any event waits."""
    found = await conn.execute("SELECT EXISTS (SELECT FROM waiting)")
    row = await found.fetchone()
    return row is not None and bool(row[0])


async def touched(conn: Connection, ring: KeyRing, tokens: Collection[bytes]) -> list[Waiting]:
    """The events that wait for one of these ids, in their order, and those that they may be behind."""
    found = await conn.execute(
        f"SELECT {_COLUMNS} FROM waiting w WHERE EXISTS ("
        " SELECT FROM waiting t WHERE t.tokens && %s AND t.desk = w.desk AND t.tokens && w.tokens"
        ") ORDER BY seq FOR UPDATE",
        (sorted(tokens),),
        binary=True,
    )
    return await _read(conn, ring, await found.fetchall())


async def suspended(conn: Connection, ring: KeyRing, agency: str) -> list[Waiting]:
    """What the agency published while it was suspended, in order."""
    found = await conn.execute(
        f"SELECT {_COLUMNS} FROM waiting w WHERE reason = 'suspended' AND split_part(desk, '/', 1) = %s"
        " ORDER BY seq FOR UPDATE",
        (agency,),
        binary=True,
    )
    return await _read(conn, ring, await found.fetchall())


async def change(conn: Connection, receipt: str, reason: Reason, tokens: Iterable[bytes]) -> None:
    """An event waits on, for something else."""
    await conn.execute(
        "UPDATE waiting SET reason = %s, tokens = %s WHERE receipt_id = %s", (reason, sorted(tokens), receipt)
    )


async def remove(conn: Connection, receipts: Sequence[str], at: Micros) -> None:
    """These wait no more; a person's task about them is done."""
    if not receipts:
        return
    await conn.execute("DELETE FROM waiting WHERE receipt_id = ANY(%s::uuid[])", (list(receipts),))
    await conn.execute(
        "UPDATE task SET done_at = %s, done_by = 'hub'"
        " WHERE done_at IS NULL AND kind = 'unidentified' AND key = ANY(%s)",
        (at, list(receipts)),
    )


async def take(conn: Connection, ring: KeyRing, receipt: str) -> Waiting | None:
    """An event that waits, locked; None if it waits no more."""
    found = await conn.execute(
        f"SELECT {_COLUMNS} FROM waiting w WHERE receipt_id = %s FOR UPDATE", (receipt,), binary=True
    )
    return next(iter(await _read(conn, ring, await found.fetchall())), None)


async def read(conn: Connection, ring: KeyRing, receipts: Sequence[str]) -> list[Waiting]:
    """Those of these events that wait, as they are at this moment."""
    found = await conn.execute(
        f"SELECT {_COLUMNS} FROM waiting w WHERE receipt_id = ANY(%s::uuid[]) ORDER BY seq",
        (list(receipts),),
        binary=True,
    )
    return await _read(conn, ring, await found.fetchall())


async def let_go(conn: Connection, ring: KeyRing, receipt: str, at: Micros) -> Waiting | None:
    """An event waits no more and never enters. What was behind it alone waits for itself from now on.

    None if it waits no more already, or is entering at this moment.
    """
    found = await conn.execute(
        f"SELECT {_COLUMNS} FROM waiting w WHERE receipt_id = %s FOR UPDATE SKIP LOCKED",
        (receipt,),
        binary=True,
    )
    rows = await _read(conn, ring, await found.fetchall())
    if not rows:
        return None
    await remove(conn, [receipt], at)
    await conn.execute(
        "UPDATE waiting w SET reason = 'unidentified' WHERE desk = %s AND reason = 'behind' AND NOT EXISTS ("
        " SELECT FROM waiting o WHERE o.desk = w.desk AND o.seq < w.seq AND o.tokens && w.tokens)",
        (rows[0].desk,),
    )
    return rows[0]


async def _read(conn: Connection, ring: KeyRing, rows: Sequence[tuple[Any, ...]]) -> list[Waiting]:
    await ring.load(conn, sorted({row[7] for row in rows}))
    waiting = []
    for receipt, seq, desk, type_, tokens, reason, accepted_at, key_id, body in rows:
        plain = orjson.loads(ring.open(key_id, _context(receipt), bytes(body)))
        waiting.append(
            Waiting(
                receipt,
                seq,
                desk,
                type_,
                frozenset(bytes(token) for token in tokens),
                reason,
                accepted_at,
                plain["data"],
                tuple(plain["raised"]),
            )
        )
    return waiting


def _context(receipt: str) -> bytes:
    return b"waiting|" + receipt.encode()
