"""What an acceptance writes once everything is decided: ids, guards, events with outbox rows, audit entries."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hub import ledger
from hub.clock import Micros
from hub.database import Connection
from hub.events import Envelope
from hub.ids import derive, hub_subject
from hub.outbox import LogEvent, put
from hub.partnership import Desk
from hub.schemas import wire
from services.gateway import doubts, guards, tasks
from services.gateway.checking import Published, receipt_id
from services.gateway.directory import Directory
from services.gateway.parts import Parts
from services.gateway.placement import REDRIVE, Copy, copy_id
from services.gateway.registration import Contradiction
from services.gateway.waiting import desk_subject

MOST_SUBJECTS: Final = 600
"""Subjects of one entry: each takes 102 bytes of a leaf's 65,535."""


@dataclass(frozen=True, slots=True)
class Entered:
    """An event that enters its log or logs in this transaction. `raised`: whose guards, by each copy."""

    event: Published
    copies: tuple[Copy, ...]
    accepted_at: Micros
    raised: tuple[str, ...]
    contradictions: tuple[Contradiction, ...] = ()

    def sealed_under(self, copy: Copy) -> str | None:
        """The subject whose key seals a copy: its log's; None for what holds codes only."""
        return copy.log if copy.topic == "events" and self.event.kind != REDRIVE else None


@dataclass(slots=True)
class Gathered:
    """What a transaction has decided and is still to write."""

    entered: list[Entered] = field(default_factory=list)
    also: list[LogEvent] = field(default_factory=list)
    raises: Counter[str] = field(default_factory=Counter)
    left_waiting: list[Published] = field(default_factory=list)
    protective: set[str] = field(default_factory=set)
    suspended: dict[str, bool] = field(default_factory=dict)


async def write(
    conn: Connection,
    parts: Parts,
    desk: Desk,
    directory: Directory,
    out: Gathered,
    *,
    entry_id: str,
    now: Micros,
) -> None:
    """Write what `desk` published in the caller's transaction. Nothing was accepted: nothing is written."""
    if not out.entered and not out.left_waiting:
        return
    await directory.new.write(conn, now)
    # Agencies before persons, as attempts take them.
    for agency, closed in sorted(out.suspended.items()):
        await guards.set_closed(conn, agency, closed=closed, since=now)
    await guards.raise_all(conn, out.raises)
    if out.protective:
        await conn.execute(
            "UPDATE receipt SET protective = true WHERE receipt_id = ANY(%s::uuid[])",
            (sorted(out.protective),),
        )
    await _load_keys(conn, parts, desk, directory, out, now)
    events = [each for entered in out.entered for each in _log_events(parts, entered, now)]
    await put(conn, parts.ring, [*events, *out.also])
    for entered in out.entered:
        await _open_tasks(conn, parts, directory, entered, now)
    await ledger.write(conn, list(_audit_entries(parts, desk, out, entry_id, now)))


async def _load_keys(
    conn: Connection, parts: Parts, desk: Desk, directory: Directory, out: Gathered, now: Micros
) -> None:
    families: set[str] = set()
    agencies: set[str] = set()
    for entered in out.entered:
        logs = {key for copy in entered.copies if (key := entered.sealed_under(copy)) is not None}
        (families if entered.event.is_about_a_family else agencies).update(logs)
    await parts.ring.create_all(conn, directory.new.opened, "family", now)
    await parts.ring.create_all(conn, agencies, "agency", now)
    await parts.ring.create(conn, hub_subject(parts.secret), "hub", now)
    await parts.ring.create(conn, desk_subject(parts.secret, desk.name), "desk", now)
    await parts.ring.load(conn, families)


