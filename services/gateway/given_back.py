"""Raises given back: those that an acceptance counted of an event which no log will ever see.

A guard stands above what the logs of its person have seen until every raise has come back (STREAMING.md section 5);
until then nothing that rests on that person leaves. A family's router gives back what it has read; what was let go
before, this gives back, and no fact with it.
"""

from collections.abc import Sequence
from typing import Final

from hub.clock import Micros
from hub.database import Connection
from hub.events import HUB, Envelope
from hub.ids import derive
from hub.outbox import LogEvent, put
from hub.schemas import wire
from services.consent.registers import to_wire
from services.gateway.parts import Parts

PERSON_FACT: Final = "wraparound.hub.person_fact.v1"


async def give_back(conn: Connection, parts: Parts, of: str, persons: Sequence[str], at: Micros) -> None:
    """One raise of each of these persons; `of`: the event, or the receipt of what never became one."""
    event_type = parts.catalogue.type(PERSON_FACT)
    facts = []
    for person in persons:
        envelope = Envelope(
            id=derive(parts.secret, "event", of, "discarded", person),
            type=PERSON_FACT,
            source=HUB,
            key=person,
            recorded_at=at,
            accepted_at=at,
        )
        datum = event_type.datum(
            person={"scheme": HUB, "value": person}, facts=to_wire({}), raises=None, raised=1
        )
        facts.append(LogEvent(envelope, "people", wire.encode(event_type, datum), None))
    await put(conn, parts.ring, facts)
