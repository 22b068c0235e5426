"""What every peer does with a record, and the tables in which it keeps the result."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid5

import orjson

from hub.schemas import Catalogue, wire

RECIPIENTS: Final[Mapping[str, frozenset[str]]] = {
    "bench-to-lead": frozenset({"referral", "outcome", "child", "practice", "consent"}),
    "bench-to-support": frozenset({"referral", "outcome", "practice", "child"}),
    "bench-to-police": frozenset({"safety"}),
    "bench-to-school": frozenset({"family"}),
}
"""The topic of each recipient, and the groups of events that it may have."""

TABLES: Final = """
CREATE TABLE peer_state (key uuid PRIMARY KEY, state bytea NOT NULL);
CREATE TABLE peer_delivery (id uuid PRIMARY KEY, topic text NOT NULL, event_id uuid NOT NULL, body bytea NOT NULL,
                            status text NOT NULL DEFAULT 'pending') WITH (fillfactor = 60);
CREATE TABLE peer_audit (id uuid PRIMARY KEY, entry bytea NOT NULL);
CREATE TABLE peer_position (partition int PRIMARY KEY, next_offset bigint NOT NULL);
CREATE TABLE peer_done (events bigint NOT NULL, deliveries bigint NOT NULL);
INSERT INTO peer_done VALUES (0, 0);
"""

_NAMES: Final = UUID("6f1d1d3c-6d0e-4d5b-9b5e-0d1f6c1a7f11")


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one recipient gets."""

    id: UUID
    topic: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Worked:
    """What follows from one record."""

    event_id: UUID
    key: UUID
    state: bytes
    audit: bytes
    deliveries: tuple[Delivery, ...]


class Work:
    """Decodes and decides; remembers how many events each key had."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._seen: dict[bytes, int] = {}

    def of(self, key: bytes, value: bytes, headers: Mapping[str, bytes]) -> Worked:
        """What follows from one record."""
        event_type, data = wire.decode(self._catalogue, value)
        event_id = UUID(headers["ce_id"].decode())
        count = self._seen[key] = self._seen.get(key, 0) + 1
        state = orjson.dumps({"events": count, "last": event_type.type})
        deliveries = tuple(self._decide(event_id, event_type, data, value))
        told = {"event": str(event_id), "to": [each.topic for each in deliveries]}
        audit = orjson.dumps({**told, "digest": hashlib.sha256(value).hexdigest()})
        return Worked(event_id, UUID(key.decode()), state, audit, deliveries)

    def _decide(
        self, event_id: UUID, event_type: Any, data: Mapping[str, Any], value: bytes
    ) -> Iterator[Delivery]:
        """The first recipient gets all of it, the next all but free text."""
        group = event_type.type.split(".")[1]
        whole = True
        for topic, groups in RECIPIENTS.items():
            if group in groups:
                body = value if whole else wire.encode(event_type, without_text(data))
                whole = False
                yield Delivery(uuid5(_NAMES, f"{event_id}{topic}"), topic, body)


def without_text(data: Mapping[str, Any]) -> dict[str, Any]:
    """A copy with every free text set to null."""
    return {
        name: None if isinstance(value, dict) and "about" in value else value for name, value in data.items()
    }
