"""Sends that end: the look just before the write, refusals, partitions, order behind a failure."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka.partitioner import DefaultPartitioner

from hub import producer as module
from hub.kafka import BrokerAwayError
from hub.producer import BATCH_BYTES, Message, Outcome, Producer
from tests.integration.delivery.world import World

TOPIC = "to-s2w-sft"


@pytest.fixture
async def producer(world: World) -> AsyncIterator[Producer]:
    made = Producer(world.settings("delivery"), name="producer-test")
    yield made
    await made.stop()


def message(key: str, value: bytes = b"value", topic: str = TOPIC) -> Message:
    return Message(topic, key.encode(), value, [("ce_id", key.encode())])


async def test_a_request_is_dropped_at_its_socket_when_the_process_stood_still_before_the_write(
    world: World, producer: Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    since = await world.ends()
    await producer.start()
    real, late = module.stopwatch, [0.0]
    monkeypatch.setattr(module, "stopwatch", lambda: real() + late[0])

    async def wait(futures: dict[Any, Any]) -> None:
        # As after a stop between queue and socket: the clock has gone on, and the request is still to be written.
        late[0] = 60.0
        await asyncio.wait(futures.values(), timeout=5)

    monkeypatch.setattr(producer, "_wait", wait)
    (sent,) = await producer.send([message("f1")], seconds=5)
    assert (sent.outcome, sent.reason) == (Outcome.UNSENT, "OverError")
    assert not producer.up
    assert await world.received(since) == []


async def test_the_look_is_taken_at_every_write_when_messages_are_sent(producer: Producer) -> None:
    await producer.send([message(f"f{number}") for number in range(40)], seconds=5)
    assert {topic for topic, _ in producer._written} == {TOPIC}
    assert len(producer._written) == 4


async def test_messages_go_to_the_partition_of_kafkas_own_clients_when_they_have_a_key(
    world: World, producer: Producer
) -> None:
    since = await world.ends()
    await producer.send([message(f"f{number}") for number in range(40)], seconds=5)
    partitioner = DefaultPartitioner()
    for record in await world.received(since):
        assert record.partition == partitioner(record.family_id.encode(), [0, 1, 2, 3], [0, 1, 2, 3])


async def test_what_is_larger_than_a_batch_arrives_in_order_when_it_is_sent_at_once(
    world: World, producer: Producer
) -> None:
    since = await world.ends()
    values = [bytes([number]) * (BATCH_BYTES // 3) for number in range(8)] + [b"\xff" * (BATCH_BYTES + 1_000)]
    results = await producer.send([message("f1", value) for value in values], seconds=5)
    assert {sent.outcome for sent in results} == {Outcome.SENT}
    assert [record.value for record in await world.received(since)] == values


async def test_nothing_behind_a_refused_message_is_sent_when_it_is_of_the_same_partition(
    world: World, producer: Producer
) -> None:
    since = await world.ends()
    huge = b"x" * 12_000_000
    results = await producer.send([message("f1"), message("f1", huge), message("f1", b"last")], seconds=5)
    assert [sent.outcome for sent in results] == [Outcome.SENT, Outcome.REFUSED, Outcome.UNSENT]
    assert [record.value for record in await world.received(since)] == [b"value"]


@pytest.mark.parametrize("topic", ["from-s2w-sft", "no-such-topic"])
async def test_others_are_sent_when_one_topic_is_refused(producer: Producer, topic: str) -> None:
    results = await producer.send([message("f1", topic=topic), message("f1")], seconds=5)
    assert [sent.outcome for sent in results] == [Outcome.REFUSED, Outcome.SENT]


async def test_the_next_send_starts_anew_when_the_last_one_failed(world: World, producer: Producer) -> None:
    since = await world.ends()
    (late,) = await producer.send([message("f1")], seconds=0)
    assert late.outcome is Outcome.UNSENT
    (sent,) = await producer.send([message("f2")], seconds=5)
    assert sent.outcome is Outcome.SENT
    assert [record.family_id for record in await world.received(since)] == ["f2"]


async def test_nobody_answers_when_the_broker_is_not_there(world: World) -> None:
    lost = Producer(world.stack.settings("delivery", postgres=world.dsn, kafka="127.0.0.1:1"), name="lost")
    with pytest.raises(BrokerAwayError):
        await lost.start()
    (sent,) = await lost.send([message("f1")], seconds=5)
    assert sent.outcome is Outcome.UNSENT
