"""An event as it stands in a log, and its form on Kafka.

CloudEvents 1.0, Kafka binary mode: attributes are `ce_` headers, the value is Avro in the Confluent wire
format.
Three attributes are the hub's own extensions: `receipt` (what acceptance gave out), `acceptedtime` (when) and
`raises` (the persons whose guards this copy raised when it was accepted: each copy raises, and brings back, its own).

No header holds personal data: ids are the hub's, times are times, the source is a desk.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hub.clock import Micros, format_micros, parse_micros
from hub.errors import SenderError

HUB = "hub"
CONTENT_TYPE = b"application/avro"

Headers = list[tuple[str, bytes]]


class HeaderError(SenderError):
    """A record's headers are not those of an event."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """All of an event but its body. `key` is the log it belongs to: a family, a person, an agency."""

    id: str
    type: str
    source: str
    key: str
    recorded_at: Micros
    accepted_at: Micros
    receipt: str = ""
    raises: tuple[str, ...] = ()
    primary: bool = True
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """An event with its decoded body: `data` is the Avro datum with the hub's own references in it.

    `raw` is the wire form that `data` was decoded from, where it is at hand: what is released whole need not be
    encoded again.
    """

    envelope: Envelope
    data: dict[str, Any]
    raw: bytes = field(default=b"", repr=False, compare=False)

    @property
    def id(self) -> str:
        """The hub's id of this event."""
        return self.envelope.id

    @property
    def type(self) -> str:
        """The type string, such as `wraparound.referral.requested.v1`."""
        return self.envelope.type


def to_headers(envelope: Envelope) -> Headers:
    """The record headers of an event in a log (`events`, `people`, `pathways`)."""
    headers: Headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", envelope.id.encode()),
        ("ce_source", envelope.source.encode()),
        ("ce_type", envelope.type.encode()),
        ("ce_time", format_micros(envelope.recorded_at).encode()),
        ("ce_subject", envelope.key.encode()),
        ("content-type", CONTENT_TYPE),
        ("ce_acceptedtime", format_micros(envelope.accepted_at).encode()),
    ]
    if envelope.receipt:
        headers.append(("ce_receipt", envelope.receipt.encode()))
    if envelope.raises:
        headers.append(("ce_raises", ",".join(envelope.raises).encode()))
    if not envelope.primary:
        headers.append(("ce_primary", b"0"))
    if envelope.cause:
        headers.append(("ce_cause", envelope.cause.encode()))
    return headers


def from_headers(headers: Iterable[tuple[str, bytes]]) -> Envelope:
    """Read the headers of a record in a log.

    Raises `HeaderError`, which names the header that is missing or malformed and never quotes its value.
    """
    found = {name: value for name, value in headers if name.startswith("ce_")}
    try:
        return Envelope(
            id=found["ce_id"].decode(),
            type=found["ce_type"].decode(),
            source=found["ce_source"].decode(),
            key=found["ce_subject"].decode(),
            recorded_at=parse_micros(found["ce_time"].decode()),
            accepted_at=parse_micros(found["ce_acceptedtime"].decode()),
            receipt=found.get("ce_receipt", b"").decode(),
            raises=tuple(p for p in found.get("ce_raises", b"").decode().split(",") if p),
            primary=found.get("ce_primary", b"1") != b"0",
            cause=found.get("ce_cause", b"").decode(),
        )
    except KeyError as error:
        raise HeaderError(f"expected the header {error.args[0]}; it is not there") from error
    except (UnicodeDecodeError, ValueError) as error:
        raise HeaderError("a ce_ header is not UTF-8 or not in its form") from error
