"""The gateway's process: both doors. Its application, served by uvicorn, and the intake of the desks' topics."""

import asyncio
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import uvicorn
from fastapi import APIRouter

from hub import garbage
from hub.database import Database
from hub.errors import HubError
from hub.keys import KeyRing
from hub.ledger import code_digest
from hub.partnership import load as load_partnership
from hub.schemas import Catalogue
from hub.settings import ROOT, Settings, read_key
from hub.telemetry.watch import watched
from services.consent.authority import Allowed, may_publish
from services.consent.in_force import InForce
from services.gateway import (
    agreement_api,
    documents,
    events,
    inbox,
    metrics,
    proving,
    registry,
    task_api,
    timers,
)
from services.gateway import catalogue as catalogues
from services.gateway.api import Doors, application
from services.gateway.checking import Checker
from services.gateway.door import Door
from services.gateway.identity import Verifier
from services.gateway.limiter import Limiter
from services.gateway.metrics import Stock
from services.gateway.offers import Offers
from services.gateway.parts import Parts
from services.gateway.roles import Roles
from services.gateway.topics import Topics

GRACE_SECONDS: Final = 5
"""Requests in hand at SIGTERM have this long to end; a long poll ends with the server."""

Mounted = Callable[[Doors], APIRouter]
"""A router of another service, made with what tells it who calls: services do not import one another."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """The process in parts."""

    parts: Parts
    doors: Doors
    app: Door
    stock: Stock
    topics: Topics | None


def assemble(settings: Settings, mounted: Sequence[Mounted] = ()) -> Gateway:
    """Read everything that the process needs; nothing connects yet.

    Raises `ConfigurationError`, `SettingError`, `KeyFileError`, `SchemaError`.
    """
    secret = read_key(settings.hub_secret_file, "hub_secret_file")
    ring = KeyRing(read_key(settings.master_key_file, "master_key_file"))
    partnership = load_partnership(settings.partnership, settings.sandbox_keys)
    in_force = InForce(settings.partnership, partnership)
    sandbox = settings.sandbox_keys is not None
    catalogue = Catalogue.load(ROOT / "schemas", sandbox=sandbox)
    table, clock = partnership.authority_plain, settings.clock()
    checker = Checker(
        partnership,
        catalogue,
        lambda kind, desk: isinstance(may_publish(table, parts.compiled, desk.name, kind), Allowed),
        secret=secret,
        clock=clock,
        sandbox=sandbox,
    )
    parts = Parts(
        database=Database(settings.postgres, size=settings.database_pool, name="gateway"),
        ring=ring,
        partnership=partnership,
        catalogue=catalogue,
        checker=checker,
        secret=secret,
        clock=clock,
        in_force=in_force,
        code=code_digest(settings.partnership),
    )
    audience = settings.public_url or f"http://{settings.http_host}:{settings.http_port}"
    limits = partnership.limits
    limiter = Limiter(limits.requests_per_second, limits.requests_burst)
    doors = Doors(parts, Verifier(partnership, audience), limiter)
    offers = Offers(partnership, lambda: parts.compiled, catalogue)
    roles = Roles(ring, in_force, clock)
    kit = doors.kit()
    stock = Stock(doors)
    routers = [
        events.build(doors, offers),
        catalogues.build(doors, offers),
        documents.build(doors, offers, audience, settings.kafka),
        inbox.build(parts.database, kit, parts.clock, doors.desk, limits),
        registry.router(catalogue),
        task_api.build(doors),
        agreement_api.build(doors),
        metrics.build(doors, stock),
        *(mount(doors) for mount in mounted),
    ]
    app = application(doors, roles.held, routers)
    desks = [desk for desk in partnership.active_desks if desk.receives]
    topics = Topics(parts, settings, desks) if settings.kafka else None
    return Gateway(parts, doors, app, stock, topics)


class _Server(uvicorn.Server):
    """Ends when told, with our exit code: uvicorn itself would let the signal kill the process once it is done."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are ours."""
        yield

    def stop(self) -> None:
        """Take no more requests; finish those in hand."""
        self.should_exit = True


async def serve(gateway: Gateway, settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises `HubError` when the port cannot be had."""
    host, port = settings.http_host, settings.http_port
    config = uvicorn.Config(
        gateway.app,
        host=host,
        port=port,
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Server(config)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    name = f"gateway-{settings.instance}"
    working = [
        asyncio.create_task(timers.run(gateway.parts, stopping), name="timers"),
        asyncio.create_task(gateway.stock.run(stopping), name="stock"),
        asyncio.create_task(proving.run(gateway.parts, stopping), name="proving"),
    ]
    if gateway.topics is not None:
        working.append(asyncio.create_task(gateway.topics.run(stopping), name="intake"))
    for task in working:
        # Whatever ends before it is told to is a fault: the process goes with it, and is started again.
        task.add_done_callback(lambda _: server.stop())
    try:
        async with watched(settings, name, gateway.stock.not_ready):
            await server.serve()
    except SystemExit as error:
        raise HubError(
            f"{host}:{port} cannot be listened on: end what has it, or name another port"
        ) from error
    finally:
        stopping.set()
        try:
            await asyncio.gather(*working)
        finally:
            await gateway.parts.database.close()


def main(settings: Settings, mounted: Sequence[Mounted] = ()) -> int:
    """Run until SIGTERM or SIGINT; 0 after a clean stop."""
    gateway = assemble(settings, mounted)
    garbage.rarely()
    with asyncio.Runner(loop_factory=_loop) as runner:
        runner.run(serve(gateway, settings))
    return 0


def _loop() -> asyncio.AbstractEventLoop:
    import uvloop  # noqa: PLC0415 - not on every platform

    return uvloop.new_event_loop()
