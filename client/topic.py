"""A desk's topic on Kafka: deliveries read with the desk's own account, decoded by the hub's schema registry.

Nothing here is particular to the hub: a record is a CloudEvent in Kafka's binary mode, its value is Avro behind the
five bytes of Confluent's wire format, and any Avro client of any language reads it against `/registry`.
"""

import io
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import fastavro
import httpx
from aiokafka import AIOKafkaConsumer

MAGIC: Final = 0
HEAD: Final = 5


class WireError(Exception):
    """A record's value is not in Confluent's wire format."""


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
        )

    def tls(self) -> ssl.SSLContext | None:
        """How the brokers are checked, where they are spoken to over TLS."""
        return ssl.create_default_context(cafile=self.ca_file) if self.security == "SASL_SSL" else None


class TopicReader:
    """Reads the desk's topic from where its group stands, or from the beginning. Use as a context."""

    def __init__(self, access: KafkaAccess, *, watch: Callable[[bytes], object] = len) -> None:
        self._access = access
        self._watch = watch
        self._http = httpx.AsyncClient(base_url=access.url, timeout=10.0)
        self._schemas: dict[int, Any] = {}
        self._consumer = AIOKafkaConsumer(
            access.topic,
            bootstrap_servers=access.bootstrap,
            security_protocol=access.security,
            ssl_context=access.tls(),
            sasl_mechanism=access.mechanism,
            sasl_plain_username=access.user,
            sasl_plain_password=access.password,
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

    async def drained(self) -> bool:
        """Whether everything that the topic holds now was read."""
        mine = self._consumer.assignment()
        ends = await self._consumer.end_offsets(list(mine))
        return bool(mine) and all([await self._consumer.position(part) >= ends[part] for part in mine])

    async def _event(self, record: Any) -> dict[str, Any]:
        self._watch(record.key + record.value + b"".join(value for _, value in record.headers))
        attributes = {
            name.removeprefix("ce_"): value.decode()
            for name, value in record.headers
            if name.startswith("ce_")
        }
        return attributes | {"data": await self._decode(record.value)}

    async def _decode(self, value: bytes) -> Any:
        if len(value) < HEAD or value[0] != MAGIC:
            raise WireError("expected Avro behind a schema id")
        schema = await self._schema(int.from_bytes(value[1:HEAD], "big"))
        return _plain(fastavro.schemaless_reader(io.BytesIO(value[HEAD:]), schema, None))

    async def _schema(self, schema_id: int) -> Any:
        if schema_id not in self._schemas:
            answer = await self._http.get(f"/registry/schemas/ids/{schema_id}")
            answer.raise_for_status()
            self._schemas[schema_id] = fastavro.parse_schema(json.loads(answer.json()["schema"]))
        return self._schemas[schema_id]


def _plain(value: Any) -> Any:
    """As the HTTP door writes it: dates and times as text, nulls left out."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value
