"""Acceptance: events become durable and take their place in a log, in one SQL transaction (DESIGN.md section 2).

In this order:

1. One registration at a time, so that an event that waits for an id and the registration of that id cannot miss each
   other: a transaction that registers takes a lock alone, one that leaves an event waiting shares it.
2. Who is who (directory.py). Somebody unknown: look again under the lock.
3. Receipts (claims.py). A retry finds the first one: the same content gives it again, other content is a conflict.
4. Event by event: what it registers, where it belongs, whose guards it raises. What can enter a log enters, and with
   it, in their order, the events that waited for what it registered; what cannot, waits.
5. Everything is written (writing.py): ids, guards (in id order, each once), events and outbox, one audit entry.

The caller commits, and answers after that. A batch is accepted as one; a single event is a batch of one.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from hub.clock import Micros, SystemClock
from hub.crash import point
from hub.database import Connection
from hub.ids import derive
from hub.schemas.refs import Datum
from services.consent.event import PlainEvent
from services.consent.facts import protective
from services.gateway import doubts, guards, waiting
from services.gateway.checking import REGISTERING, Published
from services.gateway.claims import Accepted, Result, claim
from services.gateway.directory import Directory
from services.gateway.identity import Token, note
from services.gateway.parts import Parts
from services.gateway.placement import Copy, Unplaced, partial, place
from services.gateway.problems import ProblemError
from services.gateway.registration import Change, Registrar
from services.gateway.waiting import Waiting, desk_subject
from services.gateway.writing import Entered, Gathered, write

REGISTRATION_LOCK: Final = 710_010
_ENDING: Final = frozenset(
    {"family.closed", "family.member_changed", "person.adopted", "hub.identity_unlinked"}
)


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
    async with parts.database.transaction() as conn:
        if token is not None:
            await note(conn, token)
        results = await accept_batch(conn, parts, events)
        point("accept.before_commit")
    point("accept.after_commit")
    return results


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
        self.directory = Directory(parts.secret)
        self.registrar = Registrar(parts.partnership, self.directory)
        self.mono: Micros = SystemClock().now()
        self.now: Micros = parts.clock.now()
        self.out = Gathered()
        self.is_suspended = False
        self.blocked: frozenset[bytes] = frozenset()

    async def run(self) -> list[Result]:
        """Accept what is new; the results in the order of the events."""
        await self._look()
        self.now = self.parts.clock.now()
        entry_id = derive(self.parts.secret, "event.accepted", *(event.receipt_id for event in self.events))
        results, fresh = await claim(self.conn, self.events, entry_id=entry_id, at=self.now, mono=self.mono)
        for event in fresh:
            await self._take(event)
        await write(self.conn, self.parts, self.directory, self.out, entry_id=entry_id, now=self.now)
        return results

    # Who is who ------------------------------------------------------------------------------------------------

    async def _look(self) -> None:
        registering = any(event.kind in REGISTERING for event in self.events)
        if registering:
            await self.conn.execute("SELECT pg_advisory_xact_lock(%s)", (REGISTRATION_LOCK,))
        await self._load(again=False)
        if not registering and (
            self.is_suspended or self.blocked or not all(map(self._is_placed, self.events))
        ):
            await self.conn.execute("SELECT pg_advisory_xact_lock_shared(%s)", (REGISTRATION_LOCK,))
            await self._load(again=True)

    async def _load(self, *, again: bool) -> None:
        keys = {key for event in self.events for key in event.keys}
        await self.directory.load(self.conn, keys, again=again)
        await self._load_schemes(self.events)
        agency = self.desk.agency
        tokens = {self.directory.token(key) for key in keys}
        closed, self.blocked = await waiting.obstacles(self.conn, self.desk.name, tokens)
        self.is_suspended = closed or self.parts.partnership.agency(agency).state == "suspended"

    async def _load_schemes(self, events: Iterable[Published]) -> None:
        persons = {
            hub_id
            for event in events
            if event.kind in {"family.member_added", "family.member_changed"}
            for key in event.keys
            if key[0] == "person" and (hub_id := self.directory.known(key)) is not None
        }
        await self.directory.load_schemes(self.conn, persons)

    def _is_placed(self, event: Published) -> bool:
        return not isinstance(place(event, self.directory, self.parts.secret), Unplaced)

    def _tokens(self, event: Published) -> frozenset[bytes]:
        return frozenset(self.directory.token(key) for key in event.keys)

    def _behind(self, event: Published, blocked: frozenset[bytes]) -> frozenset[bytes]:
        """The ids of the event that an earlier one waits for; not those that this one registers itself."""
        exempt = {self.directory.token(key) for key in self.registrar.exempt(event)}
        return (self._tokens(event) & blocked) - exempt

    def _unknown(self, event: Published) -> frozenset[bytes]:
        found = place(event, self.directory, self.parts.secret)
        return found.tokens if isinstance(found, Unplaced) else frozenset()

    # One event -------------------------------------------------------------------------------------------------

    async def _take(self, event: Published) -> None:
        """Enter the event, and what waited for it; or leave it waiting."""
        raised = self._raised(event, partial(event, self.directory))
        if self.is_suspended and not raised:
            await self._wait(event, "suspended", self._tokens(event), raised)
            return
        behind = self._behind(event, self.blocked)
        if behind:
            await self._wait(event, "behind", behind | self._unknown(event), raised)
            return
        entered = await self._enter(event, self.now, ())
        if isinstance(entered, Unplaced):
            await self._wait(event, "unidentified", entered.tokens, raised)
        else:
            await self._wake(entered)

    async def _wait(
        self, event: Published, reason: waiting.Reason, tokens: frozenset[bytes], raised: frozenset[str]
    ) -> None:
        """Keep the event waiting. Whom it protects is protected from now on, even so."""
        key_id = desk_subject(self.parts.secret, event.desk.name)
        await self.parts.ring.create(self.conn, key_id, "desk", self.now)
        self.out.raises.update(raised)
        if raised:
            self.out.protective.add(event.receipt_id)
        self.out.left_waiting.append(event)
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
            accepted_at=self.now,
            mono=self.mono,
        )

    async def _enter(
        self, event: Published, accepted_at: Micros, raised: tuple[str, ...]
    ) -> Change | Unplaced:
        """Register, place and keep the event for writing. `raised`: whose guards its acceptance raised before."""
        change = self.registrar.before(event, event.receipt_id, self.now)
        copies = place(event, self.directory, self.parts.secret)
        if isinstance(copies, Unplaced):
            return copies
        whose = await self._concerned(event, copies)
        self.out.raises.update(whose - set(raised))
        if whose or raised:
            self.out.protective.add(event.receipt_id)
        everybody = tuple(sorted(whose.union(raised)))
        self.out.entered.append(Entered(event, copies, accepted_at, everybody, change.contradictions))
        await self._end(event, copies)
        await self._undo_doubts(event, copies[0], change)
        return change

    async def _concerned(self, event: Published, copies: Sequence[Copy]) -> frozenset[str]:
        """Whose guards the event raises: all whom it protects, every candidate where it is doubtful (RULES.md 7)."""
        whose: set[str] = set()
        for copy in copies:
            whose |= self._raised(event, event.type.replace_refs(event.datum, copy.mapping))
            # A worker's conflict, and a family's erasure, concern everybody in it.
            if event.kind == "hub.worker_conflict_recorded" or event.datum.get("scope") == "family":
                whose.update(await self._members(copy.log))
        return frozenset(whose)

    def _raised(self, event: Published, datum: Datum) -> frozenset[str]:
        receipt = event.receipt_id
        return protective(
            PlainEvent(receipt, event.kind, event.desk.name, "", self.now, self.now, receipt, datum)
        )

    async def _end(self, event: Published, copies: Sequence[Copy]) -> None:
        """What the event ends; and an agency's suspension, which holds from its acceptance on (RULES.md 4.11)."""
        if event.kind in _ENDING:
            for copy in copies:
                members = await self._members(copy.log) if event.kind == "family.closed" else ()
                self.registrar.after(event, copy.log, members)
        if event.kind in {"hub.agency_suspended", "hub.agency_resumed"}:
            self.out.suspended[event.datum["agency"]] = event.kind == "hub.agency_suspended"

    async def _undo_doubts(self, event: Published, copy: Copy, change: Change) -> None:
        for key, person in change.confirmed:
            undone = await doubts.decide(
                self.conn,
                self.parts.ring,
                self.parts.catalogue,
                self.parts.secret,
                token=self.directory.token(key),
                person=person,
                families=self.directory.families(person),
                cause=copy.event_id(self.parts.secret, event.receipt_id),
                by=event.desk.name,
                at=self.now,
            )
            self.out.also += undone
            for again in undone:
                self.out.raises.update(again.envelope.raises)

    async def _members(self, family: str) -> Sequence[str]:
        found = await self.conn.execute(
            "SELECT person_id::text FROM membership WHERE family_id = %s AND until IS NULL ORDER BY 1",
            (family,),
        )
        return [row[0] for row in await found.fetchall()]

    # What waited -----------------------------------------------------------------------------------------------

    async def _wake(self, change: Change) -> None:
        """Enter the events that waited for what was registered, in order, and what those wake in turn."""
        for agency in [agency for agency, closed in self.out.suspended.items() if not closed]:
            del self.out.suspended[agency]
            await guards.set_closed(self.conn, agency, closed=False, since=self.now)
            await self._try(await waiting.suspended(self.conn, self.parts.ring, agency))
        tokens = await self._tokens_of(change.touched)
        while tokens:
            tokens = await self._try(await waiting.touched(self.conn, self.parts.ring, tokens))

    async def _tokens_of(self, hub_ids: Iterable[str]) -> frozenset[bytes]:
        """Every id under which anybody may wait for these."""
        wanted = frozenset(hub_ids)
        if not wanted:
            return frozenset()
        found = await self.conn.execute(
            "SELECT token FROM identity WHERE hub_id = ANY(%s::uuid[])", (sorted(wanted),), binary=True
        )
        stored = {bytes(row[0]) for row in await found.fetchall()}
        return frozenset(stored | {link.token for link in self.directory.new.links if link.hub_id in wanted})

    async def _try(self, rows: Sequence[Waiting]) -> frozenset[bytes]:
        """Try each row in order. Gives the ids that others may have waited for."""
        freed: set[bytes] = set()
        blocked: dict[str, frozenset[bytes]] = {}
        entered: list[str] = []
        for row in rows:
            before = blocked.get(row.desk, frozenset())
            found = await self._retry(row, before)
            if isinstance(found, Change):
                entered.append(row.receipt_id)
                freed |= row.tokens | await self._tokens_of(found.touched)
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
        event = self._published(row)
        if event is None:
            return Unplaced(row.tokens)
        await self.directory.load(self.conn, event.keys)
        await self._load_schemes([event])
        behind = self._behind(event, before)
        found: Change | Unplaced = Unplaced(behind | self._unknown(event))
        if not behind:
            found = await self._enter(event, row.accepted_at, row.raised)
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

    def _published(self, row: Waiting) -> Published | None:
        """The event of a row; None if its data does not fit its schema or the partnership any more."""
        parts = self.parts
        event_type = parts.catalogue.type(row.type)
        datum, _ = event_type.read_json(row.data)
        if datum is None:
            return None
        desk = parts.partnership.desk(row.desk)
        try:
            return parts.checker.published(desk, row.receipt_id, "", b"", datum, event_type)
        except ProblemError:
            return None
