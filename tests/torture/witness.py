"""Gathers the evidence: the book, what the log's own verification says, the inbox over HTTP, and leaks at rest."""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import httpx
import psycopg

from client.http import Profile
from hub.keys import KeyRing
from hub.settings import read_key, read_secret
from hub.stack.stack import Stack
from services.audit.note import parse_skey
from services.audit.verify import verify
from tests.torture import canary
from tests.torture.book import read_book
from tests.torture.checker import Evidence
from tests.torture.publisher import Accepted, published
from tests.torture.rig import Rig
from tests.torture.workload import PERPETRATOR_DESK

CHUNK = 1 << 22
_PLAIN = (
    "SELECT leaf FROM audit_entry",
    "SELECT convert_to(task::text, 'UTF8') FROM task",
    "SELECT convert_to(receipt::text, 'UTF8') FROM receipt",
    "SELECT state FROM person_state",
    "SELECT body FROM event WHERE key_id IS NULL",
    "SELECT convert_to(note, 'UTF8') FROM log_checkpoint",
)


def gather(rig: Rig, accepted: Sequence[Accepted], drained: Sequence[str]) -> Evidence:
    """Everything that the checker reads, from a rig whose processes still run."""
    stack = rig.stack
    inbox = {PERPETRATOR_DESK: asyncio.run(_inbox(stack, PERPETRATOR_DESK))}
    return Evidence(
        accepted=accepted,
        book=read_book(stack),
        secret=read_key(stack.identities.hub_secret, "hub_secret_file"),
        drained=drained,
        log_findings=asyncio.run(_verify(stack)),
        leaks=list(_leaks(stack, published(accepted))),
        inbox=inbox,
    )


async def _verify(stack: Stack) -> list[str]:
    signer = parse_skey(read_secret(stack.identities.signing_key, "signing_key_file").decode())
    keys = KeyRing(read_key(stack.identities.master_key, "master_key_file"))
    async with (
        await psycopg.AsyncConnection.connect(stack.dsn, autocommit=True) as conn,
        conn.transaction(),
    ):
        report = await verify(conn, [signer.verifier], origin=signer.verifier.name, keys=keys)
    return [f"{finding.kind} at {finding.index}: {finding.text}" for finding in report.findings] + (
        [f"{report.more} further findings"] if report.more else []
    )


async def _inbox(stack: Stack, desk: str) -> bytes:
    """All pages of a desk's inbox as they came."""
    profile = Profile.load(stack.identities.profile(desk))
    after, pages = 0, []
    async with httpx.AsyncClient(base_url=stack.url, timeout=30) as http:
        while True:
            bearer = {"authorization": f"Bearer {profile.key.token(stack.url)}"}
            answer = await http.get("/v1/inbox", params={"after": after, "limit": 200}, headers=bearer)
            if answer.status_code != 200:
                raise AssertionError(f"the inbox answers {answer.status_code}")
            pages.append(answer.content)
            reached = answer.json()["after"]
            if reached == after:
                return b"\n".join(pages)
            after = reached


def _leaks(stack: Stack, canaries: Mapping[str, canary.Canary]) -> Iterator[str]:
    """Canaries in what holds no personal data: process logs, metrics, plain columns, PostgreSQL's files.

    What only looks like one is none: signatures are long texts of letters and digits.
    """
    for log in sorted((stack.folder / "logs").glob("*.log")):
        yield from (f"the log {log.name} holds {each}" for each in _in_file(log, canaries))
    with psycopg.connect(stack.dsn) as conn:
        for query in _PLAIN:
            for row in conn.execute(query):
                yield from (f"in the clear: {each}: {query}" for each in _in(bytes(row[0]), canaries))
    answer = httpx.get(f"{stack.url}/metrics", timeout=10)
    yield from (f"the metrics hold {each}" for each in _in(answer.content, canaries))
    data = stack.folder / "postgres" / "data"
    for file in sorted(data.rglob("*")):
        if file.is_file() and file.stat().st_size:
            name = re.sub("[0-9A-F]{24}", "segment", str(file.relative_to(data)))
            yield from (f"{name}: in the clear at rest: {each}" for each in _in_file(file, canaries))


def _in(raw: bytes, canaries: Mapping[str, canary.Canary]) -> set[str]:
    """What of a published event stands in some bytes: the field and its category."""
    found = (canaries.get(text) for text in canary.found(raw))
    return {f"{each.field} ({each.category})" for each in found if each is not None}


def _in_file(file: Path, canaries: Mapping[str, canary.Canary]) -> list[str]:
    """The same for a file; read in pieces that overlap."""
    before, seen = b"", set[str]()
    with file.open("rb") as opened:
        while piece := opened.read(CHUNK):
            seen |= _in(before + piece, canaries)
            before = piece[-32:]
    return sorted(seen)
