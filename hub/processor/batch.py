"""One batch of one processor, in one transaction.

In this order: the compare-and-set of every position; the rules in force; which events have a fate already; the
states, keys and queued deliveries that the rest touches; the pure handler, record by record in partition order; fates,
states, deliveries, events, audit entries and the coverage of this very range. Everything commits, or nothing does.

A record ends in one of three ways. *done*: it took effect. *rejected*: it cannot be read, or breaks a rule
of the data;
a task holds the reason. *parked*: our own fault; it and all later events of its key are kept in order for a
person.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from hub.clock import Micros
from hub.crash import point
from hub.database import Connection, Database
from hub.effects import Done, OpenTask, Outcome, Queue, Queued, State, Waiting
from hub.errors import HubError, SenderError
from hub.events import Event
from hub.ids import derive, is_id
from hub.keys import KeyRing
from hub.outbox import LogEvent, keep, stored_already
from hub.processor import parked, positions, states, stored, unended
from hub.processor.machine import Machine
from hub.processor.positions import Fate, Move
from hub.processor.records import Decoded, Record, Undecodable, decode, event_id_of
from hub.processor.stored import write_dead_letter
from hub.processor.writer import Writer
from hub.schemas import Catalogue

OPERATIONS = "hub/operations"
REDRIVE = "wraparound.hub.redrive_requested.v1"


class LostPartitionError(HubError):
    """Somebody else moved the position: this worker no longer owns the partition."""


class HandlerFaultError(HubError):
    """The handler, or what it asked for, failed on a record: our own fault."""

    def __init__(self, record: Record, key: str, fault: BaseException) -> None:
        super().__init__(
            f"partition {record.partition} offset {record.offset} key {key}: {type(fault).__name__}"
        )
        self.record = record
        self.key = key


@dataclass(frozen=True, slots=True)
class Context:
    """What every batch of a processor shares."""

    machine: Machine
    database: Database
    ring: KeyRing
    catalogue: Catalogue
    secret: bytes
    hub_key: str
    rules: Callable[[Micros], str]
    """The digest of the rule set in force at a time of the hub."""
    code: str
    catch_up: Callable[[Connection], Awaitable[None]]
    """Know, in the batch's transaction, the rules that are in force."""


Item = Decoded | Undecodable


