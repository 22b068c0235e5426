"""May a schema replace another of the same type and version: in both directions, with every one before it.

Full transitive compatibility in the sense of the Schema Registry: what was written with the old is read with
the new, and the other way round, because partners upgrade when they can. Codes may be added and never
removed. Source: Apache Avro 1.12, *Schema resolution*.
"""

from typing import Any

from hub.schemas.compose import Json
from hub.schemas.fields import inner, record_name


def incompatibilities(old: Json, new: Json) -> list[str]:
    """What is not compatible, each as `field x: expected …, came …`; empty: compatible.

    Both schemas are expanded (`compose.expanded`).
    """
    found = _cannot_read(new, old, "", "of the new schema")
    found += [line for line in _cannot_read(old, new, "", "of the old schema") if line not in found]
    return found


def _cannot_read(reader: Any, writer: Any, path: str, side: str) -> list[str]:
    if isinstance(writer, list) and not isinstance(reader, list):
        return [f"field {path}: expected null to be readable, came a field that cannot be null"]
    if isinstance(reader, list) and isinstance(writer, list) and reader.index("null") != writer.index("null"):
        return [f"field {path}: expected null first, came another order"]
    reader, writer = inner(reader), inner(writer)
    if record_name(writer) is not None or record_name(reader) is not None:
        return _record(reader, writer, path, side)
    if isinstance(writer, dict) and isinstance(reader, dict):
        if writer["type"] == reader["type"] == "array":
            return _cannot_read(reader["items"], writer["items"], path, side)
        same = (writer["type"], writer.get("logicalType")) == (reader["type"], reader.get("logicalType"))
        return [] if same else [_changed(path, writer, reader)]
    return [] if writer == reader else [_changed(path, writer, reader)]


def _changed(path: str, writer: Any, reader: Any) -> str:
    return f"field {path}: expected the type {_shown(writer)}, came {_shown(reader)}"


def _shown(avro: Any) -> str:
    if isinstance(avro, dict):
        return str(record_name(avro) or avro.get("logicalType") or avro["type"])
    return str(avro)


def _record(reader: Any, writer: Any, path: str, side: str) -> list[str]:
    if record_name(reader) != record_name(writer) or not isinstance(reader, dict):
        return [_changed(path, writer, reader)]
    written = {field["name"]: field for field in writer["fields"]}
    found = []
    for field in reader["fields"]:
        at = f"{path}.{field['name']}" if path else field["name"]
        if field["name"] in written:
            other = written[field["name"]]
            found += _cannot_read(field["type"], other["type"], at, side)
            found += _codes(field, other, at) if side == "of the new schema" else []
        elif "default" not in field:
            found.append(
                f"field {at}: expected a default, because it is only in one schema; came none ({side})"
            )
    return found


def _codes(new: Json, old: Json, at: str) -> list[str]:
    gone = sorted(set(old.get("codes", ())) - set(new.get("codes", ()))) if "codes" in new else []
    narrowed = "codes" in new and "codes" not in old
    if narrowed:
        return [f"field {at}: expected any code, as before; came a list of codes"]
    return (
        [f"field {at}: expected the codes of before, came a list without {', '.join(gone)}"] if gone else []
    )
