"""One look at a family: read, decided, built, recorded and committed, in that order and in one transaction.

What is not there for the reader is denied in the same way whatever the reason, and that is recorded too. A look that
cannot be recorded shows nothing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from psycopg.errors import SerializationFailure

from hub.attempts.begin import UnguardedError, register
from hub.attempts.inbox import end
from hub.attempts.row import Now, agency
from hub.attempts.rows import Kit
from hub.clock import SECOND, Clock, Micros, SystemClock
from hub.database import Connection, Database
from hub.errors import PeerError
from hub.ids import derive
from hub.looks import Look, Recorder
from hub.partnership import Partnership
from services.consent.event import kind_of
from services.consent.in_force import InForce
from services.view import reading
from services.view.build import Context, build, explained
from services.view.rules import INTERNAL, Family, Reader, Seen, conflicted, leads_to, seen
from services.view.told import Told

TRIES: Final = 8
NAMED: Final = "It is the hub's own, and goes to {desk} alone, which it names."
NO_MORE: Final = "Nothing of it is for {desk} to see today."
SETTLE_SECONDS: Final = 0.1
MOST_RECORDED: Final = 5_000
"""Events that the entry of a look names one by one; a family with more is named by its first and its last."""


class MovedError(PeerError):
    """What is read changes faster than it can be read: try again."""


class UnsettledError(PeerError):
    """Facts that something rests on are on their way: a moment later it can be shown."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a look gives (None: there is nothing for this reader), and the attempt that it is."""

    answer: Any
    attempt: str | None = None


