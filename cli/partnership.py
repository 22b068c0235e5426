"""`wraparound partnership check|show`: a partnership's configuration, read whole and said in words.

Works offline on files. Exit 0: it may be used; 6: it may not, and every reason stands on stderr as
`file:line:column`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from hub import settings
from hub.clock import Micros, format_micros
from hub.partnership import Finding, Partnership
from services.consent.agreement import Agreement, RuleSet
from services.consent.book import rules_at
from services.consent.load import check_folder

INVALID = 6

app = typer.Typer(no_args_is_help=True, help="Check and show a partnership's configuration.")

Folder = Annotated[
    Path | None, typer.Argument(help="The partnership's folder; the one in the settings unless given.")
]
Keys = Annotated[Path | None, typer.Option("--keys", help="Public keys beside those of the folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


@app.command("check")
def check_command(folder: Folder = None, keys: Keys = None, as_json: AsJson = False) -> None:
    """Read every file of a partnership; name each mistake with file, line, and what was expected.

    Examples: `wraparound partnership check`, `wraparound partnership check partnerships/dorset --json`.
    """
    place = _folder(folder)
    partnership, rules, findings = check_folder(place, keys)
    if as_json:
        typer.echo(json.dumps(_checked(place, partnership, rules, findings), ensure_ascii=False))
    elif partnership is not None and rules is not None:
        typer.echo(_summary(partnership, rules))
    if not as_json:
        for each in findings:
            typer.echo(str(each), err=True)
    if findings:
        if not as_json:
            typer.echo(f"{len(findings)} to mend; nothing of {place} is used until then.", err=True)
        raise typer.Exit(INVALID)
    for line in _warnings(rules, settings.load().clock().now()):
        typer.echo(line, err=True)


@app.command("show")
def show_command(folder: Folder = None, keys: Keys = None, as_json: AsJson = False) -> None:
    """Show a partnership in words: who belongs to it, who may state what, what is agreed.

    Examples: `wraparound partnership show`, `wraparound partnership show partnerships/dorset --json`.
    """
    partnership, rules, findings = check_folder(_folder(folder), keys)
    if partnership is None or rules is None:
        for each in findings:
            typer.echo(str(each), err=True)
        raise typer.Exit(INVALID)
    if as_json:
        content = _plain(partnership)
        agreements = [_plain(each) for each in rules.agreements]
        typer.echo(json.dumps({"partnership": content, "agreements": agreements}, ensure_ascii=False))
        return
    for line in _described(partnership, rules):
        typer.echo(line)


def _folder(folder: Path | None) -> Path:
    return settings.load().partnership if folder is None else folder


def _checked(
    folder: Path, partnership: Partnership | None, rules: RuleSet | None, findings: tuple[Finding, ...]
) -> dict[str, object]:
    return {
        "folder": str(folder),
        "valid": not findings,
        "digest": None if partnership is None else partnership.digest,
        "rules_digest": None if rules is None else rules.digest,
        "findings": [_plain(each) for each in findings],
    }


def _summary(partnership: Partnership, rules: RuleSet) -> str:
    clauses = sum(len(each.clauses) for each in rules.agreements)
    active = len(partnership.active_desks)
    return (
        f"{partnership.title}: valid.\n"
        f"{len(partnership.agencies)} agencies, {len(partnership.desks)} desks ({active} active), "
        f"{len(partnership.schemes)} id schemes, {len(partnership.authority)} rows of authority, "
        f"{len(partnership.specialisms)} specialisms, {len(partnership.pathways)} pathways, "
        f"{len(rules.agreements)} agreement(s) with {clauses} clauses, {len(partnership.keys)} public keys.\n"
        f"configuration {partnership.digest}\nrule set      {rules.digest}"
    )


def _warnings(rules: RuleSet | None, now: Micros) -> Iterator[str]:
    if rules is None:
        return
    begun = rules_at(rules, now).agreements
    for each in rules.agreements:
        if each not in begun or now >= each.end:
            yield f"warning: {each.id} version {each.version} is not in force at {format_micros(now)}"
        elif each.review is not None and now >= each.review:
            yield f"warning: {each.id} version {each.version} was due for review on {_day(each.review)}"


def _described(partnership: Partnership, rules: RuleSet) -> Iterator[str]:
    yield f"{partnership.title} ({partnership.name})"
    yield f"configuration {partnership.digest}"
    yield f"localities: {', '.join(each.title for each in partnership.localities)}"
    yield "\nAgencies"
    for agency in partnership.agencies:
        yield f"  {agency.name:<12} {agency.title} ({agency.kind}, {agency.state})"
    yield "\nDesks"
    for desk in partnership.desks:
        yield f"  {desk.name:<26} {desk.title}{_about(desk.side, desk.receives, desk.active)}"
    yield "\nId schemes (authority)"
    for scheme in partnership.schemes:
        yield f"  {scheme.name:<14} {scheme.title}: {', '.join(sorted(scheme.names))} ({scheme.owner})"
    yield "\nWho may publish"
    for rule in partnership.authority:
        yield f"  {', '.join(rule.types)}\n      {' or '.join(rule.who)}"
    yield "\nSpecialisms"
    for specialism in partnership.specialisms:
        yield f"  {specialism.title}: {specialism.desk}, since {specialism.since}"
        for post in specialism.posts:
            until = f" until {post.end}" if post.end else ""
            yield f"      {post.fte} {post.title}, {post.cases} cases, from {post.start}{until}"
    for agreement in rules.agreements:
        yield from _agreed(agreement)
    yield "\nLimits"
    for limit in fields(partnership.limits):
        yield f"  {limit.name:<20} {getattr(partnership.limits, limit.name)}"


def _about(side: str | None, receives: tuple[str, ...], active: bool) -> str:
    words = [f"for the {side}'s side"] if side else []
    words.append(f"receives by {' and '.join(receives)}" if receives else "receives nothing")
    words += [] if active else ["expected"]
    return f" ({', '.join(words)})"


def _agreed(agreement: Agreement) -> Iterator[str]:
    yield f"\n{agreement.id} version {agreement.version}, {agreement.document}, owner: {agreement.owner}"
    yield f"  in force from {format_micros(agreement.start)} until {format_micros(agreement.end)}"
    signed = ", ".join(f"{party} {_day(when)}" for party, when in agreement.parties.items())
    yield f"  signed: {signed}"
    for clause in agreement.clauses:
        what = clause.what or ", ".join(clause.words) or "no field"
        source = "any" if clause.sources is None else ", ".join(sorted(clause.sources))
        when = " and ".join(" or ".join(each) for each in clause.when)
        if clause.effect == "forbid":
            but = f", save {', '.join(clause.but)}" if clause.but else ""
            yield f"  {clause.id:<5} never to {', '.join(clause.to)}{but}: {what}"
        else:
            subjects = ", ".join(sorted(clause.subjects))
            condition = (f", when {when}" if when else "") + (", with its gate" if clause.with_gate else "")
            yield (
                f"  {clause.id:<5} {source} to {', '.join(clause.to)}, for {clause.purpose}: {what}, "
                f"about {subjects}{condition}; if denied: {clause.if_denied}"
            )


def _day(when: Micros) -> str:
    return format_micros(when)[:10]


def _plain(value: object) -> object:
    """A value as JSON can hold it: sets sorted, dates and paths as text."""
    if is_dataclass(value) and not isinstance(value, type):
        return {row.name: _plain(getattr(value, row.name)) for row in fields(value) if row.repr}
    if isinstance(value, (frozenset, set)):
        return sorted((_plain(each) for each in value), key=str)
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    if isinstance(value, (date, Path)):
        return str(value)
    return {str(key): _plain(each) for key, each in value.items()} if isinstance(value, dict) else value
