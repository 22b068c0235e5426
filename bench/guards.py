"""`python -m bench.guards`: what it costs an attempt to read its guards under a shared lock, and plainly.

Batches of deliveries of so many families, each resting on four persons, are compared as the relay compares them, each
batch in a transaction of its own; the two ways take turns. CPU by the kernel's account, of this process and of
PostgreSQL, a delivery; and what each way writes to the write-ahead log.
"""

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from bench.stand import seconds_of
from hub.attempts.begin import look
from hub.attempts.row import Now, Row
from hub.attempts.rows import make_kit
from hub.database import Connection, Database
from hub.keys import KeyRing
from hub.migrating import migrate
from hub.schemas import Catalogue
from hub.settings import ROOT
from hub.stack.postgres import PostgresServer

BATCH, PERSONS = 500, 4
SECRET = b"bench" * 8


def names(chosen: random.Random, count: int) -> list[str]:
    """So many ids."""
    return [str(UUID(int=chosen.getrandbits(128), version=4)) for _ in range(count)]


def deliveries(chosen: random.Random, families: Sequence[tuple[str, tuple[str, ...]]]) -> list[Row]:
    """A batch, of families drawn at random."""
    rows = []
    for number, (family, persons) in enumerate(chosen.choices(families, k=BATCH)):
        rows.append(
            Row(
                delivery_id=family,
                seq=number,
                desk="council/chesil",
                family_id=family,
                type="",
                status="pending",
                persons=persons,
                counts=(0,) * PERSONS,
                rules="",
                valid_until=None,
                urgent=False,
                recorded_at=0,
                body=None,
                tries=0,
                next_mono=0,
                released_at=None,
                place=None,
                since_mono=None,
                version="1",
            )
        )
    return rows


async def _nothing(_: Connection) -> None:
    """The rules never change here."""


async def measure(server: PostgresServer, arguments: argparse.Namespace) -> dict[str, Any]:
    """Both ways in turn."""
    chosen = random.Random(1)
    families = [(name, tuple(names(chosen, PERSONS))) for name in names(chosen, arguments.families)]
    database = Database(server.dsn(), size=2, name="bench")
    kit = make_kit(
        SECRET,
        KeyRing(SECRET[:32]),
        Catalogue.load(ROOT / "schemas"),
        code="",
        rules=lambda _: "",
        catch_up=_nothing,
    )
    async with database.transaction() as conn:
        people = [person for _, persons in families for person in persons]
        await conn.execute("INSERT INTO guard (person_id) SELECT unnest(%s::uuid[])", (people,))
    spent: dict[bool, list[float]] = {True: [0.0, 0.0, 0.0], False: [0.0, 0.0, 0.0]}
    for number in range(2 * arguments.batches):
        rows, lock = deliveries(chosen, families), number % 2 == 0
        log = await _log(database)
        there, client = seconds_of(server.pid), time.process_time()
        async with database.transaction() as conn:
            await look(conn, kit, rows, Now(0, 0), lock=lock)
        added = time.process_time() - client, seconds_of(server.pid) - there, await _log(database) - log
        spent[lock] = [a + b for a, b in zip(spent[lock], added, strict=True)]
    await database.close()
    done = arguments.batches * BATCH
    return {
        name: {
            "client_us": round(spent[lock][0] / done * 1e6, 1),
            "postgres_us": round(spent[lock][1] / done * 1e6, 1),
            "log_bytes": round(spent[lock][2] / done, 1),
        }
        for name, lock in (("FOR SHARE", True), ("plain", False))
    }


async def _log(database: Database) -> int:
    async with database.transaction() as conn:
        row = await (await conn.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")).fetchone()
    assert row is not None
    return int(row[0])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.guards", description=__doc__)
    parser.add_argument("--families", type=int, default=2_000)
    parser.add_argument("--batches", type=int, default=60)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wraparound-guards-") as folder:
        Path(folder).chmod(0o755)
        server = PostgresServer(Path(folder) / "postgres")
        server.start()
        try:
            migrate(server.dsn())
            print(json.dumps(asyncio.run(measure(server, arguments)), indent=1))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
