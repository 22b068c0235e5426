"""`wraparound task`: what waits for a person of your desk, and what can be done about it."""

from typing import Annotated, Any

import typer

from cli.activation import changes
from cli.caller import As, AsJson, Caller, Folder, Purpose, Reason, UnsaidError, User, caller, show
from client import calls
from client.calls import Call, HubProblemError
from hub.ids import is_id

app = typer.Typer(no_args_is_help=True, help="What waits for a person of your desk.")

APPROVAL_NEEDED = 5
MISSING = 404
AN_ID = "5b1f7c0e-4a7d-8c3e-9f10-00000000000a"
ACTIONS = ("redrive", "discard", "confirm", "place", "approve", "refuse", "answer", "decide", "note")
KINDS = (
    *(
        "acknowledgement",
        "approval",
        "both_sides",
        "dead_letter",
        "decision",
        "held",
        "left_between",
        "parked",
    ),
    *("rejected", "renewal", "undelivered", "unidentified"),
)
_SAID = {"asked": "said; its event is on its way, and closes the task"}
_HOW = {"event": "by an event of its own", "overtaken": "nothing waits any more"}
Task = Annotated[str, typer.Argument(help="The task's id.")]


@app.command("list")
def list_command(
    desk: As = "",
    kind: Annotated[str, typer.Option("--kind", help="Only these: parked, dead_letter, unidentified …")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="At most so many.")] = 100,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """The open tasks of your desk, the one due first first.

    Examples: `wraparound task list --as hub/operations`, `wraparound task list --as council/chesil --kind held --json`.
    """
    if kind and kind not in KINDS:
        raise typer.BadParameter(f"expected one of {', '.join(KINDS)}; came {kind}", param_hint="--kind")
    show(caller(folder, desk).run(calls.tasks(kind, limit)), as_json=as_json, words=_rows)


def _rows(tasks: list[dict[str, Any]]) -> str:
    return "\n".join(
        f"{each['task']}  {each['kind']:12}  {each['reason']}  due {(each['due_at'] or '-')[:16]}"
        f"  about {each['about']}  {', '.join(each['actions'])}{_asked(each)}"
        for each in tasks
    )


def _asked(task: dict[str, Any]) -> str:
    return "".join(f"  {each['action']} asked for by {each['by']}" for each in task.get("asked", ()))


