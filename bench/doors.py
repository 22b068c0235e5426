"""`python -m bench.doors`: events a second at the doors, with p99: HTTP one by one and in batches, and Kafka.

One gateway, broker and database on the same cores, and the publishers too: their signing and encoding is in the
figures. The partnership's requests a second are no limit here. An event counts when it is durable: over HTTP when it
is answered, from Kafka when the position is committed. Kafka takes all that there is at once: its p50 and p99 are those
of ten events every twentieth of a second, from their sending to their commit, looked at every 5 ms.
"""

import argparse
import asyncio
import shutil
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final

import psycopg

from client.events import NewEvent
from client.http import HubClient, Profile
from client.topic import KafkaAccess, TopicPublisher
from hub.partnership import load as load_partnership
from hub.settings import ROOT
from hub.stack.processes import ServiceProcess
from hub.stack.stack import Stack

DESK: Final = "council/chesil"
PARTNERSHIP: Final = ROOT / "partnerships" / "dorset"


def ref(value: str) -> dict[str, str]:
    return {"scheme": "liquidlogic", "value": value}


def opening(families: int) -> list[NewEvent]:
    """Families with one adult and one child each."""
    events = []
    for number in range(families):
        name = f"F-{number}"
        members = [
            {"person": ref(f"{name}-A"), "kind": "adult"},
            {"person": ref(f"{name}-C"), "kind": "child"},
        ]
        events.append(
            NewEvent(f"o-{number}", "wraparound.family.opened.v1", {"family": ref(name), "lead": DESK})
        )
        events.append(
            NewEvent(
                f"m-{number}", "wraparound.family.member_added.v1", {"family": ref(name), "members": members}
            )
        )
    return events


def stream(name: str, count: int, families: int) -> list[NewEvent]:
    """Events about these families, in turn."""
    return [
        NewEvent(
            f"{name}-{number}",
            "wraparound.practice.risk_rated.v1",
            {
                "family": ref(f"F-{number % families}"),
                "person": ref(f"F-{number % families}-C"),
                "rating": "amber",
            },
        )
        for number in range(count)
    ]


async def timed(waits: list[float], call: Coroutine[Any, Any, Any]) -> None:
    started = time.perf_counter()
    await call
    waits.append(time.perf_counter() - started)


def told(name: str, events: int, seconds: float, waits: list[float]) -> None:
    ranks = statistics.quantiles(waits, n=100, method="inclusive") if len(waits) > 1 else waits * 99
    late = f"   p50 {ranks[49] * 1e3:>7.1f} ms   p99 {ranks[98] * 1e3:>7.1f} ms" if ranks else ""
    print(f"{name:<34} {events / seconds:>8.0f} events/s{late}")


async def singles(hub: HubClient, count: int, families: int, at_once: int) -> None:
    events = iter(stream("s", count, families))
    waits: list[float] = []

    async def publisher() -> None:
        for event in events:
            await timed(waits, hub.publish(event.id, event.type, event.data))

    started = time.perf_counter()
    await asyncio.gather(*(publisher() for _ in range(at_once)))
    told(f"HTTP, one by one, {at_once} at once", count, time.perf_counter() - started, waits)


async def batches(hub: HubClient, count: int, families: int, at_once: int) -> None:
    events = stream("b", count, families)
    parts = iter([events[start : start + 500] for start in range(0, count, 500)])
    waits: list[float] = []

    async def publisher() -> None:
        for part in parts:
            await timed(waits, hub.publish_batch(part))

    started = time.perf_counter()
    await asyncio.gather(*(publisher() for _ in range(at_once)))
    told(f"HTTP, batches of 500, {at_once} at once", count, time.perf_counter() - started, waits)


def accounted(stack: Stack) -> int:
    """Records of the desks' topics that the gateway has a fate for."""
    with psycopg.connect(stack.dsn, autocommit=True) as connection:
        query = "SELECT coalesce(sum(next_offset), 0) FROM position WHERE processor = 'gateway'"
        row = connection.execute(query).fetchone()
    return int(row[0]) if row is not None else 0


async def topics(stack: Stack, count: int, families: int) -> None:
    """As fast as it goes."""
    before = accounted(stack)
    async with TopicPublisher(KafkaAccess.load(stack.identities.profile(DESK))) as publisher:
        started = time.perf_counter()
        sending = asyncio.create_task(publisher.publish(stream("k", count, families)))
        while await asyncio.to_thread(accounted, stack) - before < count:
            await asyncio.sleep(0.02)
        seconds = time.perf_counter() - started
        await sending
    told("Kafka, one desk, all at once", count, seconds, [])


async def steady(stack: Stack, count: int, families: int) -> None:
    """Ten events every twentieth of a second."""
    before, events = accounted(stack), stream("t", count, families)
    waiting: deque[tuple[int, float]] = deque()
    waits: list[float] = []
    async with TopicPublisher(KafkaAccess.load(stack.identities.profile(DESK))) as publisher:

        async def send() -> None:
            for start in range(0, count, 10):
                pause = asyncio.create_task(asyncio.sleep(0.05))
                waiting.append((start + 10, time.perf_counter()))
                await publisher.publish(events[start : start + 10])
                await pause

        started = time.perf_counter()
        sending = asyncio.create_task(send())
        while len(waits) < count // 10:
            done = await asyncio.to_thread(accounted, stack) - before
            while waiting and waiting[0][0] <= done:
                waits.append(time.perf_counter() - waiting.popleft()[1])
            await asyncio.sleep(0.005)
        await sending
    told("Kafka, one desk, 10 at a time", count, time.perf_counter() - started, waits)


async def run(stack: Stack, options: argparse.Namespace) -> None:
    async with HubClient(Profile.load(stack.identities.profile(DESK))) as hub:
        await hub.publish_batch(opening(options.families))
        await singles(hub, options.singles, options.families, 16)
        await batches(hub, options.events, options.families, 1)
        await batches(hub, options.events, options.families, 2) if options.twice else None
    await topics(stack, options.events, options.families)
    await steady(stack, options.singles // 10 * 10, options.families)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--singles", type=int, default=2_000)
    parser.add_argument("--families", type=int, default=200)
    parser.add_argument("--twice", action="store_true", help="also two batches at once")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wraparound-doors-") as folder:
        unlimited = Path(folder) / "partnership"
        shutil.copytree(PARTNERSHIP, unlimited)
        limits = (unlimited / "limits.yaml").read_text()
        for name in ("requests_per_second: 100 ", "requests_burst: 200 "):
            assert name in limits
            limits = limits.replace(name, name.partition(":")[0] + ": 1000000 ")
        (unlimited / "limits.yaml").write_text(limits)
        active = load_partnership(PARTNERSHIP).active_desks
        desks = [desk.name for desk in active if desk.receives]
        readers = [desk.name for desk in active if not desk.receives]
        with Stack(Path(folder) / "stack", desks=desks, readers=readers) as stack:
            environ = stack.environ("gateway", partnership=unlimited, log_level="warning")
            gateway = ServiceProcess("gateway-1", "gateway", stack.folder, environ)
            gateway.start()
            try:
                asyncio.run(run(stack, options))
            finally:
                gateway.terminate()
                gateway.wait()


if __name__ == "__main__":
    main()
