"""What a family's log will say to an event, asked before it is written: what the log rejects changes no registry.

Asked under the registration lock of the state that the router keeps. The router may be behind, so what it has yet to
read of who opened, leads and closed a family is read on top of it, and what this transaction itself has accepted: a
desk that opens a family and names its members in one batch is its lead already. What cannot be judged is not taken.

The same is asked of an event that waits and would protect somebody meanwhile: all that is unread is read then, since
its author may have any role.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any, Final

import orjson

from hub.clock import Micros
from hub.database import Connection
from hub.events import HUB, Event
from hub.processor.states import state_context
from hub.processor.stored import STORED, load_history, stored_event
from hub.schemas.refs import Datum
from services.consent.authority import Refused, may_state
from services.consent.corrections import correct
from services.consent.event import PlainEvent
from services.consent.family import State, Stepped, step
from services.consent.family_facts import FamilyFacts
from services.consent.logged import in_order, plain_event
from services.consent.versions import is_correction
from services.gateway import doubts
from services.gateway.checking import REGISTERING, Published, receipt_id
from services.gateway.parts import Parts
from services.gateway.placement import Copy, copy_id
from services.gateway.roles import TABLE

ADDED: Final = "family.member_added"
ENDING: Final = frozenset(
    {"family.closed", "family.member_changed", "person.adopted", "hub.identity_unlinked"}
)
"""Kinds that end a membership, or what an id stands for."""
LEADING: Final = ("family.opened", "family.lead_changed", "family.closed")
"""Kinds that say who may state the others."""
WHO_IS_WHO: Final = REGISTERING | ENDING | frozenset(LEADING)
"""Kinds after which the registry may differ: one such transaction at a time."""

_PENDING: Final = f"""
SELECT {STORED} FROM event e
WHERE e.key = ANY(%s::uuid[]) AND (e.type = ANY(%s) OR NOT %s)
  AND NOT EXISTS (SELECT FROM fate f WHERE f.event_id = e.event_id AND f.processor = 'router' AND f.kind <> 'parked')
ORDER BY e.recorded_at, array_position(%s, e.type)
"""
_BESIDE: Final = """
SELECT e.event_id::text, e.key::text FROM event e WHERE e.receipt_id = %s AND NOT EXISTS (
  SELECT FROM unnest(%s::uuid[]) AS p WHERE NOT EXISTS (
    SELECT FROM membership m WHERE m.person_id = p AND m.family_id = e.key))
