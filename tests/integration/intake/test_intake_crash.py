"""The intake through kill -9 and a second gateway: no record lost, none twice, every offset with one fate."""

import pytest

from tests.integration.gateway.world import Process
from tests.integration.intake.world import Kafka, opened


@pytest.mark.parametrize("crash_at", ["intake.before_commit:2", "intake.after_commit:2"])
async def test_each_event_stands_once_when_the_gateway_is_killed_at_its_commit(
    world: Kafka, process: Process, crash_at: str
) -> None:
    process.crash_at = crash_at
    process.start()
    await world.send([opened(f"F-{number}") for number in range(20)])
    await world.accounted(20)
    await world.send([opened(f"F-{number}") for number in range(10, 40)])
    assert process.wait() == -9
    process.crash_at = ""
    process.start()
    await world.accounted(50)
    assert await world.count("receipt") == await world.count("event") == 40
    assert await world.covered() == {"done": 40, "duplicate": 10}


async def test_another_gateway_goes_on_when_the_one_that_reads_is_killed(
    world: Kafka, process: Process
) -> None:
    process.start()
    async with world.reading():
        await world.send([opened(f"F-{number}") for number in range(5)])
        await world.accounted(5)
        process.child.kill()
        process.wait()
        await world.send([opened(f"F-{number}") for number in range(5, 10)])
        await world.accounted(10)
    assert await world.count("event") == 10
    assert await world.covered() == {"done": 10}


async def test_connections_cut_in_the_middle_lose_nothing(world: Kafka) -> None:
    async with world.reading():
        for number in range(12):
            await world.send([opened(f"F-{number}")])
            await world.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name IN ('gateway', 'intake') AND datname = current_database()"
            )
        await world.accounted(12)
    assert await world.count("event") == 12
    assert await world.covered() == {"done": 12}
