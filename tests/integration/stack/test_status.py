"""What `status` says of streams: how far behind, in records and in seconds, as an engineer may see it."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from aiokafka import AIOKafkaProducer

from cli import lag, reach
from hub.stack.stack import Stack

RECORDS = 7
AGE = 60
RESOLUTION = lag.RESOLUTION_MS / 1000


@pytest.fixture
def watched(clean_stack: Stack) -> Iterator[Stack]:
    """Empty topics, and a router that has read nothing of partition 0 of `events`."""
    with psycopg.connect(clean_stack.dsn, autocommit=True) as connection:
        connection.execute("INSERT INTO position VALUES ('router', 'events', 0, 0)")
        yield clean_stack
        connection.execute("DELETE FROM position")


async def _produce(stack: Stack) -> float:
    """As the relay: one record of a minute ago, then others of now. Gives when now is."""
    settings = stack.settings("delivery")
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka,
        security_protocol=settings.kafka_security,
        sasl_mechanism="SCRAM-SHA-512",
        sasl_plain_username=settings.kafka_user,
        sasl_plain_password=settings.kafka_password(),
        acks="all",
    )
    try:
        await producer.start()
        now = time.time_ns() // 1_000_000
        for number in range(RECORDS):
            stamp = now - AGE * 1000 if number == 0 else now
            await producer.send_and_wait("events", b"value", key=b"key", partition=0, timestamp_ms=stamp)
        return now / 1000
    finally:
        await producer.stop()


async def test_lag_is_in_records_and_seconds_when_a_stream_stands_still(watched: Stack) -> None:
    produced = await _produce(watched)
    found = lag.look(watched.folder, os.getpid())
    assert found["problems"] == []
    (row,) = found["lag"]
    assert (row["processor"], row["topic"], row["records"], row["trend"]) == (
        "router",
        "events",
        RECORDS,
        0.0,
    )
    assert AGE <= row["seconds"] + RESOLUTION <= AGE + time.time() - produced + 2 * RESOLUTION


async def test_lag_is_of_the_first_record_that_waits_when_others_are_done(watched: Stack) -> None:
    produced = await _produce(watched)
    with psycopg.connect(watched.dsn) as connection:
        connection.execute("UPDATE position SET next_offset = 1")
    (row,) = lag.look(watched.folder, os.getpid())["lag"]
    assert row["records"] == RECORDS - 1
    assert row["seconds"] <= time.time() - produced + RESOLUTION


async def test_there_is_no_lag_when_everything_is_done(watched: Stack) -> None:
    await _produce(watched)
    with psycopg.connect(watched.dsn) as connection:
        connection.execute("UPDATE position SET next_offset = %s", [RECORDS])
    (row,) = lag.look(watched.folder, os.getpid())["lag"]
    assert (row["records"], row["seconds"]) == (0, 0.0)


def test_a_given_database_is_looked_at_when_the_settings_name_it(
    watched: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = json.loads((watched.folder / "stack.json").read_text())
    (tmp_path / "stack.json").write_text(json.dumps(about | {"postgres": None}))
    (tmp_path / "secrets").symlink_to(watched.identities.secrets)
    monkeypatch.delenv("WRAPAROUND_POSTGRES", raising=False)
    assert lag.look(tmp_path, os.getpid())["problems"] == [reach.NOT_NAMED]
    monkeypatch.setenv("WRAPAROUND_POSTGRES", watched.dsn)
    found = lag.look(tmp_path, os.getpid())
    assert found["problems"] == []
    assert [row["processor"] for row in found["lag"]] == ["router"]


def test_a_disk_that_fills_is_a_problem_when_somebody_looks(
    watched: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.lag.LEAST_FREE_BYTES", 1 << 80)
    (problem,) = lag.look(watched.folder, os.getpid())["problems"]
    assert problem.startswith("less than 500 MB are free under")


def test_one_line_names_the_problem_when_kafka_cannot_say(
    watched: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kafka.errors import NotLeaderForPartitionError

    def cannot(*_: object) -> None:
        raise NotLeaderForPartitionError

    monkeypatch.setattr("cli.lag.behind", cannot)
    found = lag.look(watched.folder, os.getpid())
    assert found["problems"] == ["Kafka does not say where its logs end: NotLeaderForPartitionError"]


def test_a_process_that_stands_still_is_named_when_somebody_looks(tmp_path: Path) -> None:
    rows = []
    with subprocess.Popen(["sleep", "60"]) as stands, subprocess.Popen(["true"]) as over:
        over.wait()
        stands.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, stands.pid, os.WSTOPPED)
        for name, pid in (("router-1", stands.pid), ("gateway-1", over.pid), ("sealer-1", os.getpid())):
            rows.append({"name": name, "pid": pid, "restarts": 0})
        (tmp_path / "services.json").write_text(json.dumps(rows))
        found = lag.services_of(tmp_path)
        stands.kill()
    assert [each["state"] for each in found] == ["stopped", "ended", "running"]
    assert [each["pid"] is None for each in found] == [False, True, False]
    (problem,) = lag.stopped(found)
    assert problem == f"router-1 is stopped (SIGSTOP): `kill -CONT {stands.pid}` lets it go on"
