"""The Faust app that hosts the router's and the people's processors.

Faust is the shell: process life cycle, supervision, signals. The hot path is the batch loop of
`hub.processor`, hosted as a service; nothing that must be right hangs on Faust's own consumers,
acknowledgements or tables (STREAMING.md section 2 says what was reproduced on them).
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

import faust
import uvloop
from mode import Service

from hub import garbage, ledger
from hub.database import Database
from hub.kafka import connection, consumer
from hub.processor.batch import Context
from hub.processor.feed import Feed
from hub.processor.loop import Processor
from hub.processor.machine import Machine
from hub.processor.watchdog import Sight, watch
from hub.session import keep_going
from hub.settings import Settings
from hub.telemetry.watch import watched
from services.referral_router.chasing import EVERY_SECONDS, chase
from services.referral_router.composition import Parts, assemble
from services.referral_router.telephoning import telephone

log = logging.getLogger("wraparound.router")


@dataclass(frozen=True, slots=True)
class Watched:
    """A processor at work, as the watchdog sees it."""

    feed: Feed
    processor: Processor

    async def sight(self) -> Sight:
        """One look at its log. Raises `PeerError`."""
        return await self.feed.sight()

    @property
    def waits(self) -> bool:
        """Whether its loop waits for a server."""
        return self.processor.waits


def hosting(settings: Settings, parts: Parts, machine: Machine, running: list[Processor]) -> type[Service]:
    """A service class that runs one processor, which it adds to those `running`.

    Its failure ends the app, and the supervisor starts it anew.
    """

    class ProcessorService(Service):
        """One processor."""

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            context = Context(
                machine=machine,
                database=parts.database,
                ring=parts.ring,
                catalogue=parts.catalogue,
                secret=parts.secret,
                hub_key=parts.hub_key,
                rules=parts.in_force.digest,
                code=ledger.code_digest(settings.partnership),
                catch_up=parts.in_force.catch_up,
            )
            self.processor = Processor(
                context, batch_size=settings.batch_size, batch_wait_ms=settings.batch_wait
            )
            self.feed: Feed | None = None
            running.append(self.processor)

        async def on_start(self) -> None:
            await begin(parts, settings)
            name = machine.name
            self.feed = Feed(
                consumer(settings, group=name, instance=f"{name}-{settings.instance}"),
                parts.database,
                parts.ring,
                processor=name,
                topic=machine.topic,
                lost=self.processor.drop_states,
            )
            await self.feed.start()

        @Service.task
        async def work(self) -> None:
            """Run until the app stops."""
            assert self.feed is not None
            await self.processor.run(self.feed)

        @Service.task
        async def watchdog(self) -> None:
            """End the process if it stands still although there is work: it is started again."""
            assert self.feed is not None
            await watch(Watched(self.feed, self.processor), processor=machine.name, topic=machine.topic)

        async def on_stop(self) -> None:
            """Finish the batch in hand, then leave the group."""
            self.processor.stop()
            if self.feed is not None:
                async with self.feed.lock:
                    await self.feed.stop()

    return ProcessorService


def timing(settings: Settings, parts: Parts) -> type[Service]:
    """A service class that publishes what has come due (chasing.py), and has people telephoned (telephoning.py)."""
    clock = settings.clock()

    async def step() -> float:
        async with parts.database.transaction() as conn:
            await chase(conn, parts, clock.now())
        async with parts.database.transaction() as conn:
            await telephone(conn, parts, clock.now())
        return EVERY_SECONDS

    class TimerService(Service):
        """What is due."""

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.stopping = asyncio.Event()

        @Service.task
        async def look(self) -> None:
            """Look every few seconds until the app stops; a database that is away is waited for."""
            await keep_going(f"timer-{settings.instance}", step, self.stopping)

        async def on_stop(self) -> None:
            """Look no more."""
            self.stopping.set()

    return TimerService


async def begin(parts: Parts, settings: Settings) -> None:
    """The rules that the hub is founded with, and the key under which details that name nobody are sealed."""
    database: Database = parts.database
    now = settings.clock().now()
    async with database.transaction() as conn:
        await parts.in_force.found(conn, parts.secret, now)
        await parts.in_force.catch_up(conn)
        await parts.ring.create(conn, parts.hub_key, "hub", now)


def watching(settings: Settings, running: list[Processor]) -> type[Service]:
    """A service class that answers probes: ready as long as no processor waits for a server."""

    def not_ready() -> str | None:
        waits = [each.context.machine.name for each in running if each.waits]
        return f"waits: {', '.join(sorted(waits))}" if waits else None

    class WatchService(Service):
        """Probes and metrics."""

        async def on_start(self) -> None:
            await self.add_async_context(watched(settings, f"router-{settings.instance}", not_ready))

    return WatchService


def build(settings: Settings) -> faust.App:
    """The app with its services; nothing connects before it starts."""
    parts = assemble(settings)
    app = faust.App(
        "wraparound-router",
        broker=[f"kafka://{address}" for address in settings.kafka.split(",")],
        broker_credentials=faust.SASLCredentials(
            username=settings.kafka_user,
            password=settings.kafka_password(),
            ssl_context=connection(settings)["ssl_context"],
            mechanism="SCRAM-SHA-512",
        ),
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        datadir=str(settings.folder / "faust"),
    )
    # Faust consumes nothing of its own here; without this its consumer insists on a topic.
    app.producer_only = True
    running: list[Processor] = []
    app.service(watching(settings, running))
    app.service(timing(settings, parts))
    for machine in parts.machines:
        app.service(hosting(settings, parts, machine, running))
    return app


def main(settings: Settings) -> int:
    """Run the processors until a signal. The exit code is 0 after a clean stop, 1 after a failure."""
    app = build(settings)
    garbage.rarely()
    worker = faust.Worker(
        app, loop=uvloop.new_event_loop(), loglevel=settings.log_level, redirect_stdouts=False
    )
    # From level WARNING on, Faust would have everybody's debug lines made, each to turn a spinner nobody sees.
    worker.spinner = None
    worker.execute_from_commandline()
    return 0
