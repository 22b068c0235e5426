"""`wraparound decision explain`: why something was shared or withheld, in words."""

from typing import Annotated, Any

import typer

from cli.caller import As, AsJson, Folder, Purpose, Reason, User, caller, show
from client import calls

app = typer.Typer(
    no_args_is_help=True, help="Decisions, in words. For information governance; each look is recorded."
)


@app.callback()
def root() -> None:
    """Keep `explain` a verb of its own while it is the only one."""


@app.command("explain")
def explain_command(
    about: Annotated[str, typer.Argument(help="The id of a receipt, an event or a delivery.")],
    desk: As = "",
    to: Annotated[str, typer.Option("--to", help="Only what this desk got, and why not the rest.")] = "",
    reason: Reason = "",
    purpose: Purpose = "rights",
    user: User = "",
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Every decision on an event, for each desk: what it got, by which clause, what not, and why.

    Examples: `wraparound decision explain 5b1e… --as council/ig --reason "subject access"`,
    `wraparound decision explain 5b1e… --to probation/perp --as council/ig --reason "complaint 12" --json`.
    """
    me = caller(folder, desk)
    signed = me.signed(purpose, reason, user)
    found = me.run(calls.decisions(about, me.desk, user=signed["subject"], purpose=purpose, reason=reason))
    for event in found["events"]:
        for decision in event["decisions"]:
            if to and "desks" in decision:
                decision["desks"] = {name: each for name, each in decision["desks"].items() if name == to}
    show(found, as_json=as_json, words=_words)


def _words(found: dict[str, Any]) -> str:
    lines: list[str] = []
    for event in found["events"]:
        lines.append(
            f"{event['type']} from {event['source']}, recorded {event['recorded_at'][:19]}, event {event['event']}"
        )
        for decision in event["decisions"]:
            because = decision["because_of"]["type"]
            lines.append(
                f"  decided {decision['at'][:19]} because of {because}, rules {decision.get('rules', '-')[:12]}"
            )
            if decision.get("erased"):
                lines.append("    what was decided was erased")
            for verdict in decision.get("desks", {}).values():
                lines += [f"    {line}" for line in verdict["why"]]
        lines += [f"  {each['desk']}: {each['status']}" for each in event["deliveries"]]
    return "\n".join(lines)
