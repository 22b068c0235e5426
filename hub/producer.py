"""Sends that end: whole batches, in order per partition, each record with its outcome.

Idempotent, acknowledged by all replicas, partitioned by murmur2 of the key as Kafka's own clients do. Of each
record it says whether it was acknowledged, refused, never written, or nobody can know; and nothing is written
to a socket after a send's deadline (STREAMING.md section 4).
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from aiokafka.partitioner import murmur2
from aiokafka.protocol.produce import ProduceRequest

from hub.kafka import BrokerAwayError, connection
from hub.settings import Settings

BATCH_BYTES: Final = 512 * 1024
REQUEST_MS: Final = 10_000
METADATA_SECONDS: Final = 2.0

Headers = Sequence[tuple[str, bytes]]
Partition = tuple[str, int]

# Answers by which a broker says that it has not appended the records.
_REFUSALS: Final = (
    InvalidTopicError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)


class OverError(KafkaError):  # type: ignore[misc]  # aiokafka ships no types
    """A request came to its socket after its deadline, and was dropped."""

    retriable = False


class Outcome(Enum):
    """What became of a record. UNKNOWN counts as released: it may have been appended."""

    SENT = "sent"
    REFUSED = "refused"
    UNSENT = "unsent"
    UNKNOWN = "unknown"


# A member looked up on its class costs a microsecond, and this is asked of every delivery.
_SENT, _UNKNOWN = Outcome.SENT, Outcome.UNKNOWN


@dataclass(frozen=True, slots=True)
class Message:
    """A record to produce."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


@dataclass(frozen=True, slots=True)
class Sent:
    """The outcome of one message; `reason` is a code, empty when it was sent."""

    outcome: Outcome
    reason: str = ""

    @property
    def released(self) -> bool:
        """Whether it left, or may have left."""
        return self.outcome is _SENT or self.outcome is _UNKNOWN


