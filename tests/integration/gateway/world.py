"""A gateway on a real database, and desks that talk to it: in this process, or in one of its own that can be killed."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import orjson
import psycopg

from cli.gateway import families_of
from client.http import Profile
from hub.clock import FakeClock, parse_micros
from hub.outbox import seal_context
from hub.schemas import Catalogue, wire
from hub.schemas.dated import dated
from hub.settings import ROOT, Settings
from hub.stack.ports import free_ports
from hub.stack.stack import Stack
from services.gateway.directory import token
from services.gateway.main import Gateway, assemble

TYPE = "wraparound.{}.v1"
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


def ref(value: str, scheme: str = "liquidlogic") -> dict[str, str]:
    """A reference as a publisher writes it."""
    return {"scheme": scheme, "value": value}


def example(kind: str) -> dict[str, Any]:
    """The data of a type's committed example, of a day before every clock of these tests."""
    event_type = _catalogue().type(TYPE.format(kind))
    return dict(dated(event_type, event_type.examples[0], parse_micros("2023-06-01T09:00:00Z")))


@cache
def _catalogue() -> Catalogue:
    return Catalogue.load(ROOT / "schemas", sandbox=True)


def event(kind: str, data: Any, event_id: str, source: str) -> dict[str, Any]:
    """A CloudEvent in its structured form."""
    return {"specversion": "1.0", "id": event_id, "source": source, "type": TYPE.format(kind), "data": data}


@dataclass(frozen=True)
class Row:
    """A stored event, opened."""

    id: str
    key: str
    kind: str
    source: str
    primary: bool
    raises: list[str]
    cause: str | None
    recorded_at: int
    accepted_at: int
    receipt: str | None
    data: dict[str, Any]


