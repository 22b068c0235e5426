"""The gateway proves the agreements that are asked for, one at a time, behind its other work; then it asks who signs.

Proved is every rule set that would be in force from the start on, beside what is signed by then. Signed meanwhile:
proved anew. Two gateways may prove the same; the first to finish writes what was found.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from typing import Any, Final

from hub.errors import HubError, PeerError
from hub.partnership import ConfigurationError
from services.consent.agreement import RuleSet
from services.consent.proof.found import Tally
from services.consent.proving import begin
from services.gateway import activating
from services.gateway.activating import Request
from services.gateway.agreements import read_agreement
from services.gateway.parts import Parts

log = logging.getLogger("wraparound.gateway")

EVERY_SECONDS: Final = 1.0
LONGEST_SECONDS: Final = 3600.0
"""How long a proof may take: whatever is asked for besides waits behind it."""

Prove = Callable[[Sequence[RuleSet], asyncio.Event], Awaitable[Tally | None]]
"""Proves rule sets; None: it could not."""


async def run(parts: Parts, stopping: asyncio.Event) -> None:
    """Prove what is asked for until told to stop; a database that is away is waited for."""
    while not stopping.is_set():
        try:
            await step(parts, stopping)
        except PeerError as error:
            log.warning("proving: %s", error)
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), EVERY_SECONDS)


async def step(parts: Parts, stopping: asyncio.Event, prove: Prove | None = None) -> None:
    """Take the version that waits longest, if one does, to where its second person is asked, or it is refused."""
    async with parts.database.transaction() as conn:
        asked = await activating.to_prove(conn)
        if asked is None:
            return
        await parts.in_force.catch_up(conn)
        reason = activating.void(parts, asked)
        if reason is not None:
            await activating.refuse(conn, asked.receipt_id, reason)
            return
        base = parts.in_force.place
    try:
        tally = await (prove or by_processes)(_sets(parts, asked), stopping)
    except BrokenExecutor as error:
        log.warning("proving: a process ended (%s); once more", type(error).__name__)
        return
    except ConfigurationError:
        tally = None  # the partnership has other words since it was asked for
    except HubError:
        raise
    except Exception as error:  # noqa: BLE001 - ours: what cannot be proved does not come into force
        log.error("proving %s: %s", asked.receipt_id, type(error).__name__)  # noqa: TRY400 - may quote the text
        tally = None
    if not stopping.is_set():
        await _conclude(parts, asked, base, tally)


def _sets(parts: Parts, asked: Request) -> list[RuleSet]:
    book = parts.in_force.book.after(read_agreement(parts.partnership, asked.text))
    return [each.rules for each in book.since(asked.starts_at)]


async def by_processes(
    sets: Sequence[RuleSet], stopping: asyncio.Event, *, longest: float = LONGEST_SECONDS
) -> Tally | None:
    """The proof of all of them; nothing of it, if told to stop. None: it took too long."""
    tally, proof = Tally(), begin(sets, os.cpu_count() or 1, gently=True)
    whole = asyncio.gather(*map(asyncio.wrap_future, proof.parts))
    stop = asyncio.create_task(stopping.wait())
    either: list[asyncio.Future[Any]] = [whole, stop]
    try:
        over, _ = await asyncio.wait(either, timeout=longest, return_when=asyncio.FIRST_COMPLETED)
        if not over:
            return None
        for each in whole.result() if whole.done() else ():
            tally.join(each)
    finally:
        stop.cancel()
        proof.end()
        # Not cancelled by us: the executor, which has to tell the same, would fail at it.
        await asyncio.gather(whole, return_exceptions=True)
    return tally


async def _conclude(parts: Parts, asked: Request, base: int, tally: Tally | None) -> None:
    async with parts.database.transaction() as conn:
        await parts.in_force.catch_up(conn)
        now = await activating.request(conn, asked.receipt_id)
        if now is None or now.state != "proving" or parts.in_force.place != base:
            return
        if (reason := activating.void(parts, asked)) is not None:
            await activating.refuse(conn, asked.receipt_id, reason)
        elif tally is None:
            await activating.refuse(conn, asked.receipt_id, activating.UNPROVED)
        elif tally.broken:
            broken = [each for each in tally.plain() if not each["holds"]]
            await activating.refuse(conn, asked.receipt_id, activating.BROKEN, broken)
        else:
            await activating.proved(conn, parts, asked, base)
