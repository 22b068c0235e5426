"""What a schema must be before it may be registered; each refusal says file, field, expected, came."""

from collections.abc import Iterator
from typing import Any

import fastavro
from fastavro.schema import SchemaParseException, UnknownType

from hub.schemas.compose import TYPE_PREFIX, Json, expanded
from hub.schemas.event_type import EventType
from hub.schemas.fields import ENVELOPE, FieldInfo, fields_of, inner, record_name
from hub.schemas.formats import FORMATS
from hub.schemas.vocabulary import (
    CATEGORIES,
    DERIVED_CATEGORIES,
    FAMILY_POINTER,
    ID,
    INTERNAL,
    NOBODY_POINTER,
    ROWS,
    SETTABLE,
    TEXT_CATEGORIES,
)

REF_KINDS = frozenset({"person", "family", "referral", "household"})
_GATES = (CATEGORIES - DERIVED_CATEGORIES) | {INTERNAL}
_STRUCTURE = frozenset({ID, ROWS})


def check_schema(name: str, source: Json, schema: Json) -> Iterator[str]:
    """Everything wrong with one composed schema. `name` is its file name, `source` the file."""
    try:
        fastavro.parse_schema(schema)
    except (SchemaParseException, UnknownType) as error:
        yield f"{name}: expected Avro, came {type(error).__name__}: {error}"
        return
    yield from _check_record(name, source, schema)
    fields = fields_of(expanded(schema))
    subjects = _names(schema.get("subject"))
    yield from _check_subjects(name, subjects, fields)
    for field in fields:
        for expected, came in _check_field(field, str(schema.get("gate")), subjects):
            yield f"{name}: field {field.path}: expected {expected}, came {came}"


def _names(subject: Any) -> list[str]:
    return [subject] if isinstance(subject, str) else list(subject or ())


def _check_record(name: str, source: Json, schema: Json) -> Iterator[str]:
    full = f"{schema.get('namespace')}.{schema.get('name')}"
    wanted = TYPE_PREFIX + name.removesuffix(".avsc")
    if full != wanted:
        yield f"{name}: expected the record {wanted}, came {full}"
    if not schema.get("doc"):
        yield f"{name}: expected a doc, came none"
    if schema.get("gate") not in _GATES:
        yield f"{name}: gate: expected a category or {INTERNAL}, came {schema.get('gate')}"
    kinds = {field["name"]: field.get("ref") for field in schema["fields"]}
    for key, kind in (("family", "family"), ("referral", "referral")):
        if key in schema and kinds.get(schema[key]) != kind:
            yield f"{name}: {key}: expected the name of a {kind} Ref, came {schema[key]}"
    for word in source.get("sets", ()):
        if word not in SETTABLE:
            yield f"{name}: sets: expected a role, condition, forbid or indicator, came {word}"


def _check_subjects(name: str, subjects: list[str], fields: tuple[FieldInfo, ...]) -> Iterator[str]:
    if not subjects:
        yield f"{name}: subject: expected the fields that name the gate's persons, came none"
    root = {field.name: field for field in fields if field.list_name is None}
    for each in subjects:
        if each == NOBODY_POINTER or (each == FAMILY_POINTER and len(subjects) == 1):
            continue
        field = root.get(each)
        persons = {f.list_name for f in fields if f.name == "person" and f.ref == "person" and f.required}
        if field is None or not (field.ref == "person" or (field.is_row and each in persons)):
            yield f"{name}: subject: expected a person Ref, a list of them, or rows of persons, came {each}"


def _check_field(field: FieldInfo, gate: str, subjects: list[str]) -> Iterator[tuple[str, str]]:
    category = field.category
    if category is None:
        yield "a category", "none"
        return
    if category not in _GATES | _STRUCTURE:
        yield "a category of the sharing rules", category
        return
    yield from _check_kind(field, category)
    yield from _check_person(field, category, subjects)
    yield from _check_required(field, category, gate, subjects)
    yield from _check_strings(field.attributes)


