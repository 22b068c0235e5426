"""`wraparound identity`: what is linked to a person, and ending a link that is wrong."""

from typing import Annotated, Any
from uuid import uuid4

import typer

from cli.caller import As, AsJson, Folder, Purpose, Reason, UnsaidError, User, caller, show
from client import calls
from client.events import NewEvent

app = typer.Typer(no_args_is_help=True, help="Who is who: links between ids and people.")

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
    return "\n".join([*lines, f"  {len(found['rested_on_it'])} releases rested on it"])


@app.command("unlink")
def unlink_command(
    person: Annotated[
        str, typer.Argument(help="Whose the id is not, as scheme:value (hub:… for the hub's own).")
    ],
    identifier: Annotated[str, typer.Argument(help="The id that is not theirs, as scheme:value.")],
    desk: As = "",
    code: Annotated[str, typer.Option("--code", help="Why, as a code.")] = "wrong_person",
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Publish that an id is not this person's. The lead's statement; what rested on the link is listed for people.

    Examples: `wraparound identity unlink hub:91c2… paris:77 --as council/chesil`,
    `wraparound identity unlink liquidlogic:P-1 paris:77 --as council/chesil --json`.
    """
    me = caller(folder, desk)
    data = {"person": _ref(person), "identifier": _ref(identifier), "reason": code}
    receipt = me.run(calls.publish(NewEvent(str(uuid4()), UNLINKED, data), me.desk))
    show(
        {"receipt": receipt, "state": "received"}, as_json=as_json, words=lambda found: str(found["receipt"])
    )


def _ref(value: str) -> dict[str, str]:
    scheme, colon, rest = value.partition(":")
    if not colon or not rest:
        raise UnsaidError("expected scheme:value, such as liquidlogic:P-1")
    return {"scheme": scheme, "value": rest}
