"""What is counted in the database, and who may see it."""

import re

from hub.clock import HOUR
from tests.integration.gateway.world import World, ref

ENGINEERS = "hub/operations"


def value(text: str, name: str) -> float:
    found = re.search(rf"^wraparound_{re.escape(name)} (\S+)$", text, re.MULTILINE)
    assert found is not None, name
    return float(found[1])


async def test_queues_tasks_and_ages_are_counted_when_the_engineers_ask(world: World) -> None:
    await world.open_family()
    await world.publish("child.status_changed", {"person": ref("nobody"), "status": "cin"})
    async with world.connection() as conn:
        await conn.execute(
            "INSERT INTO task (task_id, kind, key, owner, opened_at, due_at, reason)"
            " VALUES (gen_random_uuid(), 'held', 'k', 'council/chesil', 1, 2, 'test')"
        )
    world.clock.advance(HOUR)
    answer = await world.get("/metrics", ENGINEERS)
    assert answer.headers["content-type"].startswith("text/plain")
    assert value(answer.text, "outbox_rows") == 1
    assert value(answer.text, "outbox_oldest_seconds") == 3600
    assert value(answer.text, 'waiting_events{reason="unidentified"}') == 1
    assert value(answer.text, 'tasks{kind="held"}') == 1
    assert value(answer.text, 'tasks_overdue{kind="held"}') == 1
    assert value(answer.text, "audit_pending") >= 2


async def test_requests_are_counted_by_route_and_never_by_path(world: World) -> None:
    await world.get("/v1/receipts/00000000-0000-8000-8000-000000000000", ENGINEERS)
    text = (await world.get("/metrics", ENGINEERS)).text
    assert 'route="/v1/receipts/{receipt}"' in text
    assert "00000000-0000-8000" not in text


async def test_metrics_are_not_there_when_a_partner_asks(world: World) -> None:
    answers = [
        await world.get("/metrics", "probation/perp"),
        await world.get("/metrics", "council/ig"),
        await world.get("/nothing", "council/ig"),
    ]
    assert {(each.status_code, each.content) for each in answers} == {(404, answers[0].content)}
    assert (await world.http.get("/metrics")).status_code == 401
