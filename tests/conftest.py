"""Fixtures that everybody shares: one real stack for the whole session, a fresh database for each test.

- `stack`: embedded Kafka and PostgreSQL with Dorset's desks, started when the first test asks.
- `database`: the DSN of a migrated database of this test's own, in that server.
- `clean_stack`: the stack, with empty topics; `settings("router", postgres=database)` fits it.
- `three_brokers`: a stack of three brokers, for one module; it shares the PostgreSQL server.
- `docker`: whether a Docker engine answers; where none does, the test is skipped with that reason.
"""

import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from hub.partnership.loader import load
from hub.schemas import Catalogue
from hub.settings import ROOT
from hub.stack.stack import Stack

TEMPLATE = "template_migrated"

# How long an example takes says how busy the machine is: it is shared with the servers that the suite starts.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


STACKS = {"stack", "docs", "whole"}
"""Folders of tests that start whole stacks, or processes by the dozen: `make test` runs them beside the others."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies under tests/integration, so that `-m integration` and `-m stacks` need no decorator."""
    for item in items:
        if "integration" in item.path.parts:
            item.add_marker(pytest.mark.integration)
            if STACKS.intersection(item.path.parts):
                item.add_marker(pytest.mark.stacks)


@pytest.fixture(scope="session", autouse=True)
def _schemas_read_once() -> Iterator[None]:
    """The project's own schemas, which no test changes, are read once; every other folder each time."""
    read = Catalogue.load
    own = cache(lambda sandbox: read(ROOT / "schemas", sandbox=sandbox))

    def load_once(root: Path, *, sandbox: bool = False) -> Catalogue:
        return own(sandbox) if root == ROOT / "schemas" else read(root, sandbox=sandbox)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Catalogue, "load", load_once)
        yield


@pytest.fixture(scope="session")
def desks() -> tuple[list[str], list[str]]:
    """Dorset's active desks: those with a topic, and those that only sign in."""
    active = load(ROOT / "partnerships" / "dorset").active_desks
    receiving = [desk.name for desk in active if desk.receives]
    return receiving, [desk.name for desk in active if not desk.receives]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, desks: tuple[list[str], list[str]]) -> Iterator[Stack]:
    """One stack for the session."""
    with Stack(tmp_path_factory.mktemp("stack"), desks=desks[0], readers=desks[1]) as running:
        assert running.postgres is not None
        # No test cuts the power: what a killed server has written, the kernel still has. Waiting for the disk took half
        # a second for every database dropped.
        with psycopg.connect(running.postgres.dsn("postgres"), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield running


@pytest.fixture(scope="session")
def _template(stack: Stack) -> str:
    stack.new_database(TEMPLATE)
    return TEMPLATE


@pytest.fixture
def database(stack: Stack, _template: str) -> Iterator[str]:
    """A database of this test's own, migrated; dropped at the end, whoever is still connected."""
    assert stack.postgres is not None
    name = f"test_{uuid4().hex}"
    yield stack.postgres.create_database(name, template=_template)
    stack.postgres.drop_database(name)


@pytest.fixture
def clean_stack(stack: Stack, database: str) -> Stack:
    """The stack with empty topics. Pass `postgres=database` to `settings` and `environ`."""
    assert database
    stack.forget_topics()
    return stack


@pytest.fixture(scope="module")
def three_brokers(
    tmp_path_factory: pytest.TempPathFactory, stack: Stack, desks: tuple[list[str], list[str]]
) -> Iterator[Stack]:
    """Three brokers, replication 3, two in sync; the session's PostgreSQL with a database of its own."""
    dsn = stack.new_database(f"three_{uuid4().hex}")
    folder: Path = tmp_path_factory.mktemp("three")
    with Stack(folder, brokers=3, postgres=dsn, desks=desks[0], readers=desks[1]) as running:
        yield running


@pytest.fixture(scope="session")
def docker() -> None:
    """A Docker engine, or a skip that names its absence."""
    try:
        answer = subprocess.run(["docker", "info"], capture_output=True, timeout=10, check=False)
        answers = answer.returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        answers = False
    if not answers:
        pytest.skip("no Docker engine answers here")
