"""What `status` shows: processes, how far behind each stream is, deliveries, tasks, the log's head.

Lag is asked of Kafka as an engineer, who may see that streams move and never what is in them: records from the
position in SQL to the end of the log, and seconds by the time stamp of the record at the position, found by
asking Kafka for offsets at times. Two looks, a moment apart, give the trend.
"""

import json
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import psycopg

from cli import reach
from hub.clock import Micros, SystemClock, format_micros
from hub.errors import WraparoundError
from hub.processor.tasks import IS_THERE
from hub.stack.folder import known_clock
from hub.stack.stack import LEAST_FREE_BYTES

APART_SECONDS = 0.5
RESOLUTION_MS = 50
RUNNING, STOPPED, ENDED = "running", "stopped", "ended"


def look(folder: Path, supervisor: int) -> dict[str, Any]:
    """Everything `status` says of a stack that is up. `problems` names what does not answer; None is not known.

    `measured_at` is the machine's time, `hub_time` the hub's; the oldest and the checkpoint are in the hub's.
    """
    about = reach.described(folder)
    dsn = reach.database(about)
    services = services_of(folder)
    problems = [*_room(folder), *stopped(services)]
    found: dict[str, Any] = {
        "up": True,
        "folder": str(folder),
        "url": about["url"],
        "measured_at": format_micros(SystemClock().now()),
        "services": services,
        "memory_mb": _memory(supervisor),
        "lag": [],
        "undelivered": {"rows": None, "oldest_at": None},
        "outbox": {"rows": None, "oldest_at": None},
        "waiting": {"rows": None, "oldest_at": None},
        "tasks": {},
        "log": {"size": None, "checkpoint_at": None},
        "hub_time": format_micros(known_clock(folder).now()),
        "problems": problems,
    }
    if not dsn:
        problems.append(reach.NOT_NAMED)
        return found
    from kafka.errors import KafkaError  # noqa: PLC0415 - see hub.stack.admin

    try:
        with psycopg.connect(dsn, connect_timeout=5, autocommit=True) as connection:
            found |= _database(connection, known_clock(folder).now())
            found["lag"] = _lag(connection, folder, about)
    except psycopg.OperationalError:
        problems.append("PostgreSQL does not answer")
    except WraparoundError as error:
        problems.append(str(error))
    except KafkaError as error:
        problems.append(f"Kafka does not say where its logs end: {type(error).__name__}")
    return found


def _room(folder: Path) -> Iterator[str]:
    if shutil.disk_usage(folder).free < LEAST_FREE_BYTES:
        yield f"less than 500 MB are free under {folder}: make room, or nothing more is accepted"


def services_of(folder: Path) -> list[dict[str, Any]]:
    """The processes of the stack in a folder, with what memory each takes; `pid` None: it has ended."""
    try:
        rows: list[dict[str, Any]] = json.loads((folder / "services.json").read_text())
    except FileNotFoundError:
        rows = []
    for row in rows:
        pid = row["pid"]
        row["memory_mb"] = _own_memory(pid) if pid is not None else None
        row["state"] = _state(pid)
        if row["state"] == ENDED:
            row["pid"] = None
    return rows


