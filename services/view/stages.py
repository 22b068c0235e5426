"""One event through every stage, for the engineers: ids, types, times, states and sizes, never a field (P32).

The id is a receipt's, an event's or a delivery's. Nothing is opened: sizes are those of sealed bytes, so that this
needs no key and can show nothing that a key would.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

from hub.clock import Micros, format_micros
from hub.database import Connection
from hub.processor.tasks import IS_THERE
from services.view.told import kept

_RECEIPT: Final = """
SELECT r.receipt_id::text, r.desk, r.type, r.accepted_at, r.protective, r.entry_id::text, l.idx FROM receipt r
LEFT JOIN log_leaf l USING (entry_id) WHERE r.receipt_id = %(id)s OR r.receipt_id IN
    (SELECT receipt_id FROM event WHERE event_id = %(id)s OR event_id IN
        (SELECT event_id FROM delivery WHERE delivery_id = %(id)s))
"""
_COPIES: Final = """
SELECT e.event_id::text, e.topic, e.key::text, e.type, e.source, e.recorded_at, e.is_primary, octet_length(e.body),
    EXISTS (SELECT FROM outbox o WHERE o.event_id = e.event_id),
    EXISTS (SELECT FROM undecided u WHERE u.event_id = e.event_id) FROM event e
WHERE e.receipt_id = %(receipt)s OR e.event_id = %(id)s
    OR e.event_id IN (SELECT event_id FROM delivery WHERE delivery_id = %(id)s)
ORDER BY e.is_primary DESC, e.event_id
"""
_FATES: Final = (
    'SELECT event_id::text, processor, kind, partition, "offset", reason FROM fate'
    " WHERE event_id = ANY(%s::uuid[]) ORDER BY processor"
)
_DELIVERIES: Final = (
    "SELECT event_id::text, delivery_id::text, desk, status, reason, tries, released_at, ack_at, octet_length(body)"
    " FROM delivery WHERE event_id = ANY(%s::uuid[]) ORDER BY desk"
)
_WAITING: Final = "SELECT reason, accepted_at, octet_length(body) FROM waiting WHERE receipt_id = %s"
_TASKS: Final = f"""
SELECT task_id::text, kind, owner, reason, opened_at, done_at, detail ->> 'ended_by', detail -> 'closed' ->> 'how'
FROM task WHERE {IS_THERE} AND (key = ANY(%(ids)s)
    OR key = ANY(%(logs)s) AND detail ->> 'event' = ANY(%(events)s)
    OR task_id IN (SELECT task_id FROM parked WHERE event_id = ANY(%(events)s::uuid[]))
    OR kind = 'held' AND EXISTS (
        SELECT FROM jsonb_each(detail -> 'copies') c, jsonb_array_elements(c.value) r WHERE r ->> 0 = ANY(%(events)s))
    OR done_at IS NOT NULL AND detail ->> 'ended_by' = ANY(%(ids)s))
