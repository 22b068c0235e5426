"""The log replayed from nothing: the same states, decisions, entries and deliveries, byte for byte.

What may differ, and why, stands in docs/adr/0014: what left is a fact of the world, and no log brings it about.
"""

from typing import Any

import psycopg

from hub.clock import MINUTE
from hub.processor.writer import decision_entry_id
from services.referral_router.composition import assemble
from tests.integration.attack.activation import sign
from tests.integration.attack.hub import CHESIL, PARAGON, PROBATION, REACH, S2W, WEST
from tests.integration.replay import snapshot
from tests.integration.replay.inputs import APART, DERIVED, INPUTS, give
from tests.integration.replay.line import Line, Reader
from tests.integration.replay.snapshot import Snapshot

DESKS = (CHESIL, WEST, S2W, REACH, PARAGON, PROBATION)
SMALL = 23
"""The replay's batches: they end where those of the first run did not."""


async def replayed(line: Line, empty: str) -> Snapshot:
    """What the same logs make of an empty database that was given the inputs alone."""
    await give(line.dsn, empty)
    parts = assemble(line.stack.settings("router", postgres=empty))
    try:
        for machine in parts.machines:
            reader = Reader(parts, machine, line.stack, batch=SMALL)
            await reader.start()
            await reader.finish()
        return await snapshot.take(parts)
    finally:
        await parts.database.close()


async def rubbish(line: Line) -> int:
    """Records that nobody can read come into every family's log. Gives how many."""
    families = await line.rows("SELECT family_id::text FROM family")
    return sum([await line.rubbish(family) for (family,) in families])


async def test_everything_is_the_same_when_the_log_is_replayed_into_an_empty_database(
    line: Line, empty: str
) -> None:
    await line.begin_life()
    await line.live(40, seed=1)
    # Other rules are signed, and begin while it goes on.
    start = line.clock.now() + 10 * MINUTE
    await sign(line, 2, start)
    unreadable = await rubbish(line)
    await line.live(20, seed=2)
    await line.settle()
    await line.rest()
    first, second = await snapshot.take(line.parts), await replayed(line, empty)
    book = line.parts.in_force.book
    assert {each["rules"] for each in first.details().values() if "rules" in each} == {
        book.at(start - 1).digest,
        book.at(start).digest,
    }
    assert {kind for _, _, kind, *_ in first.fates} == {"done", "rejected"}
    assert (len(first.letters), len(first.events) > 100, len(first.details()) > 200) == (
        unreadable,
        True,
        True,
    )
    assert {(each.status, each.body is None) for each in first.deliveries.values()} >= {
        ("pending", False),
        ("recalled", True),
    }
    assert first == second


async def test_what_was_decided_is_decided_again_when_deliveries_left_meanwhile(
    line: Line, empty: str
) -> None:
    await line.begin_life()
    await line.live(15, seed=3)
    await line.settle()
    await line.relay(*DESKS)
    for seed in (4, 5):
        await sign(line, seed, line.clock.now() + 5 * MINUTE)
        await line.live(10, seed=seed)
        await line.settle()
        # What is accepted now is not read yet, so guards differ and rows that wait to leave lapse.
        await line.hold()
        await line.live(10, seed=seed + 10)
        for desk in DESKS:
            await line.end(await line.begin(desk))
        line.produce()
        await line.relay(*DESKS)
    await line.rest()
    lapsed = "SELECT count(*) FROM event WHERE type = 'wraparound.hub.decision_lapsed.v1'"
    assert (await line.rows(lapsed))[0][0] > 0
    left = {
        name for (name,) in await line.rows("SELECT delivery_id::text FROM delivery WHERE released_at > 0")
    }
    first, second = await snapshot.take(line.parts), await replayed(line, empty)
    for part in ("states", "fates", "events", "tasks", "letters", "covered"):
        assert getattr(first, part) == getattr(second, part), part
    assert first.deliveries.keys() == second.deliveries.keys()
    assert {
        name: (each.status, each.body, each.reason)
        for name, each in first.deliveries.items()
        if name not in left
    } == {
        name: (each.status, each.body, each.reason)
        for name, each in second.deliveries.items()
        if name not in left
    }
    at_first = {decision_entry_id(line.secret, name, name) for _, name, *_ in first.fates}
    assert {name: each for name, each in first.entries.items() if name in at_first} == {
        name: each for name, each in second.entries.items() if name in at_first
    }
    assert_said_again(first.details(), second.details())


def assert_said_again(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Every decision is there again, for each of its desks the same.

    More desks may be in it: a delivery that had left was decided no more, and where none leaves, all are.
    """
    assert first.keys() <= second.keys()
    for name, decision in first.items():
        again = second[name]
        assert decision["desks"].items() <= again["desks"].items()
        assert {**again, "desks": None, "waits": None} == {**decision, "desks": None, "waits": None}


async def test_every_table_is_given_made_anew_or_apart(database: str) -> None:
    async with await psycopg.AsyncConnection.connect(database) as conn:
        found = await conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = {name for (name,) in await found.fetchall()}
    assert tables == INPUTS.keys() | DERIVED | APART
