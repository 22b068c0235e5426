"""Acceptance: events become durable and take their place in a log, in one SQL transaction (DESIGN.md section 2).

In this order:

1. One registration at a time, so that an event that waits for an id and the registration of that id cannot miss each
   other, nor one that waits for an agency's return and that return: a transaction that registers, or may let an agency
   return, takes a lock alone, one that leaves an event waiting shares it.
2. Who is who (directory.py). Somebody unknown: look again under the lock.
3. Receipts (claims.py). A retry finds the first one: the same content gives it again, other content is a conflict.
   What is new and says that it happened later than now is refused here (happening.py).
4. Event by event, each accepted later than the one before: what it registers, where it belongs, whose guards it
   raises. What can enter a log enters, and with it, in their order, the events that waited for what it registered;
   what cannot, waits.
5. Everything is written (writing.py): ids, guards (in id order, each once), events and outbox, one audit entry.

The caller commits, and answers after that. A batch is accepted as one; a single event is a batch of one.
"""

from collections.abc import Sequence
from typing import Final

from hub.clock import Micros, SystemClock
from hub.crash import point
from hub.database import Connection
from hub.ids import derive
from hub.telemetry import traces
from services.gateway import activating, guards, happening, seconding, suspending, waiting
from services.gateway.checking import Published
from services.gateway.claims import Accepted, Result, claim, release
from services.gateway.entering import Entering
from services.gateway.identity import Token, note
from services.gateway.parts import Parts
from services.gateway.placement import Unplaced
from services.gateway.problems import ProblemError
from services.gateway.registration import Change
from services.gateway.standing import WHO_IS_WHO
from services.gateway.waiting import Waiting, desk_subject
from services.gateway.writing import write

REGISTRATION_LOCK: Final = 710_010


async def register_alone(conn: Connection) -> None:
    """Until this transaction ends nobody else registers anybody, and nothing is left waiting."""
    await conn.execute("SELECT pg_advisory_xact_lock(%s)", (REGISTRATION_LOCK,))


async def accept(parts: Parts, event: Published, token: Token | None = None) -> Accepted:
    """Accept one event; it is durable when this returns. Raises `ProblemError` (401, 409), `DatabaseAwayError`."""
    (result,) = await accept_all(parts, [event], token)
    if isinstance(result, ProblemError):
        raise result
    return result


async def accept_all(parts: Parts, events: Sequence[Published], token: Token | None = None) -> list[Result]:
    """Accept events of one desk, in order, in one transaction. `token`, where there is one, is used up with it.

    Raises `TokenError`; `DatabaseAwayError`: then ask again.
    """
    began = traces.now()
    async with parts.database.transaction() as conn:
        if token is not None:
            await note(conn, token)
        results = await accept_batch(conn, parts, events)
        point("accept.before_commit")
    point("accept.after_commit")
    if traces.on():
        _trace(events, results, began)
    return results


def _trace(events: Sequence[Published], results: Sequence[Result], began: int) -> None:
    for event, result in zip(events, results, strict=True):
        if isinstance(result, Accepted) and result.first:
            traces.accepted(result.receipt_id, desk=event.desk.name, kind=event.kind, began=began)


async def accept_batch(conn: Connection, parts: Parts, events: Sequence[Published]) -> list[Result]:
    """The same in the caller's transaction: nothing is accepted until that commits."""
    return await Batch(conn, parts, events).run() if events else []


