"""The floor: aiokafka, a transaction a batch, hand-packed COPY, batches produced whole, the mark with the next one."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import psycopg
from aiokafka import AIOKafkaConsumer

from bench.peers.work import Work, Worked
from hub import garbage
from hub.copying import Rows
from hub.kafka import connection
from hub.producer import Message, Producer
from hub.schemas import Catalogue
from hub.settings import ROOT, Settings

BATCH = 2_000


def settings(env: dict[str, str]) -> Settings:
    """What the hub's own producer needs to know."""
    return Settings(
        kafka=env["PEER_KAFKA"],
        kafka_user=env["PEER_USER"],
        kafka_password_file=Path(env["PEER_PASSWORD_FILE"]),
    )


async def store(
    conn: psycopg.AsyncConnection, worked: Sequence[Worked], marks: Sequence[bytes], ends: dict[int, int]
) -> None:
    """Everything of a batch, and the mark of the one before, in one transaction."""
    deliveries = Rows("peer_delivery", ("id", "topic", "event_id", "body"))
    audit = Rows("peer_audit", ("id", "entry"))
    for each in worked:
        audit.add(each.event_id.bytes, each.audit)
        for one in each.deliveries:
            deliveries.add(one.id.bytes, one.topic.encode(), each.event_id.bytes, one.body)
    states = {each.key: each.state for each in worked}
    async with conn.transaction():
        for partition, end in ends.items():
            await conn.execute(
                "INSERT INTO peer_position VALUES (%s, %s) ON CONFLICT (partition) DO UPDATE SET next_offset = %s",
                (partition, end, end),
            )
        await conn.execute(
            "INSERT INTO peer_state SELECT * FROM unnest(%s::uuid[], %s::bytea[])"
            " ON CONFLICT (key) DO UPDATE SET state = EXCLUDED.state",
            (list(states), list(states.values())),
            binary=True,
        )
        await deliveries.write(conn)
        await audit.write(conn)
        if marks:
            ids = "{" + ",".join(each.hex() for each in marks) + "}"
            await conn.execute(
                "UPDATE peer_delivery SET status = 'delivered' WHERE id = ANY(%s::uuid[])", (ids,)
            )
        await conn.execute(
            "UPDATE peer_done SET events = events + %s, deliveries = deliveries + %s",
            (len(worked), len(marks)),
        )


async def run(env: dict[str, str]) -> None:
    """Until a signal."""
    told = settings(env)
    consumer = AIOKafkaConsumer(
        "events",
        **connection(told),
        group_id=env["PEER_GROUP"],
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    producer, work = Producer(told, name="peer"), Work(Catalogue.load(ROOT / "schemas"))
    garbage.rarely()
    await consumer.start()
    await producer.start()
    marks: list[bytes] = []
    async with await psycopg.AsyncConnection.connect(
        env["PEER_POSTGRES"], autocommit=True, prepare_threshold=1
    ) as conn:
        while True:
            fetched = await consumer.getmany(timeout_ms=50, max_records=BATCH)
            records = [record for batch in fetched.values() for record in batch]
            if not records and not marks:
                continue
            worked = [work.of(each.key, each.value, dict(each.headers)) for each in records]
            await store(
                conn, worked, marks, {tp.partition: batch[-1].offset + 1 for tp, batch in fetched.items()}
            )
            messages = [
                Message(one.topic, record.key, one.body, [("ce_id", str(one.id).encode())])
                for record, each in zip(records, worked, strict=True)
                for one in each.deliveries
            ]
            await producer.send(messages, seconds=30.0)
            marks = [one.id.bytes for each in worked for one in each.deliveries]


def main() -> None:
    """Run until a signal."""
    asyncio.run(run(dict(os.environ)))


if __name__ == "__main__":
    main()