def _check_kind(field: FieldInfo, category: str) -> Iterator[tuple[str, str]]:
    if (category == ROWS) != field.is_row:
        yield f"the category {ROWS} on a list of rows, and there alone", f"{category} on a {field.kind}"
    if category == ID and field.kind == "value" and _holds_records(field.type):
        yield f"the category {ROWS} on a list of rows, and there alone", f"{category} on a list of records"
    if field.is_row and field.list_name is not None:
        yield "rows at the root alone", "rows in a row"
    if field.is_text and category not in TEXT_CATEGORIES:
        yield "a category that may be free text", category
    if field.kind in {"ref", "refs"} and field.ref not in REF_KINDS:
        yield f"ref: one of {', '.join(sorted(REF_KINDS))}", str(field.ref)
    if field.kind == "refs" and field.list_name is not None:
        yield "lists of Refs at the root alone", "one in a row"


def _holds_records(avro: Any) -> bool:
    avro = inner(avro)
    items = avro.get("items") if isinstance(avro, dict) else None
    return isinstance(items, dict) and not str(record_name(items)).startswith(TYPE_PREFIX)


def _check_person(field: FieldInfo, category: str, subjects: list[str]) -> Iterator[tuple[str, str]]:
    is_person = field.ref == "person" and field.kind in {"ref", "refs"}
    if category in _STRUCTURE:
        own = field.name in subjects or (field.list_name is not None and field.name == "person")
        if is_person and not own:
            yield (
                f"a category and itself as person: it is neither of the gate nor its row's ({field.name})",
                ID,
            )
        return
    if field.pointer is None:
        yield "person: a person Ref in its row or at the root, or family, or nobody", str(field.person)
    elif is_person and field.pointer != "self":
        yield f"person: itself ({field.name})", str(field.person)


def _check_required(
    field: FieldInfo, category: str, gate: str, subjects: list[str]
) -> Iterator[tuple[str, str]]:
    """Only ids and the gate's codes about the one person of the event, or of the row, may be required.

    In a row they may still be null in Avro: a row can be released for another field than the gate's.
    """
    if field.kind == "ref" and category == ID and field.required and field.list_name is None:
        if field.name in subjects and len(subjects) > 1:
            yield "a Ref that may be null: the event has several subjects", "a required one"
        return
    if (
        category in {ID, ROWS, INTERNAL}
        or field.name in ENVELOPE
        or not (field.required or field.publish_required)
    ):
        return
    whose = field.list_name if field.pointer == "row" else field.person
    of_gate = category == gate and whose in subjects and (field.pointer == "row" or len(subjects) == 1)
    if not of_gate or field.is_text or field.place:
        yield (
            "a field that may be null and left out (it is neither an id nor a code of the gate)",
            "a required one",
        )
    elif field.required and field.pointer == "row":
        yield 'a field that may be null ("publish": "required" asks publishers for it)', "a required one"


def _check_strings(field: Json) -> Iterator[tuple[str, str]]:
    """Free text hides in strings: each must have codes or a known form, at any depth."""
    avro = inner(field["type"])
    if isinstance(avro, dict) and avro["type"] == "array":
        avro = inner(avro["items"])
    if isinstance(avro, dict) and avro["type"] == "record":
        if record_name(avro) not in {"wraparound.Ref", "wraparound.Text"} and field.get("category") != ROWS:
            for each in avro["fields"]:
                yield from _check_strings(each)
        return
    if avro == "string" and not field.get("codes") and field.get("format") not in FORMATS:
        yield "codes, or a format (free text is the record Text, with about)", str(field.get("format"))


def check_examples(types: dict[str, EventType], examples: dict[str, list[Json]]) -> Iterator[str]:
    """An example for every type, a type for every example, and each valid."""
    for name in types:
        if not examples.get(name):
            yield f"{name.removeprefix(TYPE_PREFIX)}.avsc: expected an example, came none"
    for name, found in examples.items():
        file = f"examples/{name.removeprefix(TYPE_PREFIX)}.json"
        if name not in types:
            yield f"{file}: expected a schema of that name, came none"
            continue
        for example in found:
            for problem in types[name].validate(example):
                yield f"{file}: field {problem.pointer}: expected {problem.expected}, came {problem.came}"


def check_words(schemas: dict[str, Json]) -> Iterator[str]:
    """Every role, condition, forbid and indicator is set by some type."""
    said = {word for schema in schemas.values() for word in schema.get("sets", ())}
    for word in sorted(SETTABLE - said):
        yield f"sets: expected a type that sets {word}, came none"
