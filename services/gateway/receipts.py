"""What became of an accepted event, told to the desk that published it and to nobody else (INTERFACES.md section 1).

- *received*: durable; not handled yet, or the desk holds no role for anybody in it and is told no more (RULES.md 4.20).
  A role that it held when the event was recorded counts, one that the event itself ended too: what it was told it may
  be told again. What names neither family nor person, and the answer to a desk's own notice, tell of nobody.
- *in effect*: every copy was handled, and, if it protects somebody, no attempt that began before is still open;
  `reason` is a code where not all that it says is so now.
- *rejected*: it broke a rule of the data; `reason` is a code.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub.clock import SECOND, Micros
from hub.database import Connection
from hub.keys import KeyRing
from hub.outbox import seal_context
from hub.schemas import Catalogue, wire

ATTEMPT_LIFE: Final = 5 * SECOND
"""How long an attempt may last: one that began earlier is over, whatever became of it (DESIGN.md section 1)."""

_PROCESSORS: Final = {"events": "router", "people": "people", "pathways": "pathways"}


@dataclass(frozen=True, slots=True)
class Stored:
    """One copy of the event: where and since when it is, whom it is about, which referral it names, and its fate.

    No fate: not handled yet. `of_agency`: it is of a kind that names neither a person nor a family. `notice`: which
    one it answers.
    """

    id: str
    log: str
    recorded: Micros
    persons: tuple[str, ...]
    referral: str | None
    fate: str | None
    reason: str | None
    of_agency: bool = False
    notice: str | None = None


HoldsRole = Callable[[Connection, str, Sequence[Stored]], Awaitable[bool]]
"""(connection, desk, copies): whether the desk holds a role for a family or person of these, or held it then."""


async def read(
    conn: Connection,
    ring: KeyRing,
    catalogue: Catalogue,
    *,
    receipt: str,
    desk: str,
    holds_role: HoldsRole,
    mono: Micros,
) -> dict[str, Any] | None:
    """The receipt as its publisher may see it; None if it is not that desk's."""
    found = await conn.execute(
        "SELECT r.entry_id::text, r.protective, r.accepted_mono, l.idx FROM receipt r"
        " LEFT JOIN log_leaf l USING (entry_id) WHERE r.receipt_id = %s AND r.desk = %s",
        (receipt, desk),
    )
    row = await found.fetchone()
    if row is None:
        return None
    entry_id, is_protective, accepted_mono, index = row
    answer: dict[str, Any] = {"receipt": receipt, "state": "received", "log": {"entry": entry_id}}
    if index is not None:
        answer["log"]["index"] = index
    waits = await conn.execute("SELECT FROM waiting WHERE receipt_id = %s", (receipt,))
    if await waits.fetchone() is not None:
        return answer
    copies = await _copies(conn, ring, catalogue, receipt)
    if not copies or not await holds_role(conn, desk, copies):
        return answer
    rejected = [copy for copy in copies if copy.fate in {"rejected", "discarded"}]
    if rejected:
        return answer | {"state": "rejected", "reason": rejected[0].reason or "rejected"}
    if all(copy.fate in {"done", "redriven"} for copy in copies) and not (
        is_protective and await _is_open(conn, accepted_mono, mono)
    ):
        answer["state"] = "in effect"
        remarks = sorted({copy.reason for copy in copies if copy.fate == "done" and copy.reason is not None})
        answer |= {"reason": remarks[0]} if remarks else {}
    return answer


async def _copies(conn: Connection, ring: KeyRing, catalogue: Catalogue, receipt: str) -> list[Stored]:
    found = await conn.execute(
        "SELECT event_id::text, topic, key::text, recorded_at, key_id::text, body FROM event WHERE receipt_id = %s"
        " ORDER BY event_id",
        (receipt,),
    )
    rows = await found.fetchall()
    erased = await ring.load(conn, sorted({row[4] for row in rows if row[4] is not None}))
    fates = await conn.execute(
        "SELECT event_id::text, processor, kind, reason FROM fate WHERE event_id = ANY(%s::uuid[])",
        ([row[0] for row in rows],),
    )
    by_event = {(row[0], row[1]): (row[2], row[3]) for row in await fates.fetchall()}
    copies = []
    for event_id, topic, log, recorded, key_id, body in rows:
        persons: tuple[str, ...] = ()
        referral, of_agency, notice = None, False, None
        if key_id not in erased:
            plain = bytes(body) if key_id is None else ring.open(key_id, seal_context(event_id), bytes(body))
            event_type, datum = wire.decode(catalogue, plain)
            persons = event_type.persons(datum)
            referral = (datum.get("referral") or {}).get("value")
            of_agency = event_type.family_field is None and not persons
            notice = datum.get("notice")
        fate, reason = by_event.get((event_id, _PROCESSORS[topic]), (None, None))
        copies.append(Stored(event_id, log, recorded, persons, referral, fate, reason, of_agency, notice))
    return copies


async def _is_open(conn: Connection, accepted: Micros, now: Micros) -> bool:
    """Whether an attempt that may have begun before the acceptance is still under way.

    None is, five seconds after; until then any open attempt might be one, since their clocks are other machines'.
    """
    if now > accepted + 2 * ATTEMPT_LIFE:
        return False
    found = await conn.execute(
        "SELECT FROM attempt WHERE ended_mono IS NULL AND began_mono > %s LIMIT 1", (now - ATTEMPT_LIFE,)
    )
    return await found.fetchone() is not None
