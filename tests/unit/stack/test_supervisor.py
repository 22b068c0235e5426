"""What the supervisor says of the services that it keeps up."""

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hub import settings
from hub.stack import owned
from hub.stack.processes import ServiceProcess
from hub.stack.supervisor import LOG, say_change
from hub.telemetry import logs


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """The file to which the supervisor writes."""
    file = tmp_path / "logs" / "supervisor.log"
    handler = logs.to_file(settings.load({}), "supervisor", file)
    LOG.addHandler(handler)
    yield file
    LOG.removeHandler(handler)
    handler.close()


def said(log: Path) -> list[str]:
    return [line.partition("supervisor ")[2] for line in log.read_text().splitlines()]


@pytest.mark.parametrize(
    ("end", "how"),
    [
        ("raise SystemExit(3)", "exit 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL"),
    ],
)
def test_the_log_says_how_a_service_ended_when_it_did(tmp_path: Path, log: Path, end: str, how: str) -> None:
    made = ServiceProcess("router-1", "router", tmp_path, {})
    made.child = owned.spawn(tmp_path, "router-1", [sys.executable, "-c", end])
    made.child.process.wait(20)
    assert made.keep_up(time.monotonic())
    say_change(made)
    assert said(log) == [f"router-1 ended: {how}; to be started again"]


def test_the_log_says_so_when_a_service_was_started_again(tmp_path: Path, log: Path) -> None:
    child = owned.spawn(tmp_path, "router-1", [sys.executable, "-c", "import time; time.sleep(600)"])
    made = replace(ServiceProcess("router-1", "router", tmp_path, {}), child=child, restarts=2)
    try:
        say_change(made)
    finally:
        child.kill()
    assert said(log) == [f"router-1 started again, process {child.pid}, restart 2"]
