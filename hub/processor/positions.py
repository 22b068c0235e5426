"""Where a processor stands in each partition, and what became of each event: its fate.

Every function works inside the caller's transaction; `advance` is its first statement.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hub.clock import Micros
from hub.copying import Rows, int4, int8, uuid
from hub.database import Connection


@dataclass(frozen=True, slots=True)
class Move:
    """A partition's position, as this worker believes it to be and as it is to become.

    `latest`: the latest time among the records between them.
    """

    partition: int
    start: int
    end: int
    latest: Micros = 0


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of an event under this processor."""

    event_id: str
    kind: str
    partition: int
    offset: int
    reason: str | None = None


_ADVANCE = """
WITH move AS (
    SELECT * FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::bigint[]) AS m(partition, start, ends, latest)
), was AS MATERIALIZED (
    SELECT p.processor, p.topic, p.partition, p.latest_at AS before, m.ends, greatest(p.latest_at, m.latest) AS latest
    FROM position p JOIN move m ON p.partition = m.partition AND p.next_offset = m.start
    WHERE p.processor = %s AND p.topic = %s
    ORDER BY p.partition FOR UPDATE OF p
)
UPDATE position p SET next_offset = was.ends, latest_at = was.latest FROM was
WHERE (p.processor, p.topic, p.partition) = (was.processor, was.topic, was.partition)
RETURNING p.partition, was.before
"""


async def advance(
    conn: Connection, processor: str, topic: str, moves: Sequence[Move]
) -> dict[int, Micros] | None:
    """Compare and set every position, in partition order; None: somebody else owns one of them.

    Gives the latest time of each partition's log before its move.
    """
    cursor = await conn.execute(
        _ADVANCE,
        (
            [move.partition for move in moves],
            [move.start for move in moves],
            [move.end for move in moves],
            [move.latest for move in moves],
            processor,
            topic,
        ),
    )
    times: dict[int, Micros] = dict(await cursor.fetchall())
    return times if len(times) == len(moves) else None


async def open_positions(
    conn: Connection, processor: str, topic: str, partitions: Iterable[int]
) -> dict[int, int]:
    """The next offset of each partition; a partition never seen begins at 0."""
    wanted = sorted(partitions)
    await conn.execute(
        "INSERT INTO position (processor, topic, partition, next_offset)"
        " SELECT %s, %s, p, 0 FROM unnest(%s::int[]) AS p ORDER BY p ON CONFLICT DO NOTHING",
        (processor, topic, wanted),
    )
    cursor = await conn.execute(
        "SELECT partition, next_offset FROM position WHERE processor = %s AND topic = %s AND partition = ANY(%s)",
        (processor, topic, wanted),
    )
    return dict(await cursor.fetchall())


async def known_fates(conn: Connection, processor: str, event_ids: Sequence[str]) -> set[str]:
    """Which of these events already have a fate under this processor."""
    cursor = await conn.execute(
        "SELECT event_id::text FROM fate WHERE processor = %s AND event_id = ANY(%s::uuid[])",
        (processor, event_ids),
    )
    return {row[0] for row in await cursor.fetchall()}


async def write_fates(conn: Connection, processor: str, fates: Sequence[Fate]) -> None:
    """Insert the fates of a batch."""
    rows = Rows("fate", ("event_id", "processor", "kind", "partition", '"offset"', "reason"))
    name = processor.encode()
    for fate in fates:
        rows.add(
            uuid(fate.event_id),
            name,
            fate.kind.encode(),
            int4(fate.partition),
            int8(fate.offset),
            fate.reason.encode() if fate.reason is not None else None,
        )
    await rows.write(conn)
