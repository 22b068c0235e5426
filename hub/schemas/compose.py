"""From the committed `.avsc` files to complete, self-contained Avro schemas.

A file names the common records (`Ref`, `Identifier`, `Text`) by their short names and leaves out the root
fields that every event has; both are kept once, in `schemas/common/`. Composing puts each record's definition
where it is first used, its full name elsewhere, and the root fields at the end. Deterministic: the same
files, the same bytes.
"""

from pathlib import Path
from typing import Any, Final

import orjson

from hub.errors import SenderError

Json = dict[str, Any]

COMMON_RECORDS: Final = ("Ref", "Identifier", "Text")
ROOT_RECORD: Final = "Root"
SUFFIX: Final = ".v1.avsc"
TYPE_PREFIX: Final = "wraparound."


class SchemaError(SenderError):
    """A schema, example or id file is not what it must be; the message says file, field, expected, came."""


def read_json(path: Path) -> Any:
    """The JSON in a file. Raises `SchemaError` naming the file."""
    try:
        return orjson.loads(path.read_bytes())
    except OSError as error:
        raise SchemaError(f"{path.name}: expected a readable file; {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise SchemaError(f"{path.name}: expected JSON; {error.msg} (line {error.lineno})") from error


def type_string(path: Path) -> str:
    """`referral.requested.v1.avsc` → `wraparound.referral.requested.v1`."""
    return TYPE_PREFIX + path.name.removesuffix(".avsc")


def load_common(root: Path) -> dict[str, Json]:
    """The common records by short name, `Root` (the fields of every event) among them."""
    folder = root / "common"
    return {name: read_json(folder / f"{name}.avsc") for name in (*COMMON_RECORDS, ROOT_RECORD)}


def sources(root: Path) -> dict[str, Path]:
    """Type string → its `.avsc` file, in alphabetical order."""
    return {type_string(path): path for path in sorted(root.glob("*.avsc"))}


def compose(source: Json, common: dict[str, Json]) -> Json:
    """The complete schema of one file; the input is not changed."""
    own = {field["name"] for field in source["fields"]}
    root = [field for field in common[ROOT_RECORD]["fields"] if field["name"] not in own]
    words = list(source.get("sets", []))
    for name in (*COMMON_RECORDS, ROOT_RECORD):
        if name == ROOT_RECORD or _uses(source["fields"], name):
            words += [word for word in common[name].get("sets", []) if word not in words]
    result = {**source, "fields": _inline([*source["fields"], *root], common, set())}
    result["sets"] = sorted(words)
    return result


def compose_file(path: Path, common: dict[str, Json]) -> tuple[Json, Json]:
    """(the file, its complete schema). Raises `SchemaError` naming the file."""
    source = read_json(path)
    try:
        return source, compose(source, common)
    except (KeyError, TypeError, AttributeError) as error:
        raise SchemaError(f"{path.name}: expected a record with named fields, came something else") from error


def _uses(node: Any, name: str) -> bool:
    if isinstance(node, list):
        return any(_uses(each, name) for each in node)
    if isinstance(node, dict):
        return any(_uses(node[key], name) for key in ("type", "items", "fields") if key in node)
    return bool(node == name)


def _inline(node: Any, common: dict[str, Json], seen: set[str]) -> Any:
    """Replace short names where a type stands; attributes are left as they are."""
    if isinstance(node, list):
        return [_inline(each, common, seen) for each in node]
    if isinstance(node, dict):
        return {
            key: _inline(value, common, seen) if key in {"type", "items", "fields"} else value
            for key, value in node.items()
        }
    if node in COMMON_RECORDS:
        full = f"{common[node]['namespace']}.{node}"
        if full in seen:
            return full
        seen.add(full)
        definition = {key: value for key, value in common[node].items() if key != "sets"}
        return _inline(definition, common, seen)
    return node


def canonical(schema: Json) -> str:
    """The text that is registered, hashed and served: compact JSON, keys in the order of the files."""
    return orjson.dumps(schema).decode()


def without_logical_types(node: Any) -> Any:
    """The same wire form, read as integers: microseconds and days since 1970, UTC."""
    if isinstance(node, list):
        return [without_logical_types(each) for each in node]
    if isinstance(node, dict):
        return {key: without_logical_types(value) for key, value in node.items() if key != "logicalType"}
    return node


def expanded(node: Any, known: Json | None = None) -> Any:
    """The same schema with each common record's definition in every place: ours alone, not valid Avro."""
    known = {} if known is None else known
    if isinstance(node, list):
        return [expanded(each, known) for each in node]
    if isinstance(node, dict):
        result = {
            key: expanded(value, known) if key in {"type", "items", "fields"} else value
            for key, value in node.items()
        }
        if node.get("type") == "record" and "namespace" in node:
            known[f"{node['namespace']}.{node['name']}"] = result
        return result
    return known.get(node, node) if isinstance(node, str) else node
