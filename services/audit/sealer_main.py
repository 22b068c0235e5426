"""The process `wraparound run sealer`: the one that may read the log's signing key, and no other key."""

import asyncio
import logging
import signal

from hub import garbage
from hub.database import Database
from hub.ledger import code_digest
from hub.settings import Settings, read_secret
from hub.telemetry.watch import watched
from services.audit.note import Signer, parse_skey
from services.audit.sealer import Sealer

log = logging.getLogger(__name__)

_STOP = (signal.SIGTERM, signal.SIGINT)


def read_signing_key(settings: Settings) -> Signer:
    """The log's signing key.

    Raises `KeyFileError` when others can read the file, `NoteError` when it is no key.
    """
    return parse_skey(read_secret(settings.signing_key_file, "signing_key_file").decode())


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _STOP:
        loop.add_signal_handler(number, stop.set)
    database = Database(settings.postgres, size=1, name="sealer")
    try:
        sealer = Sealer(
            database,
            read_signing_key(settings),
            settings.clock(),
            code=code_digest(settings.partnership),
        )
        garbage.rarely()
        log.info("sealing %s", sealer.origin)
        async with watched(settings, f"sealer-{settings.instance}", lambda: not_ready(sealer)):
            await sealer.run(stop)
    finally:
        await database.close()


def not_ready(sealer: Sealer) -> str | None:
    """What keeps it from sealing, as a code; None: nothing. Standing by beside another sealer is ready."""
    if sealer.status.alarms:
        return "alarms"
    return None if sealer.status.standing_by or sealer.status.sealed_at is not None else "not open"


def main(settings: Settings) -> int:
    """Seal until SIGTERM or SIGINT.

    Errors of the hub pass to the command line, which knows their exit codes.
    """
    asyncio.run(_run(settings))
    return 0
