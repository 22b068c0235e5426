"""What a schema says of each field: its category, the person it is about, and what values it takes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from hub.schemas.compose import Json
from hub.schemas.vocabulary import FAMILY_POINTER, NOBODY_POINTER, PLACE_CATEGORIES, ROWS

Kind = Literal["value", "ref", "refs", "text", "rows"]

ENVELOPE: Final = frozenset({"corrects", "retracted", "addressed_to", "withheld"})
"""Root fields that the hub handles itself; `occurred_at` is data like any other."""


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One field. `path` is `name` at the root and `list.name` in a row; `person` is the pointer as written.

    `pointer` is the pointer resolved: `row` (the row's own Ref of that name), `root` (a root Ref), `self`
    (the field is the Ref), `family`, `nobody`; None: it points nowhere. `required`: not nullable in Avro.
    `publish_required`: a publisher must send it, though a delivery may come without it. `place`: tells where
    or when somebody can be found.
    """

    path: str
    name: str
    list_name: str | None
    kind: Kind
    category: str | None
    person: str | None
    pointer: str | None
    required: bool
    publish_required: bool
    place: bool
    ref: str | None
    type: Any
    attributes: Json

    @property
    def is_row(self) -> bool:
        """A list whose rows are decided one by one."""
        return self.kind == "rows"

    @property
    def is_text(self) -> bool:
        """Free text with `about`."""
        return self.kind == "text"


def inner(avro: Any) -> Any:
    """The type without its null branch."""
    if isinstance(avro, list):
        return next(branch for branch in avro if branch != "null")
    return avro


def record_name(avro: Any) -> str | None:
    """The full name of a record type, whether defined here or named."""
    if isinstance(avro, dict) and avro.get("type") == "record":
        name, namespace = avro["name"], avro.get("namespace")
        return f"{namespace}.{name}" if namespace and "." not in name else str(name)
    return avro if isinstance(avro, str) and "." in avro else None


def kind_of(field: Json) -> Kind:
    """How reducing treats the field."""
    avro = inner(field["type"])
    name = record_name(avro)
    if name == "wraparound.Ref":
        return "ref"
    if name == "wraparound.Text":
        return "text"
    if isinstance(avro, dict) and avro["type"] == "array":
        if record_name(avro["items"]) == "wraparound.Ref":
            return "refs"
        if field.get("category") == ROWS:
            return "rows"
    return "value"


def fields_of(schema: Json) -> tuple[FieldInfo, ...]:
    """Every field of a composed schema, root fields in order, the fields of a row after their list."""
    return tuple(_walk(schema))


def _walk(schema: Json) -> Iterator[FieldInfo]:
    root = {field["name"]: field for field in schema["fields"]}
    for field in schema["fields"]:
        yield _info(field, None, {}, root)
        if kind_of(field) == "rows":
            row = inner(field["type"])["items"]["fields"]
            names = {each["name"]: each for each in row}
            for each in row:
                yield _info(each, field["name"], names, root)


def _info(field: Json, list_name: str | None, row: dict[str, Json], root: dict[str, Json]) -> FieldInfo:
    name, avro, category = field["name"], field["type"], field.get("category")
    optional = isinstance(avro, list)
    return FieldInfo(
        path=f"{list_name}.{name}" if list_name else name,
        name=name,
        list_name=list_name,
        kind=kind_of(field),
        category=category,
        person=field.get("person"),
        pointer=_pointer(field, row, root),
        required=not optional,
        publish_required=field.get("publish") == "required" or (not optional and "default" not in field),
        place=bool(field.get("place")) or category in PLACE_CATEGORIES,
        ref=field.get("ref"),
        type=avro,
        attributes=field,
    )


def _pointer(field: Json, row: dict[str, Json], root: dict[str, Json]) -> str | None:
    person = field.get("person")
    if person == field["name"] and field.get("ref") == "person":
        return "self"
    if person in {FAMILY_POINTER, NOBODY_POINTER}:
        return str(person)
    if person in row and row[person].get("ref") == "person" and kind_of(row[person]) == "ref":
        return "row"
    if person in root and root[person].get("ref") == "person" and kind_of(root[person]) == "ref":
        return "root"
    return None