ORDER BY opened_at, task_id
"""
_DEAD: Final = """
SELECT d.topic, d.partition, d."offset", octet_length(d.body), t.reason FROM dead_letter d JOIN task t USING (task_id)
WHERE t.key = %s
"""


async def stages(conn: Connection, about: str, *, at: Micros) -> dict[str, Any] | None:
    """Where an event is at a time of the hub, in every stage that it has reached; None if there is none of that id."""
    found = await (await conn.execute(_RECEIPT, {"id": about})).fetchone()
    receipt = found[0] if found is not None else None
    copies = await (await conn.execute(_COPIES, {"id": about, "receipt": receipt})).fetchall()
    dead = await (await conn.execute(_DEAD, (about,))).fetchone()
    if found is None and not copies and dead is None:
        return None
    events = [row[0] for row in copies]
    waits = await (await conn.execute(_WAITING, (receipt,))).fetchone() if receipt is not None else None
    deliveries = await (await conn.execute(_DELIVERIES, (events,))).fetchall()
    fates = await (await conn.execute(_FATES, (events,))).fetchall()
    ids = {about, *events, *([receipt] if receipt else []), *(row[1] for row in deliveries)}
    logs = sorted({row[2] for row in copies})
    asked = {"ids": sorted(ids), "logs": logs, "events": events, "now": at}
    tasks = await (await conn.execute(_TASKS, asked)).fetchall()
    # What was let go while it waited for somebody has no copy, and waits no more.
    is_let_go = (
        waits is None and not copies and any(row[1] == WAITED and row[-1] == "discard" for row in tasks)
    )
    return {
        "id": about,
        "accepted": None if found is None else _accepted(*found),
        "waiting": None
        if waits is None
        else {"reason": waits[0], "since": format_micros(waits[1]), "bytes": waits[2]},
        "copies": [
            _copy(*row)
            | {
                "fates": [_fate(*fate[1:]) for fate in fates if fate[0] == row[0]],
                "deliveries": [_delivery(*each[1:]) for each in deliveries if each[0] == row[0]],
            }
            for row in copies
        ],
        "dead_letter": None if dead is None else dict(zip(_DEAD_NAMES, dead, strict=True)),
        "tasks": [_task(ids, *row) for row in tasks],
        "stage": LET_GO
        if is_let_go
        else stage(found is not None, waits is not None, copies, fates, deliveries),
    }


WAITED: Final = "unidentified"
LET_GO: Final = "discarded"
_DEAD_NAMES: Final = ("topic", "partition", "offset", "bytes", "reason")
_MOVING: Final = frozenset({"pending", "attempting", "failed", "lapsed"})


def stage(accepted: bool, waits: bool, copies: Any, fates: Any, deliveries: Any) -> str:
    """The furthest stage in a word: accepted, waiting, queued, handled, delivering, done; rejected, parked, held.

    `discarded` beside these: two people let it go.
    """
    if waits or not copies:
        return "waiting" if waits else "accepted" if accepted else "dead letter"
    kinds = {row[2] for row in fates if row[1] == "router"} or {row[2] for row in fates}
    for bad in ("rejected", "parked", "discarded"):
        if bad in kinds:
            return bad
    if not kinds:
        return "queued"
    statuses = {row[3] for row in deliveries}
    if statuses & _MOVING or any(row[-1] for row in copies):
        return "delivering"
    return "held" if "held" in statuses else "undelivered" if "dead" in statuses else "done"


def _accepted(
    receipt: str, desk: str, type_: str, at: Micros, protective: bool, entry: str, index: int | None
) -> dict[str, Any]:
    return {
        "receipt": receipt,
        "desk": desk,
        "type": type_,
        "at": format_micros(at),
        "protective": protective,
        "log": {"entry": entry} | kept(index=index),
    }


def _copy(
    event: str,
    topic: str,
    key: str,
    type_: str,
    source: str,
    at: Micros,
    primary: bool,
    size: int,
    queued: bool,
    undecided: bool,
) -> dict[str, Any]:
    return {
        "event": event,
        "topic": topic,
        "log": key,
        "type": type_,
        "source": source,
        "recorded_at": format_micros(at),
        "primary": primary,
        "bytes": size,
        "in_outbox": queued,
        "undecided": undecided,
    }


def _fate(processor: str, kind: str, partition: int, offset: int, reason: str | None) -> Mapping[str, Any]:
    return {"processor": processor, "kind": kind, "partition": partition, "offset": offset} | kept(
        reason=reason
    )


def _delivery(
    delivery: str,
    desk: str,
    status: str,
    reason: str | None,
    tries: int,
    released: Micros | None,
    acknowledged: Micros | None,
    size: int | None,
) -> dict[str, Any]:
    return {"delivery": delivery, "desk": desk, "status": status, "tries": tries} | kept(
        reason=reason,
        released_at=None if released is None else format_micros(released),
        acknowledged_at=None if acknowledged is None else format_micros(acknowledged),
        bytes=size,
    )


def _task(
    ids: AbstractSet[str],
    task: str,
    kind: str,
    owner: str,
    reason: str,
    opened: Micros,
    done: Micros | None,
    ended_by: str | None,
    how: str | None,
) -> dict[str, Any]:
    return {
        "task": task,
        "kind": kind,
        "owner": owner,
        "reason": reason,
        "opened_at": format_micros(opened),
    } | kept(
        done_at=None if done is None else format_micros(done),
        how=how,
        closed_by_it=True if done is not None and ended_by in ids else None,
    )
