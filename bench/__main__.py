"""`python -m bench`: events a second and µs of CPU an event, by part; then latency at a steady rate.

From record in `events` to acknowledged in `to-*` and sealed, broker and database on the same cores. The events
stand in Kafka before the routers start, so that nothing but the hub sets the pace. CPU is user + system time
of each process and its children, from the kernel; start-up is left out (measured from the first record on).
"""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from bench.load import Family, Loader
from hub.clock import SystemClock, parse_micros
from hub.database import Database
from hub.keys import KeyRing
from hub.partnership import load as load_partnership
from hub.schemas import Catalogue
from hub.settings import ROOT, read_key
from hub.stack.processes import ServiceProcess
from hub.stack.stack import SandboxTime, Stack

START = "2024-03-01T09:00:00Z"
PATIENCE = 600.0

LEFT = """
SELECT (SELECT count(*) FROM outbox),
       (SELECT count(*) FROM delivery WHERE status IN ('pending', 'attempting', 'failed', 'lapsed', 'held')),
       (SELECT count(*) FROM audit_pending)
"""


@dataclass
class Run:
    """A stack with its services, and what was measured on it."""

    stack: Stack
    routers: int
    processes: dict[str, ServiceProcess] = field(default_factory=dict)

    def start(self, service: str, instance: int = 1) -> None:
        """Start one process."""
        name = f"{service}-{instance}"
        environ = self.stack.environ(service, instance=str(instance), log_level="warning")
        process = ServiceProcess(name, service, self.stack.folder, environ)
        process.start()
        self.processes[name] = process

    def stop(self, names: list[str]) -> None:
        """Stop these processes."""
        for name in names:
            self.processes[name].terminate()
        for name in names:
            self.processes.pop(name).wait()

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far, by part."""
        parts: dict[str, float] = {}
        for name, process in self.processes.items():
            assert process.child is not None
            parts[name.partition("-")[0]] = parts.get(name.partition("-")[0], 0.0) + tree(process.child.pid)
        assert self.stack.postgres is not None
        assert self.stack.kafka is not None
        parts["postgres"] = tree(self.stack.postgres.pid)
        parts["kafka"] = sum(tree(pid) for pid in self.stack.kafka.pids.values())
        return parts


def tree(pid: int) -> float:
    """CPU seconds of a process and of all below it."""
    total = 0.0
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


async def scalar(database: Database, statement: str) -> int:
    """One number."""
    async with database.transaction() as conn:
        row = await (await conn.execute(statement)).fetchone()
    assert row is not None
    return int(row[0])


async def drained(database: Database, fates: int, *, sleep: float = 0.1) -> None:
    """Wait until so many events have a fate under the router, and nothing is on its way."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        done = await scalar(database, "SELECT count(*) FROM fate WHERE processor = 'router'")
        async with database.transaction() as conn:
            left = await (await conn.execute(LEFT)).fetchone()
        assert left is not None
        if done >= fates and not any(left):
            return
        await asyncio.sleep(sleep)
    raise SystemExit(f"not drained in {PATIENCE:.0f} s: {done} of {fates} events, left {left}")


async def produced(database: Database) -> None:
    """Wait until the outbox is empty: the events stand in Kafka."""
    while await scalar(database, "SELECT count(*) FROM outbox"):
        await asyncio.sleep(0.05)


async def prepare(run: Run, database: Database, loader: Loader, families: list[Family]) -> None:
    """Open the families and start their support, and wait until the hub has taken all of it in."""
    clock = run.stack.settings("router").clock()
    await loader.register(families, clock.now())
    opening = [event for each in families for event in loader.opening(each, clock.now())]
    await loader.put(opening)
    await drained(database, len(opening) + 5 * len(families))
    supporting = [event for each in families for event in loader.supporting(each, clock.now())]
    await loader.put(supporting)
    await drained(database, len(opening) + len(supporting) + 7 * len(families))


async def throughput(
    run: Run, database: Database, loader: Loader, families: list[Family], events: int
) -> dict[str, Any]:
    """Events a second and CPU an event, of `events` that stand in Kafka when the routers start."""
    routers = [name for name in run.processes if name.startswith("router")]
    run.stop(routers)
    at = run.stack.settings("router").clock().now()
    await loader.put(list(loader.news(families, at, events, seed=1)))
    await produced(database)
    before = await scalar(database, "SELECT count(*) FROM fate WHERE processor = 'router'")
    deliveries = await scalar(database, "SELECT count(*) FROM delivery")
    for number in range(run.routers):
        run.start("router", number + 1)
    while await scalar(database, "SELECT count(*) FROM fate WHERE processor = 'router'") == before:
        await asyncio.sleep(0.01)
    early = await scalar(database, "SELECT count(*) FROM fate WHERE processor = 'router'") - before
    cpu, began = run.cpu(), time.monotonic()
    await drained(database, before + events)
    seconds = time.monotonic() - began
    counted = events - early
    spent = {part: value - cpu.get(part, 0.0) for part, value in run.cpu().items()}
    return {
        "events": counted,
        "deliveries": await scalar(database, "SELECT count(*) FROM delivery") - deliveries,
        "seconds": round(seconds, 2),
        "events_per_second": round(counted / seconds),
        "cpu_us_per_event": {part: round(value / counted * 1e6) for part, value in sorted(spent.items())},
        "cpu_us_per_event_in_all": round(sum(spent.values()) / counted * 1e6),
    }


