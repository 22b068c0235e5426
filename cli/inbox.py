"""`wraparound inbox`: what was delivered to a desk, read as its system would read it."""

from typing import Annotated, Any

import typer

from cli.caller import As, AsJson, Folder, caller, show
from client import calls

app = typer.Typer(
    no_args_is_help=True, help="Your desk's deliveries. Reading them is an attempt, and recorded."
)


@app.command("list")
def list_command(
    desk: As = "",
    after: Annotated[int, typer.Option("--after", min=0, help="Behind this place.")] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="At most so many.")] = 20,
    wait: Annotated[int, typer.Option("--wait", min=0, max=30, help="Seconds to wait for the first.")] = 0,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """The deliveries that are not acknowledged, in order.

    Examples: `wraparound inbox list --as s2w/sft`, `wraparound inbox list --as s2w/sft --after 40 --wait 30 --json`.
    """
    page = caller(folder, desk).run(calls.inbox(after, limit, wait))
    show(page["events"], as_json=as_json, words=_words)


def _words(events: list[dict[str, Any]]) -> str:
    return "\n".join(
        f"{each['place']:>6}  {each['time'][:19]}  {each['id']}  {each['type']}"
        + (f"  {each['state']}" if "state" in each else "")
        + (
            f"  withheld: {', '.join(each['data']['withheld'])}"
            if each.get("data", {}).get("withheld")
            else ""
        )
        for each in events
    )


@app.command("ack")
def ack_command(
    ids: Annotated[list[str], typer.Argument(help="Ids of deliveries.")],
    desk: As = "",
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Take deliveries out of the inbox: your own records have them.

    Examples: `wraparound inbox ack 7c0d… --as s2w/sft`, `wraparound inbox ack 7c0d… 9e11… --as s2w/sft --json`.
    """
    caller(folder, desk).run(calls.acknowledge(ids))
    show(
        {"acknowledged": ids},
        as_json=as_json,
        words=lambda found: f"{len(found['acknowledged'])} acknowledged",
    )
