"""`wraparound identity`: what is linked to a person, that two are one, and ending what is wrong of that."""

from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer

from cli.caller import As, AsJson, Folder, Purpose, Reason, UnsaidError, User, caller, show
from client import calls
from client.events import NewEvent

app = typer.Typer(no_args_is_help=True, help="Who is who: links between ids and people.")

LINKED = "wraparound.hub.identity_linked.v1"
UNLINKED = "wraparound.hub.identity_unlinked.v1"


@app.command("show")
def show_command(
    person: Annotated[str, typer.Argument(help="The hub's id of a person.")],
    desk: As = "",
    reason: Reason = "",
    purpose: Purpose = "rights",
    user: User = "",
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """What is linked to a person: schemes, since when, on whose word; what was released on that. Never an id's value.

    Examples: `wraparound identity show 91c2… --as council/ig --reason "merge review"`,
    `wraparound identity show 91c2… --as council/ig --reason "merge review" --json`.
    """
    me = caller(folder, desk)
    show(
        me.run(calls.identity(person, signed=me.signed(purpose, reason, user))), as_json=as_json, words=_words
    )


def _words(found: dict[str, Any]) -> str:
    lines = [found["id"]]
    for each in found["links"]:
        ended = f" until {each['ended_at'][:19]}" if each.get("ended_at") else ""
        lines.append(
            f"  {each['scheme']} ({each['status']}) since {each['since'][:19]}{ended} by {each.get('by', 'the hub')}"
        )
    lines += [f"  in family {each['family']} since {each['since'][:19]}" for each in found["families"]]
    for each in found.get("same_as", ()):
        ended = f" until {each['ended_at'][:19]}" if each.get("ended_at") else ""
        lines.append(
            f"  one with {each['person']} ({each['status']}) since {each['since'][:19]}{ended}"
            f" by {each.get('by', 'the hub')}; {len(each['rested_on_it'])} releases rested on it"
        )
        lines += [
            f"    {one['released_at'][:19]} {one['desk']} {one['type']}" for one in each["rested_on_it"]
        ]
    return "\n".join([*lines, f"  {len(found['rested_on_it'])} releases rested on it"])


_PERSON = "A person, as scheme:value (hub:… for the hub's own)."


@app.command("link")
def link_command(
    person: Annotated[str, typer.Argument(help=_PERSON)],
    other: Annotated[str, typer.Argument(help="Who is the same human, as scheme:value.")],
    desk: As = "",
    probable: Annotated[
        bool, typer.Option("--probable", help="They may be one: nobody is asked yet.")
    ] = False,
    code: Annotated[str, typer.Option("--code", help="Why, as a code.")] = "same_person",
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Publish that two persons are one. What protects either protects both at once, and all about both is held.

    Until a second person of the agency agrees (a task says so), or `unlink` ends it.

    Examples: `wraparound identity link hub:91c2… hub:07ab… --as council/chesil --code same_dob_and_address`,
    `wraparound identity link liquidlogic:P-1 liquidlogic:P-9 --probable --as council/chesil --json`.
    """
    data = {
        "person": _ref(person),
        "same_as": _ref(other),
        "degree": "probable" if probable else "confirmed",
        "reason": code,
    }
    _publish(LINKED, data, desk, folder, as_json=as_json)


@app.command("unlink")
def unlink_command(
    person: Annotated[
        str, typer.Argument(help="Whose the id is not, as scheme:value (hub:… for the hub's own).")
    ],
    identifier: Annotated[str, typer.Argument(help="The id that is not theirs, as scheme:value.")],
    desk: As = "",
    code: Annotated[str, typer.Option("--code", help="Why, as a code.")] = "wrong_person",
    same: Annotated[
        bool, typer.Option("--same", help="IDENTIFIER is of another person: they are not one.")
    ] = False,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Publish that an id is not this person's. The lead's statement; what rested on the link is listed for people.

    With `--same`: that two persons are not one after all.

    Examples: `wraparound identity unlink hub:91c2… paris:77 --as council/chesil`,
    `wraparound identity unlink hub:91c2… hub:07ab… --same --as council/chesil`,
    `wraparound identity unlink liquidlogic:P-1 paris:77 --as council/chesil --json`.
    """
    data = {"person": _ref(person), ("same_as" if same else "identifier"): _ref(identifier), "reason": code}
    _publish(UNLINKED, data, desk, folder, as_json=as_json)


def _publish(type_: str, data: dict[str, Any], desk: str, folder: Path | None, *, as_json: bool) -> None:
    me = caller(folder, desk)
    receipt = me.run(calls.publish(NewEvent(str(uuid4()), type_, data), me.desk))
    show(
        {"receipt": receipt, "state": "received"}, as_json=as_json, words=lambda found: str(found["receipt"])
    )


def _ref(value: str) -> dict[str, str]:
    scheme, colon, rest = value.partition(":")
    if not colon or not rest:
        raise UnsaidError("expected scheme:value, such as liquidlogic:P-1")
    return {"scheme": scheme, "value": rest}
