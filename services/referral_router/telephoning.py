"""Who is not told of an enquiry, because their agency is suspended, is to be telephoned (RULES.md 4.11).

While an agency is suspended what is for it waits where it stands, without a task for each. An enquiry under section 47
is told by telephone all the same: the desk that leads the family, which stated it, has a task for each desk that it
does not reach. It ends when that desk was telephoned (`note`), or when nothing is held any more.
"""

from typing import Final

from hub.clock import HOUR, Micros
from hub.database import Connection
from hub.ids import derive
from hub.processor.tasks import TaskRow, write_tasks
from services.referral_router.composition import Parts

KIND: Final = "held"
REASON: Final = "agency_suspended"
WITHIN: Final = HOUR
_ENQUIRIES: Final = ["wraparound.child.section_47_started.v1", "wraparound.child.section_47_ended.v1"]
_WAITING: Final = "d.status IN ('pending', 'failed', 'lapsed')"
_HELD: Final = f"""
SELECT d.delivery_id::text, d.desk, d.family_id::text, d.type, e.source FROM agency_guard g
JOIN relay_cursor c ON split_part(c.desk, '/', 1) = g.agency
JOIN delivery d ON d.desk = c.desk AND d.seq >= c.low
JOIN event e ON e.event_id = d.event_id
WHERE g.closed AND d.type = ANY(%s) AND {_WAITING}
  AND NOT EXISTS (SELECT FROM task t WHERE t.kind = %s AND t.reason = %s AND t.key = d.delivery_id::text)
ORDER BY d.seq
"""
_OVER: Final = f"""
UPDATE task SET done_at = %s, done_by = 'hub' WHERE kind = %s AND reason = %s AND done_at IS NULL AND NOT EXISTS (
  SELECT FROM delivery d JOIN agency_guard g ON g.agency = split_part(d.desk, '/', 1) AND g.closed
  WHERE d.delivery_id = task.key::uuid AND {_WAITING})
"""


async def telephone(conn: Connection, parts: Parts, now: Micros) -> int:
    """Open a task for each desk that is not told of an enquiry, close those that are over. Gives how many it opens."""
    await conn.execute(_OVER, (now, KIND, REASON))
    found = await conn.execute(_HELD, (_ENQUIRIES, KIND, REASON))
    rows = [
        TaskRow(
            derive(parts.secret, "task", KIND, delivery),
            KIND,
            delivery,
            lead,
            now,
            now + WITHIN,
            REASON,
            {"desk": desk, "family": family, "type": type_},
        )
        for delivery, desk, family, type_, lead in await found.fetchall()
    ]
    await write_tasks(conn, rows)
    return len(rows)
