"""The Confluent wire format: 0x00, the schema id in 4 bytes (big-endian), the Avro body.

Source: Confluent, *Wire format*; Apache Avro 1.12, *Binary encoding*. Decoding is bounded by the bytes it is
given: our schemas have no recursion and no array of empty items, so nothing is built that the bytes do not
hold.
"""

import struct
from io import BytesIO
from typing import Final

import fastavro

from hub.errors import SenderError
from hub.schemas.catalogue import Catalogue, UnknownSchemaError
from hub.schemas.event_type import EventType
from hub.schemas.refs import Datum

MAGIC: Final = 0
HEADER: Final = struct.Struct(">bI")
LONGEST: Final = 1024 * 1024
"""Bytes: the limit of acceptance, and Kafka's own default. A row of nulls is two bytes here and about 250 in
memory, so the most hostile body costs some 130 MB while it is read."""


class WireError(SenderError):
    """Bytes that are not one event in our wire format."""


class NotFramedError(WireError):
    """Too short, too long, or without the magic byte."""


class UnknownSchemaIdError(WireError):
    """The schema id is none of ours."""


class BodyError(WireError):
    """The body is cut, or is not Avro by its schema."""


class TrailingBytesError(WireError):
    """The body ends before the bytes do."""


class NotEncodableError(WireError):
    """A datum does not fit its schema."""


def encode(event_type: EventType, datum: Datum) -> bytes:
    """The event on the wire. Raises `NotEncodableError`, which names the type and not the value."""
    out = BytesIO()
    out.write(HEADER.pack(MAGIC, event_type.schema_id))
    try:
        fastavro.schemaless_writer(out, event_type.parsed, event_type.hint(datum))
    except Exception as error:  # noqa: BLE001 - fastavro raises a dozen kinds for a datum of the wrong shape
        reason = type(error).__name__
        raise NotEncodableError(
            f"expected a datum of {event_type.type}; it does not fit ({reason})"
        ) from None
    return out.getvalue()


def decode(catalogue: Catalogue, value: bytes) -> tuple[EventType, Datum]:
    """(type, datum) of the bytes. Raises a `WireError`."""
    if len(value) < HEADER.size or len(value) > LONGEST:
        raise NotFramedError(f"expected {HEADER.size} to {LONGEST} bytes, came {len(value)}")
    magic, schema_id = HEADER.unpack_from(value)
    if magic != MAGIC:
        raise NotFramedError(f"expected the magic byte 0, came {magic}")
    try:
        event_type, written, wanted = catalogue.readers(schema_id)
    except UnknownSchemaError as error:
        raise UnknownSchemaIdError(str(error)) from error
    body = BytesIO(value)
    body.seek(HEADER.size)
    try:
        datum = fastavro.schemaless_reader(body, written, wanted)
    except Exception as error:  # noqa: BLE001 - fastavro raises a dozen kinds on hostile bytes; this is the parse edge
        reason = type(error).__name__
        raise BodyError(f"expected an Avro body of {event_type.type}; it cannot be read ({reason})") from None
    if body.tell() != len(value):
        raise TrailingBytesError(f"expected {body.tell()} bytes, came {len(value)}")
    return event_type, datum  # type: ignore[return-value]
