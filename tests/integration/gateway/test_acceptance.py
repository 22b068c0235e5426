"""What acceptance makes durable, and what it refuses, on a real database."""

import orjson

from tests.integration.gateway.world import World, event, example, gather, ref, statuses


async def test_event_is_stored_queued_receipted_and_audited_when_its_family_is_known(world: World) -> None:
    await world.open_family("F-1")
    await world.add_member("F-1", ref("P-1"))
    before = await world.count("audit_entry")
    data = {"family": ref("F-1"), "person": ref("P-1"), "rating": "amber", "rated_on": "2026-04-14"}
    headers = {
        **world.bearer("council/chesil"),
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": "risk-1",
        "ce-source": "council/chesil",
        "ce-type": "wraparound.practice.risk_rated.v1",
    }
    answer = await world.http.post("/v1/events", content=orjson.dumps(data), headers=headers)
    assert answer.status_code == 202, answer.text
    receipt = answer.json()["receipt"]
    assert answer.json() == {"receipt": receipt, "state": "received"}
    assert answer.headers["location"] == f"/v1/receipts/{receipt}"
    stored = (await world.events())[-1]
    assert (stored.kind, stored.source, stored.receipt) == ("practice.risk_rated", "council/chesil", receipt)
    assert stored.data["person"] == {"scheme": "hub", "value": await world.person("P-1")}
    assert stored.key == stored.data["family"]["value"]
    assert await world.count("audit_entry") == before + 1 == await world.count("audit_pending")
    kinds = {row[0] for row in await world.rows("SELECT kind FROM audit_entry")}
    assert kinds == {"event.accepted"}
