"""The batch loop: take, commit, repeat; wait when a server is away, isolate our own faults, never skip.

Errors that end the loop: `UnreachablePositionError` and `ShapeError` (going on would be wrong). All else is
waited
out or parked.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from itertools import islice

from hub.effects import State
from hub.errors import PeerError
from hub.processor.batch import Batch, Context, LostPartitionError
from hub.processor.feed import Feed, Taken
from hub.processor.positions import Move
from hub.processor.records import Record
from hub.processor.states import ShapeError
from hub.telemetry import traces
from hub.telemetry.metrics import count
from hub.telemetry.steps import step

log = logging.getLogger("wraparound.processor")

CACHE_LIMIT = 4_000
"""States kept from batch to batch; a family's, with what decisions read of it, takes about 80 kB."""
HINT_SECONDS = 2.0
LEAST = 64
BATCH_SECONDS = 0.5
"""How long a batch is to take: one that takes longer holds rows, heartbeats and everybody's news up."""


class Processor:
    """One processor in one process."""

    def __init__(self, context: Context, *, batch_size: int, batch_wait_ms: int) -> None:
        self.context = context
        self.batch_size = batch_size
        self.limit = min(batch_size, 4 * LEAST)
        self.batch_wait_ms = batch_wait_ms
        self.states: dict[str, State] = {}
        self.handled = 0
        self.progressed_at = time.monotonic()
        self.waits = False
        self._stopping = False

    def drop_states(self) -> None:
        """Forget every cached state: partitions went, or a transaction failed."""
        self.states.clear()

    def stop(self) -> None:
        """End after the batch in hand."""
        self._stopping = True

    async def run(self, feed: Feed) -> None:
        """Work until stopped."""
        pause = 0.0
        hinted = time.monotonic()
        while not self._stopping:
            try:
                taken = await feed.take(self.limit, self.batch_wait_ms)
                if taken.moves:
                    began = time.monotonic()
                    with step(self.context.machine.name):
                        await self._commit(feed, taken)
                    self.progressed_at = time.monotonic()
                    seconds = self.progressed_at - began
                    self.limit = next_limit(self.limit, self.batch_size, len(taken.records), seconds)
                if time.monotonic() - hinted > HINT_SECONDS:
                    with step(self.context.machine.name):
                        await feed.hint()
                    hinted = time.monotonic()
                pause, self.waits = 0.0, False
            except PeerError as error:
                pause, self.waits = min(pause * 2, 2.0) or 0.1, True
                count("peer_errors_total", process=self.context.machine.name)
                log.warning("%s: %s; trying again in %.1f s", self.context.machine.name, error, pause)
                self.drop_states()
                self.limit = max(LEAST, self.limit // 4)
                await asyncio.sleep(pause)

    async def _commit(self, feed: Feed, taken: Taken) -> None:
        async with feed.lock:
            owned = feed.positions
            moves = [move for move in taken.moves if owned.get(move.partition) == move.start]
            mine = {move.partition for move in moves}
            records = [record for record in taken.records if record.partition in mine]
            if not moves:
                return
            began = traces.now()
            try:
                await self._attempt(moves, records)
            except LostPartitionError as error:
                log.warning("%s; reading the positions again", error)
                feed.forget()
            except PeerError:
                # The transaction may have committed without our learning of it: only the positions know.
                feed.forget()
                raise
            else:
                feed.advanced(moves)
                self.handled += len(records)
                name = self.context.machine.name
                count("records_total", len(records), processor=name)
                if traces.on():
                    receipts = traces.receipts_of(each.headers for each in records)
                    traces.stage("handle", receipts, began, processor=name)
        forget_oldest(self.states, CACHE_LIMIT)

    async def _attempt(self, moves: Sequence[Move], records: Sequence[Record]) -> None:
        try:
            await Batch(self.context, self.states, records, park=False).run(moves)
        except (PeerError, LostPartitionError, ShapeError):
            raise
        except Exception as fault:  # noqa: BLE001 - ours, wherever in the batch: isolate it record by record
            count("faults_total", process=self.context.machine.name)
            log.error(  # noqa: TRY400 - an exception's text may hold what an event holds
                "%s: %s; running the batch record by record", self.context.machine.name, describe(fault)
            )
            await self._one_by_one(moves, records)

    async def _one_by_one(self, moves: Sequence[Move], records: Sequence[Record]) -> None:
        """Each record in its own transaction; one that fails again parks its key."""
        self.drop_states()
        for move in moves:
            at = move.start
            for record in [record for record in records if record.partition == move.partition]:
                await self._one(Move(move.partition, at, record.offset + 1), record)
                at = record.offset + 1
            if at < move.end:
                await Batch(self.context, self.states, [], park=False).run(
                    [Move(move.partition, at, move.end)]
                )

    async def _one(self, step: Move, record: Record) -> None:
        try:
            await Batch(self.context, self.states, [record], park=False).run([step])
        except (PeerError, LostPartitionError, ShapeError):
            raise
        except Exception as fault:  # noqa: BLE001 - still ours: the key waits for a person, every other key goes on
            log.error(  # noqa: TRY400 - as above
                "partition %d offset %d: %s; its key is parked",
                record.partition,
                record.offset,
                describe(fault),
            )
            self.drop_states()
            await Batch(self.context, self.states, [record], park=True).run([step])


def next_limit(limit: int, most: int, records: int, seconds: float) -> int:
    """How many records the next batch may have, after one of so many took so long.

    What an event costs depends on how much waits that it may change, so no fixed size is right.
    """
    if seconds > BATCH_SECONDS:
        limit = max(LEAST, int(min(records, limit) * BATCH_SECONDS / seconds))
    elif records >= limit:
        limit *= 2
    return min(limit, most)


def forget_oldest(states: dict[str, State], limit: int) -> None:
    """Drop the states that were read or changed the longest ago, down to the limit."""
    for key in list(islice(states, max(0, len(states) - limit))):
        del states[key]


def describe(fault: BaseException) -> str:
    """The kinds of an exception and its causes; never its text, which may hold what an event holds."""
    kinds = []
    while fault is not None:
        kinds.append(type(fault).__name__)
        cause = fault.__cause__
        if cause is None:
            break
        fault = cause
    return " from ".join(kinds)
