"""Two one-off steps of a deployment whose servers are somebody else's: their secrets, then what is inside them.

`wraparound run secrets` makes the passwords, the authority and the certificates that Kafka and PostgreSQL start
with. `wraparound run prepare` makes topics, accounts, rights, tables and the hub's keys, as `up` does. Both may be
run again at any time: what is there stays.
"""

from pathlib import Path

from hub import settings as hub_settings
from hub.partnership.loader import load
from hub.settings import Settings
from hub.stack import certificates, secret_files
from hub.stack.given import GivenKafka
from hub.stack.postgres import USER
from hub.stack.stack import SandboxTime, Stack


def given_kafka(settings: Settings) -> GivenKafka | None:
    """The Kafka that the settings name, if they do. Raises `SettingError` when its account is missing."""
    if not settings.kafka:
        return None
    if settings.kafka_password_file is None or not settings.kafka_user:
        raise hub_settings.SettingError(
            "WRAPAROUND_KAFKA: expected WRAPAROUND_KAFKA_USER and WRAPAROUND_KAFKA_PASSWORD_FILE beside it, "
            "of an account that may make topics, users and rights"
        )
    return GivenKafka(
        settings.kafka,
        settings.kafka_user,
        settings.kafka_password_file,
        settings.kafka_security,
        settings.kafka_ca_file,
    )


def make_stack(
    settings: Settings,
    *,
    folder: Path | None = None,
    brokers: int = 1,
    http_port: int = 0,
    time: SandboxTime | None = None,
) -> Stack:
    """The stack of a partnership, as the settings say. Raises `ConfigurationError`, `SettingError`."""
    partnership = load(settings.partnership)
    desks = partnership.active_desks
    return Stack(
        folder or settings.folder,
        brokers,
        settings.postgres or None,
        given_kafka(settings),
        desks=[desk.name for desk in desks if desk.receives],
        readers=[desk.name for desk in desks if not desk.receives],
        origin=f"wraparound/{partnership.name}",
        partitions=settings.partitions,
        retention=settings.retention,
        time=time,
        http_port=http_port,
    )


def main(settings: Settings) -> int:
    """Make what the hub needs inside the given servers. Raises `SettingError` when none is given."""
    if not settings.kafka or not settings.postgres:
        raise hub_settings.SettingError(
            "WRAPAROUND_KAFKA, WRAPAROUND_POSTGRES: expected the servers that are to be prepared"
        )
    with make_stack(settings, http_port=settings.http_port):
        return 0


def make_secrets(settings: Settings) -> int:
    """What the servers start with, below the folder: `kafka/`, `postgres/`, and `public/ca.pem` for everybody."""
    folder = settings.folder
    for name in ("admin", "controller"):
        secret_files.once(folder / "kafka" / f"{name}.password")
    secret_files.once(folder / "kafka" / "cluster.id", secret_files.cluster_id())
    password = secret_files.once(folder / "postgres" / "password")
    secret_files.once(folder / "client" / "passfile", f"*:*:*:{USER}:{password}")
    if not (folder / "public" / "ca.pem").exists():
        authority = certificates.Authority.new("wraparound")
        for server in ("kafka", "postgres"):
            key, chain = authority.issue(server)
            secret_files.write(folder / server / "server.key", key)
            secret_files.write(folder / server / "server.crt", chain)
            secret_files.write(folder / server / "server.pem", key + chain)
        # The authority's key is not kept: a new server means new certificates.
        secret_files.write(folder / "public" / "ca.pem", authority.pem, 0o644)
    return 0
