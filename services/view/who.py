"""Who has seen a family's data, when and why: looks by people, out of the audit log, and what was released to desks.

For information governance alone, and itself a look that is recorded. What was erased stands without who and why.
"""

from typing import Any, Final

from hub import ledger
from hub.clock import Micros, format_micros
from hub.database import Connection
from hub.keys import KeyRing
from services.view.told import kept

KINDS: Final = ("family.viewed", "search.run", "access.denied", "report.run", "export.made", "bundle.made")
"""Entries in which a person looked, or tried to."""
MOST: Final = 10_000
TAKEN_BACK: Final = "released, and recalled since"
"""Of what an inbox showed and does not show again."""

_LOOKS: Final = """
SELECT e.entry_id::text, e.kind, e.recorded_at, l.idx FROM audit_detail d JOIN audit_entry e USING (entry_id)
LEFT JOIN log_leaf l USING (entry_id)
WHERE d.key_id = %(family)s AND e.kind = ANY(%(kinds)s) AND e.recorded_at >= %(since)s AND e.recorded_at < %(until)s
ORDER BY e.recorded_at, e.entry_id LIMIT %(most)s
"""
_RELEASES: Final = """
SELECT d.delivery_id::text, d.desk, d.type, d.released_at, d.ack_at, d.status FROM delivery d
WHERE d.family_id = %(family)s AND d.released_at >= %(since)s AND d.released_at < %(until)s
ORDER BY d.released_at, d.desk, d.delivery_id LIMIT %(most)s
"""


async def looks(
    conn: Connection, ring: KeyRing, family: str, since: Micros, until: Micros
) -> list[dict[str, Any]]:
    """The looks at a family in a period, by time, then desk."""
    asked = {"family": family, "kinds": list(KINDS), "since": since, "until": until, "most": MOST}
    found = await (await conn.execute(_LOOKS, asked)).fetchall()
    shown = [await _look(conn, ring, *row) for row in found]
    return sorted(shown, key=lambda each: (each["at"], each.get("desk", "")))


async def _look(
    conn: Connection, ring: KeyRing, entry: str, kind: str, at: Micros, index: int | None
) -> dict[str, Any]:
    details = await ledger.read_details(conn, ring, entry)
    of_family = details.get(0) or {}
    of_user = details.get(max(details, default=0)) or {}
    return {"at": format_micros(at), "kind": kind, "entry": entry} | kept(
        index=index,
        desk=of_family.get("desk"),
        user=of_user.get("user"),
        purpose=of_family.get("purpose"),
        reason=of_family.get("reason"),
        what=of_family.get("what"),
        events=len(of_family.get("shown") or of_family.get("events") or ()) or None,
        erased=None if of_family and of_user else True,
    )


async def releases(conn: Connection, family: str, since: Micros, until: Micros) -> list[dict[str, Any]]:
    """What was released to desks in a period, by time, then desk."""
    asked = {"family": family, "since": since, "until": until, "most": MOST}
    found = await (await conn.execute(_RELEASES, asked)).fetchall()
    return [
        {
            "at": format_micros(row[3]),
            "desk": row[1],
            "type": row[2],
            "delivery": row[0],
            # What left has left, whatever became of the row since: what the inbox showed is not shown again.
            "status": TAKEN_BACK if row[5] == "recalled" else row[5],
        }
        | kept(acknowledged_at=None if row[4] is None else format_micros(row[4]))
        for row in found
    ]
