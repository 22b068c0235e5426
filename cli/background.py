"""How `up` leaves a supervisor behind: a process of its own session, which reports until it is ready.

The supervisor writes JSON lines to a pipe: `{"say": …}` for each step, then `{"ready": …}` or `{"error": …,
"exit_code": …}`. If `up` is killed meanwhile the supervisor goes on; `down` ends it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.clock import format_micros
from hub.errors import HubError
from hub.settings import ROOT
from hub.stack.folder import InUseError, SandboxTime, owner


class UpError(HubError):
    """The supervisor could not start; carries its message and exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Options:
    """What `up` was asked for."""

    folder: Path
    routers: int
    brokers: int
    port: int
    time: SandboxTime | None
    servers_only: bool = False


def start(options: Options, say: Callable[[str], None]) -> dict[str, Any]:
    """Leave a supervisor running; returns what it says when it is ready. Raises `UpError`, `InUseError`."""
    running = owner(options.folder)
    if running is not None:
        raise InUseError(
            f"{options.folder} is in use by process {running}: `wraparound down --folder {options.folder}` stops it"
        )
    (options.folder / "logs").mkdir(parents=True, exist_ok=True)
    options.folder.chmod(0o700)
    reading, writing = os.pipe()
    with (options.folder / "logs" / "supervisor.log").open("ab") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "cli.main",
                "up",
                "--foreground",
                *_arguments(options),
                "--report",
                str(writing),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            pass_fds=[writing],
            start_new_session=True,
        )
    os.close(writing)
    try:
        with os.fdopen(reading) as lines:
            for line in lines:
                said = json.loads(line)
                if "ready" in said:
                    ready: dict[str, Any] = {**said["ready"], "pid": process.pid}
                    return ready
                if "error" in said:
                    raise UpError(said["error"], said["exit_code"])
                say(said["say"])
    except KeyboardInterrupt:
        process.terminate()
        raise
    raise UpError(f"the supervisor ended (see {options.folder / 'logs' / 'supervisor.log'})", 1)


def _arguments(options: Options) -> list[str]:
    arguments = ["--folder", str(options.folder), "--routers", str(options.routers)]
    arguments += ["--brokers", str(options.brokers), "--port", str(options.port)]
    if options.time is not None:
        arguments += [
            "--clock-start",
            format_micros(options.time.start),
            "--clock-speed",
            str(options.time.speed),
        ]
    if options.servers_only:
        arguments.append("--servers-only")
    return arguments
