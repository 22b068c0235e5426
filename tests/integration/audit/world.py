"""A log of invented entries on real PostgreSQL, and what a dishonest administrator could do to it."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from hub import ids, ledger
from hub.clock import FakeClock
from hub.database import Connection, Database
from hub.keys import KeyRing
from services.audit import verify as verification
from services.audit.note import Signer
from services.audit.report import Report
from services.audit.sealer import Sealed, Sealer

SECRET = b"s" * 32
MASTER = b"m" * 32
ORIGIN = "hub.example/log"
SEED = b"k" * 32
HUB = ids.hub_subject(SECRET)
FAMILIES = [ids.derive(SECRET, "family", str(number)) for number in range(5)]
TABLES = ("audit_entry", "log_leaf", "log_checkpoint")


def signer() -> Signer:
    return Signer(ORIGIN, SEED)


@dataclass
class Log:
    """One log under test."""

    database: Database
    clock: FakeClock = field(default_factory=FakeClock)
    keys: KeyRing = field(default_factory=lambda: KeyRing(MASTER))
    written: int = 0

    def sealer(self, **options: Any) -> Sealer:
        return Sealer(self.database, signer(), self.clock, **options)

    async def subjects(self) -> None:
        """Make the keys of the families and of the hub."""
        async with self.database.transaction() as conn:
            await self.keys.create_all(conn, FAMILIES, "family", self.clock.now())
            await self.keys.create(conn, HUB, "hub", self.clock.now())

    def entries(self, count: int) -> list[ledger.Entry]:
        """New decisions about one or two families each; the same ones in every run."""
        made = []
        for number in range(self.written, self.written + count):
            chosen = random.Random(number).sample(FAMILIES, 1 + number % 2)
            entry_id = ids.derive(SECRET, "decision.made", str(number))
            details = [(key, {"outcome": "permitted", "number": number, "desk": "s2w/sft"}) for key in chosen]
            made.append(
                ledger.entry(
                    self.keys, "decision.made", entry_id, self.clock.advance(1000), rules="r" * 64, code="c" * 64,
                    subjects=chosen, details=details,
                )
            )  # fmt: skip
        self.written += count
        return made

    def coverage(self, start: int, end: int, *, partition: int = 0, **counts: int) -> ledger.Entry:
        """The coverage entry of a range of offsets."""
        place = {"processor": "router", "topic": "events", "partition": partition}
        detail = place | {"from": start, "to": end, "counts": counts or {"done": end - start}}
        entry_id = ids.derive(SECRET, "coverage", str(partition), str(start), str(end))
        return ledger.entry(
            self.keys, "coverage", entry_id, self.clock.now(), rules="", code="", details=[(HUB, detail)]
        )

    async def write(self, entries: list[ledger.Entry] | int) -> list[ledger.Entry]:
        """Write entries, or so many new ones, in one transaction."""
        made = self.entries(entries) if isinstance(entries, int) else entries
        async with self.database.transaction() as conn:
            await ledger.write(conn, made)
        return made

    async def filled(self, *portions: int) -> Sealer:
        """Open the log and seal so many entries in each of so many checkpoints; `log.opened` is one more."""
        await self.subjects()
        sealer = self.sealer()
        assert await sealer.open()
        for portion in portions:
            await self.write(portion)
            assert isinstance(await sealer.seal(), Sealed)
        return sealer

    async def emptied(self, seconds: float = 30.0) -> None:
        """Until nothing waits to be sealed."""
        async with asyncio.timeout(seconds):
            while await self.rows("SELECT 1 FROM audit_pending LIMIT 1"):  # noqa: ASYNC110 - the other end is SQL
                await asyncio.sleep(0.05)

    async def verify(self, *, keys: bool = True, outside: list[bytes] | None = None) -> Report:
        async with self.database.transaction() as conn:
            return await verification.verify(
                conn,
                [signer().verifier],
                origin=ORIGIN,
                keys=KeyRing(MASTER) if keys else None,
                outside=outside or [],
            )

    @asynccontextmanager
    async def administrator(self) -> AsyncIterator[Connection]:
        """Somebody who may switch the triggers off."""
        async with self.database.transaction() as conn:
            for table in TABLES:
                await conn.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
            yield conn
            for table in TABLES:
                await conn.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER".encode())

    async def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        async with self.database.transaction() as conn:
            return await (await conn.execute(statement.encode(), values)).fetchall()
