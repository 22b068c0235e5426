"""When the hub has come to rest: everything accepted is decided, and everything that may be delivered is.

One snapshot of the database holds that no record waits to be produced, that no delivery waits but those of a suspended
agency, and the position of each processor. Kafka's ends, asked after it, equal these positions: then nothing was on
its way when the snapshot was taken, and nothing can come of what there is.
"""

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import psycopg
from kafka.errors import KafkaError

from cli import lag, reach
from cli.demo.proof import UnfinishedError
from hub.stack.stack import Stack

LOOK_SECONDS: Final = 0.02
LONGEST: Final = 600.0
NOTHING: Final = ""
MOVING: Final = """
SELECT EXISTS (SELECT FROM outbox) OR EXISTS (SELECT FROM undecided), EXISTS (
    SELECT FROM relay_cursor c LEFT JOIN agency_guard g ON g.agency = split_part(c.desk, '/', 1),
    LATERAL (
        SELECT FROM delivery d WHERE d.desk = c.desk
        AND d.seq >= greatest(c.low, CASE WHEN c.desk = ANY(%(ended)s) THEN %(floor)s ELSE 0 END)
        AND d.status IN ('pending', 'attempting', 'lapsed', 'failed') ORDER BY d.seq LIMIT 1
    ) AS waits WHERE NOT coalesce(g.closed, false)
)
"""
ENDED: Final = """
SELECT coalesce(array_agg(c.desk), '{}'), (SELECT last_value FROM delivery_seq)
FROM relay_cursor c LEFT JOIN agency_guard g ON g.agency = split_part(c.desk, '/', 1)
WHERE NOT coalesce(g.closed, false)
"""
"""The desks of which everything had ended when the hub was last at rest, and the last delivery that there was."""


class Stillness:
    """Looks at a stack's database and broker. Use as a context."""

    def __init__(self, stack: Stack) -> None:
        self._dsn = stack.dsn
        self._folder: Path = stack.folder
        self._ended: dict[str, Any] = {"ended": [], "floor": 0}

    def __enter__(self) -> Self:
        """Connect."""
        self._connection = psycopg.connect(self._dsn, autocommit=True)
        self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self._client: Any = reach.kafka(self._folder, reach.described(self._folder))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go."""
        self._client.close()
        self._connection.close()

    async def wait(self) -> None:
        """Return once the hub is at rest. Raises `UnfinishedError`, which says what moves."""
        moving = NOTHING
        try:
            async with asyncio.timeout(LONGEST):
                # Nobody tells when it is so: the hub is looked at.
                while (moving := await asyncio.to_thread(self._moving)) != NOTHING:  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError as error:
            raise UnfinishedError(f"the hub did not come to rest in {LONGEST:.0f} s: {moving}") from error

    def _moving(self) -> str:
        """What moves, in words; nothing once the hub is at rest."""
        with self._connection.transaction():
            row = self._connection.execute(MOVING, self._ended).fetchone()
            assert row is not None
            if row[0]:
                return "records wait to be produced"
            if row[1]:
                return "deliveries wait to be sent"
            positions = lag.positions(self._connection)
            desks, last = self._connection.execute(ENDED).fetchone() or ([], 0)
        try:
            ends = lag.behind(positions, self._client)
        except KafkaError:
            return "Kafka does not answer"
        behind = {key: end - at for key, (at, end) in ends.items() if end > at}
        if behind:
            return f"{sum(behind.values())} records of {sorted({key[0] for key in behind})}"
        self._ended = {"ended": desks, "floor": last}
        return NOTHING
