"""Whom an event that waits names and nobody is known by: read from its sealed body, told without a publisher's id."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from hub.database import Connection
from hub.schemas.refs import HUB_SCHEME, RefUse
from services.gateway import waiting
from services.gateway.acceptance import published
from services.gateway.doing import Task
from services.gateway.entering import Entering
from services.gateway.parts import Parts

KIND: Final = "unidentified"
UNKNOWN: Final = "unknown"
"""In the shown detail of such a task: of what the unknown ids are, each with its scheme."""
_PERSON: Final = "person"


async def of_event(conn: Connection, parts: Parts, receipt: str) -> list[RefUse] | None:
    """What the event of a receipt names and nobody is known by, or several may be meant by; None: it waits no more."""
    found = await _undecided(conn, parts, [receipt])
    return found.get(receipt)


async def told(conn: Connection, parts: Parts, tasks: Sequence[Task]) -> list[Task]:
    """The tasks, each that is open about an event that waits with what is unknown in it: kinds and schemes alone."""
    receipts = [each.key for each in tasks if each.kind == KIND and each.done_at is None]
    found = await _undecided(conn, parts, receipts) if receipts else {}
    return [
        replace(each, detail={**each.detail, UNKNOWN: _codes(found.get(each.key, ()))})
        if each.kind == KIND and each.done_at is None
        else each
        for each in tasks
    ]


def confirmable(refs: Iterable[RefUse]) -> list[RefUse]:
    """Of these, ids of people that somebody may say are somebody's: the hub's own stand for whom they stand."""
    return [ref for ref in refs if ref.kind == _PERSON and ref.scheme != HUB_SCHEME]


def may_confirm(task: Task) -> bool:
    """Whether a task that was `told` names somebody whose id can be confirmed."""
    return any(
        each["names"] == _PERSON and each["scheme"] != HUB_SCHEME for each in task.detail.get(UNKNOWN, ())
    )


async def _undecided(conn: Connection, parts: Parts, receipts: Sequence[str]) -> Mapping[str, list[RefUse]]:
    rows = await waiting.read(conn, parts.ring, receipts)
    events = {row.receipt_id: event for row in rows if (event := published(parts, row)) is not None}
    entering = Entering(conn, parts, parts.clock.now())
    await entering.load(events.values())
    return {receipt: entering.undecided(event) for receipt, event in events.items()}


def _codes(refs: Iterable[RefUse]) -> list[dict[str, str]]:
    found = sorted({(ref.kind, ref.scheme) for ref in refs})
    return [{"names": kind, "scheme": scheme} for kind, scheme in found]
