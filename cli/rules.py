"""`wraparound rules check|prove|activate`: an agreement read, proved, and handed to a second person to sign.

`preview`: what a desk would see by the rules in force; `simulate`: what other rules would have changed; `show`: how
the versions stand. `check` and `prove` work offline on files. Exit 0: it may be signed; 1: an invariant is broken; 6:
it cannot be used, and every reason stands on stderr as `file:line:column`.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from concurrent.futures import as_completed
from pathlib import Path
from typing import Annotated

import typer

from cli import activation
from cli.caller import As, AsJson, Purpose, Reason, UnsaidError, User, caller, show
from cli.caller import Folder as Stack
from cli.simulation import period, simulated
from cli.simulation import text as differences
from client import calls
from hub import settings
from hub.partnership import check
from hub.partnership.document import read
from hub.partnership.finding import Finding
from services.consent.agreement import Agreement, RuleSet
from services.consent.book import Book
from services.consent.load import agreement_of, check_file, check_folder, offered, remarks
from services.consent.proof.found import Tally
from services.consent.proving import begin
from services.view.text import text

BROKEN = 1
CONFLICT = 5
INVALID = 6
SIGNALLED = 128
"""Exit codes from here on: ended by that signal."""

app = typer.Typer(no_args_is_help=True, help="Check, prove and try the sharing rules.")

Folder = Annotated[
    Path | None,
    typer.Argument(
        help="A partnership's folder, or the file of one agreement; the folder in the settings unless given."
    ),
]
Processes = Annotated[int, typer.Option("--processes", min=1, help="How many processes share the work.")]


@app.command("check")
def check_command(folder: Folder = None, as_json: AsJson = False) -> None:
    """Read the agreements of a partnership; name each mistake, and each clause that does nothing, by file and line.

    Examples: `wraparound rules check`, `wraparound rules check dor-sft-2.yaml`,
    `wraparound rules check partnerships/dorset --json`.
    """
    place = _folder(folder)
    rules, findings, notes = _read(place)
    if as_json:
        shown = {
            "folder": str(place),
            "valid": not findings,
            "digest": None if rules is None else rules.digest,
            "findings": [str(each) for each in findings],
            "remarks": [str(each) for each in notes],
        }
        typer.echo(json.dumps(shown, ensure_ascii=False))
    elif rules is not None:
        clauses = sum(len(each.clauses) for each in rules.agreements)
        typer.echo(
            f"{len(rules.agreements)} agreement(s) with {clauses} clauses: valid.\nrule set {rules.digest}"
        )
        for each in notes:
            typer.echo(f"remark: {each}", err=True)
    _refuse(findings, quiet=as_json)


@app.command("prove")
def prove_command(
    folder: Folder = None, processes: Processes = os.cpu_count() or 1, as_json: AsJson = False
) -> None:
    """Prove the invariants of the sharing rules over every combination of facts; name the smallest that breaks one.

    Examples: `wraparound rules prove`, `wraparound rules prove partnerships/dorset --processes 2 --json`.
    """
    place = _folder(folder)
    rules, findings, _ = _read(place)
    _refuse(findings, quiet=False)
    assert rules is not None
    began = time.monotonic()
    tally = prove(rules, processes, lambda done, of: typer.echo(f"{done} of {of} parts", err=True))
    seconds = round(time.monotonic() - began, 1)
    if as_json:
        shown = {"rules": rules.digest, "seconds": seconds, "invariants": tally.plain()}
        typer.echo(json.dumps(shown, ensure_ascii=False))
    else:
        for line in _said(tally):
            typer.echo(line)
        typer.echo(f"rule set {rules.digest}, {sum(tally.looked_at.values())} combinations in {seconds} s")
    if tally.broken:
        raise typer.Exit(BROKEN)


@app.command("activate")
def activate_command(
    file: Annotated[
        Path, typer.Argument(help="The file of one agreement: a new version of it, or a new one.")
    ],
    desk: As = "",
    folder: Stack = None,
    as_json: AsJson = False,
) -> None:
    """Ask for an agreement to come into force: the hub checks and proves it, then a second person signs.

    It is in force from its `start`, which is at least a minute ahead of their signature; until then, and if anything is
    refused, nothing changes. Exit 0: it waits for the second person; 1: an invariant is broken; 5: overtaken by another
    signature, or by its start; 6: each reason with file and line.

    Examples: `wraparound rules activate dor-sft-2.yaml --as council/ig`,
    `wraparound rules activate dor-sft-2.yaml --as council/ig --json`.
    """
    agreement, text = _agreement(file)
    me = caller(folder, desk)
    activation.tell(f"checked: {agreement.id} version {agreement.version}, {len(agreement.clauses)} clauses")
    try:
        receipt = activation.ask(me, file, text, agreement)
        activation.tell(f"asked for: receipt {receipt}; the hub has read it too, and proves every invariant")
        found = activation.proved(me, receipt)
    except activation.RefusedError as error:
        for each in error.reasons:
            typer.echo(each, err=True)
        typer.echo("refused; nothing is activated", err=True)
        raise typer.Exit(INVALID) from error
    shown = {name: value for name, value in found.items() if name != "text"}
    show(shown, as_json=as_json, words=activation.words)
    if found["state"] == "refused":
        raise typer.Exit(BROKEN if found["broken"] else CONFLICT)


@app.command("show")
def show_command(
    version: Annotated[
        str, typer.Argument(help="The id of one version, to read its text.", show_default="all of them")
    ] = "",
    diff: Annotated[
        bool,
        typer.Option("--diff", help="Of one version: what it changes of the one whose place it takes."),
    ] = False,
    desk: As = "",
    folder: Stack = None,
    as_json: AsJson = False,
) -> None:
    """The agreements in force, and how each version stands; with an id, what was or is to be signed, word for word.

    Examples: `wraparound rules show --as council/ig`, `wraparound rules show 5b1e… --as council/chesil > to-sign.yaml`,
    `wraparound rules show 5b1e… --diff --as council/chesil`.
    """
    me = caller(folder, desk)
    if diff and not version:
        raise UnsaidError("--diff: expected the id of one version, as `wraparound rules show` lists them")
    if diff:
        show(me.run(calls.agreement(version)), as_json=as_json, words=activation.changes)
    elif version:
        show(me.run(calls.agreement(version)), as_json=as_json, words=lambda each: str(each["text"]))
    else:
        show(me.run(calls.agreements()), as_json=as_json, words=activation.listed)


@app.command("preview")
def preview_command(
    family: Annotated[str, typer.Argument(help="The hub's id of the family.")],
    preview: Annotated[str, typer.Option("--for", help="The desk whose view it is.")],
    desk: As = "",
    at: Annotated[str, typer.Option("--at", help="As it was on: what was recorded by then (RFC 3339).")] = "",
    reason: Reason = "",
    purpose: Purpose = "rights",
    user: User = "",
    folder: Stack = None,
    as_json: AsJson = False,
) -> None:
    """What a desk would see of a family by the rules of now: for information governance, and recorded as a look.

    Of a family of which nothing is for that desk it says so. Exit 3: there is no such family.

    Examples: `wraparound rules preview 3f2a… --for s2w/sft --as council/ig --reason "complaint 12"`,
    `wraparound rules preview 3f2a… --for probation/perp --as council/ig --reason "new clause" --json`.
    """
    me = caller(folder, desk)
    found = me.run(calls.family(family, at=at, preview=preview, signed=me.signed(purpose, reason, user)))
    show(found, as_json=as_json, words=text)


@app.command("simulate")
def simulate_command(
    new: Annotated[Path, typer.Argument(help="A partnership's folder, or the file of one agreement.")],
    over: Annotated[
        str, typer.Option("--over", help="The period: a month (2024-03), a year, a day, or START/END.")
    ],
    desk: As = "",
    reason: Reason = "",
    purpose: Purpose = "rights",
    user: User = "",
    folder: Stack = None,
    as_json: AsJson = False,
) -> None:
    """What more and what less would have been released in a period under other rules: for information governance.

    What is new or changed in NEW counts as in force all the time. Nothing is sent or changed; it is recorded as a
    look. Exit 6: NEW cannot be used, each reason with file and line, and nothing was asked.

    Examples: `wraparound rules simulate new/agreements/dor-sft.yaml --over 2024-03 --as council/ig --reason "review"`,
    `wraparound rules simulate new/dorset --over 2024-03-01/2024-06-01 --as council/ig --reason "version 2" --json`.
    """
    asked = period(over)
    rules = _offered(new)
    found = simulated(caller(folder, desk), {**asked, "rules": rules}, (purpose, reason, user))
    show(found, as_json=as_json, words=differences)


def _offered(new: Path) -> Mapping[str, object]:
    """The rules to try, in plain form; of a single agreement itself alone: it is tried beside those in force."""
    partnership, findings = check(_folder(None) if new.is_file() else new, None)
    plain: Mapping[str, object] | None = None
    if partnership is not None:
        plain, findings = offered(new, partnership)
    _refuse(findings, quiet=False)
    assert plain is not None
    return {"agreements": plain["agreements"]} if new.is_file() else plain


def prove(rules: RuleSet, processes: int, told: Callable[[int, int], None]) -> Tally:
    """The proof of each rule set that these agreements are in force as, one after another.

    Whoever ends this process (`timeout`, a terminal that closes) ends the others with it, and what they share.
    """
    book, told_to_end = Book(rules), list[int]()
    # Until the others have all begun, nothing may end this one: they would find what they share gone.
    before = signal.signal(signal.SIGTERM, lambda number, _: told_to_end.append(number))
    proof = begin([book.at(each).rules for each in book.starts], processes)
    tally = Tally()
    try:
        signal.signal(signal.SIGTERM, _ended)
        for number in told_to_end:
            _ended(number, None)
        for done, each in enumerate(as_completed(proof.parts), 1):
            tally.join(each.result())
            told(done, len(proof.parts))
    finally:
        proof.end()
        signal.signal(signal.SIGTERM, before)
    return tally


def _ended(number: int, _: object) -> None:
    raise SystemExit(SIGNALLED + number)


def _agreement(file: Path) -> tuple[Agreement, str]:
    """The agreement of a file, and its text, by the partnership of the settings; every mistake stands on stderr."""
    partnership, findings = check(_folder(None), None)
    _refuse(findings, quiet=False)
    assert partnership is not None
    node, unread = read(file)
    if node is None:
        _refuse(tuple(unread), quiet=False)
    text = file.read_bytes().decode()
    agreement, findings = agreement_of(text, file, partnership)
    _refuse(findings, quiet=False)
    assert agreement is not None
    for each in remarks(file, partnership):
        typer.echo(f"remark: {each}", err=True)
    return agreement, text


def _said(tally: Tally) -> list[str]:
    lines = []
    for each in tally.plain():
        verdict = "holds" if each["holds"] else "BROKEN"
        lines.append(
            f"{each['invariant']}  {verdict:<7}{each['sentence']} ({each['combinations']} combinations)"
        )
        if not each["holds"]:
            lines += activation.counterexample(each)[1:]
    return lines


def _folder(folder: Path | None) -> Path:
    return settings.load().partnership if folder is None else folder


def _read(place: Path) -> tuple[RuleSet | None, tuple[Finding, ...], tuple[Finding, ...]]:
    """The rules of a folder, or of one agreement's file in the words of the partnership of the settings."""
    if not place.exists():
        expected = "a partnership's folder, or the file of one agreement"
        raise typer.BadParameter(f"expected {expected}; there is no {place}", param_hint="FOLDER")
    if place.is_file():
        partnership, findings = check(_folder(None), None)
        rules, findings = (None, findings) if partnership is None else check_file(place, partnership)
    else:
        partnership, rules, findings = check_folder(place)
    notes = () if partnership is None or findings else remarks(place, partnership)
    return rules, findings, notes


def _refuse(findings: tuple[Finding, ...], *, quiet: bool) -> None:
    if not findings:
        return
    for each in findings if not quiet else ():
        typer.echo(str(each), err=True)
    if not quiet:
        typer.echo(f"{len(findings)} to mend; docs/agreement-words.md says what each word means", err=True)
    raise typer.Exit(INVALID)
