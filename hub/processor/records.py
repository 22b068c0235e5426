"""A record of a partition, and the event in it."""

from collections.abc import Sequence
from dataclasses import dataclass

from hub.errors import SenderError
from hub.events import Event, HeaderError, from_headers
from hub.ids import is_id
from hub.schemas import Catalogue, wire


@dataclass(frozen=True, slots=True)
class Record:
    """One record as the log has it. `value` is the wire form; None is a tombstone, which we never write."""

    partition: int
    offset: int
    headers: Sequence[tuple[str, bytes]]
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Undecodable:
    """A record that is no event of ours: why, as a code, and the id under which that is kept."""

    record: Record
    event_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """A record with the event in it."""

    record: Record
    event: Event


def event_id_of(record: Record) -> str | None:
    """The id that the headers claim, before anything else is believed."""
    for name, value in record.headers:
        if name == "ce_id":
            try:
                return value.decode("ascii")
            except UnicodeDecodeError:
                return None
    return None


def decode(catalogue: Catalogue, record: Record) -> Event:
    """The event in a record.

    Raises `SenderError` (its subclasses `HeaderError` and `wire.WireError`) when it is not one of ours.
    """
    envelope = from_headers(record.headers)
    if not all(map(is_id, (envelope.id, envelope.key, *envelope.raises))):
        raise HeaderError("expected ids in the hub's form; one is in another")
    if not all(not each or is_id(each) for each in (envelope.receipt, envelope.cause)):
        raise HeaderError("expected a receipt and a cause in the hub's form; one is in another")
    if record.value is None:
        raise HeaderError("expected a body; the record has none")
    event_type, data = wire.decode(catalogue, record.value)
    if event_type.type != envelope.type:
        raise HeaderError("expected ce_type to name the type of the body; it names another")
    return Event(envelope, data, record.value)


__all__ = ["Decoded", "Record", "SenderError", "Undecodable", "decode", "event_id_of"]
