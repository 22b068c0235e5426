"""What a desk's topic brings is accepted: the acceptance of both doors, with the topic's position in it.

In one transaction, in this order: the compare-and-set of the position; the acceptance (acceptance.py); what was not
accepted; the coverage of this very range. So a crash repeats the records, and finds the position or the receipts.

- What breaks a rule goes back to the desk as `hub.event_rejected`, with the problem that HTTP would have answered.
- What is no event at all (bytes, schema, headers) becomes a task too, `dead_letter`, with its bytes, sealed.
- What our own fault keeps out becomes such a task as well, reason `fault`; everything behind it goes on.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hub import ledger
from hub.crash import point
from hub.database import Connection
from hub.errors import HubError, PeerError
from hub.events import HUB, Envelope
from hub.ids import derive, hub_subject
from hub.outbox import LogEvent, put
from hub.partnership import Desk
from hub.processor import positions, tasks
from hub.processor.loop import describe
from hub.processor.positions import Move
from hub.processor.stored import write_dead_letter
from hub.processor.tasks import TaskRow
from hub.schemas import wire
from services.gateway.acceptance import accept_batch
from services.gateway.checking import Published, receipt_id
from services.gateway.claims import Accepted
from services.gateway.parts import Parts
from services.gateway.placement import agency_log
from services.gateway.problems import Fault, ProblemError
from services.gateway.records import BrokenError, Record, name_of, read

log = logging.getLogger("wraparound.intake")

NAME: Final = "gateway"
"""The processor's name in positions and coverage."""
OPERATIONS: Final = "hub/operations"
REJECTED: Final = "wraparound.hub.event_rejected.v1"
FAULT: Final = "fault"
MOST_PROBLEMS: Final = 20
_LINE: Final = 120

Checked = Published | ProblemError | BrokenError


class LostPositionError(HubError):
    """Somebody else moved the position: this process does not own the topic any more."""


