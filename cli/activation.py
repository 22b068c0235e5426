"""`wraparound rules activate` and `rules show`: an agreement handed to the hub, and how its versions stand."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar
from uuid import uuid4

import typer

from client import calls
from client.calls import Call, HubProblemError
from client.events import NewEvent
from hub.agreements import fingerprint
from hub.clock import format_micros
from hub.partnership.document import locate, parse
from services.consent.agreement import Agreement

ACTIVATED: Final = "wraparound.hub.agreement_activated.v1"
PIECE: Final = 16_000
PATIENCE: Final = 900.0
EVERY: Final = 1.0
TOLD_EVERY: Final = 10.0
INVALID: Final = 422
_KEYS: Final = {"/data/starts_at": "start", "/data/version": "version"}
"""Where in the file stands what the hub names."""
_WHY: Final = {
    "broken": "an invariant of the sharing rules does not hold",
    "late": "less than a minute was left before its start",
    "overtaken": "another agreement was signed meanwhile, and it was not proved beside that: activate it anew",
    "not_proved": "the proof did not end: tell the engineers",
    "second_person": "the second person refused it",
}


T = TypeVar("T")


class Asks(Protocol):
    """Who asks the hub: a desk."""

    @property
    def desk(self) -> str:
        """Its name."""

    def run(self, call: Call[T]) -> T:
        """Ask."""


class RefusedError(Exception):
    """The hub does not take it: each reason as `file:line:column`."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__(f"{len(reasons)} reasons")
        self.reasons = tuple(reasons)


def tell(line: str) -> None:
    """How far it is, for who waits."""
    typer.echo(line, err=True)


def ask(me: Asks, file: Path, text: str, agreement: Agreement) -> str:
    """Ask the hub for a version; gives its receipt. Raises `RefusedError`, `HubProblemError`."""
    pieces = [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
    data = {
        "agreement": agreement.id,
        "version": agreement.version,
        "digest": fingerprint(pieces),
        "starts_at": format_micros(agreement.start),
        "document": agreement.document,
        "content": pieces,
    }
    name = f"{agreement.id}-{agreement.version}-{uuid4().hex[:12]}"
    try:
        return me.run(calls.publish(NewEvent(name, ACTIVATED, data), me.desk))
    except HubProblemError as error:
        if error.status != INVALID:
            raise
        raise RefusedError([_reason(file, text, each) for each in error.problem.get("errors", ())]) from error


def _reason(file: Path, text: str, fault: Mapping[str, str]) -> str:
    node, _ = parse(text, file)
    key = _KEYS.get(fault["pointer"])
    mark = locate(node, (key,)) if node is not None and key is not None else None
    where = f"{file}:{mark.line}:{mark.column}" if mark is not None else str(file)
    example = f"; for example: {fault['example']}" if fault.get("example") else ""
    return f"{where}: {fault['detail']}{example}"


def proved(me: Asks, receipt: str) -> dict[str, Any]:
    """The version once the hub has proved it, or not. Raises `typer.Exit` (75) where that takes too long."""
    began = told = time.monotonic()
    while time.monotonic() - began < PATIENCE:
        found = me.run(calls.agreement(receipt))
        if found["state"] != "proving":
            return found
        if time.monotonic() - told >= TOLD_EVERY:
            told = time.monotonic()
            tell(f"the hub proves it: {told - began:.0f} s")
        time.sleep(EVERY)
    typer.echo(f"the hub still proves it: see `wraparound rules show {receipt}` later", err=True)
    raise typer.Exit(75)


def words(found: Mapping[str, Any]) -> str:
    """A version that was asked for, and what is to be done next."""
    lines = [f"{found['agreement']} version {found['version']}, sha256 {found['digest']}"]
    if found["state"] == "refused":
        lines.append(f"refused: {_WHY.get(found['reason'], found['reason'])}; nothing is activated")
        for each in found["broken"] or ():
            lines += counterexample(each)
    elif found["state"] == "waiting" and found["task"]:
        task, owner = found["task"]["task"], found["task"]["owner"]
        lines += [
            "proved: every invariant holds",
            f"signed: not yet; it takes a second person, of {owner}, who reads what changes and then signs:",
            f"  wraparound task show {task} --as {owner}",
            f"  wraparound task do {task} approve --as {owner} --reason …",
            f"in force: from {found['starts_at']}, if they sign a minute before; until then nothing changes",
        ]
    else:
        lines.append(f"{found['state']}, from {found['starts_at']}")
    return "\n".join(lines)


def changes(found: Mapping[str, Any]) -> str:
    """What a version changes of the one whose place it takes, before it is signed."""
    came = found["difference"]["from"]
    lines = [f"{found['agreement']} version {found['version']}, sha256 {found['digest']}"]
    lines.append(
        "a new agreement; there is none in whose place it comes"
        if came is None
        else f"in the place of version {came['version']}, sha256 {came['digest']}"
    )
    return "\n".join([*lines, *found["difference"]["lines"]])


def counterexample(broken: Mapping[str, Any]) -> list[str]:
    """An invariant that does not hold, and the smallest combination that breaks it."""
    found = broken["counterexample"]
    lines = [f"{broken['invariant']}  BROKEN {broken['sentence']}", f"     {found['item']}, when:"]
    return lines + [f"       - {fact}" for fact in found["facts"] or ["nothing out of the ordinary"]]


def listed(found: Mapping[str, Any]) -> str:
    """The rules in force, and every version in a line."""
    names = ", ".join(f"{each['agreement']} version {each['version']}" for each in found["in_force"])
    lines = [f"In force at {found['now'][:19]}Z: {names or 'nothing'} (rule set {found['rules'][:12]})."]
    for each in found["versions"]:
        state = each["state"] if each["reason"] is None else f"{each['state']}, {each['reason']}"
        if each["task"]:
            state += f", for {each['task']['owner']} to sign: task {each['task']['task']}"
        lines.append(
            f"{each['receipt']}  {each['agreement']} {each['version']}  from {each['starts_at'][:19]}Z  {state}"
        )
    return "\n".join(lines)