def stopped(services: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Of processes that are stopped, each with what starts it again: to the system they look alive."""
    for row in services:
        if row["state"] == STOPPED:
            yield f"{row['name']} is stopped (SIGSTOP): `kill -CONT {row['pid']}` lets it go on"


def _state(pid: int | None) -> str:
    try:
        status = psutil.Process(pid).status() if pid is not None else psutil.STATUS_DEAD
    except psutil.Error:
        return ENDED
    if status in (psutil.STATUS_DEAD, psutil.STATUS_ZOMBIE):
        return ENDED
    return STOPPED if status in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP) else RUNNING


def _own_memory(pid: int) -> int | None:
    try:
        process = psutil.Process(pid)
        full = process.memory_full_info()
        # Shared pages are counted once over all who share them, where the system can say so.
        return int(getattr(full, "pss", full.rss)) // 2**20
    except psutil.Error:
        return None


def _memory(supervisor: int) -> int:
    try:
        root = psutil.Process(supervisor)
        family = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0
    return sum(_own_memory(member.pid) or 0 for member in family)


def _database(connection: "psycopg.Connection[tuple[Any, ...]]", now: Micros) -> dict[str, Any]:
    rows, oldest = _one(
        connection,
        "SELECT count(*), min(recorded_at) FROM (SELECT recorded_at FROM undecided UNION ALL SELECT recorded_at"
        " FROM delivery WHERE status NOT IN ('delivered', 'dead', 'recalled')) AS left_to_do",
    )
    tasks = connection.execute(
        f"SELECT kind, count(*) FROM task WHERE done_at IS NULL AND {IS_THERE} GROUP BY kind ORDER BY kind",
        {"now": now},
    )
    outbox = _one(connection, "SELECT count(*), min(recorded_at) FROM outbox JOIN event USING (event_id)")
    waiting = _one(connection, "SELECT count(*), min(accepted_at) FROM waiting")
    size, at = _one(connection, "SELECT max(size), max(at) FROM log_checkpoint")
    return {
        "undelivered": {"rows": rows, "oldest_at": _time(oldest)},
        "outbox": {"rows": outbox[0], "oldest_at": _time(outbox[1])},
        "waiting": {"rows": waiting[0], "oldest_at": _time(waiting[1])},
        "tasks": dict(tasks.fetchall()),
        "log": {"size": size or 0, "checkpoint_at": _time(at)},
    }


def _one(connection: "psycopg.Connection[tuple[Any, ...]]", query: str) -> tuple[Any, ...]:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row


def _time(at: Micros | None) -> str | None:
    return None if at is None else format_micros(at)


def _lag(
    connection: "psycopg.Connection[tuple[Any, ...]]", folder: Path, about: dict[str, Any]
) -> list[dict[str, Any]]:
    from kafka import TopicPartition  # noqa: PLC0415 - see hub.stack.admin

    client = reach.kafka(folder, about)
    try:
        first = behind(positions(connection), client)
        time.sleep(APART_SECONDS)
        second = behind(positions(connection), client)
        rows = []
        for processor, topic in sorted({(key[0], key[1]) for key in second}):
            of = {key: at for key, at in second.items() if key[:2] == (processor, topic)}
            records = sum(end - position for position, end in of.values())
            before = sum(end - position for key, (position, end) in first.items() if key in of)
            waiting = {TopicPartition(topic, key[2]): at[0] for key, at in of.items() if at[1] > at[0]}
            rows.append(
                {
                    "processor": processor,
                    "topic": topic,
                    "records": records,
                    "seconds": _age(client, waiting),
                    "trend": (records - before) / APART_SECONDS,
                }
            )
        return rows
    finally:
        client.close()


Position = tuple[str, str, int]
"""Processor, topic, partition."""


def positions(connection: "psycopg.Connection[tuple[Any, ...]]") -> dict[Position, int]:
    """Where each processor stands."""
    rows = connection.execute("SELECT processor, topic, partition, next_offset FROM position").fetchall()
    return {(processor, topic, partition): at for processor, topic, partition, at in rows}


def behind(where: dict[Position, int], client: Any) -> dict[Position, tuple[int, int]]:
    """Position and end of log, by processor, topic and partition."""
    from kafka import TopicPartition  # noqa: PLC0415
    from kafka.admin import OffsetSpec  # noqa: PLC0415

    wanted = {TopicPartition(topic, partition): OffsetSpec.LATEST for _, topic, partition in where}
    ends = client.list_partition_offsets(wanted) if wanted else {}
    return {key: (at, max(at, ends[TopicPartition(key[1], key[2])].offset)) for key, at in where.items()}


def _age(client: Any, waiting: dict[Any, int]) -> float:
    """Seconds since the oldest waiting record was produced, by halving the time between then and now."""
    if not waiting:
        return 0.0
    now = SystemClock().now() // 1000
    early, late = now - 8 * 86_400_000, now
    while late - early > RESOLUTION_MS:
        middle = (early + late) // 2
        found = client.list_partition_offsets(dict.fromkeys(waiting, middle))
        # A record before `middle` still waits: the first one at or after it lies beyond a position.
        if any(found[part].offset < 0 or found[part].offset > at for part, at in waiting.items()):
            late = middle
        else:
            early = middle
    return (now - early) / 1000
