"""The table of agreements as a process reads it: what was ever signed, in the order of the signatures."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from hub.clock import Micros
from hub.database import Connection
from hub.ids import derive

FOUNDING: Final = 0
"""The place of the versions that a hub was founded with."""
FOUNDING_LOCK: Final = 710_012


@dataclass(frozen=True, slots=True)
class Signed:
    """A version that was signed. `place`: after how many signatures."""

    place: int
    agreement: str
    version: int
    text: str


async def signed_after(conn: Connection, place: int) -> list[Signed]:
    """What was signed after that place; -1: everything."""
    found = await conn.execute(
        "SELECT place, agreement, version, text FROM agreement_version WHERE place > %s"
        " ORDER BY place, agreement, version",
        (place,),
    )
    return [Signed(*row) for row in await found.fetchall()]


async def found(
    conn: Connection, secret: bytes, texts: Mapping[tuple[str, int], tuple[str, Micros]], at: Micros
) -> None:
    """Write down what a hub is founded with, by agreement and version: text and start. Once: the first one counts."""
    await conn.execute("SELECT pg_advisory_xact_lock(%s)", (FOUNDING_LOCK,))
    if any(each.place == FOUNDING for each in await signed_after(conn, FOUNDING - 1)):
        return
    for (agreement, version), (text, start) in texts.items():
        receipt = derive(secret, "agreement", agreement, str(version))
        await conn.execute(
            "INSERT INTO agreement_version (receipt_id, agreement, version, text, digest, starts_at, state,"
            " asked_by, asked_at, signed_by, signed_at, place)"
            " VALUES (%s, %s, %s, %s, %s, %s, 'signed', 'hub', %s, 'hub', %s, %s) ON CONFLICT DO NOTHING",
            (receipt, agreement, version, text, fingerprint([text]), start, at, at, FOUNDING),
        )


def fingerprint(pieces: Iterable[str]) -> str:
    """SHA-256 (hex) of a text in pieces: what `sha256sum` says of its file."""
    return sha256("".join(pieces).encode()).hexdigest()
