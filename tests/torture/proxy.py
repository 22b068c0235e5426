"""A TCP proxy before PostgreSQL that cuts connections when COMMIT was sent: no client knows what became of it."""

import asyncio
import random
import threading
from contextlib import suppress
from typing import Final

from hub.stack.ports import LOOPBACK, free_ports

CHUNK: Final = 1 << 16
COMMIT: Final = b"COMMIT"


class Proxy:
    """Listens on a port of its own. While `armed`, one COMMIT in `every` is the last thing that a connection says.

    Half of those cuts come after PostgreSQL answered, so that the transaction has committed; half at once.
    """

    def __init__(self, target: int, *, seed: int, every: int = 20) -> None:
        self.port = free_ports(1)[0]
        self.cuts = 0
        self.armed = False
        self._target = target
        self._every = every
        self._rng = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        self._ready.wait(10)

    def stop(self) -> None:
        """Cut everything and end."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._serve, LOOPBACK, self.port))
        self._ready.set()
        self._loop.run_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            theirs, ours = await asyncio.open_connection(LOOPBACK, self._target)
        except OSError:
            writer.close()
            return
        mute = asyncio.Event()
        with suppress(OSError, asyncio.CancelledError):
            await asyncio.wait(
                {
                    asyncio.ensure_future(self._up(reader, ours, mute)),
                    asyncio.ensure_future(self._down(theirs, writer, mute)),
                },
                return_when=asyncio.FIRST_COMPLETED,
            )
        for each in (writer, ours):
            with suppress(OSError):
                each.transport.abort()

    async def _up(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mute: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while piece := await reader.read(CHUNK):
                cut = self.armed and COMMIT in piece and self._rng.randrange(self._every) == 0
                if cut:
                    mute.set()
                writer.write(piece)
                await writer.drain()
                if cut:
                    self.cuts += 1
                    if self._rng.random() < 0.5:
                        await asyncio.sleep(0.3)
                    return

    async def _down(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mute: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while piece := await reader.read(CHUNK):
                if not mute.is_set():
                    writer.write(piece)
                    await writer.drain()
