"""A county that is lived through, and everything that the desks of the other side can see after each event, as bytes.

A hub with its acceptance, processors, attempts and its very application over HTTP, on a database of its own. Its clock
stands where the life says, its ids follow from the stack's secret, so that two lives that agree give the same bytes.

Left out of what is compared, by name:

- the log's index, size and proof: they count everybody's entries (ADR 0020). Nothing is sealed here, `/log` and
  `/v1/receipts/…/proof` are not asked;
- `instance` in a problem: the random number of the request.

What the machine's own clock decides (when an attempt is over, how long a reading waits for what is decided again) goes
by the life's clock as well: a machine that is slow or busy is none of what is compared.
"""

import asyncio
import re
import zlib
from collections import defaultdict
from collections.abc import Awaitable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from unittest.mock import patch

import httpx
import orjson

from hub.attempts.begin import Attempt
from hub.attempts.rows import IN_LINE
from hub.clock import HOUR, Clock, Micros, format_micros
from hub.producer import Message, Outcome
from hub.settings import Settings
from services.delivery.messages import to_message
from services.gateway import acceptance, inbox
from services.gateway import api as gateway
from services.gateway.checking import receipt_id
from services.referral_router.chasing import chase
from services.referral_router.composition import assemble
from services.view import api as view
from services.view import viewer
from tests.integration.attack import hub as attacks
from tests.integration.attack.hub import PARTITIONS
from tests.integration.noninterference.county import CRN, FAMILIES, Told
from tests.integration.view.looking import WHY, Looking

SEARCHES: Final = [
    *(("liquidlogic", each) for each in ("V", "P", "K", "N", "X", "F-1", "F-3", "R-V-paragon", "NOBODY")),
    *(("crn", each) for each in CRN.values()),
]
PATHS: Final = [
    "/v1/inbox?limit=2&after=1",
    "/v1/tasks",
    "/v1/tasks?kind=approval",
    "/v1/catalogue",
    "/v1/agreements",
    "/metrics",
    "/log/tile/entries/000",
]
PATIENCE: Final[Micros] = HOUR
NOBODY: Final = "00000000-0000-8000-8000-000000000000"
INSTANCE: Final = re.compile(rb'"instance":"[^"]*"')

Seen = dict[str, bytes]
"""What one desk sees after one event: surface → everything of the answer."""


@dataclass
class Machine:
    """The machine's clock: the life's, and at each reading a microsecond more, for no two moments are one."""

    clock: Clock
    read: int = 0

    def now(self) -> Micros:
        """The machine's time."""
        self.read += 1
        return self.clock.now() + self.read


