"""What a reader may call the people of families: by an id of its own agency's, else by what they are in the family.

Its own is an id of a scheme whose authority its agency is, that one of its desks stated itself; never a number that
one has for life, nor a name. What is stated nowhere but as whom an event is about is not kept in the clear, so there
is no such id of everybody.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from hub.database import Connection
from hub.events import Event
from hub.partnership import Partnership
from hub.processor.stored import STORED, stored_event
from services.gateway.parts import Parts

_MEMBERS: Final = f"""
SELECT {STORED} FROM event e
WHERE topic = 'events' AND key = ANY(%s::uuid[]) AND type = ANY(%s) AND EXISTS
  (SELECT FROM fate f WHERE f.event_id = e.event_id AND f.processor = 'router' AND f.kind IN ('done', 'redriven'))
ORDER BY recorded_at, event_id
"""
_TYPES: Final = ["wraparound.family.member_added.v1", "wraparound.family.member_changed.v1"]
_SHORT: Final = 8


async def called(conn: Connection, parts: Parts, agency: str, families: Iterable[str]) -> dict[str, str]:
    """What to call each member, by the hub's id. `agency`: the reader's."""
    logs = sorted(set(families))
    found = await conn.execute(_MEMBERS, (logs, _TYPES), binary=True)
    rows = await found.fetchall()
    erased = await parts.ring.load(conn, logs)
    events = [stored_event(row, parts.ring, parts.catalogue) for row in rows if str(row[3]) not in erased]
    return names(events, agency, own_schemes(parts.partnership, agency))


def own_schemes(partnership: Partnership, agency: str) -> frozenset[str]:
    """The schemes whose authority an agency is, but those that number somebody for life."""
    return frozenset(
        each.name for each in partnership.schemes if each.owner == agency and each.check == "pattern"
    )


def names(events: Iterable[Event], agency: str, schemes: frozenset[str]) -> dict[str, str]:
    """The same, of the members that these events state; what was said last holds."""
    kinds: dict[str, str] = {}
    own: dict[str, str] = {}
    for event in events:
        if event.data["retracted"]:
            continue
        rows: Sequence[Mapping[str, Any]] = event.data.get("members") or [event.data]
        for row in rows:
            person = row["person"]["value"]
            kinds[person] = row["kind"] or kinds.get(person, "person")
            mine = [each for each in row["identifiers"] or () if each["scheme"] in schemes]
            if mine and event.envelope.source.partition("/")[0] == agency:
                own[person] = f"{mine[-1]['scheme']} {mine[-1]['value']}"
    return {person: own.get(person, f"{kind} {person[:_SHORT]}") for person, kind in kinds.items()}
