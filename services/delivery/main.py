"""The delivery process: the relay, and the producer of the outbox."""

import asyncio
import signal

import uvloop

from hub import garbage
from hub.session import WAITS
from hub.settings import Settings
from hub.telemetry.watch import watched
from services.delivery.composition import Parts, assemble


async def serve(parts: Parts, stopping: asyncio.Event) -> None:
    """Run both halves until told to stop; the fault of one ends the other and the process."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(parts.relay.run(stopping), name="relay")
        tasks.create_task(parts.outbox.run(stopping), name="outbox")


def not_ready() -> str | None:
    """What a loop of this process waits for; None: nothing."""
    return f"waits: {', '.join(sorted(WAITS))}" if WAITS else None


async def _until_told(settings: Settings, parts: Parts) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with watched(settings, f"delivery-{settings.instance}", not_ready):
        await serve(parts, stopping)


def main(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; 0 after a clean stop. A fault of ours ends it with its traceback."""
    parts = assemble(settings)
    garbage.rarely()
    uvloop.run(_until_told(settings, parts))
    return 0
