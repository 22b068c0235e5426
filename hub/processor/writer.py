"""Gathers what a batch's handlers asked for, and writes it in bulk.

Nothing is written before `write`, so that one COPY for each table serves the whole batch. A delivery that a
later
record of the same batch decides again is changed here before it was ever a row.
"""

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

from hub import ledger
from hub.clock import Micros
from hub.copying import Rows, boolean, int8, int8_array, optional_int8, uuid, uuid_array
from hub.database import Connection
from hub.effects import (
    Await,
    CloseTask,
    Decided,
    Deliver,
    Effect,
    Emit,
    Note,
    OpenTask,
    Queued,
    Release,
    Revise,
    Settle,
    Waiting,
)
from hub.events import HUB, Envelope, Event
from hub.ids import derive
from hub.keys import KeyRing
from hub.outbox import LogEvent, put
from hub.processor import stored, tasks, unended
from hub.processor.left import left_since
from hub.schemas import Catalogue, wire


def delivery_context(delivery_id: str) -> bytes:
    """What binds a sealed delivery body to its row."""
    return b"delivery|" + delivery_id.encode()


def delivery_id(secret: bytes, event_id: str, desk: str) -> str:
    """The id of the delivery of an event to a desk: the same at every replay."""
    return derive(secret, "delivery", event_id, desk)