@dataclass
class World:
    """The gateway in this process."""

    stack: Stack
    dsn: str
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        settings = self.stack.settings("gateway", postgres=self.dsn)
        with patch.object(Settings, "clock", lambda _: self.clock):
            self.gateway: Gateway = assemble(settings, [families_of])
        # How fast this machine sends is no matter of a test; test_doors.py sets a limit of its own.
        object.__setattr__(self.gateway.doors, "limiter", None)
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.gateway.app, raise_app_exceptions=False),
            base_url=self.stack.url,
        )
        self._sent = 0

    async def close(self) -> None:
        await self.http.aclose()
        await self.gateway.parts.database.close()

    def profile(self, desk: str) -> Profile:
        return Profile.load(self.stack.identities.profile(desk))

    def bearer(self, desk: str, **claims: Any) -> dict[str, str]:
        return {"authorization": f"Bearer {self.profile(desk).key.token(self.stack.url, **claims)}"}

    async def post(
        self,
        kind: str,
        data: Any,
        *,
        desk: str = "council/chesil",
        event_id: str | None = None,
        query: str = "",
    ) -> httpx.Response:
        """Publish in structured mode."""
        self._sent += 1
        body = event(kind, data, event_id or f"e-{self._sent}", desk)
        headers = {**self.bearer(desk), "content-type": STRUCTURED}
        return await self.http.post(f"/v1/events{query}", content=orjson.dumps(body), headers=headers)

    async def post_batch(
        self, events: Sequence[Any], *, desk: str = "council/chesil", query: str = ""
    ) -> httpx.Response:
        """Publish in batch mode."""
        headers = {**self.bearer(desk), "content-type": BATCH}
        return await self.http.post(f"/v1/events{query}", content=orjson.dumps(list(events)), headers=headers)

    async def publish(self, kind: str, data: Any, **rest: Any) -> str:
        """Publish what must be accepted; gives the receipt."""
        answer = await self.post(kind, data, **rest)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["receipt"])

    async def get(self, path: str, desk: str) -> httpx.Response:
        return await self.http.get(path, headers=self.bearer(desk))

    async def open_family(self, name: str = "F-1", desk: str = "council/chesil") -> str:
        data = {"family": ref(name), "lead": desk, "locality": desk.partition("/")[2]}
        return await self.publish("family.opened", data, desk=desk)

    async def add_member(
        self,
        family: str,
        *ids: dict[str, str],
        kind: str = "adult",
        desk: str = "council/chesil",
        **more: Any,
    ) -> str:
        row = {"person": ids[0], "identifiers": list(ids[1:]), "kind": kind, **more}
        return await self.publish("family.member_added", {"family": ref(family), "members": [row]}, desk=desk)

    # What is in the database -----------------------------------------------------------------------------------

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        async with await psycopg.AsyncConnection.connect(self.dsn, autocommit=True) as conn:
            yield conn

    async def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        async with self.connection() as conn:
            return await (await conn.execute(query, values)).fetchall()

    async def count(self, table: str) -> int:
        return int((await self.rows(f"SELECT count(*) FROM {table}"))[0][0])

    async def events(self) -> list[Row]:
        """Every stored event in the order of the outbox, opened."""
        query = (
            "SELECT e.event_id::text, key::text, type, source, is_primary, raises::text[], cause::text,"
            " recorded_at, accepted_at, receipt_id::text, key_id::text, body"
            " FROM event e JOIN outbox o USING (event_id) ORDER BY o.seq"
        )
        found = []
        parts = self.gateway.parts
        for row in await self.rows(query):
            body = bytes(row[11])
            if row[10] is not None:
                async with self.connection() as conn:
                    await parts.ring.load(conn, [row[10]])
                body = parts.ring.open(row[10], seal_context(row[0]), body)
            _, datum = wire.decode(parts.catalogue, body)
            kind = row[2].removeprefix("wraparound.").removesuffix(".v1")
            found.append(
                Row(row[0], row[1], kind, row[3], row[4], row[5], row[6], row[7], row[8], row[9], datum)
            )
        return found

    async def kinds(self) -> list[str]:
        return [row.kind for row in await self.events()]

    async def guards(self) -> dict[str, int]:
        return dict(await self.rows("SELECT person_id::text, raises FROM guard"))

    async def person(self, family_member: str, scheme: str = "liquidlogic") -> str:
        """The hub id of a person known by this id."""
        parts = self.gateway.parts
        found = await self.rows(
            "SELECT hub_id::text FROM identity WHERE scheme = %s AND token = %s AND kind = 'person'",
            scheme,
            token(parts.secret, scheme, family_member),
        )
        return str(found[0][0])


@dataclass
class Process:
    """The gateway in a process of its own."""

    stack: Stack
    dsn: str
    folder: Path
    crash_at: str = ""
    more: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = self.folder / f"gateway-{self.port}.log"

    @property
    def command(self) -> list[str]:
        """What runs the gateway, as `wraparound run gateway` does."""
        return [sys.executable, "-m", "cli.main", "run", "gateway"]

    def start(self, *, ready: int = 200, seconds: float = 120) -> None:
        """Start it and wait until `/readyz` answers so."""
        environ = self.stack.environ(
            "gateway", postgres=self.dsn, http_port=self.port, public_url=self.stack.url
        )
        environ |= self.more
        if self.crash_at:
            environ["WRAPAROUND_CRASH_AT"] = self.crash_at
        with self.log.open("ab") as out:
            self.child = subprocess.Popen(self.command, env=environ, cwd=ROOT, stdout=out, stderr=out)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.url}/readyz").status_code == ready:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
            assert self.child.poll() is None, self.log.read_text()
        raise AssertionError(self.log.read_text())

    def wait(self) -> int:
        return self.child.wait(timeout=60)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        os.kill(self.child.pid, number)
        return self.wait()


def statuses(answers: Sequence[httpx.Response]) -> list[int]:
    return [answer.status_code for answer in answers]


async def gather(*waiting: Any) -> list[Any]:
    return list(await asyncio.gather(*waiting))
