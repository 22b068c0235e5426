"""A person places an event that waits as far as it is known whom it is about; what names nobody known is left out.

Left out are: rows of lists about somebody unknown, a text that may be about them, and a family or referral that nobody
knows. Whom the event as such is about, or who is named as their counterpart, is never left out: that would be another
statement. Where all are known and none is in an open family any more, it enters the one that they were in last.

It enters as any event that waited: under its receipt, with the time of its acceptance, and in front of what waits
behind it.
"""

from collections.abc import Collection
from typing import Any, Final

from hub.clock import Micros
from hub.database import Connection
from hub.events import HUB
from hub.ids import derive
from hub.schemas.dated import problems_at
from hub.schemas.refs import RefUse
from services.gateway import waiting
from services.gateway.acceptance import Batch, published
from services.gateway.checking import Published
from services.gateway.parts import Parts
from services.gateway.placement import Unplaced
from services.gateway.problems import INVALID, ProblemError, in_data, invalid
from services.gateway.waiting import Waiting
from services.gateway.writing import write

_CONTEXT: Final = frozenset({"family", "referral"})
"""What may be left out wherever it stands: where an event belongs, and not whom it is about."""


class Placing:
    """One event that waits, in the transaction that places it. The registration lock must be held."""

    def __init__(self, conn: Connection, parts: Parts, row: Waiting, event: Published) -> None:
        self._conn = conn
        self._parts = parts
        self._row = row
        self._batch = Batch(conn, parts, [event])
        self.event = event
        self.left_out: tuple[str, ...] = ()
        self.is_complete = True
        """Whether it says of everybody what it said, wherever it belongs."""

    @classmethod
    async def begin(cls, conn: Connection, parts: Parts, receipt: str) -> "Placing | None":
        """What would enter; None if it waits no more. Raises `ProblemError` (422): nothing of it can be placed."""
        row = await waiting.take(conn, parts.ring, receipt)
        event = published(parts, row) if row is not None else None
        if row is None or event is None:
            return None
        placing = cls(conn, parts, row, event)
        await placing._prepare()
        return placing

    async def _prepare(self) -> None:
        entering = self._batch.entering
        await entering.load([self.event])
        unknown = entering.nobodys(self.event)
        self.is_complete = all(ref.kind in _CONTEXT for ref in unknown)
        data, self.left_out = without(self.event.type.to_json(self.event.datum), unknown)
        await self._read(data)
        if entering.unknown(self.event) and not entering.nobodys(self.event):
            assert self.event.type.family_field is not None, "what concerns no family does not wait for one"
            await self._read({**data, self.event.type.family_field: await self._last_family()})
        if entering.unknown(self.event):
            raise invalid("", "required", "ids of which it is decided whose they are, and a family", "less")

    async def _read(self, data: dict[str, Any]) -> None:
        event = self.event
        datum, problems = event.type.read_json(data)
        if datum is None:
            raise ProblemError(INVALID, in_data(problems_at(event.type, problems, self._batch.now)))
        self.event = self._parts.checker.published(
            event.desk, event.receipt_id, event.source_id, event.digest, datum, event.type
        )
        await self._batch.entering.load([self.event])

    async def _last_family(self) -> dict[str, str]:
        """The family in which its people were last."""
        directory = self._batch.entering.directory
        mapping = {ref.key: directory.would_be(ref.key) for ref in self.event.refs}
        persons = self.event.type.persons(self.event.type.replace_refs(self.event.datum, mapping))
        found = await self._conn.execute(
            "SELECT family_id::text FROM membership WHERE person_id = ANY(%s::uuid[])"
            " ORDER BY until DESC NULLS FIRST, since DESC, family_id LIMIT 1",
            (list(persons),),
        )
        row = await found.fetchone()
        if row is None:
            raise invalid("/data/family", "required", "somebody who is or was in a family", "nobody")
        return {"scheme": HUB, "value": row[0]}

    async def enter(self, at: Micros) -> None:
        """Enter it, and what waits behind it and need not wait any more."""
        conn, parts, row, batch = self._conn, self._parts, self._row, self._batch
        entered = await batch.entering.enter(self.event, row.accepted_at, row.raised)
        assert not isinstance(entered, Unplaced), "everything that it names is known"
        await waiting.remove(conn, [row.receipt_id], at)
        await batch.wake(entered)
        await batch.free(row.tokens)
        entry_id = derive(parts.secret, "event.accepted", row.receipt_id, "placed")
        directory = batch.entering.directory
        await write(conn, parts, self.event.desk, directory, batch.out, entry_id=entry_id, now=batch.now)


def without(data: dict[str, Any], unknown: Collection[RefUse]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The data without what names these, and the pointers of what was left out, in order. Raises `ProblemError`."""
    out = sorted({_whole(ref) for ref in unknown}, key=_order)
    for path in reversed(out):
        *above, last = path
        holder: Any = data
        for part in above:
            holder = holder[int(part)] if isinstance(holder, list) else holder.get(part, {})
        if isinstance(holder, list):
            del holder[int(last)]
        else:
            holder.pop(last, None)
    return {name: value for name, value in data.items() if value != []}, tuple(map("/".join, out))


def _whole(ref: RefUse) -> tuple[str, ...]:
    """What of the event goes with a reference: itself, its row, or the text that may be about it."""
    parts = tuple(ref.path.removeprefix("/").split("/"))
    if "about" in parts[:-1]:
        return parts[: parts.index("about")]
    if ref.kind in _CONTEXT:
        return parts
    if len(parts) == 1:
        raise invalid(f"/data/{parts[0]}", "required", "somebody known: `confirm` says who", "nobody known")
    return parts if len(parts) == 2 or parts[2] != "person" else parts[:2]


def _order(path: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    """Numbers by their size, so that what comes later in a list goes first."""
    return tuple((int(part), "") if part.isdigit() else (0, part) for part in path)
