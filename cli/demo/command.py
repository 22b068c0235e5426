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
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.local import AsJson
from cli.progress import progress
from hub.errors import HubError, SenderError

app = typer.Typer(add_completion=False)

FAILED = 1
REMOVE_SECONDS = 5.0


class Story(StrEnum):
    """What is told."""

    COUNTY = "county"
    SMALL = "small"


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
    story: Annotated[
        Story, typer.Option("--story", help="The county, or two families told event by event.")
    ] = Story.COUNTY,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Which county: the same seed, the same bytes.")
    ] = 1,
    months: Annotated[
        int, typer.Option("--months", min=1, max=13, help="How much of the county's year: 13, all of it.")
    ] = 13,
    as_json: AsJson = False,
) -> None:
    """A hub of its own, a simulated county that lives a year on it, and then what happened, in words and figures.

    Real Kafka and PostgreSQL start in a temporary folder, and everything is stopped and removed at the end. The desks
    are processes that use what every partner may use: HTTP, Kafka, their own keys. Exit 1: something that must
    have happened did not.

    Examples: `wraparound demo`, `wraparound demo --story small --json`, `wraparound demo --stay --folder /tmp/trial`.
    """
    with _place(folder) as place:
        try:
            small = story is Story.SMALL
            ok = asyncio.run(
                _small(place, stay=stay, as_json=as_json)
                if small
                else _county(place, seed, months, stay=stay, passing=folder is None, as_json=as_json)
            )
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
    if not ok:
        raise typer.Exit(FAILED)


# What a story is made of is heavy: `wraparound --help` does without it.


async def _county(folder: Path, seed: int, months: int, *, stay: bool, passing: bool, as_json: bool) -> bool:
    from cli.demo.county.living import live  # noqa: PLC0415
    from cli.demo.county.page import as_json as plain  # noqa: PLC0415
    from cli.demo.county.page import lines  # noqa: PLC0415
    from cli.demo.county.shown import Read, gather, read  # noqa: PLC0415
    from cli.demo.proof import LogHead  # noqa: PLC0415

    ok = False

    def show(known: Read, head: LogHead, url: str) -> None:
        nonlocal ok
        shown = gather(known, head, str(folder) if stay else "")
        ok = _print(plain(shown), lines(shown), as_json=as_json)
        _tell_place(folder, url, "its clock stands at the year's end", stay=stay)

    _end_on_sigterm()
    with progress("week", "events published") as told:
        await live(folder, seed, months, _say, told, read, show, stay=stay, passing=passing)
    return ok


async def _small(folder: Path, *, stay: bool, as_json: bool) -> bool:
    from cli.demo.page import as_json as plain  # noqa: PLC0415
    from cli.demo.page import lines  # noqa: PLC0415
    from cli.demo.shown import gather  # noqa: PLC0415
    from cli.demo.year import SPEED, Year, live  # noqa: PLC0415
    from hub.clock import DAY, SECOND  # noqa: PLC0415

    ok = False

    def show(year: Year, url: str) -> None:
        nonlocal ok
        shown = gather(year)
        ok = _print(plain(shown), lines(shown), as_json=as_json)
        days = SPEED * SECOND / DAY
        pace = f"its clock goes on at {days:.0f} days a second, past the agreement's end (`wraparound up` keeps time)"
        _tell_place(folder, url, pace, stay=stay)

    _end_on_sigterm()
    await live(folder, _say, _tell, show, stay=stay)
    return ok


def _print(result: dict[str, Any], page: Iterator[str], *, as_json: bool) -> bool:
    typer.echo(json.dumps(result) if as_json else "\n".join(page))
    return bool(result["ok"])


def _tell_place(folder: Path, url: str, pace: str, *, stay: bool) -> None:
    if stay:
        where = f"the hub is up at {url}, in {folder}: `wraparound status --folder {folder}`"
        _say(f"{where}; {pace}; Ctrl-C ends it")


def _end_on_sigterm() -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


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
    except BaseException:  # Ctrl-C as well: whatever ended it, nothing is left behind
        _remove(place)
        raise
    _remove(place)


def _remove(place: Path) -> None:
    """Remove the folder; what was killed a moment ago may still be writing there."""
    deadline = time.monotonic() + REMOVE_SECONDS
    while place.exists():
        shutil.rmtree(place, ignore_errors=True)
        if place.exists() and time.monotonic() > deadline:
            _say(f"{place} could not be removed")
            return
        time.sleep(0.1)