Work = Callable[[Connection, bool], Awaitable[Shown]]
"""(connection, whether to be put off for facts that are on their way). Raises `UnsettledError`."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Looks at families in one database."""

    database: Database
    kit: Kit
    in_force: InForce
    partnership: Partnership
    clock: Clock
    token: Callable[[str, str], bytes]
    """(scheme, value) → what is kept of an id, by which it is found again."""
    patience: Callable[[], Micros]
    """How long a look is put off while facts that something of it rests on are on their way."""

    async def view(self, family: str, look: Look, until: Micros | None, preview: str | None = None) -> Shown:
        """The family view, as it is or as it was at an instant of the hub's clock. Raises `PeerError`.

        `preview`: as another desk would see it. Nothing to see for that desk is an answer too, an empty view: the
        look stands in the log as one, and no denial.
        """

        async def work(conn: Connection, patient: bool) -> Shown:
            reader = Reader(look.desk, look.user, self.clock.now(), until, zone=self._zone())
            if preview is not None:
                reader = replace(reader, desk=preview, user="", previewed=True)
            found, what = await self._look(conn, family, reader, patient=patient)
            if found is not None and not what.exists and preview is not None:
                nothing = {family: {"what": "preview", "for": preview, "shown": []}}
                await self.recorder().record(conn, "family.viewed", look, reader.now, nothing)
                context = await self._context(conn, family, reader)
                return Shown(build(replace(context, feeds={}), (), ()))
            if found is None or not what.exists:
                await self.recorder().deny(conn, look, reader.now, "view", family)
                return Shown(None)
            answer = build(await self._context(conn, family, reader), what.told, what.held, what.unnamed)
            shown = [each.id for each in what.told]
            withheld = [each["category"] for each in answer["withheld"]]
            recorded: dict[str, Any] = {
                "what": "view",
                "shown": _named(shown),
                "withheld": withheld,
                "held": list(what.held),
            }
            if preview is not None:
                recorded |= {"what": "preview", "for": preview}
            if until is not None:
                recorded["as_it_was_on"] = until
            entry = await self.recorder().record(conn, "family.viewed", look, reader.now, {family: recorded})
            return Shown(answer, await self._begin(conn, look, entry, len(shown)))

        return await self._settled(preview or look.desk, work)

    async def explain(self, delivery: str, look: Look) -> Shown:
        """Why the reader's desk has what it has of an event, in what it may know, by the rules of now.

        `delivery`: the id by which the desk has it. Raises `PeerError`.
        """

        async def work(conn: Connection, patient: bool) -> Shown:
            row = await reading.delivered(conn, delivery, look.desk)
            reader = Reader(look.desk, look.user, self.clock.now(), about=delivery, zone=self._zone())
            found, what, told = None, Seen(exists=False), None
            if row is not None:
                reader = replace(reader, had=row.released)
                found, what = await self._look(conn, row.family, reader, patient=patient)
                told = next((each for each in what.told if each.id == delivery), None)
            said = what.said
            if row is not None and found is not None and told is None and row.released is not None:
                told = await self._not_shown(conn, row, delivery, found, reader)
                said = (self._why_not(row.type).format(desk=look.desk),)
            if row is None or told is None:
                await self.recorder().deny(conn, look, reader.now, "decision", delivery)
                return Shown(None)
            family = row.family
            answer = explained((family, look.desk, reader.now), told, said, what.told)
            seen_of = {family: {"what": "decision", "shown": [delivery], "withheld": list(told.withheld)}}
            entry = await self.recorder().record(conn, "family.viewed", look, reader.now, seen_of)
            return Shown(answer, await self._begin(conn, look, entry, 1))

        return await self._settled(look.desk, work)

    async def search(self, scheme: str, value: str, look: Look, *, governs: bool = False) -> Shown:
        """The families to which an id leads this reader. Raises `PeerError`.

        `governs`: a reader who governs information is told of each by its id alone, for what reviewers ask of it.
        """

        async def work(conn: Connection, patient: bool) -> Shown:
            reader = Reader(look.desk, look.user, self.clock.now())
            found: list[dict[str, Any]] = []
            if self._may_use(look.desk, scheme):
                leads = await reading.families_of(conn, scheme, self.token(scheme, value))
                for family, named in leads.items():
                    if governs:
                        found.append({"family": family, "case": {}})
                        continue
                    there, what = await self._look(conn, family, reader, patient=patient)
                    rules = self.in_force.at(reader.now)
                    if there is not None and what.exists and leads_to(rules, there, reader, what, named):
                        context = await self._context(conn, family, reader)
                        found.append({"family": family, "case": build(context, what.told, ())["case"]})
            families = {each["family"]: {"what": "search", "scheme": scheme} for each in found}
            entry = await self.recorder().record(
                conn, "search.run", look, reader.now, families, {"scheme": scheme, "found": len(found)}
            )
            if not found:
                return Shown(None)
            return Shown({"families": found}, await self._begin(conn, look, entry, len(found)))

        return await self._settled(look.desk, work)

    async def end(self, shown: Shown) -> None:
        """The answer is written: its attempt is over. If this is lost, it is so in five seconds."""
        if shown.attempt is not None:
            async with self.database.transaction() as conn:
                await end(conn, shown.attempt, self._time())

    async def _look(
        self, conn: Connection, family: str, reader: Reader, *, patient: bool
    ) -> tuple[Family | None, Seen]:
        found = await reading.family(conn, self.kit, family, reader.desk)
        if found is None or await reading.is_suspended(conn, reader.desk):
            return found, Seen(exists=False)
        await self.in_force.catch_up(conn)
        what = seen(self.in_force.at(reader.now), self.kit.catalogue, found, reader)
        if what.unsettled and patient:
            raise UnsettledError("facts that something of it rests on are on their way")
        return found, what

    async def _settled(self, desk: str, work: Work) -> Shown:
        """Do it in one transaction, on one snapshot, as often as it takes to find everything at rest."""
        end, attempt = time.monotonic() + self.patience() / SECOND, 0
        while attempt < TRIES:
            try:
                async with self.database.transaction() as conn:
                    try:
                        await conn.execute(reading.SNAPSHOT)
                        return await work(conn, time.monotonic() < end)
                    except SerializationFailure as error:
                        raise MovedError("what is read has changed meanwhile") from error
            except UnsettledError:
                await asyncio.sleep(SETTLE_SECONDS)
            except UnguardedError as error:
                attempt += 1
                async with self.database.transaction() as conn:
                    await register(conn, persons=error.persons, agencies=[agency(desk)])
            except MovedError:
                await asyncio.sleep(0.01 * attempt)
                attempt += 1
        raise MovedError("what is read changes faster than it can be read")

    async def _context(self, conn: Connection, family: str, reader: Reader) -> Context:
        titles = {each.name: each.title for each in self.partnership.desks}
        rules = self.in_force.at(reader.now)
        # A desk that opposes nobody is told of systems; another could learn from that who says what of whom.
        feeds = await reading.feeds(conn, list(titles)) if rules.opposes_nobody(reader.desk) else {}
        at = reader.now if reader.until is None else reader.until
        return Context(
            family,
            reader.desk,
            reader.now,
            reader.until,
            titles,
            lambda desk, last: self._overdue(desk, last, at),
            feeds,
        )

    def _overdue(self, desk: str, last: Micros, now: Micros) -> bool:
        """Whether a desk that supports somebody has said nothing for longer than its pathway allows."""
        days = [
            pathway.clocks["no_news"]
            for pathway in self.partnership.pathways
            if "no_news" in pathway.clocks and self.partnership.specialism(pathway.specialism).desk == desk
        ]
        calendar, zone = self.partnership.calendar, self._zone()
        said, today = (
            datetime.fromtimestamp(each / SECOND, UTC).astimezone(zone).date() for each in (last, now)
        )
        return bool(days) and today > calendar.after(said, min(days))

    async def _not_shown(
        self, conn: Connection, row: reading.Delivered, delivery: str, family: Family, reader: Reader
    ) -> Told | None:
        """What the desk had, and its view of the family does not show; None for whom there is no such family."""
        if conflicted(family.facts, reader) or await reading.is_suspended(conn, reader.desk):
            return None
        return Told(delivery, kind_of(row.type), None, row.recorded, {})

    def _why_not(self, event_type: str) -> str:
        return NAMED if self.kit.catalogue.type(event_type).gate == INTERNAL else NO_MORE

    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.partnership.calendar.timezone)

    def _may_use(self, desk: str, scheme: str) -> bool:
        for each in self.partnership.schemes:
            if each.name == scheme:
                return each.used_by is None or desk.partition("/")[0] in each.used_by
        return False

    async def deny(self, look: Look, what: str, about: str) -> None:
        """Record that somebody asked for `what`, of a family, a person or an id of nothing, and does not get it.

        Raises `UnrecordedError`, `DatabaseAwayError`.
        """
        async with self.database.transaction() as conn:
            await self.recorder().deny(conn, look, self.clock.now(), what, about)

    async def _begin(self, conn: Connection, look: Look, entry: str, shown: int) -> str:
        attempt = derive(self.kit.secret, "attempt", "view", look.number)
        await reading.begin(conn, look.desk, attempt, entry, shown, self._time().mono)
        return attempt

    def recorder(self) -> Recorder:
        """Writes looks into the log."""
        return Recorder(self.kit.ring, self.kit.secret, self.kit.rules(self.clock.now()), self.kit.code)

    def _time(self) -> Now:
        return Now(self.clock.now(), SystemClock().now())


def _named(shown: Sequence[str]) -> list[str]:
    return list(shown) if len(shown) <= MOST_RECORDED else [shown[0], shown[-1]]
