"""The whole hub as processes of its own, as `wraparound up` runs them, on the session's servers and a new database."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import orjson
import psycopg
from aiokafka import AIOKafkaConsumer, TopicPartition

from client.http import Profile
from hub.clock import SystemClock, format_micros
from hub.stack import access
from hub.stack.processes import ServiceProcess
from hub.stack.stack import Stack
from tests.integration.gateway.world import STRUCTURED, event

SERVICES = ("sealer", "gateway", "delivery", "router")
START = "2023-06-01T09:00:00Z"
"""The agreement of the sandbox is in force then."""
STILL = """
SELECT (SELECT count(*) FROM outbox)
     + (SELECT count(*) FROM undecided)
     + (SELECT count(*) FROM delivery WHERE status IN ('pending', 'attempting', 'lapsed'))
     + (SELECT count(*) FROM event e WHERE NOT EXISTS (SELECT FROM fate f WHERE f.event_id = e.event_id))
"""


class Whole:
    """The running hub, and the desks' side of it."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.stack = stack
        self.folder = folder
        self.dsn = stack.new_database(f"whole_{uuid4().hex}")
        self.answers: list[httpx.Response] = []
        self._sent = 0
        self._services: list[ServiceProcess] = []

    @contextmanager
    def running(self) -> Iterator["Whole"]:
        """Start every service; at the end each must stop in order."""
        more = {
            "postgres": self.dsn,
            "clock_start": START,
            "clock_anchor": format_micros(SystemClock().now()),
        }
        try:
            for name in SERVICES:
                environ = self.stack.environ(name, **more)
                process = ServiceProcess(f"{name}-1", name, self.folder, environ)
                process.start()
                self._services.append(process)
            self._wait_ready()
            yield self
        finally:
            for process in self._services:
                process.terminate()
            ends = {process.name: process.wait() for process in self._services}
        assert set(ends.values()) == {0}, ends

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + 150
        while True:
            try:
                if httpx.get(f"{self.stack.url}/readyz").is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
            assert time.monotonic() < deadline, self.logs()

    # What desks do ---------------------------------------------------------------------------------------------

    def bearer(self, desk: str) -> dict[str, str]:
        token = Profile.load(self.stack.identities.profile(desk)).key.token(self.stack.url)
        return {"authorization": f"Bearer {token}"}

    async def call(self, method: str, path: str, desk: str, **rest: Any) -> httpx.Response:
        """One request of a desk; its answer is kept."""
        headers = {**self.bearer(desk), **rest.pop("headers", {})}
        async with httpx.AsyncClient(base_url=self.stack.url, timeout=30) as http:
            answer = await http.request(method, path, headers=headers, **rest)
        self.answers.append(answer)
        return answer

    async def post(self, kind: str, data: Any, desk: str, event_id: str = "") -> httpx.Response:
        """Publish once."""
        self._sent += 1
        body = event(kind, data, event_id or f"w-{self._sent}", desk)
        return await self.call(
            "POST", "/v1/events", desk, content=orjson.dumps(body), headers={"content-type": STRUCTURED}
        )

    async def publish(self, kind: str, data: Any, desk: str = "council/chesil") -> str:
        """Publish what must be accepted; gives the receipt."""
        answer = await self.post(kind, data, desk)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["receipt"])

    # What became of it -----------------------------------------------------------------------------------------

    async def settle(self, seconds: float = 170) -> None:
        """Wait until everything is decided and delivered."""
        deadline = time.monotonic() + seconds
        quiet = 0
        while quiet < 2:
            ((left,),) = self.rows(STILL)
            quiet = 0 if left else quiet + 1
            assert time.monotonic() < deadline, (left, self.logs())
            await asyncio.sleep(0.2)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            return connection.execute(query).fetchall()

    def logs(self) -> str:
        """Everything that any process of ours has logged, and the servers."""
        files = [*self.folder.glob("logs/*"), *self.stack.folder.glob("logs/*")]
        return "".join(file.read_text(errors="replace") for file in files)

    async def records(self, topic: str) -> AsyncIterator[Any]:
        """Every record of a topic, as the broker's own account reads it."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.stack.bootstrap,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="SCRAM-SHA-512",
            sasl_plain_username="broker",
            sasl_plain_password=(self.stack.folder / "kafka" / "admin.password").read_text().strip(),
            group_id=None,
        )
        await consumer.start()
        try:
            parts = [
                TopicPartition(topic, number) for number in range(access.topics(self.stack.desks)[topic])
            ]
            consumer.assign(parts)
            await consumer.seek_to_beginning()
            ends = await consumer.end_offsets(parts)
            while not all([await consumer.position(part) >= ends[part] for part in parts]):
                for found in (await consumer.getmany(timeout_ms=1_000)).values():
                    for record in found:
                        yield record
        finally:
            await consumer.stop()
