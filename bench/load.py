"""The events of a benchmark: families with two supported adults, and a stream of scores and appointments.

They are put into the outbox as acceptance puts them (sealed, in order), in bulk, because the gateway is not what
is measured here.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hub.clock import Micros
from hub.database import Database
from hub.events import Envelope
from hub.ids import derive
from hub.keys import KeyRing
from hub.outbox import LogEvent, put
from hub.schemas import Catalogue, wire

SUPPORT = (("s2w/sft", "mental_health"), ("paragon/victim", "domestic_abuse_victim"))
LEAD = "council/chesil"


def ref(hub_id: str) -> dict[str, str]:
    """A reference with the hub's id."""
    return {"scheme": "hub", "value": hub_id}


@dataclass(frozen=True, slots=True)
class Family:
    """The ids of one family: victim, alleged perpetrator, child, and a referral for each support."""

    family: str
    people: tuple[str, str, str]
    referrals: tuple[str, str]

    @classmethod
    def make(cls, secret: bytes, number: int) -> "Family":
        """The family of this number: the same ids in each run."""
        names = [derive(secret, "bench", kind, str(number)) for kind in ("F", "V", "P", "K", "R1", "R2")]
        return cls(names[0], (names[1], names[2], names[3]), (names[4], names[5]))


class Loader:
    """Puts events into the outbox."""

    def __init__(self, database: Database, ring: KeyRing, catalogue: Catalogue, secret: bytes) -> None:
        self.database, self.ring, self.catalogue, self.secret = database, ring, catalogue, secret
        self.count = 0

    def event(self, family: Family, source: str, kind: str, at: Micros, data: Mapping[str, Any]) -> LogEvent:
        """One event of a family."""
        self.count += 1
        event_type = self.catalogue.type(f"wraparound.{kind}.v1")
        number = str(self.count)
        envelope = Envelope(
            id=derive(self.secret, "bench-event", number),
            type=event_type.type,
            source=source,
            key=family.family,
            recorded_at=at,
            accepted_at=at,
            receipt=derive(self.secret, "bench-receipt", number),
        )
        return LogEvent(envelope, "events", wire.encode(event_type, event_type.datum(**data)), family.family)

    def opening(self, family: Family, at: Micros) -> Iterator[LogEvent]:
        """A family is opened, two adults and a child join, and both desks are asked to support one of them."""
        mother, father, child = family.people
        yield self.event(family, LEAD, "family.opened", at, {"family": ref(family.family), "lead": LEAD})
        rows = [member(mother, "adult"), member(father, "adult"), member(child, "child")]
        members = {"family": ref(family.family), "members": rows}
        yield self.event(family, LEAD, "family.member_added", at, members)
        yield self.event(family, LEAD, "person.told_recorded", at, {"person": ref(mother), "told": True})
        for (desk, specialism), referral in zip(SUPPORT, family.referrals, strict=True):
            named = {"referral": ref(referral), "person": ref(mother)}
            request = {**named, "family": ref(family.family), "to": desk, "specialism": specialism}
            yield self.event(family, LEAD, "referral.requested", at, request)

    def supporting(self, family: Family, at: Micros) -> Iterator[LogEvent]:
        """Both desks accept, allocate and start. After the offers, which the router makes."""
        for (desk, _), referral in zip(SUPPORT, family.referrals, strict=True):
            named = {"referral": ref(referral), "person": ref(family.people[0])}
            for step in ("accepted", "allocated", "support_started"):
                yield self.event(family, desk, f"referral.{step}", at, named)

    def news(self, families: list[Family], at: Micros, count: int, seed: int) -> Iterator[LogEvent]:
        """Scores and appointments, in turn: two or three desks get each of them."""
        chosen = random.Random(seed)
        for number in range(count):
            family = chosen.choice(families)
            named = {"referral": ref(family.referrals[0]), "person": ref(family.people[0])}
            if number % 2:
                score = {**named, "instrument": "phq9", "score": 12}
                yield self.event(family, "s2w/sft", "outcome.measure_recorded", at, score)
            else:
                yield self.event(family, "s2w/sft", "referral.appointment_recorded", at, named)

    async def register(self, families: list[Family], at: Micros) -> None:
        """Keys and guards, as acceptance makes them when a family is opened."""
        async with self.database.transaction() as conn:
            await self.ring.create_all(conn, [each.family for each in families], "family", at)
            people = [person for each in families for person in each.people]
            await conn.execute("INSERT INTO guard (person_id) SELECT unnest(%s::uuid[])", (people,))

    async def put(self, events: list[LogEvent], *, portion: int = 2_000) -> None:
        """Put events into the outbox."""
        for start in range(0, len(events), portion):
            part = events[start : start + portion]
            async with self.database.transaction() as conn:
                await self.ring.load(conn, sorted({each.key_id for each in part if each.key_id}))
                await put(conn, self.ring, part)


def member(person: str, kind: str) -> dict[str, Any]:
    """A row of `family.member_added`."""
    empty = (
        "identifiers", "known_as", "ethnicity", "first_language", "faith", "disabilities", "email", "safe_times",
        "relation", "domestic_abuse_role", "against", "phone", "sex",
    )  # fmt: skip
    row: dict[str, Any] = dict.fromkeys(empty)
    return {
        **row,
        "person": ref(person),
        "given_name": "Ada",
        "family_name": "Bench",
        "dob": 7000,
        "kind": kind,
    }
