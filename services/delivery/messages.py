"""A delivery as a desk's topic has it: CloudEvents 1.0, Kafka binary mode, keyed by the family."""

from functools import lru_cache

from hub.attempts.row import Row
from hub.attempts.rows import Kit, body_context
from hub.clock import Micros, format_micros
from hub.keys import SealError
from hub.producer import Message


@lru_cache(maxsize=10_000)
def _time(at: Micros) -> bytes:
    """An event's time: the same for each of its desks."""
    return format_micros(at).encode()


def to_message(kit: Kit, topic: str, row: Row) -> Message:
    """A delivery as the desk's topic has it. Raises `KeyErasedError`, `SealError`."""
    if row.body is None:
        raise SealError(f"delivery {row.delivery_id} has no body")
    family = row.family_id.encode()
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", row.delivery_id.encode()),
        ("ce_source", b"hub"),
        ("ce_type", row.type.encode()),
        ("ce_time", _time(row.recorded_at)),
        ("ce_subject", family),
        ("content-type", b"application/avro"),
    ]
    return Message(
        topic, family, kit.ring.open(row.family_id, body_context(row.delivery_id), row.body), headers
    )
