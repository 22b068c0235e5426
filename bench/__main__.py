"""`python -m bench`: events a second and µs of CPU an event, by part; then latency at a steady rate.

From the outbox over `events` to acknowledged in `to-*` and sealed, broker and database on the same cores, with the
rules of the Dorset partnership, encryption, audit and sealing on. So many events are kept on their way that the hub
alone sets the pace. CPU is that of every process, from the kernel; PostgreSQL's by whom it serves, without what the
benchmark itself asks of it. Then the peers (`bench.peers`), over the same records.
"""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.events import Maker
from bench.families import Family
from bench.hot_path import HotPath
from bench.load import Loader
from bench.peers.race import race
from bench.stand import Stand
from hub.clock import SystemClock, parse_micros
from hub.database import Database
from hub.keys import KeyRing
from hub.partnership import load as load_partnership
from hub.schemas import Catalogue
from hub.settings import ROOT, read_key
from hub.stack.stack import SandboxTime, Stack

START = "2024-03-01T09:00:00Z"


async def measure(stand: Stand, arguments: argparse.Namespace) -> dict[str, Any]:
    """The whole benchmark on a running stack."""
    settings = stand.stack.settings("router")
    secret = read_key(settings.hub_secret_file, "hub_secret_file")
    database = Database(stand.stack.dsn, size=4, name="bench")
    loader = Loader(
        database, KeyRing(read_key(settings.master_key_file, "master_key_file"), capacity=100_000)
    )
    families = [Family.make(secret, number) for number in range(arguments.families)]
    path = HotPath(stand, database, loader, Maker(Catalogue.load(ROOT / "schemas"), secret))
    try:
        tell("families are opened")
        await path.prepare(families)
        tell("throughput")
        found = {"throughput": await path.throughput(families, arguments.events, arguments.in_flight)}
        if arguments.seconds:
            tell("latency")
            found["latency"] = await path.latency(families, arguments.rate, arguments.seconds)
        if not arguments.alone:
            tell("peers")
            stand.stop(list(stand.processes))
            found["peers"] = await race(stand, path.starts)
        return found
    finally:
        await database.close()


def tell(line: str) -> None:
    """Progress, on stderr."""
    sys.stderr.write(f"{line}\n")


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--events", type=int, default=40_000)
    parser.add_argument("--families", type=int, default=2_000)
    parser.add_argument("--routers", type=int, default=1)
    parser.add_argument("--in-flight", type=int, default=4_000, help="events kept on their way")
    parser.add_argument("--rate", type=int, default=500, help="events a second of the latency run")
    parser.add_argument("--seconds", type=int, default=15, help="length of the latency run; 0: none")
    parser.add_argument("--alone", action="store_true", help="leave the peers out")
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
        stand = Stand(stack)
        try:
            for service in ("sealer", "delivery"):
                stand.start(service)
            for number in range(arguments.routers):
                stand.start("router", number + 1)
            found = asyncio.run(measure(stand, arguments))
        finally:
            stand.stop(list(stand.processes))
    found |= about(arguments)
    print(json.dumps(found) if arguments.json else table(found))


def about(arguments: argparse.Namespace) -> dict[str, Any]:
    """What was measured, where."""
    git = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "routers": arguments.routers,
        "commit": commit,
        "command": " ".join(["python -m bench", *sys.argv[1:]]),
    }


def table(found: dict[str, Any]) -> str:
    """The figures in lines."""
    through, late = found["throughput"], found.get("latency")
    parts = ", ".join(f"{part} {value}" for part, value in through["cpu_us_per_event"].items())
    lines = [
        f"{through['events_per_second']} events/s ({through['events']} events, {through['deliveries']} deliveries,"
        f" {through['seconds']} s, {found['routers']} router)",
        f"{through['cpu_us_per_event_in_all']} µs of CPU an event: {parts}",
    ]
    if late is not None:
        lines.append(
            f"at {late['offered_per_second']} events/s: p50 {late['p50_ms']} ms, p99 {late['p99_ms']} ms,"
            f" {late['deliveries']} deliveries"
        )
    lines += [beside(name, peer, through) for name, peer in found.get("peers", {}).items()]
    lines.append(f"{found['machine']}; commit {found['commit']}; {found['command']}")
    return "\n".join(lines)


def beside(name: str, peer: dict[str, Any], through: dict[str, Any]) -> str:
    """A peer's line, with the hub's ratio to it."""
    parts = ", ".join(f"{part} {value}" for part, value in peer["cpu_us_per_event"].items())
    cpu = through["cpu_us_per_event_in_all"] / peer["cpu_us_per_event_in_all"]
    rate = through["events_per_second"] / peer["events_per_second"]
    return (
        f"{name}: {peer['events_per_second']} events/s, {peer['cpu_us_per_event_in_all']} µs of CPU an event: {parts};"
        f" the hub {rate:.2f} times its events/s, {cpu:.2f} times its CPU"
    )


if __name__ == "__main__":
    main()
