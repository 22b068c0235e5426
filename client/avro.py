"""Data as the hub's JSON has it ↔ the bytes of a record: Avro behind Confluent's five bytes.

Schemas come from the hub's registry, each once. A null and a field that is not there are the same.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import fastavro
import httpx

MAGIC: Final = b"\x00"
HEAD: Final = 5


class WireError(Exception):
    """A record's value is not in Confluent's wire format."""


class DataError(ValueError):
    """Data that its schema cannot hold; the message names the field, never the value."""


@dataclass(frozen=True, slots=True)
class Schema:
    """A registered schema: its id, as it was registered, and as fastavro reads it."""

    schema_id: int
    plain: Any
    parsed: Any


class Registry:
    """The hub's schemas, by id and by type."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._by_id: dict[int, Schema] = {}
        self._by_type: dict[str, Schema] = {}

    async def by_id(self, schema_id: int) -> Schema:
        """The schema of a record. Raises `httpx.HTTPError`."""
        if schema_id not in self._by_id:
            found = await self._get(f"/registry/schemas/ids/{schema_id}")
            self._by_id[schema_id] = _schema(schema_id, found["schema"])
        return self._by_id[schema_id]

    async def of_type(self, event_type: str) -> Schema:
        """The newest schema of an event type. Raises `httpx.HTTPError`."""
        if event_type not in self._by_type:
            found = await self._get(f"/registry/subjects/{event_type}/versions/latest")
            self._by_type[event_type] = _schema(found["id"], found["schema"])
        return self._by_type[event_type]

    async def _get(self, path: str) -> Any:
        answer = await self._http.get(path)
        answer.raise_for_status()
        return answer.json()

    async def decode(self, value: bytes) -> Any:
        """The data of a record. Raises `WireError`, `httpx.HTTPError`."""
        if len(value) < HEAD or value[:1] != MAGIC:
            raise WireError("expected Avro behind a schema id")
        schema = await self.by_id(int.from_bytes(value[1:HEAD], "big"))
        return to_json(fastavro.schemaless_reader(io.BytesIO(value[HEAD:]), schema.parsed, None))

    async def encode(self, event_type: str, data: Mapping[str, Any]) -> bytes:
        """The value of a record. Raises `DataError`, `httpx.HTTPError`."""
        schema = await self.of_type(event_type)
        out = io.BytesIO()
        out.write(MAGIC + schema.schema_id.to_bytes(4, "big"))
        datum = from_json(schema.plain, data, {}, "")
        try:
            fastavro.schemaless_writer(out, schema.parsed, datum)
        except (TypeError, ValueError, KeyError) as error:
            raise DataError(f"expected data of {event_type}") from error
        return out.getvalue()


def _schema(schema_id: int, text: str) -> Schema:
    plain = json.loads(text)
    return Schema(schema_id, plain, fastavro.parse_schema(json.loads(text)))


def to_json(value: Any) -> Any:
    """As the HTTP door writes it: dates and times as text, nulls left out."""
    if isinstance(value, dict):
        return {name: to_json(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [to_json(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


def from_json(schema: Any, value: Any, named: dict[str, Any], at: str) -> Any:
    """As Avro's writer wants it. `named`: the records met so far, by name. Raises `DataError`."""
    if isinstance(schema, list):
        if value is None:
            return None
        schema = next(each for each in schema if each != "null")
    if isinstance(schema, str):
        schema = named.get(schema, schema)
    if isinstance(schema, str):
        return value
    if schema["type"] == "array":
        return [
            from_json(schema["items"], each, named, f"{at}/{place}")
            for place, each in enumerate(_of(list, value, at))
        ]
    if schema["type"] == "record":
        return _record(schema, _of(dict, value, at), named, at)
    return _logical(schema, value, at)


def _record(schema: Any, value: dict[str, Any], named: dict[str, Any], at: str) -> dict[str, Any]:
    space = schema.get("namespace")
    named[schema["name"]] = schema
    if space:
        named[f"{space}.{schema['name']}"] = schema
    fields = {each["name"]: each for each in schema["fields"]}
    unknown = sorted(value.keys() - fields.keys())
    if unknown:
        raise DataError(f"{at}/{unknown[0]}: expected one of {', '.join(sorted(fields))}")
    out = {}
    for name, each in fields.items():
        came = value.get(name)
        if came is None and "default" in each:
            # A record is named where it is defined, also if nothing is in it here.
            _define(each["type"], named)
            came = each["default"]
        elif came is None:
            raise DataError(f"{at}/{name}: expected a value")
        out[name] = from_json(each["type"], came, named, f"{at}/{name}")
    return out


def _define(schema: Any, named: dict[str, Any]) -> None:
    for each in schema if isinstance(schema, list) else [schema]:
        if isinstance(each, dict) and each["type"] == "array":
            _define(each["items"], named)
        elif isinstance(each, dict) and each["type"] == "record":
            named.setdefault(each["name"], each)
            if each.get("namespace"):
                named.setdefault(f"{each['namespace']}.{each['name']}", each)
            for inner in each["fields"]:
                _define(inner["type"], named)


def _logical(schema: Any, value: Any, at: str) -> Any:
    kind = schema.get("logicalType")
    if kind not in {"date", "timestamp-micros"}:
        return value
    try:
        if kind == "date":
            return date.fromisoformat(value)
        when = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise DataError(f"{at}: expected a {'date' if kind == 'date' else 'time'}") from None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _of(kind: type, value: Any, at: str) -> Any:
    if not isinstance(value, kind):
        raise DataError(f"{at or '/'}: expected {'an object' if kind is dict else 'a list'}")
    return value
