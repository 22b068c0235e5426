"""What stands in the database, counted when somebody asks: queues, what waits, tasks, the log. One process tells it.

Ages are in real seconds: a sandbox's clock that runs faster is divided out. Counts are of rows, never of whose.
"""

from collections.abc import Sequence
from typing import Any, Final

from hub.clock import SECOND, Clock, Micros, SandboxClock
from hub.database import Connection
from hub.processor.tasks import IS_THERE
from hub.telemetry.metrics import put, put_all

_ONE: Final = """
SELECT (SELECT count(*) FROM outbox),
    (SELECT e.recorded_at FROM outbox o JOIN event e USING (event_id) ORDER BY o.seq LIMIT 1),
    (SELECT min(accepted_at) FROM waiting),
    (SELECT count(*) FROM audit_pending),
    (SELECT a.recorded_at FROM audit_pending p JOIN audit_entry a USING (entry_id) ORDER BY p.seq LIMIT 1),
    (SELECT max(at) FROM log_checkpoint), (SELECT size FROM log_head),
    (SELECT count(*) FROM agency_guard WHERE closed)
"""
_WAITING: Final = "SELECT reason, count(*) FROM waiting GROUP BY reason"
_TASKS: Final = (
    "SELECT kind, count(*), count(*) FILTER (WHERE due_at < %(now)s) FROM task"
    f" WHERE done_at IS NULL AND {IS_THERE} GROUP BY kind"
)
_PARKED: Final = "SELECT processor, count(DISTINCT key) FROM parked GROUP BY processor"
_DELIVERIES: Final = """
SELECT d.status, count(*), min(d.recorded_at) FILTER (WHERE d.status IN ('pending', 'failed', 'lapsed', 'attempting'))
FROM relay_cursor c JOIN delivery d ON d.desk = c.desk AND d.seq >= c.low
WHERE d.status IN ('pending', 'failed', 'lapsed', 'attempting', 'held') GROUP BY d.status
UNION ALL SELECT 'undecided', count(*), min(recorded_at) FROM undecided HAVING count(*) > 0
"""
"""Above the marks below which nothing is still to be sent: what has ended is not read. `undecided` are events."""


def age(clock: Clock, at: Micros | None) -> float:
    """How long ago in real seconds; 0 for nothing."""
    if at is None:
        return 0.0
    speed = clock.speed if isinstance(clock, SandboxClock) else 1.0
    return max(0.0, (clock.now() - at) / SECOND / speed)


async def take(conn: Connection, clock: Clock, ends: Sequence[Micros] = ()) -> None:
    """Count, and set the gauges. `ends`: when the agreements that are in force end."""
    found = await (await conn.execute(_ONE)).fetchone()
    assert found is not None
    outbox, oldest, waits, pending, unsealed, signed, size, suspended = found
    put("outbox_rows", outbox)
    put("outbox_oldest_seconds", age(clock, oldest))
    put("waiting_oldest_seconds", age(clock, waits))
    put("audit_pending", pending)
    put("audit_pending_oldest_seconds", age(clock, unsealed))
    put("checkpoint_age_seconds", age(clock, signed))
    put("log_size", size or 0)
    put("suspended_agencies", suspended)
    put_all("waiting_events", "reason", await _grouped(conn, _WAITING))
    put_all("parked_keys", "processor", await _grouped(conn, _PARKED))
    tasks = await (await conn.execute(_TASKS, {"now": clock.now()})).fetchall()
    put_all("tasks", "kind", {row[0]: row[1] for row in tasks})
    put_all("tasks_overdue", "kind", {row[0]: row[2] for row in tasks})
    rows = await (await conn.execute(_DELIVERIES)).fetchall()
    put_all("deliveries", "status", {row[0]: row[1] for row in rows})
    put("deliveries_oldest_seconds", max((age(clock, row[2]) for row in rows), default=0.0))
    now = clock.now()
    left = [end - now for end in ends if end > now]
    put("agreement_ends_in_seconds", min(left, default=0) / SECOND)


async def _grouped(conn: Connection, query: str) -> dict[str, Any]:
    return dict(await (await conn.execute(query.encode())).fetchall())
