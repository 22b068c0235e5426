"""Kafka read from outside, with kafka-python and the brokers' own account: none of the hub's clients."""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hub.kafka import BrokerAwayError
from hub.stack.stack import Stack

ANSWER_MS = 300_000
"""A broker on a busy machine may take its time."""


@dataclass(frozen=True, slots=True)
class Message:
    """A record as it lies in a partition. `at` is when its producer made it, in milliseconds."""

    topic: str
    partition: int
    offset: int
    at: int
    key: str
    value: bytes
    headers: dict[str, str]
    raw_headers: bytes

    @property
    def id(self) -> str:
        """The event's or the delivery's id."""
        return self.headers.get("ce_id", "")


@contextmanager
def _consumer(stack: Stack) -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from kafka import KafkaConsumer
        from kafka.errors import KafkaError

        assert stack.kafka is not None
        user, password = stack.kafka.admin_credentials
        consumer = KafkaConsumer(
            bootstrap_servers=stack.bootstrap.split(","),
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="SCRAM-SHA-512",
            sasl_plain_username=user,
            sasl_plain_password=password,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=8 << 20,
            check_crcs=True,
        )
        try:
            yield consumer
        except KafkaError as error:
            raise BrokerAwayError(f"Kafka is away: {type(error).__name__}") from error
        finally:
            consumer.close()


def _partitions(consumer: Any, topics: Iterable[str]) -> list[Any]:
    from kafka import TopicPartition

    return [
        TopicPartition(topic, partition)
        for topic in topics
        for partition in sorted(consumer.partitions_for_topic(topic) or ())
    ]


def ends(stack: Stack, topics: Iterable[str]) -> dict[tuple[str, int], int]:
    """The end offset of each partition."""
    with _consumer(stack) as consumer:
        found = consumer.end_offsets(_partitions(consumer, topics), timeout_ms=ANSWER_MS)
        return {(tp.topic, tp.partition): int(offset) for tp, offset in found.items()}


def read(stack: Stack, topics: Iterable[str]) -> list[Message]:
    """Everything in these topics, each partition in its order."""
    messages: list[Message] = []
    with _consumer(stack) as consumer:
        partitions = _partitions(consumer, topics)
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends_at = consumer.end_offsets(partitions, timeout_ms=ANSWER_MS)
        while any(consumer.position(tp) < ends_at[tp] for tp in partitions):
            for tp, records in consumer.poll(timeout_ms=500, max_records=5000).items():
                messages += [_message(tp, record) for record in records]
    return sorted(messages, key=lambda message: (message.topic, message.partition, message.offset))


def _message(tp: Any, record: Any) -> Message:
    return Message(
        topic=tp.topic,
        partition=tp.partition,
        offset=record.offset,
        at=record.timestamp,
        key=(record.key or b"").decode(errors="replace"),
        value=record.value or b"",
        headers={name: (value or b"").decode(errors="replace") for name, value in record.headers},
        raw_headers=b"|".join(name.encode() + b"=" + (value or b"") for name, value in record.headers),
    )
