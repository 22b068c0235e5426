"""`wraparound catalogue`: the event types, out of the committed schemas; nothing is asked of any server."""

import difflib
import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from cli.caller import AsJson, show
from hub.errors import SenderError
from hub.schemas import Catalogue, EventType
from hub.settings import ROOT

app = typer.Typer(no_args_is_help=True, help="Event types: what they are, and what they hold.")

FRAME = "wraparound."


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
    as_json: AsJson = False,
) -> None:
    """One event type: each field with its form and category, and an example.

    Examples: `wraparound catalogue show referral.requested`, `wraparound catalogue show practice.risk_rated --json`.
    """
    found = type_of(load(), name)
    shown = {
        "type": found.type,
        "says": found.schema.get("doc", ""),
        "gate": found.gate,
        "schema_id": found.schema_id,
        "fields": [_field(each) for each in found.fields],
        "example": found.examples[0] if found.examples else None,
    }
    show(shown, as_json=as_json, words=_words)


def _field(each: Any) -> dict[str, Any]:
    codes = each.attributes.get("codes")
    return {"path": each.path, "category": each.category, "required": each.required} | (
        {"codes": list(codes)} if codes else {}
    )


def _words(found: dict[str, Any]) -> str:
    lines = [f"{found['type']}: {found['says']}", f"gate {found['gate']}, schema {found['schema_id']}", ""]
    for each in found["fields"]:
        codes = f"  one of {', '.join(each['codes'])}" if each.get("codes") else ""
        required = " (required)" if each["required"] else ""
        lines.append(f"  {each['path']}{required}  {each['category']}{codes}")
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
    for field in event_type.fields:
        each = _field(field)
        said = [
            each["path"],
            each["category"],
            "required" if each["required"] else "",
            *each.get("codes", ()),
        ]
        yield " ".join(word for word in said if word)
