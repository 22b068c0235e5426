"""Kafka's administration client (kafka-python), made one way."""

import logging
import warnings
from pathlib import Path
from typing import Any

from hub.errors import PeerError

TIMEOUT_MS = 10_000

# The client reports each failed attempt on its own logger; what matters comes back as an exception.
logging.getLogger("kafka").setLevel(logging.CRITICAL)


class AdminError(PeerError):
    """Kafka did not do what administration asked."""


def connect(
    bootstrap: str,
    user: str,
    password: str,
    *,
    security: str = "SASL_PLAINTEXT",
    ca_file: Path | None = None,
    timeout_ms: int = TIMEOUT_MS,
) -> Any:
    """A `KafkaAdminClient`, to be closed by the caller. Raises `AdminError` if nobody answers in time."""
    with warnings.catch_warnings():
        # kafka-python 3.0 reads its schemas by a function that Python calls deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        from kafka.admin import KafkaAdminClient  # noqa: PLC0415 - within the warning's filter
        from kafka.errors import KafkaError  # noqa: PLC0415
        from kafka.net.compat import KafkaNetClient  # noqa: PLC0415
    made: list[Any] = []

    def client(**config: Any) -> Any:
        made.append(KafkaNetClient(**config))
        return made[0]

    try:
        return KafkaAdminClient(
            bootstrap_servers=bootstrap.split(","),
            client_id="wraparound-admin",
            security_protocol=security,
            ssl_cafile=None if ca_file is None else str(ca_file),
            sasl_mechanism="SCRAM-SHA-512",
            sasl_plain_username=user,
            sasl_plain_password=password,
            bootstrap_timeout_ms=timeout_ms,
            request_timeout_ms=timeout_ms,
            kafka_client=client,
        )
    except KafkaError as error:
        # A client that fails to start leaves its connections and its thread behind.
        for failed in made:
            failed.close()
            failed._manager._net.stop()  # noqa: SLF001 - as its own close() does
        raise AdminError(f"Kafka at {bootstrap} does not answer {user}: {type(error).__name__}") from error
