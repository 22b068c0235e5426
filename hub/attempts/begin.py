"""The transaction in which attempts begin: what is compared, and what commits before the first byte leaves.

In this order, in the caller's transaction: agencies and guards read under a shared lock, in the order of
their names and ids, so that no acceptance of a protective event commits between the comparison and this
transaction's own commit (STREAMING.md section 5); what differs lapses, with one event for each family and
cause; what may leave is marked `attempting`, with its attempt and its audit entry. A row that anybody
changed since it was read undoes all of it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from hub import ledger
from hub.attempts.judge import Lapse, World
from hub.attempts.row import Now, Row, agency
from hub.attempts.rows import Kit, array
from hub.clock import Micros
from hub.crash import point
from hub.database import Connection
from hub.errors import PeerError
from hub.events import HUB, Envelope
from hub.ids import derive
from hub.outbox import LogEvent, put
from hub.schemas import wire

LAPSED = "wraparound.hub.decision_lapsed.v1"

Channel = Literal["kafka", "inbox"]


class ContendedError(PeerError):
    """Somebody changed a row between our reading and our taking it: roll back and begin anew."""


class UnguardedError(PeerError):
    """Some persons or agencies have no guard row yet to lock: roll back, `register` them, and begin anew."""

    def __init__(self, persons: Sequence[str]) -> None:
        super().__init__(f"{len(persons)} persons have no guard row yet")
        self.persons = tuple(persons)


@dataclass(frozen=True, slots=True)
class Attempt:
    """Deliveries of one desk that leave together, recorded and committed before they do."""

    attempt_id: str
    entry_id: str
    desk: str
    channel: Channel
    began_mono: Micros
    rows: tuple[Row, ...]


async def register(conn: Connection, *, persons: Sequence[str] = (), agencies: Iterable[str] = ()) -> None:
    """Give these a guard row, so that there is something to lock; in a transaction of its own."""
    await conn.execute(
        "INSERT INTO guard (person_id) SELECT p FROM unnest(%s::uuid[]) AS p ORDER BY p ON CONFLICT DO NOTHING",
        (array(sorted(persons)),),
    )
    await conn.execute(
        "INSERT INTO agency_guard (agency, closed, since) SELECT a, false, 0 FROM unnest(%s::text[]) AS a ORDER BY a"
        " ON CONFLICT DO NOTHING",
        (sorted(set(agencies)),),
    )


async def closed_agencies(conn: Connection, desks: Iterable[str]) -> frozenset[str]:
    """The suspended ones among these desks' agencies; none becomes so before this transaction ends.

    Raises `UnguardedError`.
    """
    agencies = sorted({agency(desk) for desk in desks})
    cursor = await conn.execute(
        "SELECT agency, closed FROM agency_guard WHERE agency = ANY(%s) ORDER BY agency FOR SHARE",
        (agencies,),
    )
    closed: dict[str, bool] = dict(await cursor.fetchall())
    if len(closed) < len(agencies):
        raise UnguardedError(())
    return frozenset(name for name, is_closed in closed.items() if is_closed)


async def look(conn: Connection, kit: Kit, rows: Sequence[Row], now: Now, *, lock: bool = True) -> World:
    """What these rows are compared with, the rules in force among it.

    The guards cannot be raised before this transaction ends.
    `lock=False` reads them plainly: for measurements, and for answers that release nothing. Raises
    `UnguardedError`.
    """
    await kit.catch_up(conn)
    persons = {person for row in rows for person in row.persons}
    raises, parked = await compare(conn, persons, {row.family_id for row in rows}, lock=lock)
    return World(raises, parked, kit.rules(now.hub), now)


async def compare(
    conn: Connection, persons: Collection[str], families: Collection[str], *, lock: bool = True
) -> tuple[dict[str, int], frozenset[str]]:
    """The guards of these persons, and which of the persons and families are parked. Raises `UnguardedError`."""
    ordered = sorted(persons)
    cursor = await conn.execute(
        "SELECT person_id::text, raises FROM guard WHERE person_id = ANY(%s::uuid[]) ORDER BY person_id"
        + (" FOR SHARE" if lock else ""),
        (array(ordered),),
    )
    raises: dict[str, int] = dict(await cursor.fetchall())
    if lock and len(raises) < len(ordered):
        raise UnguardedError([person for person in ordered if person not in raises])
    cursor = await conn.execute(
        "SELECT k::text FROM unnest(%s::uuid[]) AS k"
        " WHERE EXISTS (SELECT FROM parked WHERE processor = 'router' AND key = k)"
        " UNION ALL SELECT k::text FROM unnest(%s::uuid[]) AS k"
        " WHERE EXISTS (SELECT FROM parked WHERE processor = 'people' AND key = k)",
        (array(families), array(ordered)),
    )
    return raises, frozenset([row[0] for row in await cursor.fetchall()])


async def begin(conn: Connection, kit: Kit, take: Sequence[Row], now: Now, channel: Channel) -> list[Attempt]:
    """Begin an attempt for each desk among these rows, but those of erased families.

    Raises `ContendedError`.
    """
    desk_keys = {kit.desk_key(desk) for desk in {row.desk for row in take}}
    erased = await kit.ring.load(conn, sorted({row.family_id for row in take} | desk_keys))
    by_desk: dict[str, list[Row]] = {}
    for row in take:
        if row.family_id not in erased:
            by_desk.setdefault(row.desk, []).append(row)
    if erased:
        await _recall(conn, [row for row in take if row.family_id in erased])
    if not by_desk:
        return []
    attempts = [_attempt(kit, desk, rows, now, channel) for desk, rows in by_desk.items()]
    if channel == "kafka":
        await _mark_attempting(conn, attempts, now)
    await conn.execute(
        "INSERT INTO attempt (attempt_id, desk, channel, began_mono, deliveries, entry_id)"
        " SELECT a, d, %s, %s, n, e FROM unnest(%s::uuid[], %s::text[], %s::int[], %s::uuid[]) AS u(a, d, n, e)",
        (
            channel,
            now.mono,
            array(attempt.attempt_id for attempt in attempts),
            [attempt.desk for attempt in attempts],
            array(len(attempt.rows) for attempt in attempts),
            array(attempt.entry_id for attempt in attempts),
        ),
    )
    await ledger.write(conn, [_entry(kit, attempt, now) for attempt in attempts])
    point("attempt.before_commit")
    return attempts


def _attempt(kit: Kit, desk: str, rows: Sequence[Row], now: Now, channel: Channel) -> Attempt:
    attempt_id = derive(
        kit.secret, "attempt", channel, desk, str(now.mono), rows[0].delivery_id, str(rows[0].version)
    )
    entry_id = derive(kit.secret, "delivery.attempted", attempt_id)
    return Attempt(attempt_id, entry_id, desk, channel, now.mono, tuple(rows))


def _entry(kit: Kit, attempt: Attempt, now: Now) -> ledger.Entry:
    detail = {
        "attempt": attempt.attempt_id,
        "channel": attempt.channel,
        "deliveries": [row.delivery_id for row in attempt.rows],
        "desk": attempt.desk,
    }
    return ledger.entry(
        kit.ring,
        kind="delivery.attempted",
        entry_id=attempt.entry_id,
        recorded_at=now.hub,
        rules=kit.rules(now.hub),
        code=kit.code,
        subjects=tuple(dict.fromkeys(row.family_id for row in attempt.rows)),
        details=[(kit.desk_key(attempt.desk), detail)],
    )


async def _mark_attempting(conn: Connection, attempts: Sequence[Attempt], now: Now) -> None:
    ids = [row.delivery_id for attempt in attempts for row in attempt.rows]
    cursor = await conn.execute(
        "UPDATE delivery d SET status = 'attempting', attempt_id = u.attempt, attempt_mono = %s"
        " FROM unnest(%s::uuid[], %s::xid[], %s::uuid[]) AS u(id, version, attempt)"
        " WHERE d.delivery_id = u.id AND d.xmin = u.version",
        (
            now.mono,
            array(ids),
            array(row.version for attempt in attempts for row in attempt.rows),
            array(attempt.attempt_id for attempt in attempts for _ in attempt.rows),
        ),
    )
    if cursor.rowcount != len(ids):
        raise ContendedError(f"took {cursor.rowcount} of {len(ids)} deliveries: the others changed meanwhile")


async def _recall(conn: Connection, rows: Sequence[Row]) -> None:
    """What is of an erased family can be read by nobody any more."""
    await conn.execute(
        "UPDATE delivery SET status = 'recalled', reason = 'erased', body = NULL WHERE delivery_id = ANY(%s::uuid[])",
        (array(row.delivery_id for row in rows),),
    )


async def lapse(conn: Connection, kit: Kit, lapses: Sequence[Lapse], now: Now) -> None:
    """Have these decided again: one event for each family and cause. Raises `ContendedError`."""
    if not lapses:
        return
    cursor = await conn.execute(
        "UPDATE delivery d SET status = 'lapsed', attempt_mono = %s"
        " FROM unnest(%s::uuid[], %s::xid[]) AS u(id, version)"
        " WHERE d.delivery_id = u.id AND d.xmin = u.version",
        (
            now.mono,
            array(each.row.delivery_id for each in lapses),
            array(each.row.version for each in lapses),
        ),
    )
    if cursor.rowcount != len(lapses):
        raise ContendedError(
            f"lapsed {cursor.rowcount} of {len(lapses)} deliveries: the others changed meanwhile"
        )
    groups: dict[tuple[str, str], list[Lapse]] = {}
    for each in lapses:
        groups.setdefault((each.row.family_id, each.cause), []).append(each)
    await put(
        conn, kit.ring, [_event(kit, family, cause, group, now) for (family, cause), group in groups.items()]
    )


def _event(kit: Kit, family: str, cause: str, group: Sequence[Lapse], now: Now) -> LogEvent:
    """The event that asks for a new decision. Its id follows from what lapsed, on what, what was met, and when.

    By the machine's clock: a sandbox's may stand still while the same row is decided and lapses again.
    """
    met = sorted({(person, raises) for each in group for person, raises in each.met})
    rests = [
        f"{each.row.delivery_id} {each.row.counts} {each.row.valid_until} {each.row.rules}" for each in group
    ]
    event_id = derive(
        kit.secret, "event", LAPSED, family, cause, str(now.mono), *sorted(rests), *map(str, met)
    )
    data = {
        "family": {"scheme": HUB, "value": family},
        "deliveries": [each.row.delivery_id for each in group],
        "met": [{"person": person, "raises": raises} for person, raises in met],
        "cause": cause,
    }
    envelope = Envelope(
        id=event_id, type=LAPSED, source=HUB, key=family, recorded_at=now.hub, accepted_at=now.hub
    )
    return LogEvent(envelope, "events", wire.encode(kit.catalogue.type(LAPSED), data), None)
