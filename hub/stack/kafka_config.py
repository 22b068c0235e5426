"""What a broker of ours is told: KRaft, accounts and the authorizer on (STREAMING.md sections 1, 6). Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hub.stack.ports import LOOPBACK

ADMIN = "broker"
"""The brokers' own account, the only super-user; administration uses it, no service does."""

LISTENER = "SASL_PLAINTEXT"
MECHANISM = "SCRAM-SHA-512"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"

LARGEST_BATCH = 4 << 20
"""Bytes. An event of 1 MiB passes with its headers, in the batch of its producer."""

COMMON: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": f"CONTROLLER:SASL_PLAINTEXT,{LISTENER}:SASL_PLAINTEXT",
    "inter.broker.listener.name": LISTENER,
    "sasl.enabled.mechanisms": MECHANISM,
    "sasl.mechanism.inter.broker.protocol": MECHANISM,
    "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
    "sasl.mechanism.controller.protocol": "PLAIN",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": f"User:{ADMIN}",
    "allow.everyone.if.no.acl.found": "false",
    "auto.create.topics.enable": "false",
    "unclean.leader.election.enable": "false",
    "message.max.bytes": str(LARGEST_BATCH),
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",
}
"""The same wherever a broker of this project runs, also in docker-compose.yml."""

SMALL: Mapping[str, str] = {
    # The log cleaner takes 128 MB of heap otherwise, for the few records of __consumer_offsets.
    "log.cleaner.dedupe.buffer.size": str(4 << 20),
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    # A killed broker that comes back waits for its old session to end: 9 s by default.
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "3000",
    "controlled.shutdown.enable": "true",
}
"""For brokers that share a laptop with everything else."""


@dataclass(frozen=True, slots=True)
class Node:
    """One broker, which is a controller too."""

    id: int
    broker_port: int
    controller_port: int


def server_properties(
    node: Node, nodes: Sequence[Node], *, data: str, admin_password: str, controller_password: str
) -> dict[str, str]:
    """Every property of one broker of the cluster `nodes`. Holds passwords: for the owner's eyes only."""
    copies = 3 if len(nodes) >= 3 else 1
    synced = 2 if copies == 3 else 1
    own = {
        "node.id": str(node.id),
        # Voters are named here, not in the log, so that ports may change between runs.
        "controller.quorum.voters": ",".join(f"{n.id}@{LOOPBACK}:{n.controller_port}" for n in nodes),
        "listeners": f"{LISTENER}://{LOOPBACK}:{node.broker_port},CONTROLLER://{LOOPBACK}:{node.controller_port}",
        "advertised.listeners": f"{LISTENER}://{LOOPBACK}:{node.broker_port}",
        "log.dirs": data,
        "listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config": (
            f'{SCRAM} required username="{ADMIN}" password="{admin_password}";'
        ),
        "listener.name.controller.plain.sasl.jaas.config": (
            f'{PLAIN} required username="{ADMIN}" password="{controller_password}" '
            f'user_{ADMIN}="{controller_password}";'
        ),
    }
    replication = {
        "default.replication.factor": str(copies),
        "min.insync.replicas": str(synced),
        "offsets.topic.replication.factor": str(copies),
        "transaction.state.log.replication.factor": str(copies),
        "transaction.state.log.min.isr": str(synced),
        "share.coordinator.state.topic.replication.factor": str(copies),
        "share.coordinator.state.topic.min.isr": str(synced),
    }
    return {**COMMON, **SMALL, **own, **replication}


def render(properties: Mapping[str, str]) -> str:
    """The file's text. Values of ours hold no backslash and no line break."""
    return "".join(f"{name}={value}\n" for name, value in properties.items())
