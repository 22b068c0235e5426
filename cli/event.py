"""`wraparound event`: write one, check it, publish it, and follow it through every stage.

`validate` is offline: the schemas say what is wrong, with JSON Pointers. `show` is the engineers' (`hub/operations`):
ids, types, times and states, never a body or a name; any other desk sees what its receipt says.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import httpx
import typer

from cli import hub_clock
from cli.caller import As, AsJson, Caller, Folder, UnsaidError, caller, show
from cli.catalogue import ANYBODY, load, type_of
from cli.decision import UNDECIDED
from client import calls
from client.calls import Call, HubProblemError
from client.events import NewEvent
from hub import settings as hub_settings
from hub.clock import SystemClock
from hub.errors import PeerError, SenderError
from hub.partnership.loader import load as partnership
from hub.schemas.dated import dated, problems_at
from hub.schemas.happened import AHEAD, not_yet
from hub.schemas.json_form import WRITTEN_AT
from hub.schemas.problems import Problem

app = typer.Typer(no_args_is_help=True, help="Events: write, check, publish, follow.")

File = Annotated[str, typer.Argument(help="A file with the event's JSON; - for standard input.")]
EVERY_SECONDS = 0.5
TOLD_SECONDS = 60.0
ENDS = frozenset({"done", "rejected", "parked", "discarded", "held", "undelivered", "dead letter"})
ENGINEERS = "hub/operations"


class InvalidEventError(SenderError):
    """An event that the hub would not take."""


class NoEndError(PeerError):
    """What is watched has not come to an end that its desk is told."""


@app.command("new")
def new_command(
    name: Annotated[str, typer.Argument(metavar="TYPE", help="The type, such as referral.requested.")],
    source: As = "",
    folder: Folder = None,
) -> None:
    """Write a valid example to stdout, with an id of its own, to edit and send.

    Its dates fit the hub's clock, if the hub answers; else they are the example's own, and a line says so.

    Examples: `wraparound event new practice.risk_rated --as council/chesil > risk.json`,
    `wraparound event new consent.given`.
    """
    found, desk = type_of(load(), name), source or ANYBODY
    data = found.examples[0] if found.examples else {}
    now, why_not = hub_clock.asked(folder, desk)
    if now is not None:
        data = dated(found, data, now)
    else:
        _check_desk(desk)
        typer.echo(
            f"{why_not}: its dates are the example's, of {WRITTEN_AT[:10]}; the hub's may be others", err=True
        )
    event = {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": desk,
        "type": found.type,
        "datacontenttype": "application/json",
        "data": data,
    }
    typer.echo(json.dumps(event, indent=2, ensure_ascii=False))


def _check_desk(desk: str) -> None:
    """Raises `UnsaidError` for a desk that is none of the partnership's."""
    desks = [each.name for each in partnership(hub_settings.load().partnership).active_desks]
    if desk not in desks:
        raise UnsaidError(f"--as: expected a desk of the partnership: {', '.join(desks)}")


@app.command("validate")
def validate_command(file: File, folder: Folder = None, as_json: AsJson = False) -> None:
    """Check an event against its schema, offline: what is wrong, where, and a valid example.

    What it says has happened is compared with the hub's clock, if its hub answers, else with this machine's.
    Exit 6: something is wrong.

    Examples: `wraparound event validate risk.json`, `wraparound event new consent.given | wraparound event validate -`.
    """
    event = _read(file)
    problems = _problems(event, folder)
    found = {"type": event.get("type"), "ok": not problems, "errors": [_plain(each) for each in problems]}
    show(found, as_json=as_json, words=_said)
    if problems:
        raise typer.Exit(6)


def _problems(event: dict[str, Any], folder: Path | None) -> list[Problem]:
    for name in ("specversion", "id", "source", "type"):
        if not isinstance(event.get(name), str) or not event[name]:
            return [
                Problem(f"/{name}", "required", "text", "nothing" if name not in event else "something else")
            ]
    event_type = type_of(load(), event["type"])
    datum, problems = event_type.read_json(event.get("data"))
    now, _ = hub_clock.asked(folder, event["source"])
    now = SystemClock().now() if now is None else now
    if datum is None:
        problems = problems_at(event_type, problems, now)
    else:
        calendar = partnership(hub_settings.load().partnership).calendar
        problems = list(not_yet(event_type, datum, now, calendar.day(now + AHEAD)))
    return _of_the_door(event) or [
        Problem(f"/data{each.pointer}", each.rule, each.expected, each.came, each.example)
        for each in problems
    ]


def _of_the_door(event: dict[str, Any]) -> list[Problem]:
    """What the door would refuse of an event whatever its type: its form, its ids."""
    from services.gateway.cloudevents import STRUCTURED, read  # noqa: PLC0415 - `send` goes without
    from services.gateway.problems import ProblemError  # noqa: PLC0415

    limits = partnership(hub_settings.load().partnership).limits
    try:
        read([("content-type", STRUCTURED)], json.dumps(event).encode(), limits)
    except ProblemError as refused:
        return [
            Problem(each.pointer, each.rule, each.expected, each.came, each.example)
            for each in refused.faults
        ]
    return []


def _plain(each: Problem) -> dict[str, str]:
    found = {"pointer": each.pointer, "rule": each.rule, "expected": each.expected, "came": each.came}
    return found | ({"example": each.example} if each.example else {})


