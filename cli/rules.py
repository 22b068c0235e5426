"""`wraparound rules check|prove`: an agreement read, and proved, before anybody signs it.

`preview`: what a desk would see by the rules in force; `simulate`: what other rules would have changed. `check` and
`prove` work offline on files. Exit 0: it may be signed; 1: an invariant is broken; 6: it cannot be used, and
every reason stands on stderr as `file:line:column`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import typer

from cli.caller import As, AsJson, Purpose, Reason, User, caller, show
from cli.caller import Folder as Stack
from cli.simulation import period, simulated
from cli.simulation import text as differences
from client import calls
from hub import settings
from hub.partnership import check
from hub.partnership.finding import Finding
from services.consent.agreement import RuleSet
from services.consent.compiled import compile_rules
from services.consent.load import check_rules, offered, remarks
from services.consent.proof.found import Tally
from services.consent.proof.prove import share
from services.view.text import text

BROKEN = 1
INVALID = 6
SHARES = 16
"""Pieces that the work is cut into, so that no process waits long for the last."""

app = typer.Typer(no_args_is_help=True, help="Check, prove and try the sharing rules.")

Folder = Annotated[
    Path | None, typer.Argument(help="The partnership's folder; the one in the settings unless given.")
]
Processes = Annotated[int, typer.Option("--processes", min=1, help="How many processes share the work.")]


@app.command("check")
def check_command(folder: Folder = None, as_json: AsJson = False) -> None:
    """Read the agreements of a partnership; name each mistake, and each clause that does nothing, by file and line.

    Examples: `wraparound rules check`, `wraparound rules check partnerships/dorset --json`.
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
    tally = _prove(place, processes, lambda done: typer.echo(f"{done} of {SHARES} parts", err=True))
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

    Exit 3: there is no such family, or nothing of it is for that desk.

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


def _prove(folder: Path, processes: int, told: Callable[[int], None]) -> Tally:
    tally = Tally()
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        shares = [pool.submit(prove_share, folder, index) for index in range(SHARES)]
        for done, each in enumerate(as_completed(shares), 1):
            tally.join(each.result())
            told(done)
    return tally


def prove_share(folder: Path, index: int) -> Tally:
    """One part of the proof, in a process of its own."""
    rules, _, _ = _read(folder)
    assert rules is not None
    return share(compile_rules(rules), index, SHARES)


def _said(tally: Tally) -> list[str]:
    lines = []
    for each in tally.plain():
        verdict = "holds" if each["holds"] else "BROKEN"
        lines.append(
            f"{each['invariant']}  {verdict:<7}{each['sentence']} ({each['combinations']} combinations)"
        )
        if not each["holds"]:
            broken = each["counterexample"]
            lines.append(f"     {broken['item']}, when:")
            lines += [f"       - {fact}" for fact in broken["facts"] or ["nothing out of the ordinary"]]
    return lines


def _folder(folder: Path | None) -> Path:
    return settings.load().partnership if folder is None else folder


def _read(folder: Path) -> tuple[RuleSet | None, tuple[Finding, ...], tuple[Finding, ...]]:
    partnership, findings = check(folder, None)
    if partnership is None:
        return None, findings, ()
    rules, findings = check_rules(folder, partnership)
    return rules, findings, remarks(folder, partnership) if rules is not None else ()


def _refuse(findings: tuple[Finding, ...], *, quiet: bool) -> None:
    if not findings:
        return
    for each in findings if not quiet else ():
        typer.echo(str(each), err=True)
    raise typer.Exit(INVALID)
