"""A desk's topics on Kafka: deliveries read, and events published, with the desk's own account.

Nothing here is particular to the hub: a record is a CloudEvent in Kafka's binary mode, its value is Avro behind the
five bytes of Confluent's wire format, and any Avro client of any language reads and writes it against `/registry`.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from client.avro import Registry, WireError
from client.events import NewEvent

__all__ = ["KafkaAccess", "TopicPublisher", "TopicReader", "WireError"]

JOINING_SECONDS: Final = 0.02
LEFT_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class KafkaAccess:
    """A desk's account on Kafka, and where the registry is."""

    url: str
    bootstrap: str
    security: str
    mechanism: str
    user: str
    password: str
    topic: str
    group: str
    ca_file: str | None = None
    desk: str = ""
    publish_to: str = ""

    @classmethod
    def load(cls, file: Path) -> "KafkaAccess":
        """Read it from a profile as the sandbox writes it."""
        profile = json.loads(file.read_text())
        kafka = profile["kafka"]
        return cls(
            url=profile["url"],
            bootstrap=kafka["bootstrap"],
            security=kafka["security"],
            mechanism=kafka["mechanism"],
            user=kafka["user"],
            password=Path(kafka["password_file"]).read_text().strip(),
            topic=kafka["receive_from"],
            group=kafka["group"],
            ca_file=kafka.get("ca_file"),
            desk=profile["desk"],
            publish_to=kafka["publish_to"],
        )

    def connection(self) -> dict[str, Any]:
        """The arguments by which a client of aiokafka connects and says who it is."""
        tls = ssl.create_default_context(cafile=self.ca_file) if self.security == "SASL_SSL" else None
        return {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self.security,
            "ssl_context": tls,
            "sasl_mechanism": self.mechanism,
            "sasl_plain_username": self.user,
            "sasl_plain_password": self.password,
        }


class TopicReader:
    """Reads the desk's topic from where its group stands, or from the beginning. Use as a context."""

    def __init__(self, access: KafkaAccess, *, watch: Callable[[bytes], object] = len) -> None:
        self._access = access
        self._watch = watch
        self._http = httpx.AsyncClient(base_url=access.url, timeout=10.0)
        self._registry = Registry(self._http)
        self._consumer = AIOKafkaConsumer(
            access.topic,
            **access.connection(),
            group_id=access.group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )

    async def __aenter__(self) -> Self:
        """Connect."""
        await self._consumer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave."""
        await self._consumer.stop()
        await self._http.aclose()

    async def read(self, seconds: float = 1.0) -> list[dict[str, Any]]:
        """The next deliveries, those of a family in order; empty if none came in time.

        Raises `WireError`, `httpx.HTTPError`, `aiokafka.errors.KafkaError`.
        """
        found = await self._consumer.getmany(timeout_ms=int(seconds * 1000))
        return [await self._event(record) for records in found.values() for record in records]

    async def commit(self) -> None:
        """What was read is in the desk's own records: go on behind it, also after a crash."""
        await self._consumer.commit()

    async def read_all(self) -> AsyncIterator[list[dict[str, Any]]]:
        """What the topic holds at this moment, some deliveries at a time, for a system that looks now and then.

        Between two of these nothing is fetched. Raises what `read` raises.
        """
        # Nobody tells when the group has given the topic to this member.
        while not (mine := self._consumer.assignment()):  # noqa: ASYNC110
            await asyncio.sleep(JOINING_SECONDS)
        ends = await self._consumer.end_offsets(list(mine))
        self._consumer.resume(*mine)
        while any([await self._consumer.position(part) < end for part, end in ends.items()]):
            if events := await self.read(LEFT_SECONDS):
                yield events
        # Else a fetch that waits for news would hold up what is asked of the broker next.
        self._consumer.pause(*mine)

    async def _event(self, record: Any) -> dict[str, Any]:
        self._watch(record.key + record.value + b"".join(value for _, value in record.headers))
        attributes = {
            name.removeprefix("ce_"): value.decode()
            for name, value in record.headers
            if name.startswith("ce_")
        }
        return attributes | {"data": await self._registry.decode(record.value)}


class TopicPublisher:
    """Publishes the desk's own events to its topic, in order. Use as a context.

    An event is durable at the hub once the hub has accepted it: what it rejects comes back as
    `wraparound.hub.event_rejected.v1`, by inbox and topic. Sending one again is safe. Publish an event through one
    door, here or over HTTP.
    """

    def __init__(self, access: KafkaAccess) -> None:
        self._access = access
        self._http = httpx.AsyncClient(base_url=access.url, timeout=10.0)
        self._registry = Registry(self._http)
        self._producer = AIOKafkaProducer(**access.connection(), acks="all", enable_idempotence=True)

    async def __aenter__(self) -> Self:
        """Connect."""
        await self._producer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send what is left, and leave."""
        await self._producer.stop()
        await self._http.aclose()

    async def publish(self, events: Sequence[NewEvent], *, key: str = "") -> None:
        """Publish events; Kafka has all of them when this returns.

        Those of one `key` keep their order (default: all of the desk's). No key may say anything about anybody.
        Raises `client.avro.DataError`, `httpx.HTTPError`, `aiokafka.errors.KafkaError`.
        """
        values = [await self._registry.encode(event.type, event.data) for event in events]
        name = (key or self._access.desk).encode()
        sent = [
            await self._producer.send(self._access.publish_to, value, name, headers=self._headers(event))
            for event, value in zip(events, values, strict=True)
        ]
        for each in sent:
            await each

    def _headers(self, event: NewEvent) -> list[tuple[str, bytes]]:
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", event.id.encode()),
            ("ce_source", self._access.desk.encode()),
            ("ce_type", event.type.encode()),
            ("content-type", b"application/avro"),
        ]
        return headers if event.time is None else [*headers, ("ce_time", event.time.encode())]
