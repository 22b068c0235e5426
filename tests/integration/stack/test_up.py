"""`wraparound up`, `status`, `down` as a person runs them; owners killed; errors of one line."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from hub.settings import ROOT
from hub.stack.folder import owner

WRAPAROUND = [sys.executable, "-m", "cli.main"]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A stack's folder; whatever runs in it at the end is stopped."""
    place = tmp_path / "stack"
    yield place
    call("down", "--folder", place)


def call(*arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command and wait."""
    command = [*WRAPAROUND, *(str(argument) for argument in arguments)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), **more}
    return subprocess.run(command, capture_output=True, text=True, timeout=110, check=False, env=env)


def up(folder: Path, *arguments: str, **more: str) -> dict[str, Any]:
    """`up --json`, which must succeed."""
    done = call("up", "--folder", folder, "--json", *arguments, **more)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def family(pid: int) -> list[psutil.Process]:
    """All that a process has started, and what those have."""
    return psutil.Process(pid).children(recursive=True)


def name_of(process: psutil.Process) -> str:
    """Its program; of one that has ended since it was listed, nothing."""
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The error's line; everything before it is progress."""
    lines = [line for line in done.stderr.splitlines() if not line.startswith("starting ")]
    assert len(lines) == 1, done.stderr
    assert done.stdout == ""
    return lines[0]


def test_up_leaves_a_hub_that_down_ends_when_all_goes_well(folder: Path) -> None:
    said = up(folder)
    children = family(said["pid"])
    names = {name_of(child) for child in children}
    assert "java" in names
    assert "postgres" in names
    status = call("status", "--folder", folder, "--json")
    assert status.returncode == 0, status.stdout
    found = json.loads(status.stdout)
    assert found["problems"] == []
    assert found["memory_mb"] < 1_500
    doctor = call("doctor", "--folder", folder, "--json")
    assert doctor.returncode == 0, doctor.stdout
    assert {"kafka", "database", "hub", "credentials"} <= {each["name"] for each in json.loads(doctor.stdout)}
    again = call("up", "--folder", folder)
    assert again.returncode == 5
    assert "in use by process" in one_line(again)
    assert call("down", "--folder", folder).returncode == 0
    _, alive = psutil.wait_procs(children, timeout=1)
    assert alive == []
    assert call("status", "--folder", folder).returncode == 3
    verified = call("audit", "verify", "--folder", folder)
    assert (verified.returncode, "`wraparound up` starts it" in one_line(verified)) == (75, True)


def test_children_end_and_the_next_up_works_when_the_supervisor_is_killed(folder: Path) -> None:
    said = up(folder, "--servers-only")
    children = family(said["pid"])
    os.kill(said["pid"], signal.SIGKILL)
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
    assert up(folder, "--servers-only")["kafka"] == said["kafka"]


@pytest.mark.parametrize("seed", range(2))
def test_the_next_up_works_when_up_was_killed_at_any_moment(folder: Path, seed: int) -> None:
    command = [*WRAPAROUND, "up", "--foreground", "--servers-only", "--folder", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(random.Random(seed).uniform(0.5, 3.0))
    children = family(process.pid)
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
    up(folder, "--servers-only")


def test_leftovers_are_ended_when_the_system_does_not_tie_them_to_their_owner(folder: Path) -> None:
    """A process of an earlier run that outlived its owner, as on systems without a parent-death signal."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as stray:
        record = folder / "pids" / "router-1"
        record.parent.mkdir(parents=True)
        record.write_text(json.dumps({"pid": stray.pid, "born": psutil.Process(stray.pid).create_time()}))
        (folder / "pids" / "gateway-1").write_text(json.dumps({"pid": os.getpid(), "born": 1.0}))
        assert call("down", "--folder", folder).returncode == 0
        assert stray.wait(10) == -signal.SIGKILL
    assert list(record.parent.iterdir()) == []


@pytest.mark.timeout(400)
def test_what_ended_is_started_again_when_the_supervisor_looks(folder: Path) -> None:
    said = up(folder, "--servers-only")
    before = {name_of(child): child for child in family(said["pid"])}
    before["java"].kill()
    before["postgres"].kill()
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        names = [name_of(child) for child in family(said["pid"]) if child not in before.values()]
        told = log_of(folder)
        back = "java" in names and "postgres" in names and "kafka-1 started again" in told
        if back and call("doctor", "--folder", folder).returncode == 0:
            break
        time.sleep(0.5)
    else:
        pytest.fail("what ended did not come back")
    ended = told.index("kafka-1 ended; to be started again")
    assert told.index("ready") < ended < told.index("kafka-1 started again")
    assert call("down", "--folder", folder).returncode == 0
    assert log_of(folder)[-2:] == ["stops: SIGTERM", "stopped"]


def log_of(folder: Path) -> list[str]:
    """What the supervisor's log says, without time and level."""
    lines = (folder / "logs" / "supervisor.log").read_text(encoding="utf-8").splitlines()
    return [line.partition("supervisor ")[2] for line in lines]


def test_one_line_says_what_to_do_when_the_port_is_taken(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = call("up", "--folder", folder, "--servers-only", "--port", port)
    assert done.returncode == 75
    assert (
        one_line(done)
        == f"wraparound: port {port} is taken by another program: end it, or name another with --port"
    )
    assert owner(folder) is None


def test_one_line_says_what_to_do_when_a_key_can_be_read_by_others(folder: Path) -> None:
    key = folder / "secrets" / "master.key"
    key.parent.mkdir(parents=True)
    key.write_text("ab" * 32)
    key.chmod(0o644)
    done = call("up", "--folder", folder, "--servers-only")
    assert done.returncode == 4
    assert one_line(done) == f"wraparound: {key} can be read by others: chmod 600 {key}"


def test_one_line_says_what_to_do_when_the_folder_is_a_file(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("")
    done = call("up", "--folder", place)
    assert done.returncode == 1
    assert str(place) in one_line(done)


def test_one_line_says_what_is_expected_when_a_setting_is_wrong(folder: Path) -> None:
    done = call("up", "--folder", folder, WRAPAROUND_PARTITIONS="many")
    assert done.returncode == 6
    assert one_line(done) == "wraparound: WRAPAROUND_PARTITIONS: expected a whole number from 1 to 200"


def test_one_line_says_what_to_do_when_given_servers_do_not_answer(folder: Path) -> None:
    done = call("up", "--folder", folder, WRAPAROUND_POSTGRES="postgresql://nobody@127.0.0.1:1/none")
    assert done.returncode == 75
    assert "PostgreSQL does not answer" in one_line(done)