@dataclass
class Watched(Looking):
    """The hub, and what left it."""

    patience: Micros = PATIENCE
    topics: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    apart: ExitStack = field(default_factory=ExitStack)
    """What keeps the machine's clock out of it, as long as it is entered."""

    def __post_init__(self) -> None:
        machine = Machine(self.clock)
        for module in (gateway, acceptance, inbox, viewer, attacks):
            self.apart.enter_context(patch.object(module, "SystemClock", lambda: machine))
        for module, name in ((inbox, "SETTLE"), (inbox, "LIFE"), (view, "LIFE")):
            self.apart.enter_context(patch.object(module, name, PATIENCE))
        # Whatever the gateway is made of reads the clock that this life has in its hand.
        with patch.object(Settings, "clock", lambda _: self.clock):
            super().__post_init__()
        object.__setattr__(self.gateway.doors, "limiter", None)

    async def start(self) -> None:
        """As ever, and with what chases."""
        await super().start()
        self.chasing = assemble(self.stack.settings("router", postgres=self.dsn))

    async def close(self) -> None:
        """Let go of the databases."""
        await self.chasing.database.close()
        await super().close()

    def partition(self, key: str) -> int:
        """By the key alone, as Kafka has it: not by who came before."""
        return zlib.crc32(key.encode()) % PARTITIONS

    async def end(self, attempts: Sequence[Attempt], outcome: Outcome = Outcome.SENT) -> None:
        """As ever, keeping the message that the relay would send."""
        for attempt in attempts:
            for row in attempt.rows:
                self.topics[attempt.desk].append(_bytes(to_message(self.kit, f"to-{attempt.desk}", row)))
        await super().end(attempts, outcome)

    async def come_to_rest(self) -> None:
        """Everything is read, released, decided again where it lapsed, and chased, until nothing moves."""
        await self.settle()
        async with self.chasing.database.transaction() as conn:
            await chase(conn, self.chasing, self.clock.now())
        for _ in range(8):
            await self.settle()
            waiting = await self.ask(f"SELECT DISTINCT desk FROM delivery d WHERE {IN_LINE} ORDER BY desk")
            begun = [await self.begin(desk) for (desk,) in waiting]
            for attempts in begun:
                await self.end(attempts)
            if not any(begun) and not await self.ask("SELECT FROM outbox LIMIT 1"):
                return
        raise AssertionError("deliveries never come to rest")

    async def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the database, over a connection that is there."""
        async with self.database.transaction() as conn:
            return await (await conn.execute(query, values)).fetchall()

    async def say(self, told: Told) -> bytes:
        """Publish an event; gives what its desk is answered."""
        return _answer(await self.post(told.kind, told.data, desk=told.desk, event_id=told.id))

    async def meanwhile(self, asking: Awaitable[httpx.Response]) -> bytes:
        """An answer, for which the logs are read on as long as it takes."""
        asked = asyncio.ensure_future(asking)
        while not (await asyncio.wait([asked], timeout=0.02))[0]:
            await self.settle()
        return _answer(await asked)

    # What a desk sees ------------------------------------------------------------------------------------------

    async def see(
        self, desk: str, told: Sequence[Told], families: Sequence[str], *, everything: bool
    ) -> Seen:
        """What a desk sees now. `told`: everything of the whole life up to here, also what is left out."""
        asking: dict[str, Awaitable[httpx.Response]] = {"inbox": self.get("/v1/inbox?limit=500", desk)}
        for name, family in zip(FAMILIES, families, strict=True):
            if everything or name == "F-1":
                asking[f"view of {name}"] = self.look(family, desk)
        own = [each for each in told if each.desk == desk]
        for each in own if everything else own[-2:]:
            asking[f"receipt of {each.number}"] = self.get(self.receipt(each), desk)
        if everything:
            asking |= self._all(desk, told, families)
        seen: Seen = {"topic": b"\n".join(self.topics.pop(desk, []))}
        for surface, question in asking.items():
            seen[surface] = await self.meanwhile(question)
        if everything:
            for delivery in _ids(seen["inbox"])[-3:]:
                seen[f"why {delivery}"] = await self.meanwhile(self.why(delivery, desk))
            seen["acknowledged"] = await self._acknowledge(desk, seen["inbox"])
        return seen

    async def why(self, about: str, desk: str) -> httpx.Response:
        """Ask why a desk has what it has of something."""
        return await self.http.get(f"/v1/decisions/{about}", headers=self.bearer(desk, **WHY))

    def receipt(self, told: Told) -> str:
        """Where the receipt of an event is."""
        return f"/v1/receipts/{receipt_id(self.secret, told.desk, told.id)}"

    def _all(
        self, desk: str, told: Sequence[Told], families: Sequence[str]
    ) -> dict[str, Awaitable[httpx.Response]]:
        """The surfaces that are asked now and then."""
        asking: dict[str, Awaitable[httpx.Response]] = {}
        for scheme, value in SEARCHES:
            asking[f"search by {scheme} {value}"] = self.find(scheme, value, desk)
        past = {"at": format_micros(told[len(told) // 2].at)}
        asking["text of F-1"] = self.look(families[0], desk, accept="text/plain")
        asking["past of F-1"] = self.look(families[0], desk, **past)
        if told[-1].desk != desk:
            asking["why of another's"] = self.why(self.receipt(told[-1]).rpartition("/")[2], desk)
        paths = [*PATHS, f"/v1/families/{families[0]}/looks", f"/v1/identities/{families[0]}"]
        for each in told[-3:]:
            if each.desk == desk:
                other = {**each.data, "corrects": "another"}
                asking[f"again {each.number}"] = self.post(each.kind, each.data, desk=desk, event_id=each.id)
                asking[f"other {each.number}"] = self.post(each.kind, other, desk=desk, event_id=each.id)
                continue
            tried = self.post(
                each.kind, each.data, desk=desk, event_id=f"try-{each.id}", query="?dry_run=true"
            )
            asking[f"dry run {each.number}"] = tried
            receipt = self.receipt(each)
            paths += [receipt, f"{receipt}/proof"]
            paths += [
                receipt.replace("receipts", other) for other in ("decisions", "operations/events", "tasks")
            ]
        asking |= {path: self.get(path, desk) for path in paths}
        return asking

    async def _acknowledge(self, desk: str, inbox: bytes) -> bytes:
        """The desk takes over what it read first, and an id of nothing."""
        taken = {"ids": [*_ids(inbox)[:4], NOBODY]}
        return _answer(
            await self.http.post("/v1/inbox/acknowledgements", json=taken, headers=self.bearer(desk))
        )


def _ids(inbox: bytes) -> list[str]:
    """The deliveries of an answer."""
    return [each["id"] for each in orjson.loads(inbox.partition(b"\n\n")[2])["events"]]


def _bytes(message: Message) -> bytes:
    """A message with its key and headers."""
    return repr((message.topic, message.key, message.headers, message.value)).encode()


def _answer(answer: httpx.Response) -> bytes:
    """An answer whole: status, headers, body. A 503 is the machine's: it compares nothing."""
    assert answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE, "a server was away meanwhile: run it again"
    headers = sorted((name, value) for name, value in answer.headers.raw)
    head = b"\n".join([str(answer.status_code).encode(), *(name + b": " + value for name, value in headers)])
    return head + b"\n\n" + INSTANCE.sub(b'"instance":""', answer.content)
