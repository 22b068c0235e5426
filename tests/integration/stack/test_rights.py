"""The local stack as its users meet it: rights, passwords, restarts, a killed server."""

import json
import stat
from pathlib import Path

import psycopg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    TopicAuthorizationFailedError,
)

from hub.clock import parse_micros
from hub.led_clock import ClockHand
from hub.stack import access
from hub.stack.folder import InUseError
from hub.stack.stack import Stack


def _client(stack: Stack, user: str, password: str | None = None) -> dict[str, str]:
    secret = stack.identities.kafka_password(user).read_text().strip() if password is None else password
    return {
        "bootstrap_servers": stack.bootstrap,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": user,
        "sasl_plain_password": secret,
    }


async def _publish(stack: Stack, user: str, topic: str, *, idempotent: bool = True) -> None:
    """`idempotent` needs the right to write some topic: who has none is refused before it names one."""
    producer = AIOKafkaProducer(**_client(stack, user), acks="all", enable_idempotence=idempotent)
    try:
        await producer.start()
        await producer.send_and_wait(topic, b"value", key=b"key")
    finally:
        await producer.stop()


async def _read(stack: Stack, user: str, topic: str, group: str) -> bytes | None:
    consumer = AIOKafkaConsumer(topic, **_client(stack, user), group_id=group, auto_offset_reset="earliest")
    try:
        await consumer.start()
        found = await consumer.getmany(timeout_ms=10_000, max_records=1)
        return next((records[0].value for records in found.values()), None)
    finally:
        await consumer.stop()


async def test_a_desk_publishes_to_its_own_topic_when_it_has_its_password(stack: Stack) -> None:
    await _publish(stack, "s2w-sft", "from-s2w-sft")
    assert await _read(stack, "gateway", "from-s2w-sft", "gateway") == b"value"


@pytest.mark.parametrize("topic", ["events", "people", "from-reach-sft", "to-s2w-sft"])
async def test_a_desk_is_refused_when_it_publishes_elsewhere(stack: Stack, topic: str) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        await _publish(stack, "s2w-sft", topic)


async def test_a_desk_reads_its_deliveries_when_its_group_bears_its_name(stack: Stack) -> None:
    await _publish(stack, "delivery", "to-paragon-victim")
    for group in ("paragon-victim", "paragon-victim.reports"):
        assert await _read(stack, "paragon-victim", "to-paragon-victim", group) == b"value"


async def test_a_desk_is_refused_when_it_reads_what_is_for_another(stack: Stack) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        await _read(stack, "probation-perp", "to-paragon-victim", "probation-perp")


async def test_a_desk_is_refused_when_it_joins_the_group_of_another(stack: Stack) -> None:
    with pytest.raises(GroupAuthorizationFailedError):
        await _read(stack, "probation-perp", "to-probation-perp", "paragon-victim")


@pytest.mark.parametrize(
    ("service", "topic"), [("router", "to-s2w-sft"), ("gateway", "events"), ("engineer", "events")]
)
async def test_a_service_is_refused_when_it_writes_what_is_not_its_work(
    stack: Stack, service: str, topic: str
) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        await _publish(stack, service, topic, idempotent=False)


async def test_nobody_gets_in_when_the_password_is_wrong(stack: Stack) -> None:
    producer = AIOKafkaProducer(**_client(stack, "s2w-sft", "not it"))
    with pytest.raises(KafkaConnectionError):
        await producer.start()
    await producer.stop()


def test_topics_and_rights_are_the_table_when_the_stack_is_up(stack: Stack) -> None:
    client = stack.admin()
    try:
        found = {topic["name"]: len(topic["partitions"]) for topic in client.describe_topics()}
        users = set(client.describe_user_scram_credentials())
    finally:
        client.close()
    wanted = access.topics(stack.desks)
    assert {name: found[name] for name in wanted} == wanted
    assert users == {"broker", *access.SERVICES, *(access.principal(desk) for desk in stack.desks)}


