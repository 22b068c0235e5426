"""An event of the desk's own, as it is published: CloudEvents 1.0."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
MOST_EVENTS: Final = 500
MOST_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class NewEvent:
    """What a desk publishes. `id` is the desk's own and says nothing about anybody; the same again is a repeat.

    `time` (RFC 3339) is for whoever reads along; what happened when is `occurred_at` in the data.
    """

    id: str
    type: str
    data: Any
    time: str | None = None

    def structured(self, source: str) -> dict[str, Any]:
        """As a CloudEvent in its structured form."""
        event = {
            "specversion": "1.0",
            "id": self.id,
            "source": source,
            "type": self.type,
            "datacontenttype": "application/json",
            "data": self.data,
        }
        return event if self.time is None else event | {"time": self.time}


def encoded(event: NewEvent, source: str) -> bytes:
    """The bytes of one event."""
    return json.dumps(event.structured(source)).encode()


def batches(events: Sequence[NewEvent], source: str) -> Iterator[tuple[int, bytes]]:
    """The bodies that hold these events, in order, each within the hub's limits; and how many are in each."""
    parts: list[bytes] = []
    size = 2
    for event in events:
        part = encoded(event, source)
        if parts and (len(parts) == MOST_EVENTS or size + len(part) + 1 > MOST_BYTES):
            yield len(parts), b"[" + b",".join(parts) + b"]"
            parts, size = [], 2
        parts.append(part)
        size += len(part) + 1
    if parts:
        yield len(parts), b"[" + b",".join(parts) + b"]"
