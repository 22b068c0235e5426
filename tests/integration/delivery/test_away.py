"""Servers that go away and come back, an owner that is stopped too long, two owners by mistake."""

import asyncio
import logging
import signal
from collections import Counter

import pytest

from hub.producer import Message, Outcome, Producer
from hub.stack.stack import Stack
from tests.integration.delivery.process import (
    Feed,
    attempts_named,
    feeding,
    first_seen,
    log_events,
    running,
    spawn,
    unrecorded,
    until_done,
    until_some,
)
from tests.integration.delivery.world import Queued, World


async def check(world: World, feed: Feed, since: dict[int, int]) -> Counter[str]:
    """Everything arrived, in order, each receipt with its record; how often each was received."""
    received = await world.received(since)
    assert first_seen(received) == feed.wanted
    assert unrecorded(received, await attempts_named(world)) == Counter()
    return Counter(record.delivery_id for record in received)


async def test_deliveries_wait_and_go_on_when_the_broker_was_away(world: World, stack: Stack) -> None:
    assert stack.kafka is not None
    since = await world.ends()
    async with running(world):
        async with feeding(world) as feed:
            await until_some(world)
            stack.kafka.kill()
            await asyncio.sleep(2)
            stack.kafka.restart()
            await asyncio.sleep(1)
        await until_done(world)
    await check(world, feed, since)
    # An outage is nobody's fault: nothing came nearer to its death by it.
    assert await world.one("SELECT max(tries) FROM delivery") == 0
    assert await world.one("SELECT count(*) FROM task") == 0


async def test_deliveries_wait_and_go_on_when_the_database_was_away(world: World, stack: Stack) -> None:
    assert stack.postgres is not None
    since = await world.ends()
    rules = await world.rules()
    feed = Feed(world)
    async with running(world) as process:
        for _ in range(3):
            items = [Queued(number, rules=rules) for number in range(4)]
            for item, delivery_id in zip(items, await world.put(*items), strict=True):
                feed.wanted[world.family(item.family)].append(delivery_id)
            await asyncio.sleep(0.4)
            await world.close()
            stack.postgres.kill()
            await asyncio.sleep(0.5)
            stack.postgres.restart()
            assert process.returncode is None
        await until_done(world)
    await check(world, feed, since)


async def test_one_line_is_logged_for_each_change_when_the_broker_comes_and_goes(
    world: World, stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    assert stack.kafka is not None
    relay = world.relay()
    stopping = asyncio.Event()
    running_relay = asyncio.ensure_future(relay.run(stopping))
    await asyncio.sleep(1)
    with caplog.at_level(logging.WARNING, logger="wraparound"):
        stack.kafka.kill()
        await world.put(Queued(1))
        await asyncio.sleep(3)
        stack.kafka.restart()
        await until_done(world)
    stopping.set()
    await running_relay
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("wraparound")]
    assert len(lines) == 2, lines
    assert "away" in lines[0]
    assert "goes on" in lines[1]


async def test_order_and_records_hold_when_the_owner_is_stopped_longer_than_an_attempt(world: World) -> None:
    since = await world.ends()
    process = await spawn(world)
    async with feeding(world) as feed:
        await until_some(world)
        process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(5.6)
        process.send_signal(signal.SIGCONT)
        await asyncio.sleep(1)
    await until_done(world)
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 20) == 0
    await check(world, feed, since)


async def test_each_delivery_arrives_once_when_two_processes_run_by_mistake(
    world: World, stack: Stack
) -> None:
    since = await world.ends()
    log_since = await world.ends_of("events", "router")
    async with running(world), running(world), feeding(world) as feed:
        ids = [event_id for step in range(20) for event_id in await log_events(world, step % 3, 2)]
        await asyncio.sleep(3)
        feed.stop()
        await until_done(world)
    received = await check(world, feed, since)
    assert set(received.values()) == {1}
    logged = await world.received_of("events", "router", log_since)
    assert Counter(record.delivery_id for record in logged) == Counter(ids)


@pytest.mark.three_brokers
async def test_records_of_a_partition_stay_in_order_when_its_leader_is_killed(three_brokers: Stack) -> None:
    producer = Producer(three_brokers.settings("delivery"), name="leader-test")
    sent: list[int] = []
    killed = False
    for number in range(400):
        message = Message("to-s2w-sft", b"family", str(number).encode(), [("ce_id", str(number).encode())])
        outcome = Outcome.UNSENT
        while outcome is not Outcome.SENT:
            (result,) = await producer.send([message], seconds=5.0)
            outcome = result.outcome
            assert outcome is not Outcome.REFUSED
        sent.append(number)
        if number == 200 and not killed:
            assert three_brokers.kafka is not None
            three_brokers.kafka.kill(1)
            killed = True
    await producer.stop()
    world = World(three_brokers, three_brokers.dsn)
    records = await world.received(dict.fromkeys(range(4), 0))
    await world.close()
    order = list(dict.fromkeys(int(record.value) for record in records))
    assert order == sent
