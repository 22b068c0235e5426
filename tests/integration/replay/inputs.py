"""What a replay is given, what it makes anew, and what it has nothing to do with (docs/adr/0014)."""

from typing import Final

import psycopg

INPUTS: Final = {
    "subject_key": "",
    "identity": "",
    "family": "",
    "membership": "",
    "referral": "",
    "guard": "",
    "agency_guard": "",
    "agreement_version": "",
    "receipt": "",
    "waiting": "",
    "event": "WHERE cause IS NULL",
}
"""What acceptance wrote, with the keys; of the events those that nothing in a log brought about."""

DERIVED: Final = frozenset(
    {
        "event",
        "fate",
        "position",
        "family_state",
        "person_state",
        "parked",
        "dead_letter",
        "delivery",
        "undecided",
    }
    | {"task", "audit_entry", "audit_detail", "audit_pending", "outbox"}
)
"""What the processors write. Acceptance and attempts write to some of these too: their own rows are no part of it."""

APART: Final = frozenset(
    {"alembic_version", "attempt", "inbox", "relay_cursor", "token_use"}
    | {"log_leaf", "log_tile", "log_head", "log_checkpoint"}
)
"""What left, and how it is read and sealed: facts of the world, which no log brings about."""


async def give(source: str, target: str) -> None:
    """Copy the inputs of one database into another, in which nothing happened."""
    async with (
        await psycopg.AsyncConnection.connect(source) as here,
        await psycopg.AsyncConnection.connect(target) as there,
    ):
        for table, rows in INPUTS.items():
            out = f"COPY (SELECT * FROM {table} {rows}) TO STDOUT (FORMAT binary)"
            async with (
                here.cursor().copy(out) as reading,
                there.cursor().copy(f"COPY {table} FROM STDIN (FORMAT binary)") as writing,
            ):
                async for block in reading:
                    await writing.write(block)