def test_secrets_are_their_owners_alone_when_the_stack_is_up(stack: Stack) -> None:
    private = [path for path in stack.identities.secrets.rglob("*") if path.is_file()]
    private += list(stack.identities.sandbox.glob("*.pem"))
    private += [stack.folder / "kafka" / "admin.password", stack.folder / "postgres" / "passfile"]
    private += list((stack.folder / "kafka").rglob("server.properties"))
    assert len(private) > 2 * len(stack.desks)
    assert [path for path in private if stat.S_IMODE(path.stat().st_mode) & 0o077] == []
    for key in (stack.identities.master_key, stack.identities.signing_key):
        assert stat.S_IMODE(key.stat().st_mode) == 0o400


def test_no_secret_is_described_or_logged_when_the_stack_is_up(stack: Stack) -> None:
    secrets = [path.read_text().strip() for path in stack.identities.secrets.rglob("*") if path.is_file()]
    secrets += [
        (stack.folder / "kafka" / name).read_text().strip()
        for name in ("admin.password", "controller.password")
    ]
    secrets.append((stack.folder / "postgres" / "password").read_text().strip())
    shown = (stack.folder / "stack.json").read_text()
    shown += "".join(log.read_text(errors="replace") for log in (stack.folder / "logs").glob("*.log"))
    shown += "".join(
        profile.read_text() for profile in (stack.identities.sandbox / "profiles").glob("*.json")
    )
    assert [secret[:4] for secret in secrets if secret in shown] == []


def test_a_second_owner_is_told_whom_the_folder_belongs_to_when_it_starts(stack: Stack) -> None:
    with pytest.raises(InUseError, match="in use by process"):
        Stack(stack.folder).start()
    assert json.loads((stack.folder / "stack.json").read_text())["kafka"] == stack.bootstrap


def test_the_database_refuses_when_no_password_is_given(stack: Stack) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(stack.dsn.partition("?")[0], passfile="/dev/null")


def test_each_test_has_its_own_database_when_it_asks_for_one(stack: Stack, database: str) -> None:
    assert database != stack.dsn
    with psycopg.connect(database) as connection:
        version = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert version is not None


def test_topics_are_empty_when_they_were_forgotten(clean_stack: Stack) -> None:
    from kafka import TopicPartition
    from kafka.admin import OffsetSpec

    client = clean_stack.admin()
    try:
        ends = client.list_partition_offsets(
            {TopicPartition("from-s2w-sft", number): OffsetSpec.LATEST for number in range(4)}
        )
    finally:
        client.close()
    assert {getattr(end, "offset", end) for end in ends.values()} == {0}


def test_what_was_committed_is_there_when_the_servers_are_killed(tmp_path: Path) -> None:
    """SIGKILL of PostgreSQL and of the broker, each started again on its old port; then a whole restart."""
    led = Stack(tmp_path, desks=["council/west"], partitions=3)
    led.clock_file = tmp_path / "clock"
    ClockHand(led.clock_file, parse_micros("2023-06-01T09:00:00Z"))
    with led as stack:
        assert stack.postgres is not None
        assert stack.kafka is not None
        with psycopg.connect(stack.dsn) as connection:
            connection.execute("CREATE TABLE kept (n int)")
            connection.execute("INSERT INTO kept VALUES (1)")
        first = (stack.dsn, stack.bootstrap, stack.url, stack.identities.hub_secret.read_text())
        stack.postgres.kill()
        stack.postgres.restart()
        stack.kafka.kill()
        assert stack.kafka.pids == {}
        stack.kafka.restart()
        with psycopg.connect(stack.dsn) as connection:
            assert connection.execute("SELECT n FROM kept").fetchone() == (1,)
        environ = stack.environ("router")
    # Other partitions would be another place for the next event of a family, and another clock another time.
    with Stack(tmp_path, desks=["council/west"]) as stack:
        assert (stack.dsn, stack.bootstrap, stack.url, stack.identities.hub_secret.read_text()) == first
        assert stack.environ("router") == environ
        client = stack.admin()
        try:
            assert "to-council-west" in client.list_topics()
        finally:
            client.close()
