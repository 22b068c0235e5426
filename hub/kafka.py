"""How every client of Kafka on the hot path is made from the settings.

A consumer commits nothing by itself and never chooses an offset (`auto_offset_reset="none"`): positions are
in SQL. Producers are `hub.producer`'s.
"""

import ssl
from typing import Any

from aiokafka import AIOKafkaConsumer

from hub.errors import PeerError
from hub.settings import Settings


class BrokerAwayError(PeerError):
    """Kafka cannot be reached; nothing is lost, try again."""


def connection(settings: Settings) -> dict[str, Any]:
    """The arguments by which every client connects and says who it is."""
    context = None
    if settings.kafka_security == "SASL_SSL":
        ca = settings.kafka_ca_file
        context = ssl.create_default_context(cafile=str(ca) if ca is not None else None)
    return {
        "bootstrap_servers": settings.kafka.split(","),
        "security_protocol": settings.kafka_security,
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": settings.kafka_user,
        "sasl_plain_password": settings.kafka_password(),
        "ssl_context": context,
    }


def consumer(
    settings: Settings, *, group: str, instance: str | None = None, isolation: str = "read_uncommitted"
) -> AIOKafkaConsumer:
    """A consumer of a group, not started and without topics. `instance` makes its membership static.

    `isolation`: of what others publish in transactions, only what was committed (`read_committed`), or all.
    """
    return AIOKafkaConsumer(
        **connection(settings),
        group_id=group,
        group_instance_id=instance,
        client_id=instance or group,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level=isolation,
        session_timeout_ms=6_000,
        heartbeat_interval_ms=1_500,
        max_partition_fetch_bytes=4 * 1024 * 1024,
        fetch_max_wait_ms=100,
        metadata_max_age_ms=30_000,
    )