async def latency(
    run: Run, database: Database, loader: Loader, families: list[Family], rate: int, seconds: int
) -> dict[str, Any]:
    """From commit in the outbox to acknowledged in `to-*`, at a steady rate, in ms."""
    clock = run.stack.settings("router").clock()
    first = clock.now()
    began = time.monotonic()
    portion = max(1, rate // 50)
    for number in range(rate * seconds // portion):
        await loader.put(list(loader.news(families, clock.now(), portion, seed=1000 + number)))
        await asyncio.sleep(max(0.0, began + (number + 1) * portion / rate - time.monotonic()))
    offered = rate * seconds / (time.monotonic() - began)
    while any(
        [
            await scalar(database, "SELECT count(*) FROM outbox"),
            await scalar(database, "SELECT count(*) FROM delivery WHERE status IN ('pending', 'attempting')"),
        ]
    ):
        await asyncio.sleep(0.1)
    async with database.transaction() as conn:
        cursor = await conn.execute(
            "SELECT count(*), percentile_disc(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY released_at - recorded_at)"
            " FROM delivery WHERE recorded_at >= %s AND released_at IS NOT NULL",
            (first,),
        )
        row = await cursor.fetchone()
    assert row is not None
    p50, p99 = (value / 1000 for value in row[1])
    return {
        "offered_per_second": round(offered),
        "deliveries": row[0],
        "p50_ms": round(p50),
        "p99_ms": round(p99),
    }


async def measure(run: Run, arguments: argparse.Namespace) -> dict[str, Any]:
    """The whole benchmark on a running stack."""
    settings = run.stack.settings("router")
    secret = read_key(settings.hub_secret_file, "hub_secret_file")
    database = Database(run.stack.dsn, size=4, name="bench")
    ring = KeyRing(read_key(settings.master_key_file, "master_key_file"), capacity=100_000)
    loader = Loader(database, ring, Catalogue.load(ROOT / "schemas"), secret)
    families = [Family.make(secret, number) for number in range(arguments.families)]
    try:
        tell("families are opened")
        await prepare(run, database, loader, families)
        tell("throughput")
        found = {"throughput": await throughput(run, database, loader, families, arguments.events)}
        tell("latency")
        found["latency"] = await latency(run, database, loader, families, arguments.rate, arguments.seconds)
        return found
    finally:
        await database.close()


def tell(line: str) -> None:
    """Progress, on stderr."""
    sys.stderr.write(f"{line}\n")


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--events", type=int, default=30_000)
    parser.add_argument("--families", type=int, default=600)
    parser.add_argument("--routers", type=int, default=1)
    parser.add_argument("--rate", type=int, default=500, help="events a second of the latency run")
    parser.add_argument("--seconds", type=int, default=15, help="length of the latency run")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    active = load_partnership(ROOT / "partnerships" / "dorset").active_desks
    desks = [desk.name for desk in active if desk.receives]
    readers = [desk.name for desk in active if not desk.receives]
    time_ = SandboxTime(parse_micros(START), 1.0, SystemClock().now())
    with (
        tempfile.TemporaryDirectory(prefix="wraparound-bench-") as folder,
        Stack(Path(folder) / "stack", desks=desks, readers=readers, time=time_, quick_start=False) as stack,
    ):
        Path(folder).chmod(0o755)
        run = Run(stack, arguments.routers)
        for service in ("sealer", "delivery"):
            run.start(service)
        for number in range(arguments.routers):
            run.start("router", number + 1)
        try:
            found = asyncio.run(measure(run, arguments))
        finally:
            run.stop(list(run.processes))
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    found |= {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "routers": arguments.routers,
        "commit": commit,
        "command": " ".join(["python -m bench", *sys.argv[1:]]),
    }
    print(json.dumps(found) if arguments.json else table(found))


def table(found: dict[str, Any]) -> str:
    """The figures in lines."""
    through, late = found["throughput"], found["latency"]
    parts = ", ".join(f"{part} {value}" for part, value in through["cpu_us_per_event"].items())
    return "\n".join(
        [
            f"{through['events_per_second']} events/s ({through['events']} events, {through['deliveries']} deliveries,"
            f" {through['seconds']} s, {found['routers']} router)",
            f"{through['cpu_us_per_event_in_all']} µs of CPU an event: {parts}",
            f"at {late['offered_per_second']} events/s: p50 {late['p50_ms']} ms, p99 {late['p99_ms']} ms,"
            f" {late['deliveries']} deliveries",
            f"{found['machine']}; commit {found['commit']}; {found['command']}",
        ]
    )


if __name__ == "__main__":
    main()
