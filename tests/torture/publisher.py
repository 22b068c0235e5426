"""Publishes a workload over HTTP, signed with the desks' keys, until every event is accepted; and remembers what was.

One task publishes one family at a time, event after event, each repeated under its own id until a 202 or 200 comes.
What comes back is the client's record: the checker starts from it.
"""

import asyncio
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import httpx
import orjson
import psycopg

from client.http import Profile
from hub.stack.stack import Stack
from tests.torture.canary import Canary
from tests.torture.workload import Step, Workload

PATIENCE: Final = 1800.0
"""Seconds until an event that is not taken, or a request that is not offered, is given up."""
_OFFERED: Final = """
SELECT r.receipt_id::text FROM event r
JOIN event o ON o.key = r.key AND o.cause = r.event_id AND o.type = 'wraparound.referral.offered.v1'
JOIN fate f ON f.event_id = o.event_id AND f.processor = 'router'
WHERE r.receipt_id = ANY(%s::uuid[])
"""


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event that the hub took: when (machine seconds), and after how many tries."""

    step: Step
    receipt: str
    at: float
    tries: int


class Publisher:
    """A workload on its way, in a thread of its own. `per_second` limits it; 0: as fast as it goes."""

    def __init__(
        self, stack: Stack, workload: Workload, *, connections: int = 32, per_second: float = 0.0
    ) -> None:
        self.accepted: list[Accepted] = []
        self.refused: list[tuple[Step, int, str]] = []
        self.answers: dict[int, int] = {}
        self.given_up = False
        self.size = workload.size
        self._stack = stack
        self._url = stack.url
        self._profiles = {desk: Profile.load(stack.identities.profile(desk)) for desk in stack.desks}
        self._families = list(reversed(workload.families))
        self._connections = connections
        self._gap = 1.0 / per_second if per_second else 0.0
        self._next = 0.0
        self._waiting: dict[str, asyncio.Event] = {}
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether there is something left to publish."""
        return self._thread.is_alive()

    def join(self, seconds: float | None = None) -> None:
        """Wait for the end."""
        self._thread.join(seconds)

    def stop(self) -> None:
        """Publish no further family."""
        self._stopping.set()

    def _run(self) -> None:
        asyncio.run(self._all())

    async def _all(self) -> None:
        limits = httpx.Limits(max_connections=self._connections, max_keepalive_connections=self._connections)
        async with httpx.AsyncClient(base_url=self._url, limits=limits, timeout=20.0) as http:
            watch = asyncio.create_task(self._watch())
            await asyncio.gather(*(self._work(http) for _ in range(self._connections)))
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch

    async def _work(self, http: httpx.AsyncClient) -> None:
        while self._families and not self._stopping.is_set():
            await self._family(http, self._families.pop())

    async def _family(self, http: httpx.AsyncClient, steps: Sequence[Step]) -> None:
        requests: list[str] = []
        waited = False
        for step in steps:
            if step.after_offers and not waited:
                waited = True
                if not all(await asyncio.gather(*map(self._offered, requests))):
                    self.given_up = True
                    return
            if self._gap:
                await self._pace()
            receipt = await self._publish(http, step)
            if receipt is None:
                return
            if step.kind == "referral.requested":
                requests.append(receipt)

    async def _pace(self) -> None:
        now = time.monotonic()
        self._next = max(self._next + self._gap, now - 0.1)
        await asyncio.sleep(max(0.0, self._next - now))

    async def _publish(self, http: httpx.AsyncClient, step: Step) -> str | None:
        key = self._profiles[step.desk].key
        body = orjson.dumps(
            {
                "specversion": "1.0",
                "id": step.id,
                "source": step.desk,
                "type": f"wraparound.{step.kind}.v1",
                "data": step.data,
            }
        )
        headers = {"content-type": "application/cloudevents+json"}
        deadline = time.monotonic() + PATIENCE
        tries = 0
        while time.monotonic() < deadline:
            tries += 1
            headers["authorization"] = f"Bearer {key.token(self._url)}"
            try:
                answer = await http.post("/v1/events", content=body, headers=headers)
            except httpx.TransportError:
                self._count(0)
                await asyncio.sleep(0.1)
                continue
            self._count(answer.status_code)
            if answer.status_code in {200, 202}:
                receipt = str(answer.json()["receipt"])
                self.accepted.append(Accepted(step, receipt, time.time(), tries))
                return receipt
            if answer.status_code < 500:
                self.refused.append((step, answer.status_code, answer.text[:300]))
                return None
            await asyncio.sleep(0.1)
        self.given_up = True
        return None

    def _count(self, status: int) -> None:
        self.answers[status] = self.answers.get(status, 0) + 1

    # The hub's offers: a family's services answer once the hub has offered what was requested ---------------------

    async def _offered(self, receipt: str) -> bool:
        event = self._waiting.setdefault(receipt, asyncio.Event())
        try:
            return await asyncio.wait_for(event.wait(), PATIENCE)
        except TimeoutError:
            return False

    async def _watch(self) -> None:
        """Tell those who wait; by a look into the database, which is the same as a desk's own reading and cheaper."""
        while True:
            with suppress(psycopg.Error, OSError):
                async with await psycopg.AsyncConnection.connect(
                    self._stack.dsn, autocommit=True, connect_timeout=5
                ) as conn:
                    while True:
                        await self._look(conn)
                        await asyncio.sleep(0.1)
            await asyncio.sleep(0.2)

    async def _look(self, conn: "psycopg.AsyncConnection[tuple[object, ...]]") -> None:
        waiting = [receipt for receipt, event in self._waiting.items() if not event.is_set()]
        if waiting:
            for (receipt,) in await (await conn.execute(_OFFERED, (waiting,))).fetchall():
                self._waiting.pop(str(receipt)).set()


def published(accepted: Sequence[Accepted]) -> dict[str, Canary]:
    """Every canary of what was accepted."""
    return {each.text: each for one in accepted for each in one.step.canaries}
