"""`wraparound audit`: who saw what (`who`), whether anybody changed the log (`verify`), what to keep (`checkpoint`).

`verify` rebuilds the whole log from its entries. It reads the database of a stack on this machine and changes nothing.
Somebody who does not trust this machine uses the tiles and entries that the gateway serves under `/log` with any
tlog-tiles checker instead.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import reach
from cli.caller import As, Purpose, Reason, User, caller, show
from cli.local import AsJson, Folder, UsageError, place_of
from client import calls
from hub.clock import parse_micros
from hub.database import Database, DatabaseAwayError
from hub.errors import SenderError
from hub.keys import KeyRing
from hub.settings import read_key, read_secret
from hub.stack.identities import Identities
from services.audit.note import NoteError, Verifier, parse_checkpoint, parse_note, parse_skey, parse_vkey
from services.audit.report import Report
from services.audit.verify import verify

NOT_GOOD = 8
TELL_SECONDS = 10.0

app = typer.Typer(no_args_is_help=True, help="The audit log: who saw what, and whether anybody changed it.")

Outside = Annotated[
    list[Path] | None,
    typer.Option("--checkpoint", help="A checkpoint that you kept; the log must still contain it."),
]
Vkey = Annotated[
    str, typer.Option("--vkey", help="The log's public key (a C2SP vkey); the stack's own unless given.")
]


class NoStackError(SenderError):
    """No stack has ever run in that folder."""

    exit_code = 3


@app.command("verify")
def verify_command(
    folder: Folder = None, checkpoint: Outside = None, vkey: Vkey = "", as_json: AsJson = False
) -> None:
    """Rebuild the log from its entries: hashes, tree, tiles, checkpoints, details, coverage.

    Exit 0: good; 8: not good, and the first bad index is named; 2: a file is no checkpoint of this log, which says
    nothing about the log; 3: no stack in this folder; 75: its database is not up.

    Examples: `wraparound audit verify`, `wraparound audit verify --checkpoint kept.txt --json`.
    """
    place = place_of(folder)
    try:
        about = reach.described(place)
    except FileNotFoundError:
        raise NoStackError(f"no stack has run in {place}: `wraparound up` starts one") from None
    dsn = reach.database(about)
    if not dsn:
        raise NoStackError(reach.NOT_NAMED)
    identities = Identities(place)
    verifier = parse_vkey(vkey) if vkey else own_verifier(identities)
    kept = [kept_note(path, about["origin"]) for path in checkpoint or ()]
    master = read_key(identities.master_key, "master_key_file")
    try:
        report = asyncio.run(examine(dsn, verifier, about["origin"], master, kept))
    except DatabaseAwayError as error:
        raise DatabaseAwayError(
            f"{error}, the log is in there: `wraparound up` starts it, `wraparound status` says what runs"
        ) from error
    if as_json:
        typer.echo(json.dumps(report.as_json()))
    else:
        typer.echo("\n".join(report.lines()))
    if not report.ok:
        raise typer.Exit(NOT_GOOD)


def kept_note(path: Path, origin: str) -> bytes:
    """A checkpoint that somebody kept, of this log. Who signed it is judged with the log. Raises `UsageError`."""
    try:
        note = path.read_bytes()
        named = parse_checkpoint(parse_note(note)[0]).origin
    except OSError as error:
        raise UsageError(f"--checkpoint: {path}: {error.strerror}") from error
    except NoteError as error:
        expected = "a checkpoint as `GET /log/checkpoint` gives it"
        raise UsageError(
            f"--checkpoint: {path}: expected {expected}, with its signatures; {error}"
        ) from error
    if named != origin:
        raise UsageError(f"--checkpoint: {path}: expected one of the log {origin}, this is of another log")
    return note


@app.command("checkpoint")
def checkpoint_command(desk: As = "", folder: Folder = None, as_json: AsJson = False) -> None:
    """The newest signed checkpoint of the log that your desk may have, to keep where this machine cannot reach it.

    A log that was cut or rewritten since no longer contains it: `audit verify --checkpoint FILE` says so. Exit 3: none
    is signed yet.

    Examples: `wraparound audit checkpoint --as council/ig > kept.txt`,
    `wraparound audit checkpoint --as s2w/sft --json`.
    """
    found = {"checkpoint": caller(folder, desk).run(calls.checkpoint())}
    show(found, as_json=as_json, words=lambda each: str(each["checkpoint"]))


@app.command("who")
def who_command(
    family: Annotated[str, typer.Argument(help="The hub's id of the family.")],
    desk: As = "",
    since: Annotated[str, typer.Option("--since", help="From this instant (RFC 3339).")] = "",
    until: Annotated[str, typer.Option("--until", help="Up to, not including, this instant.")] = "",
    reason: Reason = "",
    purpose: Purpose = "rights",
    user: User = "",
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Who saw this family's data, when and why; what was released to which desk. For information governance.

    Examples: `wraparound audit who 3f2a… --as council/ig --reason "subject access"`,
    `wraparound audit who 3f2a… --since 2024-03-01T00:00:00Z --as council/ig --reason "since March" --json`.
    """
    _check_period(since, until)
    me = caller(folder, desk)
    signed = me.signed(purpose, reason, user)
    show(me.run(calls.looks(family, signed=signed, since=since, until=until)), as_json=as_json, words=_who)


def _check_period(since: str, until: str) -> None:
    """Both are instants, and the end is later than the start. Raises `UsageError`."""
    found = []
    for name, given in (("--since", since), ("--until", until)):
        try:
            found += [parse_micros(given)] if given else []
        except ValueError as error:
            example = "2024-03-01T00:00:00Z"
            raise UsageError(f"{name}: expected an RFC 3339 time such as {example}, came {given}") from error
    if len(found) == 2 and found[1] <= found[0]:
        raise UsageError(f"--until: expected an instant later than --since {since}, came {until}")


def _who(found: dict[str, Any]) -> str:
    lines = [f"looks by people: {len(found['looks'])}"]
    for each in found["looks"]:
        by = "erased" if each.get("erased") else f"{each['user']} of {each['desk']}"
        why = "" if each.get("erased") else f", for {each['purpose']}: {each['reason']}"
        lines.append(
            f"  {each['at']}  {by}: {each['kind']} {each.get('what', '')}{why}  entry {each.get('index', '-')}"
        )
    lines.append(f"released to desks: {len(found['releases'])}")
    lines += [
        f"  {each['at']}  {each['desk']}: {each['type']}, {each['status']}, delivery {each['delivery']}"
        for each in found["releases"]
    ]
    return "\n".join(lines)


def own_verifier(identities: Identities) -> Verifier:
    """The public half of the stack's signing key."""
    text = read_secret(identities.signing_key, "signing_key_file").decode("ascii")
    return parse_skey(text).verifier


async def examine(dsn: str, verifier: Verifier, origin: str, master: bytes, kept: list[bytes]) -> Report:
    """Verify the log of one database."""
    database = Database(dsn, size=1, name="audit-verify")
    told = time.monotonic()

    def progress(done: int, of: int) -> None:
        nonlocal told
        if time.monotonic() - told >= TELL_SECONDS:
            told = time.monotonic()
            sys.stderr.write(f"{done} of {of} entries\n")

    try:
        async with database.transaction() as conn:
            return await verify(
                conn, [verifier], origin=origin, keys=KeyRing(master), outside=kept, progress=progress
            )
    finally:
        await database.close()