class Writer:
    """The effects of one batch of one processor."""

    def __init__(
        self,
        secret: bytes,
        ring: KeyRing,
        catalogue: Catalogue,
        *,
        rules: Callable[[Micros], str],
        code: str,
    ) -> None:
        self._secret = secret
        self._ring = ring
        self._catalogue = catalogue
        self._rules = rules
        self._code = code
        self._new: dict[str, Deliver] = {}
        self._revised: dict[str, Revise] = {}
        self._waiting: dict[str, Waiting] = {}
        self._settled: set[str] = set()
        self._events: list[LogEvent] = []
        self._named: dict[int, Emit] = {}
        self._entries: list[ledger.Entry] = []
        self._tasks: list[tasks.TaskRow | tasks.Closing] = []

    def delivery_id(self, event_id: str, desk: str) -> str:
        """The id of the delivery of an event to a desk."""
        return delivery_id(self._secret, event_id, desk)

    def carry_out(self, cause: Event, at: Micros, effects: Iterable[Effect]) -> None:
        """Take the effects that `cause` had at hub time `at`."""
        for effect in effects:
            match effect:
                case Deliver():
                    self._new[self.delivery_id(effect.event.id, effect.desk)] = effect
                case Revise():
                    self._revise(effect)
                case Await(waiting):
                    self._waiting[waiting.event.id] = waiting
                case Settle(waiting):
                    self._waiting.pop(waiting.event.id, None)
                    self._settled.add(waiting.event.id)
                case Decided():
                    self._decided(cause, at, effect)
                case Emit():
                    self._emit(cause, at, effect)
                case Note():
                    self._note(cause, at, effect)
                case OpenTask():
                    self.open_task(cause.id, at, effect)
                case CloseTask():
                    self._tasks.append(tasks.Closing(effect, at, cause.id))

    def queued_after(
        self, queue: dict[str, Queued | Waiting], effects: Iterable[Effect], *, deliveries: bool = True
    ) -> None:
        """Bring a key's queue, as the next record of this batch is to see it, up to these effects.

        Without `deliveries` it holds the events that wait alone.
        """
        for effect in effects:
            if isinstance(effect, Deliver) and deliveries:
                queue_id = self.delivery_id(effect.event.id, effect.desk)
                queue[queue_id] = Queued(
                    queue_id,
                    effect.desk,
                    effect.release.status,
                    released=False,
                    recorded=effect.recorded,
                    event=effect.event,
                    empty=effect.release.body is None,
                )
            elif isinstance(effect, Await):
                queue[effect.waiting.event.id] = effect.waiting
            elif isinstance(effect, Settle):
                queue.pop(effect.waiting.event.id, None)
            elif isinstance(effect, Revise):
                item, status = effect.queued, effect.release.status
                if status == "recalled" or (status == "delivered" and item.sent):
                    queue.pop(item.delivery_id, None)
                elif item.status != "attempting" or status == "held":
                    empty = effect.release.body is None
                    queue[item.delivery_id] = replace(item, status=status, empty=empty)

    def _revise(self, effect: Revise) -> None:
        delivery_id = effect.queued.delivery_id
        fresh, first = self._new.get(delivery_id), self._revised.get(delivery_id)
        if fresh is not None:
            self._new[delivery_id] = replace(fresh, release=effect.release)
        elif first is not None:
            # What the row is in the database decides its place in line, not what this batch made of it so far.
            self._revised[delivery_id] = replace(effect, queued=first.queued)
        else:
            self._revised[delivery_id] = effect

    def _decided(self, cause: Event, at: Micros, effect: Decided) -> None:
        entry_id = decision_entry_id(self._secret, effect.event_id, cause.id)
        self.enter(
            "decision.made", entry_id, at, effect.subjects, effect.record, rules=effect.record["rules"]
        )

    def _note(self, cause: Event, at: Micros, effect: Note) -> None:
        entry_id = derive(self._secret, effect.kind, cause.id, effect.part)
        self.enter(effect.kind, entry_id, at, effect.subjects, effect.detail)

    def enter(
        self,
        kind: str,
        entry_id: str,
        at: Micros,
        subjects: tuple[str, ...],
        detail: Mapping[str, Any],
        *,
        key_id: str = "",
        rules: str = "",
    ) -> None:
        """Add an audit entry; its detail is sealed under `key_id`, else under the first subject's key.

        `rules`: those that decided, where they are not those of `at`: a log may be ahead of its event.
        """
        self._entries.append(
            ledger.entry(
                self._ring,
                kind,
                entry_id,
                at,
                rules=rules or self._rules(at),
                code=self._code,
                subjects=subjects,
                details=[(key_id or subjects[0], detail)],
            )
        )

    def _emit(self, cause: Event, at: Micros, effect: Emit) -> None:
        event_type = self._catalogue.type(effect.type)
        envelope = Envelope(
            id=derive(self._secret, "event", cause.id, effect.type, effect.topic, effect.key, effect.part),
            type=effect.type,
            source=HUB,
            key=effect.key,
            recorded_at=max(at, effect.recorded),
            accepted_at=cause.envelope.accepted_at,
            cause=cause.id,
        )
        if effect.names:
            self._named[len(self._events)] = effect
        body = wire.encode(event_type, dict(effect.data))
        self._events.append(LogEvent(envelope, effect.topic, body, effect.key_id))

    def open_task(self, cause_id: str, at: Micros, effect: OpenTask) -> str:
        """Open a task; its id follows from its cause."""
        task = self._task(cause_id, at, effect)
        self._tasks.append(task)
        return task.task_id

    def _task(self, cause_id: str, at: Micros, effect: OpenTask) -> tasks.TaskRow:
        parts = ([] if effect.shared else [cause_id]) + ([effect.part] if effect.part else [])
        return tasks.TaskRow(
            derive(self._secret, "task", effect.kind, effect.key, *parts),
            effect.kind,
            effect.key,
            effect.owner,
            at if effect.opens_at is None else max(at, effect.opens_at),
            effect.due_at,
            effect.reason,
            dict(effect.detail),
            effect.shared,
            effect.left,
        )

    def derived(self) -> set[str]:
        """The events that this batch makes."""
        return {each.envelope.id for each in self._events}

    def key_ids(self) -> set[str]:
        """The subject keys that the gathered events need, beyond those of the batch's own keys."""
        return {event.key_id for event in self._events if event.key_id is not None}

    async def write(self, conn: Connection, there: AbstractSet[str]) -> None:
        """Write everything, in bulk, in the caller's transaction. `there`: derived events that are stored already."""
        await self._ring.load(conn, sorted(self.key_ids()))
        await self._name_events(conn)
        opened = await self._listing(conn)
        asked = await self._write_new(conn)
        await self._write_revised(conn)
        await unended.write_undecided(conn, list(self._waiting.values()), self._settled)
        await self._write_events(conn, there)
        await ledger.write(conn, self._entries)
        await tasks.write_tasks(conn, (*asked, *opened))

    async def _listing(self, conn: Connection) -> list[tasks.TaskRow | tasks.Closing]:
        """The tasks to write: those that list what left with that, while the rows are what left; without any, not."""
        found: list[tasks.TaskRow | tasks.Closing] = []
        for each in self._tasks:
            if isinstance(each, tasks.TaskRow) and each.left is not None:
                left = await left_since(
                    conn, each.left.persons, each.left.since, ring=self._ring, catalogue=self._catalogue
                )
                if left:
                    found.append(replace(each, detail={**each.detail, "left": left}))
            else:
                found.append(each)
        return found

    async def _name_events(self, conn: Connection) -> None:
        """Have those that speak of a desk's own event name it as the desk does."""
        if not self._named:
            return
        own = await stored.source_ids(conn, [effect.names for effect in self._named.values()])
        for place, effect in self._named.items():
            event_type = self._catalogue.type(effect.type)
            # A receipt that is gone stands for itself.
            body = wire.encode(event_type, {**effect.data, "event": own.get(effect.names, effect.names)})
            self._events[place] = replace(self._events[place], body=body)

    def _sealed(self, delivery_id: str, key: str, release: Release) -> bytes | None:
        if release.body is None:
            return None
        return self._ring.seal(key, delivery_context(delivery_id), release.body)

    async def _write_events(self, conn: Connection, there: AbstractSet[str]) -> None:
        """What is derived enters its log; in a replay the log has it, and another processor may have kept it."""
        await put(conn, self._ring, [each for each in self._events if each.envelope.id not in there])

    async def _write_new(self, conn: Connection) -> list[tasks.TaskRow]:
        """Write the new deliveries. Gives the tasks that they bring."""
        rows, asked = Rows("delivery", unended.DELIVERY), []
        had = await unended.perhaps_released(
            conn, {each for item in self._new.values() for each in item.after}
        )
        for delivery_id, item in self._new.items():
            head, release = item.event.envelope, item.release
            if item.after and had.isdisjoint(item.after):
                release = replace(release, status="recalled", reason="never_had")
            elif item.task is not None:
                asked.append(self._task(head.id, item.recorded, item.task))
            rows.add(
                uuid(delivery_id),
                item.desk.encode(),
                uuid(head.key),
                uuid(head.id),
                head.type.encode(),
                release.status.encode(),
                uuid_array(release.persons),
                int8_array(release.counts),
                release.rules.encode(),
                optional_int8(release.valid_until),
                boolean(item.urgent),
                int8(item.recorded),
                self._sealed(delivery_id, head.key, release),
                release.reason.encode() if release.reason else None,
            )
        await rows.write(conn)
        return asked

    async def _write_revised(self, conn: Connection) -> None:
        """Replace what queued rows may release.

        A held row that stands in its desk's line again re-enters at the end (`re_enters`). A row that is being sent
        stays so, for who sends it to mark; what it holds from now on is what goes out if those bytes do not.
        """
        if not self._revised:
            return
        revised = list(self._revised.items())
        again = [re_enters(item) for _, item in revised]
        cursor = await conn.execute(
            "SELECT nextval('delivery_seq') FROM generate_series(1, %s)", (again.count(True),)
        )
        places = iter([row[0] for row in await cursor.fetchall()])
        releases = [item.release for _, item in revised]
        await conn.execute(
            "UPDATE delivery d SET status = CASE WHEN d.status = 'attempting' AND u.status IN ('pending', 'delivered')"
            " THEN d.status ELSE u.status END, body = u.body, persons = u.persons::uuid[],"
            " counts = u.counts::bigint[], rules = u.rules, valid_until = u.until, reason = u.reason,"
            " seq = coalesce(u.seq, d.seq)"
            " FROM unnest(%s::uuid[], %s::text[], %b::bytea[], %s::text[], %s::text[], %s::text[], %s::bigint[],"
            " %s::text[], %s::bigint[]) AS u(id, status, body, persons, counts, rules, until, reason, seq)"
            f" WHERE d.delivery_id = u.id AND {unended.UNENDED}",
            (
                [delivery_id for delivery_id, _ in revised],
                [release.status for release in releases],
                [
                    self._sealed(delivery_id, item.queued.event.envelope.key, item.release)
                    for delivery_id, item in revised
                ],
                ["{" + ",".join(release.persons) + "}" for release in releases],
                ["{" + ",".join(map(str, release.counts)) + "}" for release in releases],
                [release.rules for release in releases],
                [release.valid_until for release in releases],
                [release.reason or None for release in releases],
                [next(places) if moved else None for moved in again],
            ),
        )


def re_enters(revise: Revise) -> bool:
    """Whether a row that was held stands in line again, be it to wait there: its old place has been passed.

    Else nobody would ever look at it.
    """
    return revise.queued.status == "held" and revise.release.status not in {"held", "recalled"}


def decision_entry_id(secret: bytes, event_id: str, cause_id: str) -> str:
    """The audit entry of the decision on an event that `cause_id` brought about (itself, at first)."""
    return derive(secret, "decision.made", event_id, cause_id)
