"""The wire form: ordinary tools read it, and no bytes break, stall or bloat the reader."""

import io
import tracemalloc

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import SenderError
from hub.schemas import Catalogue, EventType, registered, wire
from hub.schemas.compose import canonical
from tests.unit.schemas.datums import CATALOGUE, SCHEMAS, datums, event_types

SCORE = CATALOGUE.type("wraparound.outcome.measure_recorded.v1")
HELD = CATALOGUE.type("wraparound.practice.supervision_held.v1")
SOME = wire.encode(SCORE, SCORE.from_json(SCORE.examples[0]))
HUGE = 2**62


def varint(number: int) -> bytes:
    """Avro's zig-zag coding of a long."""
    left = (number << 1) ^ (number >> 63)
    out = b""
    while left > 127:
        out += bytes([left & 127 | 128])
        left >>= 7
    return out + bytes([left])


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_any_datum_comes_back_the_same_when_encoded(data: st.DataObject) -> None:
    event_type = data.draw(event_types)
    datum = data.draw(datums(event_type))
    assert wire.decode(CATALOGUE, wire.encode(event_type, datum)) == (event_type, datum)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_an_ordinary_reader_reads_it_when_given_the_registered_text(data: st.DataObject) -> None:
    event_type = data.draw(event_types)
    datum = data.draw(datums(event_type))
    body = wire.encode(event_type, datum)
    assert body[:5] == b"\x00" + event_type.schema_id.to_bytes(4, "big")
    plain = io.BytesIO()
    fastavro.schemaless_writer(plain, fastavro.parse_schema(event_type.parsed), datum)
    assert body[5:] == plain.getvalue()


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (b"", wire.NotFramedError),
        (b"\x00\x00\x00\x00", wire.NotFramedError),
        (b"\x01" + SOME[1:], wire.NotFramedError),
        (SOME + b"\x00" * wire.LONGEST, wire.NotFramedError),
        (b"\x00\xff\xff\xff\xff" + SOME[5:], wire.UnknownSchemaIdError),
        (b"\x00\x00\x00\x00\x00" + SOME[5:], wire.UnknownSchemaIdError),
        (SOME[:5], wire.BodyError),
        (SOME[:-1], wire.BodyError),
        (SOME[:5] + b"\xff" * 60, wire.BodyError),
        (SOME + b"\x00", wire.TrailingBytesError),
    ],
)
def test_bytes_are_refused_by_name_when_they_are_not_one_event(
    value: bytes, error: type[wire.WireError]
) -> None:
    with pytest.raises(error) as refused:
        wire.decode(CATALOGUE, value)
    assert isinstance(refused.value, SenderError)


@pytest.mark.parametrize(
    "body",
    [
        b"\x00" + varint(HUGE),
        b"\x00" + varint(-5) + varint(HUGE),
        b"\x00" + varint(-HUGE) + varint(5),
        b"\x00" + varint(1) + varint(HUGE) + b"aa",
        b"\x00" + varint(1) + varint(-7) + b"a" * 20,
        b"\x00" + b"\xff" * 200_000 + b"\x01",
        b"\x00" + varint(1) + b"\x02\xff\x02a",
    ],
)
def test_little_memory_is_taken_when_a_length_lies(body: bytes) -> None:
    value = b"\x00" + HELD.schema_id.to_bytes(4, "big") + body
    tracemalloc.start()
    try:
        with pytest.raises(wire.BodyError):
            wire.decode(CATALOGUE, value)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000 + 4 * len(value)
    finally:
        tracemalloc.stop()


@given(event_types, st.binary(max_size=300))
@settings(max_examples=500, deadline=None)
def test_random_bytes_are_an_event_or_a_typed_error_when_decoded(event_type: EventType, body: bytes) -> None:
    value = b"\x00" + event_type.schema_id.to_bytes(4, "big") + body
    try:
        found, datum = wire.decode(CATALOGUE, value)
    except wire.WireError:
        return
    assert found is event_type
    event_type.validate(event_type.to_json(datum))


@given(st.data())
@settings(max_examples=500, deadline=None)
def test_changed_bytes_are_an_event_or_a_typed_error_when_decoded(data: st.DataObject) -> None:
    event_type = data.draw(event_types)
    value = bytearray(wire.encode(event_type, event_type.from_json(event_type.examples[0])))
    for _ in range(data.draw(st.integers(1, 4))):
        value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    value = value[: data.draw(st.integers(0, len(value)))]
    try:
        found, datum = wire.decode(CATALOGUE, bytes(value))
    except wire.WireError:
        return
    found.validate(found.to_json(datum))


def test_the_error_quotes_nothing_when_a_datum_does_not_fit() -> None:
    datum = {**SCORE.from_json(SCORE.examples[0]), "score": "canary"}
    with pytest.raises(wire.NotEncodableError) as refused:
        wire.encode(SCORE, datum)
    assert "canary" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_an_old_body_is_read_as_the_new_schema_when_fields_were_added() -> None:
    new_schema = {**SCORE.schema, "fields": list(SCORE.schema["fields"])}
    new_schema["fields"].append(
        {"name": "extra", "type": ["null", "string"], "default": None, "category": "id", "format": "id"}
    )
    text = canonical(new_schema)
    schemas = registered.load(SCHEMAS)
    new_id = max(schemas) + 1
    schemas[new_id] = registered.Registered(new_id, SCORE.type, 2, registered.fingerprint(text), text)
    after = Catalogue({SCORE.type: EventType(SCORE.type, new_schema, schema_id=new_id)}, schemas)
    event_type, datum = wire.decode(after, SOME)
    assert event_type.schema_id == new_id
    assert datum == {**SCORE.from_json(SCORE.examples[0]), "extra": None}
