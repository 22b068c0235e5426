"""What is asked of the hub once the year is over: its log verified, its decisions explained, its state."""

import asyncio
import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from cli import lag
from client.http import HubClient, Profile
from hub.clock import format_micros
from hub.database import Database
from hub.errors import HubError
from hub.keys import KeyRing
from hub.looks import Purpose
from hub.settings import read_key, read_secret
from hub.stack.identities import Identities
from hub.stack.stack import Stack
from services.audit.note import parse_checkpoint, parse_skey
from services.audit.report import Report
from services.audit.verify import verify

QUIET_SECONDS: Final = 60.0
LOOKS: Final = 2
"""Looks that must find the hub at rest, one after another: what was on its way at the first is there at the next."""
SEAL_SECONDS: Final = 20.0
AGAIN_SECONDS: Final = 0.1
USER: Final = "information governance officer"
PURPOSE: Final[Purpose] = "rights"
REASON: Final = "to show what was shared in the demo, and why"


class UnfinishedError(HubError):
    """The hub did not come to rest."""


@dataclass(frozen=True, slots=True)
class LogHead:
    """The verified log: its newest checkpoint, and what verification counted."""

    origin: str
    size: int
    root: str
    signed_at: str
    report: Report
    kinds: Mapping[str, int]


async def rest(folder: Path, supervisor: int) -> dict[str, Any]:
    """Wait until nothing moves: all is decided and delivered. What `status` then says.

    Raises `UnfinishedError`.
    """
    quiet = 0
    try:
        async with asyncio.timeout(QUIET_SECONDS):
            while True:
                found = await asyncio.to_thread(lag.look, folder, supervisor)
                moving = any(row["records"] for row in found["lag"]) or found["undelivered"]["rows"]
                quiet = 0 if moving or found["problems"] else quiet + 1
                if quiet == LOOKS:
                    return found
    except TimeoutError as error:
        raise UnfinishedError(f"the hub did not come to rest in {QUIET_SECONDS:.0f} s") from error


async def decisions(profile: Path, wanted: Mapping[str, str]) -> dict[str, Any]:
    """What was decided of each event, by the name under which its receipt is given. Each look is recorded."""
    async with HubClient(Profile.load(profile)) as hub:
        return {
            name: await hub.decisions(receipt, user=USER, purpose=PURPOSE, reason=REASON)
            for name, receipt in wanted.items()
        }


async def verified(dsn: str, identities: Identities) -> LogHead:
    """Rebuild the log from its entries, once everything is sealed. Raises `UnfinishedError`."""
    signer = parse_skey(read_secret(identities.signing_key, "signing_key_file").decode())
    database = Database(dsn, size=1, name="demo")
    try:
        while True:
            await _sealed(database)
            # A connection that has read nothing yet, each time: one snapshot holds all that is compared.
            async with database.transaction() as conn:
                keys = KeyRing(read_key(identities.master_key, "master_key_file"))
                report = await verify(conn, [signer.verifier], origin=signer.verifier.name, keys=keys)
                if not report.pending or not report.ok:
                    return await _head(conn, signer.verifier.name, report)
    finally:
        await database.close()


@contextmanager
def verifying(stack: Stack) -> Iterator[Future[LogHead]]:
    """The same in a process of its own, so that it goes on beside this one."""
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=_uninterrupted) as pool:
        yield pool.submit(_verify, stack.dsn, stack.identities)


def _uninterrupted() -> None:
    """Ctrl-C is for who waits for this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _verify(dsn: str, identities: Identities) -> LogHead:
    return asyncio.run(verified(dsn, identities))


async def _sealed(database: Database) -> None:
    """Wait until nothing is left for the sealer."""
    try:
        async with asyncio.timeout(SEAL_SECONDS):
            while True:
                async with database.transaction() as conn:
                    found = await conn.execute("SELECT EXISTS (SELECT FROM audit_pending)")
                    row = await found.fetchone()
                if row == (False,):
                    return
                await asyncio.sleep(AGAIN_SECONDS)
    except TimeoutError as error:
        raise UnfinishedError(f"the sealer did not catch up in {SEAL_SECONDS:.0f} s") from error


async def _head(conn: Any, origin: str, report: Report) -> LogHead:
    row = await (
        await conn.execute("SELECT note, at FROM log_checkpoint ORDER BY size DESC, at DESC LIMIT 1")
    ).fetchone()
    assert row is not None
    text = row[0].split("\n\n", 1)[0] + "\n"
    checkpoint = parse_checkpoint(text)
    kinds = await (
        await conn.execute("SELECT kind, count(*) FROM audit_entry GROUP BY kind ORDER BY 2 DESC, 1")
    ).fetchall()
    return LogHead(origin, checkpoint.size, checkpoint.root.hex(), format_micros(row[1]), report, dict(kinds))


def searched(mailbag: Path, needles: Sequence[str]) -> tuple[int, dict[str, int]]:
    """The bytes that a desk was sent, and how often each of these stands in them."""
    raw = mailbag.read_bytes()
    return len(raw), {needle: raw.count(needle.encode()) for needle in needles}


def head_as_plain(head: LogHead) -> dict[str, Any]:
    """The head as plain data."""
    report = head.report
    return {
        "origin": head.origin,
        "size": head.size,
        "root": head.root,
        "signed_at": head.signed_at,
        "checkpoints": report.checkpoints,
        "details": report.details,
        "offsets": sum(each.to - each.first for each in report.covered),
        "kinds": dict(head.kinds),
        "ok": report.ok,
    }
