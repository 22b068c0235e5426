"""The command line as what it is to the hub: one user of one desk, whose key signs each request."""

import getpass
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from cli.local import place_of
from client.calls import Call, Profile, looking
from client.sync import SyncHubClient
from hub import looks
from hub.errors import SenderError
from hub.stack.identities import Identities

TRIES = 3

T = TypeVar("T")

As = Annotated[str, typer.Option("--as", help="The desk to be, one of your own.", envvar="WRAPAROUND_DESK")]
Folder = Annotated[
    Path | None,
    typer.Option("--folder", help="Where the desks' profiles are.", show_default="./.wraparound"),
]
Purpose = Annotated[looks.Purpose, typer.Option("--purpose", help="What it is for; it is recorded.")]
Reason = Annotated[str, typer.Option("--reason", help="Why you do this; it is recorded, with your name.")]
User = Annotated[
    str,
    typer.Option(
        "--user", help="Who does this.", envvar="WRAPAROUND_USER", show_default="your account's name"
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout: one object, or one a line.")]


class NoProfileError(SenderError):
    """No profile of that desk is here: it is not one of this person's."""

    exit_code = 4


class UnsaidError(SenderError):
    """Something must be said that was not."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Caller:
    """One desk's way to the hub."""

    profile: Profile

    @property
    def desk(self) -> str:
        """The desk's name."""
        return self.profile.key.desk

    def run(self, call: Call[T], tries: int = TRIES) -> T:
        """Ask the hub. Raises `HubProblemError`, `httpx.TransportError`."""
        with SyncHubClient(self.profile, tries=tries) as hub:
            return hub.run(call)

    def signed(self, purpose: str, reason: str, user: str) -> dict[str, Any]:
        """The claims of a look at data. Raises `UnsaidError` without a reason."""
        if not reason.strip():
            raise UnsaidError('--reason: expected why you do this, such as --reason "core group on Thursday"')
        return looking(self.desk, user=user or getpass.getuser(), purpose=purpose, reason=reason)


def caller(folder: Path | None, desk: str) -> Caller:
    """The caller of a desk whose profile is here; the only one there is, unless one is named.

    Raises `NoProfileError`, `UnsaidError`.
    """
    identities = Identities(place_of(folder))
    profiles = sorted((identities.sandbox / "profiles").glob("*.json"))
    if not desk:
        if len(profiles) != 1:
            names = ", ".join(json.loads(each.read_text())["desk"] for each in profiles)
            have = f"one of {names}" if names else "the name of a desk; `wraparound up` makes sandbox keys"
            raise UnsaidError(f"--as: expected {have}")
        return Caller(Profile.load(profiles[0]))
    file = identities.profile(desk)
    if file not in profiles:
        raise NoProfileError(
            f"--as: no profile of this desk in {identities.sandbox / 'profiles'}; "
            "expected one that `wraparound up` wrote, in the folder of --folder or WRAPAROUND_FOLDER"
        )
    return Caller(Profile.load(file))


def show(found: Any, *, as_json: bool, words: Callable[[Any], str]) -> None:
    """The result on stdout: JSON (a list: one object a line), or in words."""
    if not as_json:
        said = words(found).rstrip("\n")
        typer.echo(said or "nothing there", err=not said)
        return
    for each in found if isinstance(found, list) else [found]:
        typer.echo(json.dumps(each, ensure_ascii=False))