ORDER BY NOT e.is_primary, e.key
"""


class Standing:
    """The families of one transaction, as their logs will have them."""

    def __init__(self, parts: Parts, *, leading: bool = True) -> None:
        """`leading`: of what is unread, only who leads."""
        self._parts = parts
        self._leading = leading
        self._table = parts.partnership.authority_plain
        self._families: dict[str, tuple[FamilyFacts, Micros]] = {}
        self._histories: dict[str, list[PlainEvent]] = {}
        """What took effect in these logs: of those in which something is corrected."""
        self._taken: dict[str, list[PlainEvent]] = {}

    async def load(self, conn: Connection, logs: AbstractSet[str], *, corrects: bool = False) -> None:
        """Look up the families of these logs. What is pending first: what is read twice says nothing new.

        `corrects`: an event is to be judged that corrects an earlier one of theirs.
        """
        wanted = sorted(logs - self._families.keys())
        unread = await self._load(conn, wanted) if wanted else []
        corrected = {each.envelope.key for each in unread if each.data.get("corrects") is not None}
        await self._load_histories(conn, corrected | logs if corrects else corrected)
        for each in unread:
            self._takes(plain_event(each, each.envelope.recorded_at))

    async def _load(self, conn: Connection, wanted: Sequence[str]) -> list[Event]:
        """The states of these families, and what is unread of them."""
        ring, types = self._parts.ring, [f"wraparound.{kind}.v1" for kind in LEADING]
        found = await conn.execute(_PENDING, (wanted, types, self._leading, types), binary=True)
        pending = await found.fetchall()
        found = await conn.execute(
            f"SELECT key::text, state, latest_at FROM {TABLE} WHERE key = ANY(%s::uuid[])",
            (wanted,),
            binary=True,
        )
        stored = await found.fetchall()
        erased = await ring.load(conn, wanted)
        self._families.update({log: (FamilyFacts.of({}), 0) for log in wanted})
        for log, sealed, latest in stored:
            if log not in erased:
                state = orjson.loads(ring.open(log, state_context(TABLE, log), bytes(sealed)))
                self._families[log] = FamilyFacts.of(state), latest
        return [
            stored_event(row, ring, self._parts.catalogue) for row in pending if str(row[3]) not in erased
        ]

    async def _load_histories(self, conn: Connection, logs: AbstractSet[str]) -> None:
        parts, wanted = self._parts, sorted(logs - self._histories.keys())
        erased = await parts.ring.load(conn, wanted) if wanted else ()
        for log in wanted:
            if log not in erased:
                found = await load_history(
                    conn, "router", "events", log, ring=parts.ring, catalogue=parts.catalogue
                )
                self._histories[log] = in_order(found)

    def takes(self, event: Published, copy: Copy, at: Micros, accepted: Micros) -> bool:
        """Whether the log of a copy takes it, as things stand; if so, what comes after it is judged after it."""
        return self._takes(
            PlainEvent(
                id=copy.event_id(self._parts.secret, event.receipt_id),
                kind=event.kind,
                source=event.desk.name,
                family=copy.log,
                recorded=at,
                accepted=accepted,
                receipt=event.receipt_id,
                data=event.type.replace_refs(event.datum, copy.body),
            )
        )

    def allows(self, event: Published, datum: Datum, log: str, at: Micros) -> bool:
        """Whether its author may state the event of this family, as far as it is known who is in it."""
        facts, time = self._families.get(log, (FamilyFacts.of({}), 0))
        receipt, when = event.receipt_id, max(at, time)
        plain = PlainEvent(receipt, event.kind, event.desk.name, log, when, at, receipt, datum)
        return not isinstance(may_state(self._table, self._parts.compiled, facts, plain), Refused)

    async def decides(self, conn: Connection, event: Published, token: bytes, person: str) -> bool:
        """Whether the desk has the task to say whose an id is, this person being one of its candidates."""
        found = await conn.execute(
            "SELECT FROM task WHERE task_id = %s AND owner = %s AND done_at IS NULL AND detail -> 'candidates' ? %s",
            (doubts.task_id(self._parts.secret, token), event.desk.name, person),
        )
        return await found.fetchone() is not None

    async def beside(self, conn: Connection, event: Published, copies: tuple[Copy, ...]) -> tuple[Copy, ...]:
        """The copies of an event; of a correction that names no family, beside those of what it corrects.

        Not in a family in which one of its persons never was: there it would be news of somebody else.
        """
        corrects = event.datum.get("corrects")
        if corrects is None or event.names_its_log or any(copy.doubts for copy in copies):
            return copies
        secret, first = self._parts.secret, copies[0]
        earlier = receipt_id(secret, event.desk.name, corrects)
        persons = event.type.persons(event.type.replace_refs(event.datum, first.mapping))
        found = await conn.execute(_BESIDE, (earlier, list(persons)))
        logs = [log for copied, log in await found.fetchall() if copied == copy_id(secret, earlier, log)]
        return tuple(replace(first, log=log) for log in logs) or copies

    async def added(self, conn: Connection, event: Published, copies: Sequence[Copy]) -> frozenset[str]:
        """The logs in which what this event retracts added these members: they leave, if its desk may say so."""
        secret = self._parts.secret
        earlier = receipt_id(secret, event.desk.name, event.datum["corrects"])
        copied = {copy_id(secret, earlier, copy.log): copy for copy in copies}
        found = await conn.execute(
            f"SELECT {STORED} FROM event e WHERE event_id = ANY(%s::uuid[]) AND type = %s AND NOT EXISTS"
            " (SELECT FROM fate f WHERE f.event_id = e.event_id AND f.kind IN ('rejected', 'discarded'))",
            (list(copied), event.type.type),
            binary=True,
        )
        rows = await found.fetchall()
        erased = await self._parts.ring.load(conn, sorted({str(row[3]) for row in rows}))
        logs = set()
        for row in rows:
            copy = copied[str(row[0])]
            again = event.type.replace_refs(event.datum, copy.body)
            if copy.log not in erased and self.allows(event, again, copy.log, 0):
                said = stored_event(row, self._parts.ring, self._parts.catalogue).data
                logs |= {copy.log} if _members(said) == _members(again) else set()
        return frozenset(logs)

    def _takes(self, event: PlainEvent) -> bool:
        facts, time = self._families.get(event.family, (FamilyFacts.of({}), 0))
        at = max(event.recorded, time)
        after = self._after(facts, replace(event, recorded=at))
        if after is None:
            return False
        if event.kind in LEADING or not self._leading:
            self._families[event.family] = FamilyFacts.of(after, previous=facts), at
            self._taken.setdefault(event.family, []).append(event)
        return True

    def _after(self, facts: FamilyFacts, event: PlainEvent) -> State | None:
        refused = event.source != HUB and isinstance(
            may_state(self._table, self._parts.compiled, facts, event), Refused
        )
        if refused:
            return None
        if is_correction(event):
            stepped = correct(event, self._history(event.family), None)
        else:
            stepped = step(dict(facts.state), event)
        return stepped.state if isinstance(stepped, Stepped) else None

    def _history(self, log: str) -> list[PlainEvent]:
        """All that took effect in a log, and what will of what is unread: each once, whoever read it first."""
        done = self._histories.get(log, [])
        known = {each.id for each in done}
        return [*done, *(each for each in self._taken.get(log, ()) if each.id not in known)]


def _members(datum: Mapping[str, Any]) -> set[str]:
    return {row["person"]["value"] for row in datum["members"]}
