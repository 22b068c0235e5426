"""A notice that nobody has answered is chased, in events of its family's log (RULES.md section 7).

What is due stands in the tasks that notices opened. Each chase has an id that follows from its task and its number: it
is published once, by whichever router looks first.
"""

from collections.abc import Sequence
from typing import Any, Final

from hub.clock import Micros
from hub.database import Connection
from hub.events import HUB, Envelope
from hub.ids import derive
from hub.outbox import LogEvent, put, stored_already
from hub.schemas import wire
from services.referral_router.answers import ANSWER, CHASED, CHASED_AFTER, UNACKNOWLEDGED, UNANSWERED
from services.referral_router.composition import Parts

AT_ONCE: Final = 500
EVERY_SECONDS: Final = 5.0
_DUE: Final = """
SELECT task_id::text, key, detail, opened_at FROM task
WHERE kind = %s AND reason <> %s AND done_at IS NULL AND due_at <= %s AND coalesce((detail ->> 'chased')::int, 0) < %s
ORDER BY coalesce((detail ->> 'chased')::int, 0), due_at LIMIT %s FOR UPDATE SKIP LOCKED
"""
"""Who was never chased comes first: those who wait for their second time must not stand in the way."""
_CHASED: Final = "UPDATE task SET detail = detail || jsonb_build_object('chased', %s::int) WHERE task_id = %s"


async def chase(conn: Connection, parts: Parts, now: Micros) -> int:
    """Publish each chase that is due by now, in the caller's transaction. Gives how many."""
    found = await conn.execute(_DUE, (ANSWER, UNANSWERED, now, len(CHASED_AFTER), AT_ONCE))
    events: list[LogEvent] = []
    for row in await found.fetchall():
        chased, more = _due(parts, row, now)
        if more:
            await conn.execute(_CHASED, (chased + len(more), row[0]))
        events += more
    there = await stored_already(conn, sorted(event.envelope.id for event in events))
    fresh = [event for event in events if event.envelope.id not in there]
    await put(conn, parts.ring, fresh)
    return len(fresh)


def _due(parts: Parts, row: Sequence[Any], now: Micros) -> tuple[int, list[LogEvent]]:
    """How often a task's desk was chased, and the chases that have come due since."""
    task_id, notice, detail, opened_at = row
    chased = int(detail.get("chased", 0))
    deadlines = [parts.calendar.deadline(opened_at, days) for days in CHASED_AFTER]
    due = [number for number, at in enumerate(deadlines, 1) if number > chased and at <= now]
    following = [*deadlines[1:], None]
    return chased, [_event(parts, task_id, notice, detail, n, following[n - 1], now) for n in due]


def _event(
    parts: Parts,
    task_id: str,
    notice: str,
    detail: dict[str, Any],
    times: int,
    answer_by: Micros | None,
    now: Micros,
) -> LogEvent:
    family = detail["family"]
    data = {
        "family": {"scheme": HUB, "value": family},
        "notice": notice,
        "referral": None,
        "task": task_id,
        "to": detail["to"],
        "kind": UNACKNOWLEDGED,
        "times": times,
        "answer_by": answer_by,
    }
    envelope = Envelope(
        id=derive(parts.secret, "event", CHASED, task_id, str(times)),
        type=CHASED,
        source=HUB,
        key=family,
        recorded_at=now,
        accepted_at=now,
    )
    return LogEvent(envelope, "events", wire.encode(parts.catalogue.type(CHASED), data), None)
