"""The whole hub but Kafka and the clock, in the hand of a test.

Acceptance, both processors and attempts are the real ones, on a real database. In place of the logs on Kafka the
outbox is emptied into lists, one for each topic and partition, and a test says which of them is read on, and when; in
place of the topics of the desks stands what was released to each.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from hub.attempts.begin import Attempt, begin, lapse, look, register
from hub.attempts.judge import judge
from hub.attempts.mark import mark
from hub.attempts.row import Now, agency
from hub.attempts.rows import COLUMNS, IN_LINE, Kit, body_context, make_kit, to_row
from hub.clock import MINUTE, FakeClock, SystemClock, parse_micros
from hub.database import Database
from hub.events import to_headers
from hub.processor import states, stored
from hub.processor.batch import Context
from hub.processor.loop import Processor
from hub.processor.machine import Machine
from hub.processor.positions import Move, open_positions
from hub.processor.records import Record
from hub.producer import Outcome, Sent
from hub.schemas import wire
from services.consent.family import SHAPE
from services.referral_router.composition import assemble
from tests.integration.gateway.world import World, ref

START = parse_micros("2023-06-01T09:00:00Z")
PARTITIONS = 16
CHESIL, WEST, IG = "council/chesil", "council/west", "council/ig"
S2W, REACH, PARAGON, PROBATION = "s2w/sft", "reach/sft", "paragon/victim", "probation/perp"


@dataclass(frozen=True)
class Got:
    """What left to a desk."""

    kind: str
    data: dict[str, Any]


@dataclass
class Hub(World):
    """The gateway's world, with all that stands behind it."""

    clock: FakeClock = field(default_factory=lambda: FakeClock(START))

    async def start(self) -> None:
        """Make both processors, and their positions."""
        parts = assemble(self.stack.settings("router", postgres=self.dsn))
        self.database: Database = parts.database
        self.catalogue, self.ring, self.secret = parts.catalogue, parts.ring, parts.secret
        self.kit: Kit = make_kit(
            parts.secret,
            parts.ring,
            parts.catalogue,
            code="code",
            rules=parts.in_force.digest,
            catch_up=parts.in_force.catch_up,
        )
        self.logs: dict[tuple[str, int], list[Record]] = defaultdict(list)
        self.read_to: dict[tuple[str, int], int] = defaultdict(int)
        self.released: dict[str, list[Got]] = defaultdict(list)
        self.processors: dict[str, Processor] = {}
        self.keys: dict[str, int] = {}
        async with self.database.transaction() as conn:
            await parts.ring.create(conn, parts.hub_key, "hub", START)
            for machine in parts.machines:
                await open_positions(conn, machine.name, machine.topic, range(PARTITIONS))
        for machine in parts.machines:
            self.processors[machine.topic] = self.processor(machine)

    def processor(self, machine: Machine) -> Processor:
        """A processor as a process makes it."""
        settings = self.stack.settings("router", postgres=self.dsn)
        parts = assemble(settings)
        context = Context(
            machine,
            self.database,
            self.ring,
            self.catalogue,
            self.secret,
            parts.hub_key,
            parts.in_force.digest,
            "code",
            parts.in_force.catch_up,
        )
        return Processor(context, batch_size=500, batch_wait_ms=1)

    async def close(self) -> None:
        """Let go of the database."""
        await self.database.close()
        await super().close()

    def partition(self, key: str) -> int:
        """The partition of a family or a person: of a few, each has its own."""
        return self.keys.setdefault(key, len(self.keys) % PARTITIONS)

    # The logs --------------------------------------------------------------------------------------------------

    async def empty_outbox(self) -> int:
        """Move what is in the outbox to the logs, in its order."""
        async with self.database.transaction() as conn:
            cursor = await conn.execute(
                f"SELECT o.seq, e.topic, {stored.STORED_OF_E}"
                " FROM outbox o JOIN event e USING (event_id) ORDER BY o.seq",
                binary=True,
            )
            rows = await cursor.fetchall()
            await self.ring.load(conn, sorted({str(row[12]) for row in rows if row[12] is not None}))
            # These alone: what a request puts there at this moment has not been read.
            await conn.execute("DELETE FROM outbox WHERE seq = ANY(%s)", ([row[0] for row in rows],))
        for _, topic, *row in rows:
            envelope, body = stored.stored_body(row, self.ring)
            partition = self.partition(envelope.key)
            log = self.logs[topic, partition]
            log.append(Record(partition, len(log), to_headers(envelope), body))
        return len(rows)

    async def read_on(self, topic: str, partition: int, most: int = 500) -> int:
        """Have one processor take what is new of a partition, in one batch."""
        place = topic, partition
        start = self.read_to[place]
        records = self.logs[place][start : start + most]
        if records:
            await self.processors[topic]._attempt([Move(partition, start, start + len(records))], records)
            self.read_to[place] = start + len(records)
        return len(records)

    async def settle(self, *, but: Sequence[str] = (), rounds: int = 40) -> None:
        """Read on until there is nothing new; `but`: families or persons whose partitions stand still."""
        still = {self.partition(key) for key in but}
        for _ in range(rounds):
            moved = await self.empty_outbox()
            for topic in self.processors:
                for partition in range(PARTITIONS):
                    if topic != "events" or partition not in still:
                        moved += await self.read_on(topic, partition)
            if not moved:
                return
        raise AssertionError("the logs never come to rest")

    # Attempts --------------------------------------------------------------------------------------------------

    def now(self) -> Now:
        """The present."""
        return Now(self.clock.now(), SystemClock().now())

    async def begin(self, desk: str) -> list[Attempt]:
        """Begin what may leave to a desk, as the relay does."""
        async with self.database.transaction() as conn:
            cursor = await conn.execute(
                f"SELECT {COLUMNS} FROM delivery d WHERE d.desk = %s AND {IN_LINE} ORDER BY d.seq",
                (desk,),
                binary=True,
            )
            rows = [to_row(values) for values in await cursor.fetchall()]
            persons = sorted({person for row in rows for person in row.persons})
            await register(conn, persons=persons, agencies=[agency(desk)])
            await self.ring.create(conn, self.kit.desk_key(desk), "desk", START)
            await conn.execute("INSERT INTO relay_cursor (desk) VALUES (%s) ON CONFLICT DO NOTHING", (desk,))
        async with self.database.transaction() as conn:
            verdict = judge(rows, await look(conn, self.kit, rows, self.now()))
            await lapse(conn, self.kit, verdict.lapse, self.now())
            return await begin(conn, self.kit, verdict.take, self.now(), "kafka")

    async def end(self, attempts: Sequence[Attempt], outcome: Outcome = Outcome.SENT) -> None:
        """Mark what became of attempts; what was sent is what the rows held when these began."""
        results = {}
        for attempt in attempts:
            for row in attempt.rows:
                results[row.delivery_id] = Sent(outcome, "" if outcome is Outcome.SENT else "test")
                if outcome is Outcome.SENT:
                    assert row.body is not None
                    body = self.ring.open(row.family_id, body_context(row.delivery_id), row.body)
                    event_type, data = wire.decode(self.catalogue, body)
                    kind = row.type.removeprefix("wraparound.").removesuffix(".v1")
                    self.released[attempt.desk].append(Got(kind, event_type.to_json(data)))
        if attempts:
            async with self.database.transaction() as conn:
                await mark(conn, self.kit, attempts, results, self.now(), safe=0)

    async def relay(self, *desks: str, rounds: int = 6) -> None:
        """Release to these desks, and have decided again what lapses, until nothing moves."""
        for _ in range(rounds):
            for desk in desks:
                await self.end(await self.begin(desk))
            await self.settle()

    async def family_state(self, family: str) -> dict[str, Any]:
        """What a family's log has made of it."""
        async with self.database.transaction() as conn:
            await self.ring.load(conn, [family])
            found = await states.load_states(
                conn, [family], table="family_state", shape=SHAPE, ring=self.ring
            )
        state: dict[str, Any] = orjson.loads(found[family].body or b"")
        return state

    def kinds_to(self, desk: str) -> list[str]:
        """The kinds released to a desk, in order."""
        return [got.kind for got in self.released[desk]]

    def got(self, desk: str, kind: str) -> list[dict[str, Any]]:
        """What was released to a desk of a kind."""
        return [got.data for got in self.released[desk] if got.kind == kind]

    # A life ----------------------------------------------------------------------------------------------------

    async def tell(self, kind: str, data: Any, desk: str = CHESIL, **rest: Any) -> str:
        """Publish, a minute later; what follows is not read yet."""
        self.clock.advance(MINUTE)
        return await self.publish(kind, data, desk=desk, **rest)

    async def begin_family(self, name: str, lead: str, *, adults: str = "", children: str = "") -> str:
        """A family of these members (a letter each), led by that desk; everything is read. Gives its log."""
        rows = [{"person": ref(each), "kind": "adult", "dob": "1990-01-01"} for each in adults]
        rows += [{"person": ref(each), "kind": "child", "dob": "2018-01-01"} for each in children]
        await self.tell("family.opened", {"family": ref(name), "lead": lead}, desk=lead)
        await self.tell("family.member_added", {"family": ref(name), "members": rows}, desk=lead)
        await self.settle()
        found = await self.rows("SELECT family_id::text FROM family ORDER BY opened_at DESC LIMIT 1")
        return str(found[0][0])

    async def support(self, family: str, person: str, desk: str, lead: str = CHESIL) -> str:
        """A person of the family is referred to a desk and supported by it. Gives the referral."""
        referral = f"R-{family}-{person}-{desk.partition('/')[0]}"
        about = {"referral": ref(referral), "person": ref(person)}
        request = {"family": ref(family), "to": desk, "specialism": "mental_health", **about}
        await self.tell("person.told_recorded", {"person": ref(person), "told": True}, desk=lead)
        await self.tell("referral.requested", request, desk=lead)
        await self.settle()
        for kind in ("accepted", "allocated", "support_started"):
            await self.tell(f"referral.{kind}", about, desk=desk)
            await self.settle()
        return referral

    async def consent(self, family: str, person: str, *, to: str = CHESIL, desk: str = CHESIL) -> None:
        """A person agrees that their scores go to a desk."""
        cell = {"purpose": "support", "category": "outcome.score", "desk": to}
        given = {"family": ref(family), "person": ref(person), "given_as": "self", "cells": [cell]}
        await self.tell("consent.given", given, desk=desk)
        await self.settle()

    async def score(self, family: str, person: str, score: int, desk: str = S2W) -> None:
        """A measure of a person's; read by its log."""
        data = {"family": ref(family), "person": ref(person), "instrument": "phq9", "score": score}
        await self.tell("outcome.measure_recorded", data, desk=desk)
        await self.settle()

    def scores_to(self, desk: str) -> list[int | None]:
        """The scores that a desk has, None where it got the event without."""
        return [each.get("score") for each in self.got(desk, "outcome.measure_recorded")]
