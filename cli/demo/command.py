"""The command `wraparound demo`."""

import asyncio
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.local import AsJson
from hub.errors import HubError, SenderError

app = typer.Typer(add_completion=False)

FAILED = 1
REMOVE_SECONDS = 5.0


class NotEmptyError(SenderError):
    """The folder holds something already."""

    exit_code = 5


@app.command()
def demo(
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Keep the demo's hub here; a new or empty folder.")
    ] = None,
    stay: Annotated[
        bool, typer.Option("--stay", help="Leave the hub up until Ctrl-C, to look around.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """A hub of its own, two families, five desks, a year in half a minute; then what happened, and why.

    Real Kafka and PostgreSQL start in a temporary folder, and everything is stopped and removed at the end. The desks
    are processes that use what every partner may use: HTTP, Kafka, their own keys. Exit 1: something that must
    have happened did not.

    Examples: `wraparound demo`, `wraparound demo --json`, `wraparound demo --stay --folder /tmp/trial`.
    """
    with _place(folder) as place:
        try:
            ok = asyncio.run(_run(place, stay=stay, as_json=as_json))
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
    if not ok:
        raise typer.Exit(FAILED)


async def _run(folder: Path, *, stay: bool, as_json: bool) -> bool:
    # What the demo is made of is heavy: `wraparound --help` does without it.
    from cli.demo.page import as_json as plain  # noqa: PLC0415
    from cli.demo.page import lines  # noqa: PLC0415
    from cli.demo.shown import gather  # noqa: PLC0415
    from cli.demo.year import Year, live  # noqa: PLC0415
    from hub.stack.stack import Stack  # noqa: PLC0415

    ok = False

    def show(year: Year, stack: Stack) -> None:
        nonlocal ok
        shown = gather(year)
        result = plain(shown)
        ok = bool(result["ok"])
        typer.echo(json.dumps(result) if as_json else "\n".join(lines(shown)))
        if stay:
            _say(
                f"the hub is up at {stack.url}, in {folder}: `wraparound status --folder {folder}`; Ctrl-C ends it"
            )

    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await live(folder, _say, _tell, show, stay=stay)
    return ok


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _tell(desk: str, line: Mapping[str, Any]) -> None:
    """One line for each thing that a person would tell of."""
    if line.get("said"):
        refused = f" (refused: {line['status']})" if line["did"] == "refused" else ""
        _say(f"{line['at'][:10]}  {desk:<15}{line['said']}{refused}")


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    """The folder asked for, or one that is removed at the end."""
    if folder is not None:
        place = folder.expanduser().resolve()
        if place.exists() and any(place.iterdir()):
            raise NotEmptyError(f"{place} is not empty: the demo needs a hub that has seen nothing yet")
        yield place
        return
    place = Path(tempfile.mkdtemp(prefix="wraparound-demo-"))
    try:
        yield place
    except HubError:
        _say(f"what it left is kept: {place}/logs")
        raise
    except BaseException:
        _remove(place)
        raise
    _remove(place)


def _remove(place: Path) -> None:
    """Remove the folder; what was killed a moment ago may still be writing there."""
    deadline = time.monotonic() + REMOVE_SECONDS
    while place.exists():
        shutil.rmtree(place, ignore_errors=True)
        if time.monotonic() > deadline:
            _say(f"{place} could not be removed")
            return
        time.sleep(0.1)
