"""Three brokers: what is acknowledged is on two of them, and one may go."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from hub.stack.stack import Stack

pytestmark = pytest.mark.three_brokers

TOPIC = "events"


def _client(stack: Stack, user: str) -> dict[str, str]:
    return {
        "bootstrap_servers": stack.bootstrap,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": user,
        "sasl_plain_password": stack.identities.kafka_password(user).read_text().strip(),
    }


def _leader(stack: Stack) -> int:
    client = stack.admin()
    try:
        (topic,) = client.describe_topics([TOPIC])
        assert {len(partition["replica_nodes"]) for partition in topic["partitions"]} == {3}
        return int(topic["partitions"][0]["leader_id"])
    finally:
        client.close()


async def _read(stack: Stack, count: int) -> list[bytes | None]:
    consumer = AIOKafkaConsumer(**_client(stack, "router"), group_id=None, auto_offset_reset="earliest")
    try:
        await consumer.start()
        consumer.assign([TopicPartition(TOPIC, 0)])
        return [(await asyncio.wait_for(consumer.getone(), 30)).value for _ in range(count)]
    finally:
        await consumer.stop()


async def test_nothing_acknowledged_is_lost_when_the_leader_is_killed(three_brokers: Stack) -> None:
    kafka = three_brokers.kafka
    assert kafka is not None
    leader = _leader(three_brokers)
    producer = AIOKafkaProducer(**_client(three_brokers, "delivery"), acks="all", enable_idempotence=True)
    values = [str(number).encode() for number in range(20)]
    try:
        await producer.start()
        for number, value in enumerate(values):
            if number == 10:
                kafka.kill(leader)
            await asyncio.wait_for(producer.send_and_wait(TOPIC, value, key=b"key", partition=0), 60)
    finally:
        await producer.stop()
    assert _leader(three_brokers) != leader
    assert await _read(three_brokers, len(values)) == values
    kafka.restart(leader)
    assert set(kafka.pids) == {1, 2, 3}