class Batch:
    """The records of one batch and what becomes of them. `park`: handle nothing, park every record's key."""

    def __init__(
        self, context: Context, states: dict[str, State], records: Sequence[Record], park: bool
    ) -> None:
        self.context = context
        self.cache = states
        self.records = records
        self.park = park
        self.fates: list[Fate] = []
        self.counts: dict[int, Counter[str]] = {}
        self.changed: dict[str, State] = {}
        self.queues: dict[str, dict[str, Queued | Waiting]] = {}
        self.whole: set[str] = set()
        """The keys of which `queues` holds the deliveries too."""
        self.histories: dict[str, list[Event]] = {}
        self.took_effect: dict[str, list[Event]] = {}
        self.parked: set[str] = set()
        self.writer = Writer(
            context.secret, context.ring, context.catalogue, rules=context.rules, code=context.code
        )
        self.latest: dict[int, Micros] = {}
        """The time of each partition's log: the latest of what was taken of it, in this batch or before."""

    async def run(self, moves: Sequence[Move]) -> None:
        """Do it all. On return the batch is committed and the cache holds the new states.

        Raises `LostPartitionError`, `HandlerFaultError`, `states.ShapeError`, `DatabaseAwayError`; then
        nothing changed.
        """
        context = self.context
        items = [self._decode(record) for record in self.records]
        point("processor.after_decode")
        async with context.database.transaction() as conn:
            times = await positions.advance(
                conn, context.machine.name, context.machine.topic, _timed(moves, items)
            )
            if times is None:
                raise LostPartitionError(f"{context.machine.name}: another worker moved the position")
            # INVARIANT: after the positions moved, since a signature waits for them (docs/adr/0029).
            await context.catch_up(conn)
            self.latest = times
            fresh = await self._without_duplicates(conn, items)
            await self._load(conn, fresh)
            for item in fresh:
                await self._take(conn, item)
            point("processor.after_handle")
            await self._write(conn, moves, await self._keep(conn, fresh))
            point("processor.before_commit")
        point("processor.after_commit")
        for key, state in self.changed.items():
            # To the end of the line in which states are forgotten.
            self.cache.pop(key, None)
            self.cache[key] = state

    def _decode(self, record: Record) -> Item:
        try:
            return Decoded(record, decode(self.context.catalogue, record))
        except SenderError:
            claimed = event_id_of(record)
            name = claimed if claimed is not None and is_id(claimed) else ""
            place = f"{self.context.machine.topic}|{record.partition}|{record.offset}"
            return Undecodable(
                record, name or derive(self.context.secret, "undecodable", place), "undecodable"
            )

    def _count(self, record: Record, kind: str) -> None:
        self.counts.setdefault(record.partition, Counter())[kind] += 1

    async def _without_duplicates(self, conn: Connection, items: Sequence[Item]) -> list[Item]:
        ids = [_id_of(item) for item in items]
        seen = await positions.known_fates(conn, self.context.machine.name, ids)
        fresh = []
        for item, name in zip(items, ids, strict=True):
            if name in seen:
                self._count(item.record, "duplicate")
            else:
                seen.add(name)
                fresh.append(item)
        return fresh

    async def _keep(self, conn: Connection, items: Sequence[Item]) -> set[str]:
        """Store what another processor derived and is yet to derive here: in a replay the log has it before.

        So a key's history is whole. Such events hold codes only. Gives what is stored of what this batch derives.
        """
        derived = {
            each.event.id: each.event for each in items if isinstance(each, Decoded) and is_derived(each)
        }
        own = self.writer.derived()
        there = await stored_already(conn, sorted(own.union(derived)))
        topic = self.context.machine.topic
        absent = [event for name, event in derived.items() if name not in there | own]
        await keep(
            conn, self.context.ring, [LogEvent(event.envelope, topic, event.raw, None) for event in absent]
        )
        return there

    async def _load(self, conn: Connection, items: Sequence[Item]) -> None:
        context, machine = self.context, self.context.machine
        events = [item.event for item in items if isinstance(item, Decoded)]
        keys = {event.envelope.key for event in events}
        await context.ring.load(conn, sorted({context.hub_key} | (keys if machine.sealed else set())))
        if self.park:
            return
        missing = sorted(keys - self.cache.keys())
        if missing:
            ring = context.ring if machine.sealed else None
            found = await states.load_states(
                conn, missing, table=machine.table, shape=machine.shape, ring=ring
            )
            self.cache.update({key: machine.load(kept) for key, kept in found.items() if not kept.older})
            for key in (key for key, kept in found.items() if kept.older):
                # As something changed, so that it is written in today's shape.
                self.changed[key] = machine.rebuild(await self._history(conn, key))
        if keys:
            self.parked = await parked.parked_keys(conn, machine.name, sorted(keys))
        if machine.sealed:
            await self._load_queues(conn, keys, {e.envelope.key for e in events if machine.needs_queue(e)})

    async def _load_queues(self, conn: Connection, keys: Collection[str], whole: AbstractSet[str]) -> None:
        """What has not ended: of all these keys the events that wait, of the `whole` ones the deliveries too."""
        ring, catalogue = self.context.ring, self.context.catalogue
        waiting = await unended.load_undecided(conn, sorted(keys), ring=ring, catalogue=catalogue)
        found = await unended.load_queue(conn, sorted(whole), ring=ring, catalogue=catalogue) if whole else {}
        for key in keys:
            self.queues[key] = by_name([*waiting.get(key, ()), *found.get(key, ())])
        self.whole |= whole

    async def _history(self, conn: Connection, key: str) -> list[Event]:
        """What took effect in a key's log, before this batch and in it so far; more is added as it comes."""
        context, machine = self.context, self.context.machine
        if key not in self.histories:
            before = await stored.load_history(
                conn, machine.name, machine.topic, key, ring=context.ring, catalogue=context.catalogue
            )
            self.histories[key] = [*before, *self.took_effect.get(key, ())]
        return self.histories[key]

    async def _take(self, conn: Connection, item: Item) -> None:
        if isinstance(item, Undecodable):
            await self._dead_letter(conn, item)
            return
        key, place = item.event.envelope.key, item.record.partition
        self.latest[place] = max(self.latest[place], item.event.envelope.recorded_at)
        if (
            not self.park
            and item.event.type == REDRIVE
            and item.event.data["processor"] == self.context.machine.name
        ):
            await self._redrive(conn, item)
            return
        if self.park or key in self.parked:
            await self._park(conn, item)
            return
        if self.context.machine.needs_history(self._state(key), item.event):
            await self._history(conn, key)
        try:
            self._handle(item)
        except HubError:
            raise
        except Exception as fault:  # whatever our own code may do wrong: the key is parked, the rest goes on
            raise HandlerFaultError(item.record, key, fault) from fault

    def _state(self, key: str) -> State:
        state = self.changed.get(key)
        if state is None:
            state = self.cache.get(key)
        return state if state is not None else self.context.machine.initial(key)

    def _handle(self, item: Decoded) -> None:
        outcome = self._apply(item.event)
        if isinstance(outcome, Done):
            self._fate(item, "done", outcome.remark or None)
        else:
            self._fate(item, "rejected", outcome.reason)

    def _apply(self, event: Event) -> Outcome:
        machine, key = self.context.machine, event.envelope.key
        before = self._state(key)
        queue, whole = self.queues.setdefault(key, {}), machine.needs_queue(event)
        outcome = machine.handle(
            before,
            event,
            [each for each in queue.values() if whole or isinstance(each, Waiting)],
            tuple(self.histories[key]) if machine.needs_history(before, event) else (),
        )
        if isinstance(outcome, Done):
            if outcome.state is not before:
                self.changed[key] = outcome.state
            self.took_effect.setdefault(key, []).append(event)
            if key in self.histories:
                self.histories[key].append(event)
        self.writer.carry_out(event, event.envelope.recorded_at, outcome.effects)
        self.writer.queued_after(queue, outcome.effects, deliveries=key in self.whole)
        return outcome

    async def _redrive(self, conn: Connection, item: Decoded) -> None:
        """Run what is parked under the event's key, in order; a fault among it leaves all of it parked."""
        context, machine, key = self.context, self.context.machine, item.event.envelope.key
        await self._history(conn, key)
        waiting = await parked.take_parked(
            conn, machine.name, key, ring=context.ring, catalogue=context.catalogue
        )
        if waiting:
            await self._load_queues(conn, [key], {key})
        refused = []
        for event in waiting:
            try:
                outcome = self._apply(event)
            except Exception as fault:  # as in _take; the redrive request itself is parked behind
                raise HandlerFaultError(item.record, key, fault) from fault
            if not isinstance(outcome, Done):
                refused.append((event.id, outcome.reason))
        await parked.reject_redriven(conn, machine.name, refused)
        self.parked.discard(key)
        self._fate(item, "done", None)

    def _fate(self, item: Item, kind: str, reason: str | None) -> None:
        record = item.record
        self.fates.append(Fate(_id_of(item), kind, record.partition, record.offset, reason))
        self._count(record, kind)

    async def _dead_letter(self, conn: Connection, item: Undecodable) -> None:
        context, record = self.context, item.record
        place = {"topic": context.machine.topic, "partition": record.partition, "offset": record.offset}
        task = OpenTask("dead_letter", item.event_id, OPERATIONS, item.reason, detail=place)
        at = self.latest[record.partition]
        task_id = self.writer.open_task(item.event_id, at, task)
        await write_dead_letter(
            conn,
            context.ring,
            task_id=task_id,
            topic=context.machine.topic,
            partition=record.partition,
            offset=record.offset,
            key_id=context.hub_key,
            body=record.value or b"",
        )
        self._note("event.rejected", item.event_id, at, {"reason": item.reason, **place})
        self._fate(item, "rejected", item.reason)

    async def _park(self, conn: Connection, item: Decoded) -> None:
        machine, key = self.context.machine, item.event.envelope.key
        task = OpenTask("parked", key, OPERATIONS, "fault", detail={"processor": machine.name})
        at = item.event.envelope.recorded_at
        task_id = self.writer.open_task(f"{machine.name}|{key}", at, task)
        self._fate(item, "parked", None)
        await parked.write_parked(conn, machine.name, task_id, key, self.fates[-1:])
        self.parked.add(key)
        self._note("event.parked", item.event.id, at, {"processor": machine.name, "key": key})

    def _note(self, kind: str, part: str, at: Micros, detail: Mapping[str, object]) -> None:
        context = self.context
        entry_id = derive(context.secret, kind, context.machine.name, part)
        self.writer.enter(kind, entry_id, at, (), detail, key_id=context.hub_key)

    async def _write(self, conn: Connection, moves: Sequence[Move], there: AbstractSet[str]) -> None:
        machine, context = self.context.machine, self.context
        for move in moves:
            counted = self.counts.get(move.partition, Counter())
            counts = dict(counted) | {"absent": move.end - move.start - counted.total()}
            place = {"processor": machine.name, "topic": machine.topic, "partition": move.partition}
            detail = place | {"from": move.start, "to": move.end, "counts": counts}
            part = f"{machine.topic}|{move.partition}|{move.start}|{move.end}"
            self._note("coverage", part, self.latest[move.partition], detail)
        await positions.write_fates(conn, machine.name, self.fates)
        ring = context.ring if machine.sealed else None
        kept = {key: machine.dump(state, self.cache.get(key)) for key, state in self.changed.items()}
        await states.save_states(conn, kept, table=machine.table, shape=machine.shape, ring=ring)
        await self.writer.write(conn, there)


def is_derived(item: Decoded) -> bool:
    """Whether a processor made the event out of another."""
    return bool(item.event.envelope.cause)


def by_name(queue: Queue) -> dict[str, Queued | Waiting]:
    """What has not ended, by the id of its delivery, or of the event that waits."""
    return {each.event.id if isinstance(each, Waiting) else each.delivery_id: each for each in queue}


def _timed(moves: Sequence[Move], items: Sequence[Item]) -> list[Move]:
    """The moves, each with the latest time among its records."""
    latest: dict[int, Micros] = {}
    for item in items:
        if isinstance(item, Decoded):
            place, at = item.record.partition, item.event.envelope.recorded_at
            latest[place] = max(latest.get(place, 0), at)
    return [replace(move, latest=latest.get(move.partition, 0)) for move in moves]


def _id_of(item: Item) -> str:
    return item.event.id if isinstance(item, Decoded) else item.event_id
