"""A record of a desk's topic as the event in it: CloudEvents' Kafka binary mode, Avro in the Confluent wire format.

Its data becomes JSON, as the HTTP door reads it, and goes through the same checks: one set of rules for both doors.
What is no event at all is `BrokenError`; its reason is a code, and says nothing of what came.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub.partnership import Limits
from hub.schemas import Catalogue, wire
from services.gateway.cloudevents import CloudEvent, event_of, media_type
from services.gateway.personal_ids import looks_personal
from services.gateway.problems import UNSUPPORTED, ProblemError, invalid
from services.gateway.strict_json import check

AVRO: Final = frozenset({"application/avro", "avro/binary", "application/vnd.apache.avro+binary"})
NOT_OF_DATA: Final = frozenset({"datacontenttype", "dataschema"})
"""Attributes that say how the data is encoded; it is read by the schema's id, and kept as JSON's."""

_REASONS: Final = {
    wire.NotFramedError: "not_avro",
    wire.UnknownSchemaIdError: "unknown_schema",
    wire.BodyError: "cut_or_not_of_its_schema",
    wire.TrailingBytesError: "bytes_left_over",
}


class BrokenError(Exception):
    """A record that is no event: `reason` is a code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a partition of a desk's topic."""

    partition: int
    offset: int
    headers: Sequence[tuple[str, bytes]]
    value: bytes | None

    @property
    def place(self) -> str:
        """Where it stands: a name for what has no usable one of its own."""
        return f"{self.partition}-{self.offset}"


def read(catalogue: Catalogue, record: Record, limits: Limits) -> CloudEvent:
    """The event. Raises `BrokenError`; `ProblemError` (415, 422), as over HTTP."""
    attributes = _attributes(record.headers)
    if not attributes:
        raise BrokenError("no_headers")
    try:
        event_type, datum = wire.decode(catalogue, record.value or b"")
    except wire.WireError as error:
        raise BrokenError(_REASONS.get(type(error), "not_avro")) from None
    if attributes.get("type") not in {None, event_type.type}:
        raise invalid("/type", "codes", "the type of the body's schema", "another", event_type.type)
    data = event_type.to_json(datum)
    check(attributes, limits, "")
    check(data, limits, "/data")
    return event_of(attributes, data, limits)


def name_of(record: Record) -> str:
    """The id that the publisher gave, if it may be repeated to them; else the record's place."""
    for name, value in record.headers:
        if name == "ce_id":
            text = value.decode("utf-8", "replace")
            usable = 0 < len(text) <= 200 and text.isprintable() and text.strip() == text
            return text if usable and not looks_personal(text) else record.place
    return record.place


def _attributes(headers: Sequence[tuple[str, bytes]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in headers:
        if name == "content-type" and media_type(value.decode("latin-1")) not in AVRO:
            raise ProblemError(UNSUPPORTED)
        if not name.startswith("ce_") or name[3:] in NOT_OF_DATA:
            continue
        if name[3:] in found:
            raise invalid("", "json", "each ce_ header once", "one that stands twice")
        try:
            found[name[3:]] = (value or b"").decode()
        except UnicodeDecodeError:
            raise BrokenError("headers_not_utf8") from None
    return found
