"""All event types of a schemas folder, by type string and by schema id."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro

from hub.errors import SenderError
from hub.schemas import registered
from hub.schemas.compose import (
    SchemaError,
    canonical,
    compose_file,
    load_common,
    read_json,
    sources,
    without_logical_types,
)
from hub.schemas.event_type import EventType
from hub.schemas.registered import Registered

EXAMPLES = "examples"


class UnknownTypeError(SenderError):
    """No event type of that name."""


class UnknownSchemaError(SenderError):
    """No registered schema of that id."""


class Catalogue:
    """The event types of one folder, and every schema ever registered for them."""

    def __init__(self, types: dict[str, EventType], schemas: dict[int, Registered]) -> None:
        self._types = types
        self.registered = schemas
        self._readers: dict[int, tuple[EventType, Any, Any]] = {}

    @classmethod
    def load(cls, root: Path, *, sandbox: bool = False) -> "Catalogue":
        """Read a schemas folder. `sandbox`: NHS numbers of the 999 series only. Raises `SchemaError`."""
        common = load_common(root)
        schemas = registered.load(root)
        ids = {each.text: each.schema_id for each in schemas.values()}
        types = {}
        for name, path in sources(root).items():
            _, schema = compose_file(path, common)
            schema_id = ids.get(canonical(schema))
            if schema_id is None:
                todo = "run `python -m hub.schemas.build --write`"
                raise SchemaError(f"{path.name}: expected a registered schema, came another; {todo}")
            example = root / EXAMPLES / f"{path.stem}.json"
            examples = [read_json(example)] if example.exists() else []
            types[name] = EventType(name, schema, schema_id=schema_id, examples=examples, sandbox=sandbox)
        return cls(types, schemas)

    def __iter__(self) -> Iterator[EventType]:
        """In the order of the type strings."""
        return iter(self._types.values())

    def __contains__(self, name: object) -> bool:
        return name in self._types

    def __len__(self) -> int:
        return len(self._types)

    def type(self, name: str) -> EventType:
        """The type of this name. Raises `UnknownTypeError`."""
        found = self._types.get(name)
        if found is None:
            raise UnknownTypeError("expected the type of an event in the catalogue, came another")
        return found

    def readers(self, schema_id: int) -> tuple[EventType, Any, Any]:
        """(type, schema as written, schema to read it as, or None where they are the same).

        Raises `UnknownSchemaError`.
        """
        known = self._readers.get(schema_id)
        if known is not None:
            return known
        entry = self.registered.get(schema_id)
        if entry is None or entry.type not in self._types:
            raise UnknownSchemaError(f"expected the id of a registered schema, came {schema_id}")
        event_type = self._types[entry.type]
        if schema_id == event_type.schema_id:
            found = (event_type, event_type.parsed, None)
        else:
            written = fastavro.parse_schema(without_logical_types(entry.schema))
            found = (event_type, written, event_type.parsed)
        self._readers[schema_id] = found
        return found