def stopwatch() -> float:
    """Machine seconds that go on while the process is stopped and, where Linux has it, the machine asleep."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@lru_cache(maxsize=100_000)
def _hash(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF


class _Looked(ProduceRequest):  # type: ignore[misc]  # aiokafka ships no types
    """A request that is looked at when it is built: its connection does that just before the write."""

    look: Callable[[list[Partition]], None]

    def build(self, request_struct_class: Any) -> Any:
        self.look([(topic, partition) for topic, parts in self._topics for partition, _ in parts])
        return super().build(request_struct_class)


class Producer:
    """Sends messages, in order per partition, one call of `send` at a time.

    After any failure the connection, its queue and its producer id are thrown away: what had not been written
    never will be, and the next `send` starts anew.
    """

    def __init__(self, settings: Settings, *, name: str) -> None:
        self._settings = settings
        self._name = name
        self._producer: Any = None
        self._partitions: dict[str, int] = {}
        self._deadline = 0.0
        self._written: set[Partition] = set()

    @property
    def up(self) -> bool:
        """Whether the last thing that happened was not a failure."""
        return self._producer is not None

    async def start(self) -> None:
        """Connect, if not connected. Raises `BrokerAwayError`."""
        if self._producer is not None:
            return
        producer = AIOKafkaProducer(
            **connection(self._settings),
            client_id=self._name,
            acks="all",
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=REQUEST_MS,
            retry_backoff_ms=50,
        )
        send = producer.client.send

        async def looked(node_id: int, request: Any, **rest: Any) -> Any:
            if type(request) is ProduceRequest:
                request.__class__ = _Looked
                request.look = self._look
            return await send(node_id, request, **rest)

        producer.client.send = looked
        try:
            await asyncio.wait_for(producer.start(), REQUEST_MS / 1000)
        except (KafkaError, OSError, TimeoutError) as error:
            await _drop(producer)
            raise BrokerAwayError(f"Kafka is away: {type(error).__name__}") from error
        except BaseException:  # cancelled as well: a client half started is closed
            await _drop(producer)
            raise
        self._partitions.clear()
        self._producer = producer

    async def stop(self) -> None:
        """Disconnect. Nothing is flushed: `send` leaves nothing behind."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _drop(producer)

    def _look(self, partitions: list[Partition]) -> None:
        if stopwatch() >= self._deadline:
            raise OverError
        self._written.update(partitions)

    async def send(self, messages: Sequence[Message], *, seconds: float) -> list[Sent]:
        """Produce and wait until each message has its outcome, in the order given.

        Nothing is written after `seconds`; what was written before is waited for a little longer. Of a
        partition in which a batch failed, nothing behind it is sent.
        """
        self._deadline = stopwatch() + seconds
        outcomes: list[Sent] = [Sent(Outcome.UNSENT, "away")] * len(messages)
        try:
            await self.start()
            queues = await self._place(messages, outcomes)
            while queues:
                queues = await self._round(messages, queues, outcomes)
        except BrokerAwayError:
            return outcomes
        finally:
            if any(sent.outcome is not Outcome.SENT for sent in outcomes):
                await self.stop()
        return outcomes

    async def _place(self, messages: Sequence[Message], outcomes: list[Sent]) -> dict[Partition, list[int]]:
        """The places of the messages, by partition; a topic that is not there or not ours is refused."""
        queues: dict[Partition, list[int]] = {}
        refused: dict[str, Sent] = {}
        for place, message in enumerate(messages):
            topic = message.topic
            if topic not in self._partitions and topic not in refused:
                refusal = await self._find(topic)
                if refusal is not None:
                    refused[topic] = refusal
            if topic in refused:
                outcomes[place] = refused[topic]
                continue
            partition = _hash(message.key) % self._partitions[topic]
            queues.setdefault((topic, partition), []).append(place)
        return queues

    async def _find(self, topic: str) -> Sent | None:
        try:
            found = await asyncio.wait_for(self._producer.partitions_for(topic), METADATA_SECONDS)
        except _REFUSALS as error:
            return Sent(Outcome.REFUSED, type(error).__name__)
        except TimeoutError as error:
            if not await self._producer.client.force_metadata_update():
                raise BrokerAwayError("Kafka is away: no metadata") from error
            return Sent(Outcome.REFUSED, UnknownTopicOrPartitionError.__name__)
        except (KafkaError, OSError) as error:
            raise BrokerAwayError(f"Kafka is away: {type(error).__name__}") from error
        self._partitions[topic] = len(found)
        return None

    async def _round(
        self, messages: Sequence[Message], queues: dict[Partition, list[int]], outcomes: list[Sent]
    ) -> dict[Partition, list[int]]:
        """Send one batch of each partition; what is left over of those that went well."""
        waiting: dict[Partition, tuple[Any, list[int]]] = {}
        left: dict[Partition, list[int]] = {}
        self._written = set()
        for partition, places in queues.items():
            builder = self._producer.create_batch()
            taken = 0
            for place in places:
                message = messages[place]
                if (
                    builder.append(
                        key=message.key, value=message.value, timestamp=None, headers=message.headers
                    )
                    is None
                ):
                    break
                taken += 1
            builder.close()
            left[partition] = places[taken:]
            future = await self._producer.send_batch(builder, partition[0], partition=partition[1])
            waiting[partition] = (future, places[:taken])
        await self._wait({partition: future for partition, (future, _) in waiting.items()})
        for partition, (future, places) in waiting.items():
            sent = self._outcome(partition, future)
            for place in places:
                outcomes[place] = sent
            if sent.outcome is not Outcome.SENT:
                del left[partition]
        return {partition: places for partition, places in left.items() if places}

    async def _wait(self, futures: dict[Partition, Any]) -> None:
        await asyncio.wait(futures.values(), timeout=max(0.0, self._deadline - stopwatch()))
        open_ended = [futures[partition] for partition in self._written if not futures[partition].done()]
        if open_ended:
            await asyncio.wait(open_ended, timeout=REQUEST_MS / 1000)

    def _outcome(self, partition: Partition, future: Any) -> Sent:
        if not future.done():
            future.add_done_callback(_forget)
            error: BaseException | None = TimeoutError()
        else:
            error = future.exception()
        if error is None:
            return Sent(Outcome.SENT)
        reason = type(error).__name__
        if isinstance(error, _REFUSALS):
            return Sent(Outcome.REFUSED, reason)
        return Sent(Outcome.UNKNOWN if partition in self._written else Outcome.UNSENT, reason)


def _forget(future: Any) -> None:
    """Take an outcome that nobody waits for any more."""
    if not future.cancelled():
        future.exception()


async def _drop(producer: Any) -> None:
    """Stop a producer at once, whatever it still holds."""
    # Its own `stop` waits until what is queued was sent: the one thing that must not happen.
    producer._closed = True  # noqa: SLF001
    task = producer._sender.sender_task  # noqa: SLF001
    if task is not None:
        task.cancel()
    # Closing the sockets ends the requests in flight, which the cancelled task waits for.
    with suppress(KafkaError, OSError, TimeoutError):
        await asyncio.wait_for(producer.client.close(), 2.0)
    if task is not None:
        with suppress(asyncio.CancelledError, KafkaError, TimeoutError):
            await asyncio.wait_for(task, 2.0)
