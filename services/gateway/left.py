"""What left between what was said and its record, as the task that lists it shows it; the look is recorded."""

from typing import Any, Final

from hub.clock import format_micros
from hub.database import Connection
from hub.looks import Look, Recorder
from services.gateway.doing import Task
from services.gateway.parts import Parts

KIND: Final = "left_between"
LEFT: Final = "left"
"""In its detail: the deliveries that it lists; `persons`: about whom they are."""
_LISTED: Final = """
SELECT d.delivery_id::text, d.desk, d.type, d.released_at, e.event_id::text, e.receipt_id::text, d.family_id::text
FROM delivery d JOIN event e USING (event_id) WHERE d.delivery_id = ANY(%s::uuid[])
ORDER BY d.released_at NULLS LAST, d.desk, d.delivery_id
"""


async def listed(conn: Connection, parts: Parts, task: Task, look: Look) -> list[dict[str, Any]]:
    """Each delivery by when it was released (None: that it was is not sure), in the caller's transaction.

    Raises `UnrecordedError`.
    """
    rows = await (await conn.execute(_LISTED, (list(task.detail[LEFT]),))).fetchall()
    seen: dict[str, dict[str, Any]] = {}
    for *_, event, _, family in rows:
        seen.setdefault(family, {"what": KIND, "id": task.id, "events": []})["events"].append(event)
    recorder = Recorder(parts.ring, parts.secret, parts.rules, parts.code)
    await recorder.record(conn, "family.viewed", look, parts.clock.now(), seen, {"task": task.id})
    return [
        {
            "delivery": delivery,
            "desk": desk,
            "type": type_,
            "released_at": None if released is None else format_micros(released),
            "event": event,
            "receipt": receipt,
        }
        for delivery, desk, type_, released, event, receipt, _ in rows
    ]