@dataclass(slots=True)
class _Left:
    """What is written of the records that were not accepted."""

    events: list[LogEvent] = field(default_factory=list)
    entries: list[ledger.Entry] = field(default_factory=list)
    tasks: list[TaskRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Intake:
    """The intake of one desk's topic."""

    parts: Parts
    desk: Desk
    topic: str

    async def take(self, moves: Sequence[Move], records: Sequence[Record]) -> None:
        """Account for these records, and no others up to the moves' ends.

        Raises `LostPositionError`; `DatabaseAwayError`: then only the position knows whether it was committed.
        """
        checked = [self._check(record) for record in records]
        try:
            await self._commit(moves, records, checked)
        except (PeerError, LostPositionError):
            raise
        except Exception as fault:  # noqa: BLE001 - ours, wherever in the batch: isolate it record by record
            log.error("%s: %s; accepting one by one", self.topic, describe(fault))  # noqa: TRY400 - may quote data
            await self._one_by_one(moves, records, checked)

    async def _one_by_one(
        self, moves: Sequence[Move], records: Sequence[Record], checked: Sequence[Checked]
    ) -> None:
        for move in moves:
            at = move.start
            for record, each in zip(records, checked, strict=True):
                if record.partition != move.partition:
                    continue
                step = [Move(move.partition, at, record.offset + 1)]
                try:
                    await self._commit(step, [record], [each])
                except (PeerError, LostPositionError):
                    raise
                except Exception as fault:  # noqa: BLE001 - still ours: a person's, and what is behind it goes on
                    log.error("%s/%s: %s", self.topic, record.place, describe(fault))  # noqa: TRY400 - as above
                    await self._commit(step, [record], [BrokenError(FAULT)])
                at = record.offset + 1
            if at < move.end:
                await self._commit([Move(move.partition, at, move.end)], [], [])

    def _check(self, record: Record) -> Checked:
        parts = self.parts
        try:
            event = read(parts.catalogue, record, parts.partnership.limits)
            return parts.checker.check(self.desk, event)
        except (ProblemError, BrokenError) as problem:
            return problem

    async def _commit(
        self, moves: Sequence[Move], records: Sequence[Record], checked: Sequence[Checked]
    ) -> None:
        parts = self.parts
        async with parts.database.transaction() as conn:
            if not await positions.advance(conn, NAME, self.topic, moves):
                raise LostPositionError(f"{self.topic}: another gateway moved the position")
            accepted = iter(
                await accept_batch(conn, parts, [each for each in checked if isinstance(each, Published)])
            )
            results = [next(accepted) if isinstance(each, Published) else each for each in checked]
            await self._write(conn, moves, records, results)
            point("intake.before_commit")
        point("intake.after_commit")

    async def _write(
        self,
        conn: Connection,
        moves: Sequence[Move],
        records: Sequence[Record],
        results: Sequence[Accepted | ProblemError | BrokenError],
    ) -> None:
        parts, now = self.parts, self.parts.clock.now()
        hub, agency = hub_subject(parts.secret), agency_log(parts.secret, self.desk.agency)
        await parts.ring.create(conn, hub, "hub", now)
        left, counts = _Left(), dict[int, Counter[str]]()
        for record, result in zip(records, results, strict=True):
            counts.setdefault(record.partition, Counter())[_fate(result)] += 1
            if not isinstance(result, Accepted):
                self._reject(left, record, result)
            if isinstance(result, BrokenError):
                await self._keep(conn, left, record, result)
        if left.events:
            await parts.ring.create(conn, agency, "agency", now)
        await put(conn, parts.ring, left.events)
        await tasks.write_tasks(conn, left.tasks)
        await ledger.write(conn, [*left.entries, *self._coverage(moves, counts)])

    def _reject(self, left: _Left, record: Record, problem: ProblemError | BrokenError) -> None:
        parts, now = self.parts, self.parts.clock.now()
        event_type = parts.catalogue.type(REJECTED)
        name = name_of(record)
        reason = problem.reason if isinstance(problem, BrokenError) else problem.kind.slug
        faults = problem.faults if isinstance(problem, ProblemError) else ()
        datum = event_type.datum(
            event=name,
            receipt=receipt_id(parts.secret, self.desk.name, name),
            to=self.desk.name,
            reason=reason,
            problems=[_problem(fault) for fault in faults[:MOST_PROBLEMS]] or None,
        )
        agency = agency_log(parts.secret, self.desk.agency)
        envelope = Envelope(
            id=derive(parts.secret, "event", self.topic, record.place, REJECTED),
            type=REJECTED,
            source=HUB,
            key=agency,
            recorded_at=now,
            accepted_at=now,
        )
        left.events.append(LogEvent(envelope, "events", wire.encode(event_type, datum), agency))
        detail = {"topic": self.topic, "partition": record.partition, "offset": record.offset}
        left.entries.append(self._entry("event.rejected", record.place, {"reason": reason, **detail}))

    async def _keep(self, conn: Connection, left: _Left, record: Record, broken: BrokenError) -> None:
        """The bytes for a person, sealed: they may hold anything. Found by the receipt that their desk was told."""
        parts = self.parts
        task_id = derive(parts.secret, "task", "dead_letter", self.topic, record.place)
        key = receipt_id(parts.secret, self.desk.name, name_of(record))
        detail = {"topic": self.topic, "partition": record.partition, "offset": record.offset}
        left.tasks.append(
            TaskRow(task_id, "dead_letter", key, OPERATIONS, parts.clock.now(), None, broken.reason, detail)
        )
        await write_dead_letter(
            conn,
            parts.ring,
            task_id=task_id,
            topic=self.topic,
            partition=record.partition,
            offset=record.offset,
            key_id=hub_subject(parts.secret),
            body=record.value or b"",
        )

    def _coverage(self, moves: Sequence[Move], counts: dict[int, Counter[str]]) -> Iterator[ledger.Entry]:
        for move in moves:
            counted = counts.get(move.partition, Counter())
            absent = {"absent": move.end - move.start - counted.total()}
            detail = {"processor": NAME, "topic": self.topic, "partition": move.partition}
            detail |= {"from": move.start, "to": move.end, "counts": dict(counted) | absent}
            yield self._entry("coverage", f"{move.partition}|{move.start}|{move.end}", detail)

    def _entry(self, kind: str, part: str, detail: dict[str, Any]) -> ledger.Entry:
        parts = self.parts
        return ledger.entry(
            parts.ring,
            kind,
            derive(parts.secret, kind, NAME, self.topic, part),
            parts.clock.now(),
            rules=parts.rules,
            code=parts.code,
            details=[(hub_subject(parts.secret), detail)],
        )


def _fate(result: Accepted | ProblemError | BrokenError) -> str:
    if isinstance(result, Accepted):
        return "done" if result.first else "duplicate"
    return "rejected"


def _problem(fault: Fault) -> dict[str, str]:
    shown = {"pointer": fault.pointer, "detail": f"expected {fault.expected}, came {fault.came}"}
    return {name: text[:_LINE].strip() for name, text in shown.items()} | {"rule": fault.rule}
