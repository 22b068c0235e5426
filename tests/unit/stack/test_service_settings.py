"""What each process of a stack is told."""

from dataclasses import replace
from pathlib import Path

import pytest

from hub.clock import parse_micros
from hub.settings import load, to_environ
from hub.stack.folder import SandboxTime
from hub.stack.given import GivenKafka
from hub.stack.service_settings import OURS, Surroundings, environ


def around(tmp_path: Path, time: SandboxTime | None = None) -> Surroundings:
    kafka = GivenKafka("127.0.0.1:1", "broker", tmp_path / "admin", "SASL_SSL", tmp_path / "ca.pem")
    return Surroundings(tmp_path, kafka, "postgresql://a@b/c", 1234, "http://127.0.0.1:1234", 6, time)


def test_a_service_is_its_own_principal_when_told(tmp_path: Path) -> None:
    settings = load(to_environ(around(tmp_path).of("router")))
    assert (settings.kafka, settings.kafka_user, settings.kafka_security) == (
        "127.0.0.1:1",
        "router",
        "SASL_SSL",
    )
    assert settings.kafka_password_file == tmp_path / "secrets" / "kafka" / "router.password"
    assert settings.http_port == 1234


def test_the_sealer_alone_is_told_the_signing_key_when_services_start(tmp_path: Path) -> None:
    told = {
        name: around(tmp_path).of(name) for name in ("gateway", "router", "delivery", "outcomes", "sealer")
    }
    assert [name for name, values in told.items() if "signing_key_file" in values] == ["sealer"]


def test_all_services_have_one_clock_when_it_is_a_sandboxs(tmp_path: Path) -> None:
    start, anchor = parse_micros("2025-01-01T00:00:00Z"), parse_micros("2026-01-01T00:00:00Z")
    time = SandboxTime(start, 3600.0, anchor)
    clocks = {load(to_environ(around(tmp_path, time).of(name))).clock() for name in ("gateway", "router")}
    assert len(clocks) == 1


def test_what_a_person_set_is_passed_on_but_for_what_the_stack_decides_when_up_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRAPAROUND_LOG_LEVEL", "debug")
    monkeypatch.setenv("WRAPAROUND_KAFKA_USER", "broker")
    monkeypatch.setenv("WRAPAROUND_SIGNING_KEY_FILE", "/elsewhere")
    told = environ(around(tmp_path).of("router"))
    assert told["WRAPAROUND_LOG_LEVEL"] == "debug"
    assert told["WRAPAROUND_KAFKA_USER"] == "router"
    assert "WRAPAROUND_SIGNING_KEY_FILE" not in told


def test_everything_told_is_what_the_stack_decides_when_compared(tmp_path: Path) -> None:
    time = SandboxTime(0, 1.0, 0)
    assert set(replace(around(tmp_path, time), clock_file=tmp_path / "clock").of("sealer")) | {
        "instance",
        "watch_host",
        "watch_port",
    } == set(OURS)