class Batch:
    """The events of one desk in one transaction."""

    def __init__(self, conn: Connection, parts: Parts, events: Sequence[Published]) -> None:
        self.conn = conn
        self.parts = parts
        self.events = events
        self.desk = events[0].desk
        self.mono: Micros = SystemClock().now()
        self.now: Micros = parts.clock.now()
        self.entering = Entering(conn, parts, self.now)
        self.out = self.entering.out
        self.is_suspended = False
        self._anything_waits: bool | None = None
        self.blocked: frozenset[bytes] = frozenset()

    async def run(self) -> list[Result]:
        """Accept what is new; the results in the order of the events."""
        await self._look()
        self.now = self.entering.now = self.parts.clock.now()
        entry_id = derive(self.parts.secret, "event.accepted", *(event.receipt_id for event in self.events))
        results, fresh = await claim(self.conn, self.events, entry_id=entry_id, at=self.now, mono=self.mono)
        for event in fresh:
            problem = happening.refusal(self.parts.partnership, event, self.now)
            problem = problem or await activating.refusal(self.conn, self.parts, event)
            if problem is None:
                await self._take(event)
            else:
                await release(self.conn, event)
                results = [
                    problem if each.receipt_id == event.receipt_id else result
                    for each, result in zip(self.events, results, strict=True)
                ]
        directory = self.entering.directory
        await write(self.conn, self.parts, self.desk, directory, self.out, entry_id=entry_id, now=self.now)
        return results

    async def _look(self) -> None:
        registering = any(event.kind in WHO_IS_WHO for event in self.events)
        registering = registering or await suspending.may_return(self.conn, self.events)
        if registering:
            await register_alone(self.conn)
        await self._load(again=False)
        if not registering and (
            self.is_suspended or self.blocked or any(self.entering.unknown(event) for event in self.events)
        ):
            await self.conn.execute("SELECT pg_advisory_xact_lock_shared(%s)", (REGISTRATION_LOCK,))
            await self._load(again=True)

    async def _load(self, *, again: bool) -> None:
        await self.entering.load(self.events, again=again)
        tokens = frozenset[bytes]().union(*map(self.entering.tokens, self.events))
        closed, self.blocked = await waiting.obstacles(self.conn, self.desk.name, tokens)
        self.is_suspended = closed or self.parts.partnership.agency(self.desk.agency).state == "suspended"

    async def _take(self, event: Published) -> None:
        """Enter the event, and what waited for it; or leave it waiting."""
        entering, at = self.entering, self.parts.stamps.next(self.now)
        if self.is_suspended and not self._comes_back(event) and not await entering.protected(event):
            await self._wait(event, "suspended", entering.tokens(event), at)
            return
        behind = entering.behind(event, self.blocked)
        if behind:
            await self._wait(event, "behind", behind | entering.unknown(event), at)
            return
        entered = await entering.enter(event, at)
        if isinstance(entered, Unplaced):
            await self._wait(event, "unidentified", entered.tokens, at)
        else:
            await self.wake(entered)

    def _comes_back(self, event: Published) -> bool:
        """Its own agency's return waits for nothing: nobody else could ever say it of the agency that says so."""
        returns = event.kind == suspending.RESUMED and event.datum["agency"] == self.desk.agency
        return returns or seconding.is_answer(event)

    async def _wait(
        self, event: Published, reason: waiting.Reason, tokens: frozenset[bytes], at: Micros
    ) -> None:
        """Keep the event waiting. Whom it protects is protected from now on, even so, if its author may say it."""
        raised = await self.entering.protected_waiting(event)
        key_id = desk_subject(self.parts.secret, event.desk.name)
        await self.parts.ring.create(self.conn, key_id, "desk", self.now)
        self.out.raises.update(raised)
        if raised:
            self.out.protective.add(event.receipt_id)
        self.out.left_waiting.append(event)
        self._anything_waits = True
        if reason != "suspended":
            self.blocked |= tokens
        await waiting.write(
            self.conn,
            self.parts.ring,
            event,
            key_id=key_id,
            reason=reason,
            tokens=tokens,
            raised=raised,
            accepted_at=at,
            mono=self.mono,
        )

    async def wake(self, change: Change) -> None:
        """Enter the events that waited for what was registered, in order, and what those wake in turn."""
        freed = frozenset[bytes]()
        for agency in [agency for agency, closed in self.out.suspended.items() if not closed]:
            del self.out.suspended[agency]
            await guards.set_closed(self.conn, agency, closed=False, since=self.now)
            if agency == self.desk.agency:
                self.is_suspended = self.parts.partnership.agency(agency).state == "suspended"
            freed |= await self.retry(await waiting.suspended(self.conn, self.parts.ring, agency))
        if change.touched and await self._does_anything_wait():
            freed |= await self.entering.tokens_of(change.touched)
        await self.free(freed)

    async def free(self, tokens: frozenset[bytes]) -> None:
        """Enter the events that waited for these ids, and what waited for those."""
        while tokens:
            tokens = await self.retry(await waiting.touched(self.conn, self.parts.ring, tokens))

    async def _does_anything_wait(self) -> bool:
        """Asked once: while this transaction registers, nobody else leaves anything waiting."""
        if self._anything_waits is None:
            self._anything_waits = await waiting.is_any(self.conn)
        return self._anything_waits

    async def retry(self, rows: Sequence[Waiting]) -> frozenset[bytes]:
        """Try each row in order. Gives the ids that others may have waited for."""
        freed: set[bytes] = set()
        blocked: dict[str, frozenset[bytes]] = {}
        entered: list[str] = []
        for row in rows:
            before = blocked.get(row.desk, frozenset())
            found = await self._retry(row, before)
            if isinstance(found, Change):
                entered.append(row.receipt_id)
                freed |= row.tokens | await self.entering.tokens_of(found.touched)
            elif found is not None:
                blocked[row.desk] = before | found.tokens
        await waiting.remove(self.conn, entered, self.now)
        self.blocked -= freed - blocked.get(self.desk.name, frozenset())
        return frozenset(freed)

    async def _retry(self, row: Waiting, before: frozenset[bytes]) -> Change | Unplaced | None:
        """Enter what a row holds, unless an earlier one of its desk still waits for the same (`before`).

        None: the row waits for its agency's return, and nobody waits for it.
        """
        if row.reason == "suspended" and await self._still_suspended(row):
            return None
        event = published(self.parts, row)
        if event is None:
            return Unplaced(row.tokens)
        await self.entering.load([event])
        behind = self.entering.behind(event, before)
        found: Change | Unplaced = Unplaced(behind | self.entering.unknown(event))
        if not behind:
            found = await self.entering.enter(event, row.accepted_at, row.raised)
        if isinstance(found, Change):
            return found
        reason: waiting.Reason = "behind" if behind else "unidentified"
        # What it waited for, its successors wait for: the list only grows, but for what a suspension put on it.
        tokens = found.tokens | (row.tokens if row.reason != "suspended" else frozenset())
        if reason != row.reason or tokens != row.tokens:
            await waiting.change(self.conn, row.receipt_id, reason, tokens)
        return Unplaced(tokens)

    async def _still_suspended(self, row: Waiting) -> bool:
        agency = row.desk.partition("/")[0]
        return self.out.suspended.get(agency, False) or await guards.is_closed(self.conn, agency)


def published(parts: Parts, row: Waiting) -> Published | None:
    """The event of a row; None if its data does not fit its schema or the partnership any more."""
    event_type = parts.catalogue.type(row.type)
    datum, _ = event_type.read_json(row.data)
    if datum is None or not parts.partnership.has_desk(row.desk):
        return None
    desk = parts.partnership.desk(row.desk)
    try:
        return parts.checker.published(desk, row.receipt_id, "", b"", datum, event_type)
    except ProblemError:
        return None