@app.command("show")
def show_command(
    task: Task,
    desk: As = "",
    reason: Reason = "",
    purpose: Purpose = "rights",
    user: User = "",
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """One task: what it is about, since when, and what can be done about it.

    One that lists what left takes --reason, and the look is recorded.

    Examples: `wraparound task show 1d9c… --as hub/operations`, `wraparound task show 1d9c… --as council/west --json`,
    `wraparound task show 1d9c… --as council/ig --reason "complaint 12"`.
    """
    me = caller(folder, desk)
    found = _of(me, task, calls.task(task, signed=me.signed(purpose, reason, user) if reason else None))
    if version := _version(me, found):
        found |= {"difference": version["difference"]}
    show(found, as_json=as_json, words=lambda each: _words(each) + _signed(version))


def _of(me: Caller, task: str, call: Call[dict[str, Any]]) -> dict[str, Any]:
    """Ask about a task; where nothing is there for the desk, with where ids come from, whatever the reason.

    Raises `HubProblemError`, `httpx.TransportError`.
    """
    try:
        return me.run(call)
    except HubProblemError as error:
        if error.status != MISSING:
            raise
        form = "" if is_id(task) else f"The id of a task has another form, such as {AN_ID}. "
        where = f"`wraparound task list --as {me.desk}` lists the open tasks of that desk, and their ids."
        raise HubProblemError(error.status, {**error.problem, "detail": form + where}) from error


def _version(me: Caller, task: dict[str, Any]) -> dict[str, Any] | None:
    """The version of an agreement that a second person is to sign here, with what it changes."""
    if task["state"] == "closed" or "agreement" not in task["detail"]:
        return None
    return me.run(calls.agreement(task["about"]))


def _signed(version: dict[str, Any] | None) -> str:
    return f"\nto be signed: {changes(version)}" if version is not None else ""


def _words(found: dict[str, Any]) -> str:
    lines = [
        f"{name:10} {found[name] or '-'}"
        for name in ("task", "kind", "reason", "about", "opened_at", "due_at", "state")
    ]
    lines += [
        f"{name:10} {_unknown(value) if name == 'unknown' else value}"
        for name, value in found["detail"].items()
    ]
    lines += [f"{'asked':10} {_who_asked(each)}" for each in found.get("asked", ())]
    lines += [f"{'left':10} {_left(each)}" for each in found.get("left", ())]
    if closed := found.get("closed"):
        lines.append(f"{'closed':10} {_who_closed(closed)}")
    return "\n".join([*lines, f"can be done: {', '.join(found['actions']) or 'nothing here'}"])


def _unknown(named: list[dict[str, str]]) -> str:
    """Of what the ids are by which nobody is known: `confirm` takes one of a person."""
    return ", ".join(f"a {each['names']} by an id of {each['scheme']}" for each in named) or "nobody"


def _left(each: dict[str, Any]) -> str:
    """What left to whom and when, and by which id `decision explain` says why."""
    return f"{(each['released_at'] or 'perhaps')[:19]} {each['desk']} {each['type']} {each['delivery']}"


def _who_asked(asked: dict[str, Any]) -> str:
    """Who asked for what, when and why: a code, and their own words."""
    who = f"{asked['by']}, {_plain(asked['user'])}," if "user" in asked else asked["by"]
    return f"{asked['action']} by {who} at {asked['at'] or '-'}{_why(asked)}"


def _who_closed(closed: dict[str, Any]) -> str:
    """When, by whom and how, and why: a code, and their own words."""
    who = f"{closed['by']}, {_plain(closed['user'])}" if "user" in closed else closed["by"]
    return f"{closed['at'] or '-'} by {who}: {_HOW.get(closed['how'], closed['how'])}{_why(closed)}"


def _why(said: dict[str, Any]) -> str:
    code = f" ({said['why']})" if said.get("why") else ""
    return code + (f': "{_plain(said["reason"])}"' if "reason" in said else "")


def _plain(typed: str) -> str:
    """What somebody typed, without what would steer a terminal."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in typed)


@app.command("do")
def do_command(
    task: Task,
    action: Annotated[
        str,
        typer.Argument(
            help="redrive, discard, confirm, place, approve, refuse, answer, decide or note, as the kind allows."
        ),
    ],
    desk: As = "",
    person: Annotated[
        str, typer.Option("--person", help="For confirm: whose the id is, as scheme:value.")
    ] = "",
    identifier: Annotated[
        str,
        typer.Option(
            "--identifier",
            help="For confirm: the id that is unknown, as scheme:value; `task show` names the scheme.",
        ),
    ] = "",
    why: Annotated[
        str,
        typer.Option(
            "--why",
            help="A code. For discard of what waits: why; for answer: what was done; for decide: what comes of it.",
        ),
    ] = "",
    ground: Annotated[
        str, typer.Option("--ground", help="For decide, overruled: why, as a code; the event states it.")
    ] = "",
    told_on: Annotated[
        str,
        typer.Option("--told-on", help="For decide, overruled: the day its person was told, as 2026-04-14."),
    ] = "",
    reason: Reason = "",
    purpose: Purpose = "operate",
    user: User = "",
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Do what a task waits for. It is recorded, with your name and the reason.

    Exit 5: a second person of the desk must say so too.

    Examples: `wraparound task do 1d9c… redrive --as hub/operations --reason "fixed in 0.2"`,
    `wraparound task do 1d9c… confirm --person hub:3f2a… --identifier paris:77 --as council/west --reason "telephoned"`,
    `wraparound task do 1d9c… decide --why overruled --ground compelling_grounds --told-on 2026-04-14 --as council/ig`.
    """
    if action not in ACTIONS:
        raise UnsaidError(
            f"expected one of {', '.join(ACTIONS)}: `wraparound task show` says which the task allows"
        )
    me = caller(folder, desk)
    version = _version(me, _of(me, task, calls.task(task))) if action == "approve" else None
    if version is not None and not as_json:
        typer.echo(f"to be signed: {changes(version)}", err=True)
    given: dict[str, object] = {
        name: _ref(name, value) for name, value in (("person", person), ("identifier", identifier)) if value
    }
    codes = (("why", why), ("ground", ground), ("told_on", told_on))
    given |= {name: value for name, value in codes if value}
    found = _of(me, task, calls.do_task(task, action, given, signed=me.signed(purpose, reason, user)))
    if version is not None:
        found |= {"digest": version["digest"], "difference": version["difference"]}
    show(
        found,
        as_json=as_json,
        words=lambda each: f"{each['action']}: {_SAID.get(each['state'], each['state'])}",
    )
    if found["state"] not in {"done", "asked"}:
        raise typer.Exit(APPROVAL_NEEDED)


def _ref(name: str, value: str) -> dict[str, str]:
    scheme, colon, rest = value.partition(":")
    if not colon or not rest:
        raise UnsaidError(f"--{name}: expected scheme:value, such as liquidlogic:P-1")
    return {"scheme": scheme, "value": rest}
