"""How far long work has come, on stderr: a bar on a terminal, else a line every ten seconds."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

EVERY_SECONDS: Final = 10.0

Told = Callable[[int, int, int], None]
"""How much is over, of how much, and what was counted so far."""


@contextmanager
def progress(unit: str, counted: str) -> Iterator[Told]:
    """Something to tell of each step: `week`, `events published` says "week 3 of 52: 120 events published"."""
    if sys.stderr.isatty():
        with _bar(unit, counted) as told:
            yield told
        return
    last = time.monotonic()

    def line(done: int, of: int, count: int) -> None:
        nonlocal last
        if time.monotonic() - last >= EVERY_SECONDS or done == of:
            last = time.monotonic()
            sys.stderr.write(f"{unit} {done} of {of}: {count} {counted}\n")
            sys.stderr.flush()

    yield line


@contextmanager
def _bar(unit: str, counted: str) -> Iterator[Told]:
    from rich.console import Console  # noqa: PLC0415 - heavy
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (
        TextColumn(unit + " {task.completed} of {task.total}"),
        BarColumn(),
        TextColumn("{task.fields[count]} " + counted),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(unit, total=None, count=0)

        def told(done: int, of: int, count: int) -> None:
            bar.update(task, completed=done, total=of, count=count)

        yield told
