"""`wraparound receipt`: what became of an event that this desk published, and the proof that it was accepted."""

import json
from base64 import b64decode
from typing import Annotated, Any

import typer

from cli.caller import As, AsJson, Folder, caller, show
from client import calls
from hub.errors import HubError
from services.audit.merkle import ProofError, leaf_hash, verify_inclusion
from services.audit.note import NoteError, open_note, parse_checkpoint, parse_vkey

app = typer.Typer(no_args_is_help=True, help="Receipts of what your desk published.")

Receipt = Annotated[str, typer.Argument(help="The receipt's id.")]


class UnprovedError(HubError):
    """The proof does not hold: what the hub says of its log is not so."""

    exit_code = 8


@app.command("show")
def show_command(receipt: Receipt, desk: As = "", folder: Folder = None, as_json: AsJson = False) -> None:
    """What became of an event: received, in effect, or rejected and why.

    Examples: `wraparound receipt show 5b1e… --as s2w/sft`, `wraparound receipt show 5b1e… --as s2w/sft --json`.
    """
    show(caller(folder, desk).run(calls.receipt(receipt)), as_json=as_json, words=_words)


def _words(found: dict[str, Any]) -> str:
    reason = f": {found['reason']}" if found.get("reason") else ""
    index = found["log"].get("index")
    sealed = "not sealed yet" if index is None else f"entry {index} of the log"
    return f"{found['state']}{reason} ({sealed})"


@app.command("verify")
def verify_command(
    receipt: Receipt,
    vkey: Annotated[str, typer.Option("--vkey", help="The log's public key (a C2SP vkey), got elsewhere.")],
    desk: As = "",
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Check that an acceptance is in the log: the leaf, the hashes, and the checkpoint's signature.

    Exit 8: it is not; 75: it is not sealed yet.

    Examples: `wraparound receipt verify 5b1e… --vkey "$VKEY" --as s2w/sft`,
    `wraparound receipt verify 5b1e… --vkey "$VKEY" --as s2w/sft --json`.
    """
    verifier = parse_vkey(vkey)
    found = caller(folder, desk).run(calls.proof(receipt))
    leaf = b64decode(found["leaf"])
    try:
        checkpoint = parse_checkpoint(open_note(found["checkpoint"].encode(), [verifier]).text)
        hashes = [b64decode(each) for each in found["hashes"]]
        verify_inclusion(leaf_hash(leaf), found["index"], checkpoint.size, hashes, checkpoint.root)
    except (NoteError, ProofError) as error:
        raise UnprovedError(f"not proved: {error}") from error
    header = json.loads(leaf)
    if header["id"] != found["entry"] or header["kind"] != "event.accepted":
        raise UnprovedError("not proved: the leaf is that of another entry")
    checked = {
        "receipt": receipt,
        "index": found["index"],
        "size": checkpoint.size,
        "recorded_at": header["recorded_at"],
    }
    show(
        checked | {"ok": True},
        as_json=as_json,
        words=lambda each: (
            f"proved: entry {each['index']} of a log of {each['size']}, recorded {each['recorded_at']}"
        ),
    )