def _said(found: dict[str, Any]) -> str:
    if found["ok"]:
        return f"valid: {found['type']}"
    return "\n".join(
        f"{each['pointer']}: expected {each['expected']}, came {each['came']}"
        + (f"; for example {each['example']}" if "example" in each else "")
        for each in found["errors"]
    )


@app.command("send")
def send_command(
    file: File,
    desk: As = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Have its form checked; nothing is kept.")
    ] = False,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Publish an event of your desk; gives its receipt. Sending the same again gives the same receipt.

    Examples: `wraparound event send risk.json --as council/chesil`,
    `wraparound event new practice.risk_rated | wraparound event send - --as council/chesil --dry-run`.
    """
    event = _read(file)
    me = caller(folder, desk or str(event.get("source", "")))
    if event.get("source", me.desk) != me.desk:
        raise InvalidEventError(f"/source: expected {me.desk}, the desk that signs")
    new = NewEvent(str(event.get("id") or uuid4()), str(event.get("type", "")), event.get("data"))
    receipt = me.run(calls.publish(new, me.desk, dry_run=dry_run))
    found = {"state": "valid"} if dry_run else {"receipt": receipt, "state": state_of(me.run, receipt)}
    show(found, as_json=as_json, words=lambda each: each.get("receipt", each["state"]))


def state_of(ask: Callable[[Call[dict[str, Any]], int], dict[str, Any]], receipt: str) -> str:
    """How it stands: what was sent before may be in effect, or rejected. That it is received is certain."""
    try:
        return str(ask(calls.receipt(receipt), 1)["state"])
    except (httpx.TransportError, HubProblemError):
        return "received"


@app.command("show")
def show_command(
    event: Annotated[str, typer.Argument(help="The id of a receipt, an event or a delivery.")],
    desk: As = "",
    watch: Annotated[bool, typer.Option("--watch", help="Follow it until it has come to an end.")] = False,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Follow one event through every stage: accepted, in its log, handled, decided, delivered; ids and times only.

    A desk that holds no role where its event went is told no more than that it was received: `--watch` says so after
    a minute, and ends with 75.

    Examples: `wraparound event show 5b1e… --as hub/operations`,
    `wraparound event show 5b1e… --as hub/operations --watch --json`.
    """
    me = caller(folder, desk)
    before, until = "", time.monotonic() + TOLD_SECONDS
    while True:
        found = _look(me, event)
        now = json.dumps(found, sort_keys=True)
        if now != before:
            show(found, as_json=as_json, words=_stages)
        if not watch or found.get("stage", found.get("state")) in ENDS | {"in effect"}:
            return
        if "stage" not in found and time.monotonic() > until:
            raise NoEndError(
                "received, and nothing more in a minute: it waits for somebody to become known, or your desk holds no"
                " role there and is told no more; what is rejected comes to your inbox"
            )
        before = now
        time.sleep(EVERY_SECONDS)


def _look(me: Caller, event: str) -> dict[str, Any]:
    if me.desk == ENGINEERS:
        return me.run(calls.stages(event))
    return me.run(calls.receipt(event))


def _stages(found: dict[str, Any]) -> str:
    if "stage" not in found:
        return f"{found['receipt']}  {found['state']}" + (
            f" ({found['reason']})" if found.get("reason") else ""
        )
    lines = [f"{found['id']}  {found['stage']}"]
    if each := found["accepted"]:
        lines.append(
            f"  accepted {each['at']} from {each['desk']}: {each['type']}, receipt {each['receipt']}"
        )
    if each := found["waiting"]:
        lines.append(f"  waiting since {each['since']}: {each['reason']}")
    for copy in found["copies"]:
        queued = ", still in the outbox" if copy["in_outbox"] else ""
        lines.append(f"  {copy['topic']}/{copy['log']}  event {copy['event']}, {copy['bytes']} bytes{queued}")
        lines += [f"    {_fate(each)}" for each in copy["fates"]]
        lines += [f"    {delivery_line(each)}" for each in copy["deliveries"]]
        if copy["undecided"]:
            lines.append(f"    {UNDECIDED}")
    if each := found["dead_letter"]:
        lines.append(
            f"  dead letter at {each['topic']}/{each['partition']}/{each['offset']}: {each['reason']}"
        )
    lines += [
        f"  task {each['task']}: {each['kind']} of {each['owner']}, {each['reason']}"
        + (f", {_task_end(each)}" if each.get("done_at") else "")
        for each in found["tasks"]
    ]
    return "\n".join(lines)


def _task_end(each: dict[str, Any]) -> str:
    return (
        "closed by it" if each.get("closed_by_it") else f"done: {each['how']}" if each.get("how") else "done"
    )


def _fate(each: dict[str, Any]) -> str:
    why = f" ({each['reason']})" if each.get("reason") else ""
    return f"{each['processor']}: {each['kind']} at {each['partition']}/{each['offset']}{why}"


def delivery_line(each: dict[str, Any]) -> str:
    """A delivery in a line; how often its desk refused it, if it did."""
    when = f" {each['released_at']}" if each.get("released_at") else ""
    why = f" ({each['reason']})" if each.get("reason") else ""
    refused = f", refused {each['tries']} times" if each["tries"] else ""
    return f"to {each['desk']}: {each['status']}{when}{why}{refused}, delivery {each['delivery']}"


def _read(file: str) -> dict[str, Any]:
    text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InvalidEventError("expected an event as JSON; this is not JSON") from error
    if not isinstance(found, dict):
        raise InvalidEventError("expected an event, a JSON object")
    return found
