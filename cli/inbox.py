"""`wraparound inbox`: what was delivered to a desk, read as its system would read it."""

from typing import Annotated, Any

import typer

from cli.caller import As, AsJson, Folder, caller, show
from cli.edge import NOT_FOUND, PARTLY
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

    Exit 3: none of them was ever in it; 7: some were not.

    Examples: `wraparound inbox ack 7c0d… --as s2w/sft`, `wraparound inbox ack 7c0d… 9e11… --as s2w/sft --json`.
    """
    done = caller(folder, desk).run(calls.acknowledge(ids))
    unknown = [each for each in dict.fromkeys(ids) if each not in done]
    show({"acknowledged": done, "not_in_the_inbox": unknown}, as_json=as_json, words=_acknowledged)
    if unknown:
        raise typer.Exit(PARTLY if done else NOT_FOUND)


def _acknowledged(found: dict[str, list[str]]) -> str:
    lines = [f"{len(found['acknowledged'])} acknowledged"]
    return "\n".join([*lines, *(f"not in the inbox: {each}" for each in found["not_in_the_inbox"])])