def _log_events(parts: Parts, entered: Entered, now: Micros) -> Iterator[LogEvent]:
    event, secret = entered.event, parts.secret
    for number, copy in enumerate(entered.copies):
        own = copy.event_id(secret, event.receipt_id)
        cause = ""
        for doubt in copy.doubts:
            link = doubts.linked(
                parts.catalogue,
                secret,
                event_id=own,
                log=copy.log,
                stand_in=doubt.stand_in,
                held=doubt.candidates if entered.raised else (),
                agency=event.desk.agency,
                recorded_at=now,
                accepted_at=entered.accepted_at,
            )
            cause = link.envelope.id
            yield link
        datum = event.type.replace_refs(event.datum, copy.body)
        if datum["corrects"] is not None:
            earlier = receipt_id(secret, event.desk.name, datum["corrects"])
            datum["corrects"] = copy_id(secret, earlier, copy.log)
        envelope = Envelope(
            id=own,
            type=event.type.type,
            source=event.desk.name,
            key=copy.log,
            recorded_at=now,
            accepted_at=entered.accepted_at,
            receipt=event.receipt_id,
            raises=entered.raised,
            primary=number == 0 and not copy.doubts,
            cause=cause,
        )
        yield LogEvent(envelope, copy.topic, wire.encode(event.type, datum), entered.sealed_under(copy))


async def _open_tasks(
    conn: Connection, parts: Parts, directory: Directory, entered: Entered, now: Micros
) -> None:
    """A person decides about ids that contradict each other, and about those that may stand for several."""
    event = entered.event
    doubtful = [(copy, doubt) for copy in entered.copies for doubt in copy.doubts]
    if not doubtful and not entered.contradictions:
        return
    families = [copy.log for copy in entered.copies]
    owned_by = await tasks.owner(conn, parts.partnership, event.desk, families)
    for token, candidates in [
        *((directory.token(each.key), each.candidates) for each in entered.contradictions),
        *((directory.token(doubt.key), doubt.candidates) for _, doubt in doubtful),
    ]:
        await tasks.open_task(
            conn,
            task_id=doubts.task_id(parts.secret, token),
            kind=doubts.KIND,
            key=candidates[0],
            owned_by=owned_by,
            at=now,
            due_at=tasks.due(event.kind, now),
            reason=doubts.REASON,
            detail={"candidates": list(candidates), "copies": {}, "held": False},
        )
    for copy, doubt in doubtful:
        task = doubts.task_id(parts.secret, directory.token(doubt.key))
        copied = doubts.Copied(copy.event_id(parts.secret, event.receipt_id), doubt.stand_in)
        await doubts.note(conn, task, doubt.hub_id, copied, held=bool(entered.raised))


def _audit_entries(
    parts: Parts, desk: Desk, out: Gathered, entry_id: str, now: Micros
) -> Iterator[ledger.Entry]:
    """The entry that the receipts name, and, where more than one subject is concerned, those with a part for each.

    The desk gets the leaf of the first with its proof: it has one subject and one detail whatever was found of whom.
    That is the one log's where there is one, else the desk's own, with all that it published. Each subject's part
    names its own events, and no other's. A leaf has its size: more subjects than it holds are in several.
    """
    secret = parts.secret
    details: dict[str, list[dict[str, Any]]] = {}
    for entered in out.entered:
        for copy in entered.copies:
            key = entered.sealed_under(copy) or hub_subject(secret)
            said = _said(entered.event) | {"event": copy.event_id(secret, entered.event.receipt_id)}
            details.setdefault(key, []).append(said)
    if len(details) == 1 and not out.left_waiting:
        yield _entry(parts, entry_id, now, details)
        return
    published = [*(entered.event for entered in out.entered), *out.left_waiting]
    mine = [_said(event) for event in published if event.desk == desk]
    yield _entry(parts, entry_id, now, {desk_subject(secret, desk.name): mine})
    ordered = sorted(details)
    for start in range(0, len(ordered), MOST_SUBJECTS):
        subjects = ordered[start : start + MOST_SUBJECTS]
        also = derive(secret, "event.accepted", entry_id, str(start))
        yield _entry(parts, also, now, {key: details[key] for key in subjects})


def _entry(
    parts: Parts, entry_id: str, now: Micros, said: Mapping[str, Sequence[Mapping[str, Any]]]
) -> ledger.Entry:
    return ledger.entry(
        parts.ring,
        "event.accepted",
        entry_id,
        now,
        rules=parts.rules,
        code=parts.code,
        subjects=list(said),
        details=[(key, {"events": events}) for key, events in said.items()],
    )


def _said(event: Published) -> dict[str, Any]:
    return {"desk": event.desk.name, "receipt": event.receipt_id, "type": event.type.type}
