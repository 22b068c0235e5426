"""Runs the peers, one after the other, over the records that the hub has had, on the hub's own servers."""

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.peers.work import RECIPIENTS, TABLES
from bench.stand import Stand, seconds_of
from hub.database import Database
from hub.kafka import connection
from hub.settings import ROOT, Settings
from hub.stack import owned
from hub.stack.stack import Stack

PEERS: Final[Mapping[str, str]] = {
    "COPY loop": "bench.peers.copy_loop",
    "Faust agent": "bench.peers.faust_agent",
}
PATIENCE = 300.0
PARTITIONS = 4


async def race(stand: Stand, starts: Mapping[int, int]) -> dict[str, Any]:
    """Every peer over the topic `events` from these offsets on."""
    stack = stand.stack
    client = stack.admin()
    try:
        wanted = {"num_partitions": PARTITIONS, "replication_factor": 1, "configs": {}}
        client.create_topics(dict.fromkeys(RECIPIENTS, wanted), wait_for_metadata=True)
    finally:
        client.close()
    return {name: await _run(stand, module, starts) for name, module in PEERS.items()}


async def _run(stand: Stand, module: str, starts: Mapping[int, int]) -> dict[str, Any]:
    stack, name = stand.stack, module.rpartition(".")[2]
    dsn = stack.new_database(f"peer_{name}", migrated=False)
    database = Database(dsn, size=1, name="bench")
    try:
        async with database.transaction() as conn:
            await conn.execute(TABLES)
        records = await _place(stack, name, starts)
        child = owned.spawn(
            stack.folder,
            f"peer-{name}",
            [sys.executable, "-m", module],
            environ={"PYTHONPATH": str(ROOT), **_environ(stack, name, dsn)},
            death=signal.SIGKILL,
        )
        try:
            return await _watch(stand, child, database, records)
        finally:
            child.send(signal.SIGTERM)
            child.finish(10.0)
    finally:
        await database.close()


def _environ(stack: Stack, name: str, dsn: str) -> dict[str, str]:
    assert stack.kafka is not None
    user, password = stack.kafka.admin_credentials
    return {
        "PEER_GROUP": f"peer-{name}",
        "PEER_KAFKA": stack.bootstrap,
        "PEER_USER": user,
        "PEER_PASSWORD": password,
        "PEER_PASSWORD_FILE": str(stack.kafka.admin_password_file),
        "PEER_POSTGRES": dsn,
        "PEER_FOLDER": str(stack.folder / "peers"),
    }


async def _place(stack: Stack, name: str, starts: Mapping[int, int]) -> int:
    """Have the peer's group begin at these offsets; gives how many records lie behind them."""
    assert stack.kafka is not None
    told = Settings(
        kafka=stack.bootstrap,
        kafka_user=stack.kafka.admin_credentials[0],
        kafka_password_file=stack.kafka.admin_password_file,
    )
    consumer = AIOKafkaConsumer(**connection(told), group_id=f"peer-{name}", enable_auto_commit=False)
    await consumer.start()
    try:
        places = {TopicPartition("events", number): offset for number, offset in starts.items()}
        consumer.assign(list(places))
        await consumer.commit(places)
        ends = await consumer.end_offsets(list(places))
    finally:
        await consumer.stop()
    return int(sum(ends.values())) - sum(starts.values())


async def _watch(stand: Stand, child: owned.Child, database: Database, records: int) -> dict[str, Any]:
    """From its first commit to its last mark."""
    await _until(child, lambda: _reached(database, 1))
    early = (await _done(database))[0]
    cpu, began = _spent(stand, child), time.monotonic()
    await _until(child, lambda: _reached(database, records))
    seconds, counted = time.monotonic() - began, records - early
    used = {part: value - cpu[part] for part, value in _spent(stand, child).items()}
    return {
        "records": counted,
        "deliveries": (await _done(database))[1],
        "seconds": round(seconds, 2),
        "events_per_second": round(counted / seconds),
        "cpu_us_per_event": {part: round(value / counted * 1e6) for part, value in sorted(used.items())},
        "cpu_us_per_event_in_all": round(sum(used.values()) / counted * 1e6),
    }


def _spent(stand: Stand, child: owned.Child) -> dict[str, float]:
    return {"client": seconds_of(child.pid), **{part: seconds_of(pid) for part, pid in stand.roots()}}


async def _until(child: owned.Child, reached: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not await reached():
        if not child.running or time.monotonic() > deadline:
            raise SystemExit(f"a peer does not work: see {child.log}")
        await asyncio.sleep(0.05)


async def _done(database: Database) -> tuple[int, int]:
    async with database.transaction() as conn:
        row = await (await conn.execute("SELECT events, deliveries FROM peer_done")).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


async def _reached(database: Database, records: int) -> bool:
    """So many events are done, and, once it is all of them, everything is marked."""
    if (await _done(database))[0] < records:
        return False
    async with database.transaction() as conn:
        found = await conn.execute("SELECT EXISTS (SELECT FROM peer_delivery WHERE status <> 'delivered')")
        row = await found.fetchone()
    assert row is not None
    return records == 1 or not row[0]
