"""`wraparound family`: find a family by an id of one's own, and read what one's desk may know of it.

Both are recorded, with who looked and why, before anything is shown.
"""

from typing import Annotated, Any

import typer

from cli.caller import As, AsJson, Folder, Purpose, Reason, User, caller, show
from client import calls
from services.view.text import text

app = typer.Typer(no_args_is_help=True, help="Families, as one desk may know them. Every look is recorded.")


@app.command("show")
def show_command(
    family: Annotated[str, typer.Argument(help="The hub's id of the family; `family find` gives it.")],
    desk: As = "",
    at: Annotated[str, typer.Option("--at", help="As it was on: what was recorded by then (RFC 3339).")] = "",
    reason: Reason = "",
    purpose: Purpose = "safeguard",
    user: User = "",
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """The family view: who belongs to it, who is involved, what happened, what is withheld, how fresh it is.

    Exit 3: there is no such family, or nothing of it is for this desk.

    Examples: `wraparound family show 3f2a… --as council/chesil --reason "core group"`,
    `wraparound family show 3f2a… --as s2w/sft --at 2023-11-30T00:00:00Z --reason "review" --json`.
    """
    me = caller(folder, desk)
    found = me.run(calls.family(family, at=at, signed=me.signed(purpose, reason, user)))
    show(found, as_json=as_json, words=text)


@app.command("find")
def find_command(
    scheme: Annotated[str, typer.Argument(help="The scheme of the id, such as liquidlogic.")],
    value: Annotated[str, typer.Argument(help="The id: of the family, of somebody in it, or of a referral.")],
    desk: As = "",
    reason: Reason = "",
    purpose: Purpose = "safeguard",
    user: User = "",
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """The families that an id of your own leads to. The search is recorded; the id that you typed is not.

    Exit 3: nobody is known by it, or nothing of them is for this desk. Information governance has the hub's ids
    of the families alone, for `audit who`, `rules preview` and `identity show`.

    Examples: `wraparound family find liquidlogic F-1 --as council/chesil --reason "duty call"`,
    `wraparound family find nhs-number 9990000018 --as s2w/sft --reason "new referral" --json`.
    """
    me = caller(folder, desk)
    found = me.run(calls.find_families(scheme, value, signed=me.signed(purpose, reason, user)))
    show(found, as_json=as_json, words=_found)


def _found(families: list[dict[str, Any]]) -> str:
    return "\n".join(
        " ".join([each["family"], *(each["case"].get(name, "") for name in ("state", "lead"))]).rstrip()
        for each in families
    )
