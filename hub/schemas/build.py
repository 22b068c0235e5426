"""`python -m hub.schemas.build --check | --write [--root schemas]`: may these schemas be served?

`--check` refuses what checks.py lists, a change that is not compatible with every registered text of its
type, a type that is gone, and a text that is not registered. `--write` refuses the same but for the last,
which it registers: ids only grow and are never used again.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from hub.schemas import registered
from hub.schemas.checks import check_examples, check_schema, check_words
from hub.schemas.compatibility import incompatibilities
from hub.schemas.compose import (
    TYPE_PREFIX,
    Json,
    SchemaError,
    canonical,
    compose_file,
    expanded,
    load_common,
    read_json,
    sources,
)
from hub.schemas.event_type import EventType
from hub.schemas.registered import Registered, fingerprint


def check(root: Path) -> list[str]:
    """Everything wrong with the folder, as lines; empty: it may be served."""
    try:
        return [*_problems(root), *_unregistered(root)]
    except SchemaError as error:
        return [str(error)]


def write(root: Path) -> list[str]:
    """Register what is new; the lines say why nothing was written."""
    try:
        found = list(_problems(root))
        if not found:
            _register(root)
    except SchemaError as error:
        return [str(error)]
    return found


def _problems(root: Path) -> Iterator[str]:
    common = load_common(root)
    composed = {name: compose_file(path, common) for name, path in sources(root).items()}
    schemas = {name: schema for name, (_, schema) in composed.items()}
    wrong: set[str] = set()
    for name, schema in schemas.items():
        for line in check_schema(_file(name), composed[name][0], schema):
            wrong.add(name)
            yield line
    types = {n: EventType(n, s, schema_id=0, sandbox=True) for n, s in schemas.items() if n not in wrong}
    examples = {n: e for n, e in _examples(root).items() if n not in wrong}
    yield from check_examples(types, examples)
    yield from check_words(schemas)
    yield from _changes(registered.load(root), schemas)


def _file(name: str) -> str:
    return f"{name.removeprefix(TYPE_PREFIX)}.avsc"


def _examples(root: Path) -> dict[str, list[Json]]:
    found = sorted((root / "examples").glob("*.json"))
    return {TYPE_PREFIX + path.stem: [read_json(path)] for path in found}


def _changes(known: dict[int, Registered], schemas: dict[str, Json]) -> Iterator[str]:
    for each in known.values():
        schema = schemas.get(each.type)
        if schema is None:
            yield f"{_file(each.type)}: expected the registered type (id {each.schema_id}), came no file"
            continue
        for line in incompatibilities(expanded(each.schema), expanded(schema)):
            yield f"{_file(each.type)}: {line} (compared with id {each.schema_id})"


def _texts(root: Path) -> dict[str, str]:
    common = load_common(root)
    return {name: canonical(compose_file(path, common)[1]) for name, path in sources(root).items()}


def _unregistered(root: Path) -> Iterator[str]:
    known = {each.text for each in registered.load(root).values()}
    for name, text in _texts(root).items():
        if text not in known:
            yield f"{_file(name)}: expected a registered text, came a new one; run with --write"


def _register(root: Path) -> None:
    known = registered.load(root)
    texts = {each.text for each in known.values()}
    for name, text in _texts(root).items():
        if text not in texts:
            schema_id = max(known, default=0) + 1
            version = 1 + max((each.version for each in known.values() if each.type == name), default=0)
            known[schema_id] = Registered(schema_id, name, version, fingerprint(text), text)
    registered.save(root, known)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0, or 6 (invalid input) with one line for each fault on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m hub.schemas.build", description="Check or register schemas."
    )
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--check", action="store_true", help="refuse what must not be served")
    action.add_argument("--write", action="store_true", help="register new texts, after the same checks")
    parser.add_argument("--root", type=Path, default=Path("schemas"), help="the folder (default: schemas)")
    options = parser.parse_args(arguments)
    found = write(options.root) if options.write else check(options.root)
    for line in found:
        sys.stderr.write(line + "\n")
    if not found:
        counts = orjson.loads((options.root / registered.IDS_FILE).read_bytes())
        sys.stdout.write(f"{len(counts)} event types, {sum(map(len, counts.values()))} schemas\n")
    return 6 if found else 0


if __name__ == "__main__":
    sys.exit(main())
