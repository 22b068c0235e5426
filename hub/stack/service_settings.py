"""What a stack tells each of its processes: the settings of one service, as `Settings` or as an environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hub.clock import format_micros
from hub.settings import to_environ, variable
from hub.stack.folder import SandboxTime
from hub.stack.given import GivenKafka
from hub.stack.identities import Identities
from hub.stack.ports import LOOPBACK

SEALER = "sealer"
OURS = (
    *("kafka", "kafka_user", "kafka_password_file", "kafka_security", "kafka_ca_file", "postgres"),
    *("hub_secret_file", "master_key_file", "signing_key_file", "sandbox_keys", "folder", "public_url"),
    *("clock_start", "clock_speed", "clock_anchor", "http_host", "http_port", "partitions", "instance"),
    *("clock_file", "watch_host", "watch_port"),
)
"""What a stack decides, whatever the environment of whoever starts it says."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all services of a stack share."""

    folder: Path
    kafka: GivenKafka
    postgres: str
    http_port: int
    url: str
    partitions: int
    time: SandboxTime | None
    clock_file: Path | None = None

    def of(self, service: str) -> dict[str, object]:
        """The settings of one service, which is its own Kafka principal. The sealer alone has the signing key."""
        keys = Identities(self.folder)
        values: dict[str, object] = {
            "folder": self.folder,
            "sandbox_keys": keys.public_keys,
            "kafka": self.kafka.bootstrap,
            "kafka_user": service,
            "kafka_password_file": keys.kafka_password(service),
            "kafka_security": self.kafka.security,
            "postgres": self.postgres,
            "hub_secret_file": keys.hub_secret,
            "master_key_file": keys.master_key,
            "http_host": LOOPBACK,
            "http_port": self.http_port,
            "public_url": self.url,
            "partitions": self.partitions,
        }
        if service == SEALER:
            values["signing_key_file"] = keys.signing_key
        if self.kafka.ca_file is not None:
            values["kafka_ca_file"] = self.kafka.ca_file
        if self.time is not None:
            values["clock_start"] = format_micros(self.time.start)
            values["clock_speed"] = self.time.speed
            values["clock_anchor"] = format_micros(self.time.anchor)
        if self.clock_file is not None:
            values["clock_file"] = self.clock_file
        return values


def environ(values: Mapping[str, object]) -> dict[str, str]:
    """A child's environment: ours, with these settings in the place of all that a stack decides."""
    decided = {variable(name) for name in OURS}
    base = {name: value for name, value in os.environ.items() if name not in decided}
    return base | to_environ(values)
