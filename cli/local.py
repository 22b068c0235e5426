"""`up`, `down`, `status`, `run`, `doctor`: the verbs that touch servers.

What only one of them needs is imported by it: every call of the command line pays for what stands at the top.
"""

import json
import os
import signal
import time
from pathlib import Path
from typing import Annotated, Any, Final

import psutil
import typer

from cli import background
from hub import settings as hub_settings
from hub.clock import SystemClock
from hub.errors import SenderError
from hub.stack import owned, processes
from hub.stack.folder import SandboxTime, owner
from hub.telemetry import logs, traces

DOWN_SECONDS = 120.0
RUNNABLE = (*processes.SERVICES, *processes.ONCE)

Folder = Annotated[
    Path | None,
    typer.Option("--folder", help="Where the stack keeps all it has.", show_default="./.wraparound"),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


class UsageError(SenderError):
    """An option that cannot be."""

    exit_code = 2


def register(app: typer.Typer) -> None:
    """Make these commands of the app."""
    for command in (up, down, status, run, doctor):
        app.command(command.__name__)(command)


def up(
    folder: Folder = None,
    routers: Annotated[int, typer.Option(min=1, max=16, help="Router processes.")] = 1,
    brokers: Annotated[int, typer.Option(help="Kafka brokers: 1, or 3 with replication.")] = 1,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The gateway's port; 0: a free one.")] = 0,
    clock_start: Annotated[str, typer.Option(help="Sandbox clock: where it starts (RFC 3339).")] = "",
    clock_speed: Annotated[float, typer.Option(help="Sandbox clock: times as fast as real time.")] = 1.0,
    servers_only: Annotated[bool, typer.Option("--servers-only", help="No service of the hub.")] = False,
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay until Ctrl-C.")] = False,
    as_json: AsJson = False,
    report: Annotated[int, typer.Option(hidden=True)] = -1,
) -> None:
    """Start the whole hub on this machine: Kafka, PostgreSQL, every service. Returns when it is ready.

    WRAPAROUND_KAFKA and WRAPAROUND_POSTGRES name servers that exist already; nothing is started for those.

    Examples: `wraparound up`, `wraparound up --routers 2 --clock-start 2025-01-01T00:00:00Z --clock-speed 3600`.
    """
    if brokers not in {1, 3}:
        raise UsageError("--brokers: expected 1 or 3")
    options = background.Options(
        folder=place_of(folder),
        routers=routers,
        brokers=brokers,
        port=port,
        time=_sandbox_time(clock_start, clock_speed),
        servers_only=servers_only,
    )
    if foreground:
        from cli import foreground as supervised  # noqa: PLC0415

        supervised.stay(options, report)
        return
    began = time.monotonic()
    ready = background.start(options, lambda line: typer.echo(line, err=True))
    if as_json:
        typer.echo(json.dumps(ready))
        return
    typer.echo(f"ready in {time.monotonic() - began:.1f} s: {ready['url']}, Kafka at {ready['kafka']}")
    typer.echo(f"keys and profiles of the desks: {options.folder / 'sandbox'}", err=True)


def down(folder: Folder = None, as_json: AsJson = False) -> None:
    """Stop what `up` started in this folder. Everything accepted is kept.

    Examples: `wraparound down`, `wraparound down --folder /tmp/trial`.
    """
    place = place_of(folder)
    pid = owner(place)
    if pid is None:
        left = owned.end_left_behind(place)
        said = f"nothing runs in {place}" + (f"; ended what was left: {', '.join(left)}" if left else "")
    else:
        process = psutil.Process(pid)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(DOWN_SECONDS)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(DOWN_SECONDS)
        owned.end_left_behind(place)
        said = f"stopped {place}"
    typer.echo(json.dumps({"folder": str(place), "stopped": pid is not None}) if as_json else said)


def status(folder: Folder = None, as_json: AsJson = False) -> None:
    """What runs, how far behind each stream is, what waits, and where the log stands.

    Exit 0: everything runs; 1: something does not; 3: nothing is up here.

    Examples: `wraparound status`, `wraparound status --json --folder /tmp/trial`.
    """
    place = place_of(folder)
    pid = owner(place)
    if pid is None:
        typer.echo(
            json.dumps({"up": False}) if as_json else f"nothing runs in {place}: `wraparound up` starts it"
        )
        raise typer.Exit(3)
    from cli import lag  # noqa: PLC0415

    found = lag.look(place, pid)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        _show(found)
    if any(row["pid"] is None for row in found["services"]) or found["problems"]:
        raise typer.Exit(1)


def run(
    service: Annotated[str, typer.Argument(help=", ".join(RUNNABLE))],
) -> None:
    """Run one process as production does, configured by the environment alone. Ends on SIGTERM.

    Examples: `wraparound run gateway`, `WRAPAROUND_INSTANCE=2 wraparound run router`.
    """
    if service not in RUNNABLE:
        raise UsageError(f"expected one of {', '.join(RUNNABLE)}")
    settings = hub_settings.load()
    logs.set_up(settings, service)
    traces.set_up(settings, f"{service}-{settings.instance}")
    raise typer.Exit(processes.entry(service)(settings))


def doctor(folder: Folder = None, as_json: AsJson = False) -> None:
    """Check what the hub needs on this machine: what is wrong, and what to do.

    Examples: `wraparound doctor`, `wraparound doctor --json`.
    """
    from cli import doctor as doctor_checks  # noqa: PLC0415

    checks = doctor_checks.examine(place_of(folder))
    if as_json:
        typer.echo(json.dumps([check.plain() for check in checks]))
    else:
        for check in checks:
            typer.echo(f"{'ok ' if check.ok else 'BAD'} {check.name}: {check.said}")
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def place_of(given: Path | None) -> Path:
    """The folder that was named, or that of the settings."""
    if given is not None:
        return given.expanduser().resolve()
    return hub_settings.load().folder


def _sandbox_time(start: str, speed: float) -> SandboxTime | None:
    if not start:
        if speed != 1.0:
            raise UsageError("--clock-speed: expected with --clock-start")
        return None
    try:
        at = hub_settings.instant(start)
        assert at is not None
        return SandboxTime(at, hub_settings.speed(str(speed)), SystemClock().now())
    except ValueError as error:
        raise UsageError(f"--clock-start, --clock-speed: expected {error}") from error


WAITS: Final = {
    "undelivered": "decided, not yet at its desk",
    "outbox": "accepted or derived, not yet in its log",
    "waiting": "accepted, kept for somebody or something unknown",
}
"""What `status` counts, and what that is."""


def _known(number: int | None) -> str:
    return "unknown" if number is None else str(number)


def _show(found: dict[str, Any]) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Column, Table  # noqa: PLC0415

    console = Console(no_color="NO_COLOR" in os.environ, soft_wrap=True)
    console.print(f"up in {found['folder']}, {found['url']}; {found['memory_mb']} MB in all")
    services = Table("process", "pid", "MB", "restarts")
    for row in found["services"]:
        services.add_row(
            row["name"],
            str(row["pid"]) if row["state"] == "running" else row["state"],
            str(row["memory_mb"] or ""),
            str(row["restarts"]),
        )
    console.print(services)
    if found["lag"]:
        topic = Column("topic", overflow="fold", min_width=max(len(row["topic"]) for row in found["lag"]))
        widths = {"behind (records)": 9, "behind (s)": 6, "trend (records/s)": 11}
        narrow = [Column(name, max_width=width) for name, width in widths.items()]
        streams = Table("processor", topic, *narrow)
        for row in found["lag"]:
            streams.add_row(
                row["processor"],
                row["topic"],
                str(row["records"]),
                f"{row['seconds']:.1f}",
                f"{row['trend']:+.1f}",
            )
        console.print(streams)
    console.print(f"by the hub's clock it is {found['hub_time']}")
    for name, what in WAITS.items():
        rows, oldest = found[name]["rows"], found[name]["oldest_at"]
        console.print(f"{name}: {_known(rows)}{f', oldest {oldest}' if oldest else ''} ({what})")
    log = found["log"]
    console.print(f"log: {_known(log['size'])} entries, checkpoint at {log['checkpoint_at'] or '-'}")
    for kind, count in found["tasks"].items():
        console.print(f"tasks {kind}: {count}")
    for problem in found["problems"]:
        console.print(f"PROBLEM {problem}")
