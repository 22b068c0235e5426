"""docker-compose.yml and deploy/ against the code: no engine runs them here, so services, commands and settings are
compared with what the code knows."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from ruamel.yaml import YAML

from hub.settings import ROOT, load, table
from hub.stack import access, processes
from hub.stack.jars import LOCK, read_lock
from hub.stack.kafka_config import ADMIN, COMMON, LARGEST_BATCH
from hub.stack.postgres import DATABASE, OPTIONS, USER

COMPOSE: dict[str, Any] = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "wraparound"}
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()


def ran(service: dict[str, Any]) -> str:
    """What `wraparound run` runs in it."""
    verb, name = service["command"]
    assert verb == "run"
    return str(name)


def long_running() -> Iterator[tuple[str, dict[str, Any]]]:
    """Our services that stay."""
    return ((name, service) for name, service in OURS.items() if ran(service) in processes.SERVICES)


def properties() -> dict[str, str]:
    """The broker's file, as Kafka reads it."""
    lines = (ROOT / "deploy" / "kafka" / "server.properties").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_every_service_that_is_built_runs_when_compose_is_up() -> None:
    built = {service for service in processes.SERVICES if processes.exists(service)}
    assert {ran(service) for _, service in long_running()} == built


def test_every_command_is_one_that_run_knows_when_compose_is_up() -> None:
    assert {ran(service) for service in OURS.values()} <= {*processes.SERVICES, *processes.ONCE}
    assert len([name for name, service in OURS.items() if ran(service) == "router"]) == 2


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_variable_is_a_setting_that_loads_when_a_service_starts(name: str) -> None:
    environment = {key: str(value) for key, value in OURS[name]["environment"].items()}
    assert set(environment) <= {row[0] for row in table()}
    load(environment)


def test_each_service_is_its_own_principal_when_it_speaks_to_kafka() -> None:
    for name, service in long_running():
        user = service["environment"].get("WRAPAROUND_KAFKA_USER")
        if user is None:
            assert ran(service) == "sealer", name
            continue
        assert user == ran(service)
        assert user in access.SERVICES
        password = f"/run/wraparound/hub/secrets/kafka/{user}.password"
        assert service["environment"]["WRAPAROUND_KAFKA_PASSWORD_FILE"] == password
    assert SERVICES["prepare"]["environment"]["WRAPAROUND_KAFKA_USER"] == ADMIN


def test_the_signing_key_is_named_to_the_sealer_alone_when_services_start() -> None:
    assert [n for n, s in OURS.items() if "WRAPAROUND_SIGNING_KEY_FILE" in s["environment"]] == ["sealer"]


def test_nothing_runs_as_root_when_compose_is_up() -> None:
    for name, service in SERVICES.items():
        assert service["user"] == "10001:10001", name
        assert service["cap_drop"] == ["ALL"], name
        assert "privileged" not in service, name
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, flags=re.MULTILINE)
    assert "--uid 10001" in DOCKERFILE


def test_nothing_is_open_to_the_network_when_compose_is_up() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published == ["127.0.0.1:8080:8080"]
    for name, service in OURS.items():
        environment = service["environment"]
        if "WRAPAROUND_KAFKA" in environment:
            assert environment["WRAPAROUND_KAFKA_SECURITY"] == "SASL_SSL", name
            assert "sslmode=verify-full" in environment["WRAPAROUND_POSTGRES"], name


def test_images_are_the_versions_that_are_tested_when_compose_is_up() -> None:
    kafka = next(jar.version for jar in read_lock(LOCK.read_text()) if jar.artifact == "kafka_2.13")
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{kafka}"
    assert SERVICES["postgres"]["image"] == "postgres:18"


def test_the_broker_is_told_what_ours_is_told_when_compose_is_up() -> None:
    told = properties()
    tls = {
        "listener.security.protocol.map": "CONTROLLER:SASL_PLAINTEXT,SASL_SSL:SASL_SSL",
        "inter.broker.listener.name": "SASL_SSL",
    }
    for name, value in COMMON.items():
        assert told[name] == tls.get(name, value), name
    assert told["message.max.bytes"] == str(LARGEST_BATCH)
    assert "PLAINTEXT://" not in told["listeners"]
    assert not [name for name, value in told.items() if "password" in name or "password" in value]


def test_the_database_is_told_what_ours_is_told_when_compose_is_up() -> None:
    command = SERVICES["postgres"]["command"]
    told = dict(option.split("=", 1) for option in command[2::2])
    ours = {name: value for name, value in OPTIONS.items() if name in told}
    assert {name: told[name] for name in ours} == ours
    for name in ("synchronous_commit", "fsync", "password_encryption", "log_parameter_max_length"):
        assert told[name] == OPTIONS[name]
    assert told["ssl"] == "on"
    environment = SERVICES["postgres"]["environment"]
    assert (environment["POSTGRES_USER"], environment["POSTGRES_DB"]) == (USER, DATABASE)
    assert not [name for name in environment if name == "POSTGRES_PASSWORD"]


def test_services_wait_for_what_they_need_when_compose_starts() -> None:
    for name, _ in long_running():
        assert SERVICES[name]["depends_on"] == {"prepare": {"condition": "service_completed_successfully"}}
    assert set(SERVICES["prepare"]["depends_on"]) == {"kafka", "postgres"}
    for server in ("kafka", "postgres"):
        assert SERVICES["prepare"]["depends_on"][server] == {"condition": "service_healthy"}
        assert "healthcheck" in SERVICES[server]


def test_every_mount_is_a_volume_or_in_the_tree_when_compose_starts() -> None:
    for name, service in SERVICES.items():
        for mount in service.get("volumes", []):
            source = mount["source"] if isinstance(mount, dict) else mount.split(":")[0]
            assert source in COMPOSE["volumes"] or (ROOT / source).exists(), (name, source)


def test_what_the_image_copies_is_in_the_tree_when_it_is_built() -> None:
    for line in re.findall(r"^COPY (.+)$", DOCKERFILE, flags=re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"bench"}
    assert packages <= set(re.findall(r"^COPY (\w+) \w+$", DOCKERFILE, flags=re.MULTILINE))
    assert "--require-hashes" in DOCKERFILE


def test_what_a_working_tree_collects_stays_outside_when_the_image_is_built() -> None:
    ignored = set((ROOT / ".dockerignore").read_text().splitlines())
    assert {".git", *(ROOT / ".gitignore").read_text().splitlines()} <= ignored | {""}
