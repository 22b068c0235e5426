"""How far the year has come, on stderr: a bar on a terminal, else a line every ten seconds."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

EVERY_SECONDS: Final = 10.0

Told = Callable[[int, int, int], None]
"""The weeks that are over, of how many, and the events published so far."""


@contextmanager
def progress() -> Iterator[Told]:
    """Something to tell of each week."""
    if sys.stderr.isatty():
        with _bar() as told:
            yield told
        return
    last = time.monotonic()

    def line(week: int, weeks: int, published: int) -> None:
        nonlocal last
        if time.monotonic() - last >= EVERY_SECONDS or week == weeks:
            last = time.monotonic()
            sys.stderr.write(f"week {week} of {weeks}: {published} events published\n")
            sys.stderr.flush()

    yield line


@contextmanager
def _bar() -> Iterator[Told]:
    from rich.console import Console  # noqa: PLC0415 - heavy
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (
        TextColumn("week {task.completed} of {task.total}"),
        BarColumn(),
        TextColumn("{task.fields[published]} events"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("year", total=None, published=0)

        def told(week: int, weeks: int, published: int) -> None:
            bar.update(task, completed=week, total=weeks, published=published)

        yield told
