"""`wraparound catalogue`: the event types, out of the committed schemas; of a hub its time alone is asked."""

import difflib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import hub_clock
from cli.caller import AsJson, Folder, show
from hub.errors import SenderError
from hub.schemas import Catalogue, EventType
from hub.schemas.compose import Json
from hub.schemas.dated import dated
from hub.schemas.fields import FieldInfo
from hub.schemas.json_schema import json_schema
from hub.settings import ROOT

app = typer.Typer(no_args_is_help=True, help="Event types: what they are, and what they hold.")

FRAME = "wraparound."
ANYBODY = "council/chesil"
"""Whose profile says where a hub is, and who publishes an example that is written for nobody in particular."""
_INSTANTS = {"date": "a date: 2026-01-31", "date-time": "a time with its zone: 2026-01-31T09:30:00Z"}


class NoTypeError(SenderError):
    """There is no such event type."""

    exit_code = 3


def load() -> Catalogue:
    """The committed schemas, with the sandbox's checks."""
    return Catalogue.load(ROOT / "schemas", sandbox=True)


def type_of(catalogue: Catalogue, name: str) -> EventType:
    """An event type by its whole name, or without its frame (`referral.requested`). Raises `NoTypeError`."""
    for whole in (name, f"{FRAME}{name}.v1", f"{FRAME}{name}"):
        if whole in catalogue:
            return catalogue.type(whole)
    raise NoTypeError("expected an event type: `wraparound catalogue list` names them")


@app.command("list")
def list_command(
    group: Annotated[str, typer.Argument(help="Only this group, such as referral.")] = "",
    as_json: AsJson = False,
) -> None:
    """Every event type and what it says happened.

    Examples: `wraparound catalogue list`, `wraparound catalogue list referral --json`.
    """
    found = [
        {"type": each.type, "gate": each.gate, "says": each.schema.get("doc", "")}
        for each in load()
        if each.type.startswith(f"{FRAME}{group}")
    ]
    if not found:
        raise NoTypeError(
            "expected a group of event types, such as referral: `wraparound catalogue list` names them"
        )
    width = max(len(each["type"]) for each in found)
    show(
        found,
        as_json=as_json,
        words=lambda rows: "\n".join(f"{row['type']:{width}}  {row['says']}" for row in rows),
    )


@app.command("show")
def show_command(
    name: Annotated[str, typer.Argument(metavar="TYPE", help="The type, such as referral.requested.")],
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """One event type: each field with its form and category, and an example.

    The example's dates fit the hub's clock, if a hub answers; else they are those of the committed schemas.

    Examples: `wraparound catalogue show referral.requested`, `wraparound catalogue show practice.risk_rated --json`.
    """
    found = type_of(load(), name)
    shown = {
        "type": found.type,
        "says": found.schema.get("doc", ""),
        "gate": found.gate,
        "schema_id": found.schema_id,
        "fields": _fields(found),
        "example": _dated(found, folder) if found.examples else None,
    }
    show(shown, as_json=as_json, words=_words)


def _dated(event_type: EventType, folder: Path | None) -> Json:
    now, _ = hub_clock.asked(folder, ANYBODY)
    example = event_type.examples[0]
    return example if now is None else dated(event_type, example, now)


def _fields(event_type: EventType) -> list[dict[str, Any]]:
    whole = json_schema(event_type, delivered=True)
    return [_field(each, whole) for each in event_type.fields]


def _field(each: FieldInfo, schema: Json) -> dict[str, Any]:
    codes = each.attributes.get("codes")
    for name in each.path.split("."):
        schema = schema.get("items", schema)["properties"][name]
    return {
        "path": each.path,
        "form": _form(schema),
        "category": each.category,
        "required": each.publish_required,
    } | ({"codes": list(codes)} if codes else {})


def _form(schema: Json) -> str:
    """What a value looks like, in words, out of its JSON Schema."""
    match schema["type"]:
        case "array":
            return f"list of {_form(schema['items'])}"
        case "object":
            return f"{{{', '.join(schema['properties'])}}}"
        case "integer" | "number":
            kind = "a whole number" if schema["type"] == "integer" else "a number"
            return f"{kind} from {schema['minimum']} to {schema['maximum']}"
        case "boolean":
            return "true or false"
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    return _INSTANTS.get(schema.get("format", ""), "") or str(schema["description"])


def _words(found: dict[str, Any]) -> str:
    lines = [f"{found['type']}: {found['says']}", f"gate {found['gate']}, schema {found['schema_id']}", ""]
    for each in found["fields"]:
        required = " (required)" if each["required"] else ""
        lines.append(f"  {each['path']}{required}  {each['form']}  [{each['category']}]")
    return "\n".join([*lines, "", json.dumps(found["example"], indent=2, ensure_ascii=False)])


@app.command("diff")
def diff_command(
    one: Annotated[str, typer.Argument(help="A type, such as referral.accepted.")],
    other: Annotated[str, typer.Argument(help="Another type or version.")],
    as_json: AsJson = False,
) -> None:
    """What two types or versions of one have differently: fields, categories, codes.

    Exit 0: nothing differs; 1: something does.

    Examples: `wraparound catalogue diff referral.accepted referral.declined`,
    `wraparound catalogue diff consent.given consent.refused --json`.
    """
    catalogue = load()
    before, after = (list(_lines(type_of(catalogue, each))) for each in (one, other))
    removed = [line for line in before if line not in after]
    added = [line for line in after if line not in before]
    text = "\n".join(difflib.unified_diff(before, after, one, other, lineterm="", n=0))
    show(
        {"only_in_first": removed, "only_in_second": added},
        as_json=as_json,
        words=lambda _: text or "no difference",
    )
    if removed or added:
        raise typer.Exit(1)


def _lines(event_type: EventType) -> Iterator[str]:
    yield f"gate {event_type.gate}"
    for each in _fields(event_type):
        said = [
            each["path"],
            each["category"],
            "required" if each["required"] else "",
            *each.get("codes", ()),
        ]
        yield " ".join(word for word in said if word)
