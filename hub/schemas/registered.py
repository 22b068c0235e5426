"""The registered schemas: which id stands for which text, for ever.

`schemas/ids.json` maps each type string to its versions, oldest first, each with its id and the SHA-256 of
its text; `schemas/registered.ndjson` keeps the texts, one line an id. Both only grow: a body written years
ago is read with the schema it was written with.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from hub.schemas.compose import Json, SchemaError, canonical, read_json

IDS_FILE: Final = "ids.json"
TEXTS_FILE: Final = "registered.ndjson"


@dataclass(frozen=True, slots=True)
class Registered:
    """One registered text. `version` counts from 1 within its type."""

    schema_id: int
    type: str
    version: int
    sha256: str
    text: str

    @property
    def schema(self) -> Json:
        """The text, parsed."""
        found: Json = orjson.loads(self.text)
        return found


def fingerprint(text: str) -> str:
    """SHA-256 of a schema text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def load(root: Path) -> dict[int, Registered]:
    """Id → registered text. Raises `SchemaError` where the two files do not agree or an id stands twice."""
    if not (root / IDS_FILE).exists():
        return {}
    texts: dict[int, str] = {}
    for number, line in enumerate((root / TEXTS_FILE).read_bytes().splitlines(), start=1):
        try:
            entry = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise SchemaError(f"{TEXTS_FILE}: line {number}: expected JSON; {error.msg}") from error
        texts[entry["id"]] = canonical(entry["schema"])
    found: dict[int, Registered] = {}
    for name, versions in read_json(root / IDS_FILE).items():
        for version, entry in enumerate(versions, start=1):
            schema_id, sha256 = entry["id"], entry["sha256"]
            text = texts.get(schema_id)
            if schema_id in found:
                raise SchemaError(f"{IDS_FILE}: {name}: expected an id of its own, came {schema_id} again")
            if text is None or fingerprint(text) != sha256:
                came = "none" if text is None else "another text"
                raise SchemaError(f"{TEXTS_FILE}: id {schema_id}: expected the text of {name}, came {came}")
            found[schema_id] = Registered(schema_id, name, version, sha256, text)
    return found


def save(root: Path, registered: dict[int, Registered]) -> None:
    """Write both files, deterministically."""
    names = sorted({each.type for each in registered.values()})
    ids = {
        name: [
            {"id": each.schema_id, "sha256": each.sha256}
            for each in sorted(registered.values(), key=lambda r: r.version)
            if each.type == name
        ]
        for name in names
    }
    (root / IDS_FILE).write_bytes(orjson.dumps(ids, option=orjson.OPT_INDENT_2) + b"\n")
    lines = [
        orjson.dumps({"id": schema_id, "schema": orjson.loads(each.text)})
        for schema_id, each in sorted(registered.items())
    ]
    (root / TEXTS_FILE).write_bytes(b"".join(line + b"\n" for line in lines))
