"""The hub of the attacks with its logs on real Kafka, read by the processors as their own process has them read."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any, Final
from uuid import uuid4

from aiokafka import TopicPartition

from hub.attempts.begin import Attempt, ContendedError
from hub.events import to_headers
from hub.ids import derive
from hub.kafka import consumer
from hub.processor import stored
from hub.processor.batch import Context
from hub.processor.feed import Feed
from hub.processor.loop import Processor
from hub.processor.machine import Machine
from hub.producer import Message, Outcome, Producer
from hub.stack.stack import Stack
from services.delivery.outbox import OutboxProducer
from services.referral_router.composition import Parts, assemble
from tests.integration.attack.hub import CHESIL, PARAGON, PROBATION, REACH, S2W, WEST, Hub
from tests.integration.gateway.world import ref

PATIENCE: Final = 120.0


@dataclass
class Reader:
    """A processor at work on its topic."""

    parts: Parts
    machine: Machine
    stack: Stack
    service: str = "router"
    batch: int = 500

    async def start(self) -> None:
        """Join the group, and read on from the position that the database holds."""
        parts, machine = self.parts, self.machine
        context = Context(
            machine,
            parts.database,
            parts.ring,
            parts.catalogue,
            parts.secret,
            parts.hub_key,
            parts.in_force.digest,
            "code",
            parts.in_force.catch_up,
        )
        self.processor = Processor(context, batch_size=self.batch, batch_wait_ms=20)
        settings = self.stack.settings(self.service, postgres=parts.database.dsn)
        self.consumer = consumer(settings, group=machine.name, instance=f"{machine.name}-{uuid4().hex}")
        self.feed = Feed(
            self.consumer,
            parts.database,
            parts.ring,
            processor=machine.name,
            topic=machine.topic,
            lost=self.processor.drop_states,
        )
        await self.feed.start()
        self.task = asyncio.ensure_future(self.processor.run(self.feed))

    async def ends(self) -> dict[int, int]:
        """Where each partition of the topic ends now."""
        tps = [TopicPartition(self.machine.topic, each.partition) for each in self.consumer.assignment()]
        found = await self.consumer.end_offsets(tps) if tps else {}
        return {tp.partition: offset for tp, offset in found.items()}

    async def is_done(self) -> bool:
        """Whether it has read everything that the topic holds. Raises what ended it."""
        if self.task.done():
            self.task.result()
        ends = await self.ends()
        return bool(ends) and self.feed.positions == ends

    async def finish(self) -> None:
        """Read the topic to its end, and leave."""
        deadline = time.monotonic() + PATIENCE
        try:
            while not await self.is_done():
                assert time.monotonic() < deadline, (self.feed.positions, await self.ends())
                await asyncio.sleep(0.02)
        finally:
            await self.stop()

    async def stop(self) -> None:
        """End after the batch in hand, and leave the group."""
        self.processor.stop()
        with suppress(Exception):  # what ended it is said by `is_done`
            await self.task
        await self.feed.stop()


class Line(Hub):
    """A hub whose logs are Kafka's: the outbox is produced, both processors read, all the time."""

    async def start(self) -> None:
        """Begin to produce and to read."""
        await super().start()
        self.parts = assemble(self.stack.settings("router", postgres=self.dsn))
        self.produce()
        self.readers = [Reader(self.parts, machine, self.stack) for machine in self.parts.machines]
        for reader in self.readers:
            await reader.start()

    def produce(self) -> None:
        """Have what is accepted reach the logs."""
        self.stopping = asyncio.Event()
        outbox = OutboxProducer(self.dsn, self.ring, self.sender("outbox"))
        self.producing = asyncio.ensure_future(outbox.run(self.stopping))

    async def hold(self) -> None:
        """What is accepted from now on reaches no log, until it is produced again."""
        self.stopping.set()
        await self.producing

    def sender(self, name: str) -> Producer:
        """A producer that may write to the logs; each is one caller's alone."""
        return Producer(self.stack.settings("delivery", postgres=self.dsn), name=name)

    async def rest(self) -> None:
        """Read and produce no more; what there is stays as it is."""
        if not self.stopping.is_set():
            await self.hold()
            for reader in self.readers:
                await reader.stop()

    async def close(self) -> None:
        """Stop, and let go of the database."""
        await self.rest()
        await self.parts.database.close()
        await super().close()

    async def settle(self, *, but: Any = (), rounds: int = 0) -> None:
        """Wait until everything accepted and everything derived has been read."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.producing.done():
                self.producing.result()
            before = await self._ends()
            # If nothing came meanwhile, nothing followed from it either.
            if await self._is_read() and not await self.count("outbox") and await self._is_read():
                is_still = before == await self._ends()
                if is_still:
                    return
            await asyncio.sleep(0.02)
        raise AssertionError("the logs never come to rest")

    async def begin(self, desk: str) -> list[Attempt]:
        """As the relay does it: begun anew where the router was at work on the same rows."""
        while True:
            with suppress(ContendedError):
                return await super().begin(desk)

    async def _ends(self) -> list[dict[int, int]]:
        return [await reader.ends() for reader in self.readers]

    async def _is_read(self) -> bool:
        return all([await reader.is_done() for reader in self.readers])

    # A life ----------------------------------------------------------------------------------------------------

    async def begin_life(self) -> None:
        """V and her child, P, and V again in a second family; two services work with her."""
        await self.begin_family("F-1", CHESIL, adults="V", children="K")
        await self.begin_family("F-2", WEST, adults="PV")
        await self.support("F-1", "V", S2W)
        await self.tell("family.opened", {"family": ref("F-1"), "lead": CHESIL})
        await self.settle()

    async def live(self, count: int, seed: int) -> None:
        """Publish so many events of every kind that matters here, some of which the rules refuse."""
        random = Random(seed)
        for number in range(count):
            kind, data, desk = random.choice(_events(f"{seed}-{number}", random))
            await self.tell(kind, data, desk=desk)
            if number % 10 == 9:
                await asyncio.sleep(0)

    async def rubbish(self, family: str) -> int:
        """Two records that nobody can read come into the log, and one that was there before."""
        columns = stored.STORED
        async with self.database.transaction() as conn:
            cursor = await conn.execute(
                f"SELECT {columns} FROM event WHERE key = %s ORDER BY recorded_at LIMIT 1",
                (family,),
                binary=True,
            )
            row = await cursor.fetchone()
            assert row is not None
            await self.ring.load(conn, [str(row[10])])
        envelope, body = stored.stored_body(row, self.ring)
        key, named = family.encode(), derive(self.secret, "rubbish", family).encode()
        messages = [
            Message("events", key, b"\x00rubbish", [("ce_id", b"no id of ours")]),
            Message("events", key, body, to_headers(envelope)),
            Message("events", key, b"", [("ce_id", named), ("ce_type", b"none")]),
        ]
        sender = self.sender("rubbish")
        sent = await sender.send(messages, seconds=60)
        await sender.stop()
        assert {each.outcome for each in sent} == {Outcome.SENT}
        return 2


def _events(name: str, random: Random) -> list[tuple[str, dict[str, Any], str]]:
    """One event of each kind: type, data, and who publishes it."""
    first, victim, child = {"family": ref("F-1")}, {"person": ref("V")}, {"person": ref("K")}
    cell = {"purpose": "support", "category": "outcome.score", "desk": CHESIL}
    group = random.sample([S2W, REACH, PARAGON, PROBATION], 2)
    pair = {"victim": ref("V"), "perpetrator": ref("P"), "exposed_children": [ref("K")]}
    moves = [{**each, "household": ref(f"H-{random.randint(1, 3)}")} for each in (victim, child)]
    referral = {"referral": ref(f"R-{name}"), "to": REACH, "specialism": "substance_use"}
    score = {"instrument": "phq9", "score": random.randint(0, 27)}
    return [
        ("outcome.measure_recorded", {**first, **victim, **score}, S2W),
        ("outcome.measure_recorded", {**first, **victim, **score}, S2W),
        ("child.attendance_recorded", {**first, **child}, CHESIL),
        ("child.status_changed", {**first, **child, "status": random.choice(["cin", "cp"])}, CHESIL),
        ("consent.given", {**first, **victim, "given_as": "self", "cells": [cell]}, CHESIL),
        ("consent.withdrawn", {**first, **victim, "cells": [cell]}, CHESIL),
        ("consent.withdrawn", victim, WEST),
        ("safety.pair_recorded", {**first, **pair, "basis": "disclosure"}, random.choice([CHESIL, PARAGON])),
        (
            "person.probation_supervision_started",
            {"family": ref("F-2"), "person": ref("P"), "desk": PROBATION},
            PROBATION,
        ),
        ("practice.plan_agreed", {**first, "discussed": [ref("K")], "core_group": group}, CHESIL),
        ("family.household_changed", {**first, "moves": moves}, CHESIL),
        ("referral.requested", {**first, **victim, **referral}, CHESIL),
    ]
