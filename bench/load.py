"""Puts a benchmark's events into the outbox as acceptance puts them (sealed, in order, guards raised), in bulk.

In bulk and past the gateway, because the gateway is not what is measured.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from bench.events import Told
from bench.families import Family
from hub.clock import Micros
from hub.database import Database
from hub.keys import KeyRing
from hub.outbox import LogEvent, put
from services.gateway.guards import raise_all

PORTION = 1_000


class Loader:
    """Fills the outbox of one database."""

    def __init__(self, database: Database, ring: KeyRing) -> None:
        self._database, self._ring = database, ring

    async def register(self, families: Sequence[Family], at: Micros) -> None:
        """Keys and guards, as acceptance makes them when a family is opened."""
        async with self._database.transaction() as conn:
            await self._ring.create_all(conn, [each.id for each in families], "family", at)
            people = [person for each in families for person in each.persons]
            await conn.execute("INSERT INTO guard (person_id) SELECT unnest(%s::uuid[])", (people,))

    async def put(self, told: Iterable[Told]) -> int:
        """Put events into the outbox; gives how many."""
        return await self.enter([each.log_event() for each in told])

    async def enter(self, rows: Sequence[LogEvent]) -> int:
        """The same of what is encoded already."""
        for start in range(0, len(rows), PORTION):
            part = rows[start : start + PORTION]
            raises = Counter(person for each in part for person in each.envelope.raises)
            async with self._database.transaction() as conn:
                await self._ring.load(conn, sorted({each.key_id for each in part if each.key_id}))
                await raise_all(conn, raises)
                await put(conn, self._ring, part)
        return len(rows)
