"""One event enters: what it registers, where it belongs, whom it protects, what it ends. Decided here, written later.

An event takes effect on who is who only if it enters, and its log takes it: one that names somebody unknown registers
nothing, and one that its log will reject neither, although it enters (RULES.md 4.20).
"""

from collections.abc import Iterable, Sequence
from typing import Final

from hub.clock import Micros
from hub.database import Connection
from hub.schemas.refs import Datum, RefUse
from services.consent.family import STATING
from services.gateway import activating, doubts, suspending
from services.gateway.checking import HOUSEHOLD, Published
from services.gateway.directory import Directory
from services.gateway.parts import Parts
from services.gateway.placement import CONSENT, Copy, Unplaced, expected, missing, partials, place, raised
from services.gateway.registration import NOTHING, Change, Registrar
from services.gateway.standing import ADDED, ENDING, WHO_IS_WHO, Standing
from services.gateway.writing import Entered, Gathered

_WITH_IDS: Final = frozenset({"family.member_added", "family.member_changed"})


class Entering:
    """Enters events into one transaction's `out`; knows everybody whom `load` was asked for."""

    def __init__(self, conn: Connection, parts: Parts, now: Micros) -> None:
        self.conn = conn
        self.parts = parts
        self.now = now
        self.directory = Directory(parts.secret)
        self.out = Gathered()
        self._standing = Standing(parts)
        self._registrar = Registrar(parts.partnership, self.directory)

    # Who is who ------------------------------------------------------------------------------------------------

    async def load(self, events: Iterable[Published], *, again: bool = False) -> None:
        """Look up everybody whom these events name."""
        listed = list(events)
        await self.directory.load(self.conn, {key for event in listed for key in event.keys}, again=again)
        persons = {
            hub_id
            for event in listed
            if event.kind in _WITH_IDS
            for key in event.keys
            if key[0] == "person" and (hub_id := self.directory.known(key)) is not None
        }
        await self.directory.load_schemes(self.conn, persons)

    def tokens(self, event: Published) -> frozenset[bytes]:
        """The tokens of every id that the event names."""
        return frozenset(map(self.directory.token, event.keys))

    def behind(self, event: Published, blocked: frozenset[bytes]) -> frozenset[bytes]:
        """The ids of the event that an earlier one waits for; not those that this one registers itself."""
        exempt = frozenset(map(self.directory.token, self._registrar.exempt(event)))
        found = (self.tokens(event) & blocked) - exempt
        if not found or not self._says_where(event):
            return found
        # For somebody who is known only an open family is waited for: no matter to what says where it belongs.
        known = (key for key in event.keys if self.directory.known(key) is not None)
        return found.difference(map(self.directory.token, known))

    def _says_where(self, event: Published) -> bool:
        """Whether the event names a family or a referral that is known."""
        named = (ref.key for ref in event.refs if ref.kind in {"family", "referral"})
        return any(self.directory.known(key) is not None for key in named)

    def nobodys(self, event: Published) -> list[RefUse]:
        """The references to what nobody knows, but for what the event registers itself."""
        exempt = self._registrar.exempt(event)
        return [
            ref
            for ref in event.refs
            if ref.kind != HOUSEHOLD and ref.key not in exempt and not self.directory.find(ref.key)
        ]

    def undecided(self, event: Published) -> list[RefUse]:
        """The references by which nobody is known, or several may be meant; not what the event registers itself."""
        exempt = self._registrar.exempt(event)
        return [
            ref
            for ref in event.refs
            if ref.kind != HOUSEHOLD
            and self.directory.known(ref.key) is None
            and (ref.key not in exempt or self.directory.find(ref.key))
        ]

    def unknown(self, event: Published) -> frozenset[bytes]:
        """The tokens that the event would wait for, as things are."""
        found = missing(event, self.directory, self._registrar.exempt(event))
        if not found:
            placed = place(event, self.directory, self.parts.secret)
            return placed.tokens if isinstance(placed, Unplaced) else frozenset()
        return found

    async def tokens_of(self, hub_ids: Iterable[str]) -> frozenset[bytes]:
        """Every id under which anybody may wait for these."""
        wanted = frozenset(hub_ids)
        if not wanted:
            return frozenset()
        found = await self.conn.execute(
            "SELECT token FROM identity WHERE hub_id = ANY(%s::uuid[])", (sorted(wanted),), binary=True
        )
        stored = {bytes(row[0]) for row in await found.fetchall()}
        return frozenset(stored | {link.token for link in self.directory.new.links if link.hub_id in wanted})

    # Entering --------------------------------------------------------------------------------------------------

    async def enter(
        self, event: Published, accepted_at: Micros, before: Sequence[str] | None = None
    ) -> Change | Unplaced:
        """Register, place and gather the event. `before`: of one that waited, whose guards were raised meanwhile."""
        waited = before is not None
        before = before or ()
        lacking = missing(event, self.directory, self._registrar.exempt(event))
        if lacking:
            return Unplaced(lacking)
        change, copies, taken = await self._place(event, accepted_at)
        if isinstance(copies, Unplaced):
            return copies
        copies = await self._standing.beside(self.conn, event, copies)
        whose = await self._concerned(event, copies)
        if whose or before:
            self.out.protective.add(event.receipt_id)
        everybody = tuple(sorted(whose.union(before)))
        for person in everybody:
            # Once for each copy, less what was raised while it waited: guard and counts are equal again only when
            # every log has seen its copy, whatever the others made of theirs.
            self.out.raises[person] += len(copies) - (person in before)
        if event.kind.startswith(CONSENT) and not waited:
            accepted_at = await self._after_earlier_acts(event, copies, accepted_at)
        self.out.entered.append(Entered(event, copies, accepted_at, everybody, change.contradictions))
        if event.kind == ADDED and event.datum["retracted"]:
            taken = await self._standing.added(self.conn, event, copies)
        await self._end(event, [copy for copy in copies if copy.log in taken])
        await self._settle(event, copies[0], change)
        return change

    async def _after_earlier_acts(self, event: Published, copies: Sequence[Copy], at: Micros) -> Micros:
        """Then, but after every act of consent in any family of the person: the last decides, whatever clocks say."""
        logs = {copy.log for copy in copies}
        for copy in copies:
            datum = event.type.replace_refs(event.datum, copy.mapping)
            logs.update(self.directory.families(datum["person"]["value"]))
        found = await self.conn.execute(
            "SELECT max(accepted_at) FROM event WHERE key = ANY(%s::uuid[]) AND starts_with(type, %s)",
            (sorted(logs), f"wraparound.{CONSENT}"),
        )
        row = await found.fetchone()
        stored = -1 if row is None or row[0] is None else int(row[0])
        mine = [
            each.accepted_at
            for each in self.out.entered
            if each.event.kind.startswith(CONSENT) and not logs.isdisjoint(copy.log for copy in each.copies)
        ]
        return max(at, stored + 1, *(each + 1 for each in mine))

    async def _place(
        self, event: Published, accepted_at: Micros
    ) -> tuple[Change, tuple[Copy, ...] | Unplaced, frozenset[str]]:
        """What the event registers, its copies, and which of their logs take it (if it is about who is who)."""
        secret, taken = self.parts.secret, frozenset[str]()
        if event.kind not in WHO_IS_WHO or not event.is_about_a_family:
            return NOTHING, place(event, self.directory, secret), taken
        copies = expected(event, self.directory, secret)
        if not isinstance(copies, Unplaced):
            logs = frozenset(copy.log for copy in copies)
            await self._standing.load(self.conn, logs, corrects=_anew(event))
            taken = frozenset(
                copy.log for copy in copies if self._standing.takes(event, copy, self.now, accepted_at)
            )
            if _anew(event):
                taken = frozenset()  # what a correction changes of who is who: `_end`
            if not taken or self._registrar.claims(event, taken):
                taken = logs if await self._is_decided(event) else frozenset()
        if not taken:
            return NOTHING, copies, taken
        change = self._registrar.before(event, event.receipt_id, self.now)
        placed = place(event, self.directory, secret)
        if not isinstance(placed, Unplaced) and event.datum.get("same_as") is not None:
            # Who leads a family of either says it there; the other's hears of it with their facts.
            placed = tuple(copy for copy in placed if copy.log in taken)
        return change, placed, taken

    async def _is_decided(self, event: Published) -> bool:
        """Whether the event is its desk's answer to a task: whose an id is (RULES.md 2), whoever leads their family."""
        if event.kind not in {"hub.identity_linked", "hub.identity_unlinked"} or not event.identifiers:
            return False
        (each, *_) = event.identifiers
        person = self.directory.known(("person", *each.person))
        token = self.directory.token(("person", each.scheme, each.value))
        return person is not None and await self._standing.decides(self.conn, event, token, person)

    async def protected(self, event: Published) -> frozenset[str]:
        """Whom the event protects, as far as it is known: every candidate where that is doubtful (RULES.md 7)."""
        found = [
            await self._raised(event, datum, _family(event, datum))
            for datum in partials(event, self.directory)
        ]
        return frozenset().union(*found) - {""}

    async def protected_waiting(self, event: Published) -> frozenset[str]:
        """The same of an event that waits: nobody, if no log in which they are would take it from its author."""
        whose = await self.protected(event)
        if not whose:
            return whose
        named = {_family(event, datum) for datum in partials(event, self.directory)} - {""}
        found = await self.conn.execute(
            "SELECT DISTINCT family_id::text FROM membership WHERE person_id = ANY(%s::uuid[])",
            (sorted(whose),),
        )
        logs = named.union(row[0] for row in await found.fetchall())
        standing = Standing(self.parts, leading=False)
        await standing.load(self.conn, logs)
        may = any(
            standing.allows(event, datum, log, self.now)
            for datum in partials(event, self.directory)
            for log in sorted(logs)
        )
        return whose if may else frozenset()

    async def _concerned(self, event: Published, copies: Sequence[Copy]) -> frozenset[str]:
        """Whose guards the event raises: all whom it protects, every candidate where it is doubtful (RULES.md 7)."""
        whose: set[str] = set()
        for copy in copies:
            whose |= await self._raised(event, event.type.replace_refs(event.datum, copy.mapping), copy.log)
        # Who is named for the first time by what its log will reject is nobody: there is no guard to raise.
        unborn = {self.directory.would_be(key) for key in event.keys if not self.directory.find(key)}
        return frozenset(whose - unborn)

    async def _raised(self, event: Published, datum: Datum, log: str) -> frozenset[str]:
        """Whose guards the event raises in a log, with these references in it."""
        whose = raised(event, datum)
        # A worker's conflict, and a family's erasure, concern everybody in it; so does what its state is given anew.
        conflict = event.kind == "hub.worker_conflict_recorded"
        if log and (_anew(event) or conflict or datum.get("scope") == "family"):
            return whose | await self._members(log)
        return whose

    async def _end(self, event: Published, copies: Sequence[Copy]) -> None:
        """What the event ends; an agency's suspension, which holds from its acceptance on (4.11); agreements."""
        if event.kind in ENDING or (event.kind == ADDED and event.datum["retracted"]):
            for copy in copies:
                members = await self._members(copy.log) if event.kind == "family.closed" else ()
                self._registrar.after(event, copy.log, members)
        out = self.out.suspended
        out |= await suspending.concluded(self.conn, self.parts, event, out, self.now)
        await activating.concluded(self.conn, self.parts, event, self.now)

    async def _settle(self, event: Published, copy: Copy, change: Change) -> None:
        """A person has decided whose an id is: what was doubtful enters as what it is."""
        for key, person in change.confirmed:
            settled = await doubts.decide(
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
            self.out.also += settled
            for again in settled:
                self.out.raises.update(again.envelope.raises)

    async def _members(self, family: str) -> frozenset[str]:
        found = await self.conn.execute(
            "SELECT person_id::text FROM membership WHERE family_id = %s AND until IS NULL", (family,)
        )
        return self.directory.members(family, [row[0] for row in await found.fetchall()])


def _anew(event: Published) -> bool:
    """Whether the event corrects what sets something of a family's state."""
    return event.datum.get("corrects") is not None and event.kind in STATING


def _family(event: Published, datum: Datum) -> str:
    """The family that the event names, if it is known by then."""
    named = datum[event.type.family_field] if event.type.family_field is not None else None
    return "" if named is None else str(named["value"])
