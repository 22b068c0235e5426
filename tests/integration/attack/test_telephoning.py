"""A section 47 enquiry that reaches no desk of a suspended agency is told by telephone (RULES.md 4.11)."""

from typing import Any

import httpx

from services.referral_router.composition import assemble
from services.referral_router.telephoning import telephone
from tests.integration.attack.hub import CHESIL, IG, S2W, WEST, Hub
from tests.integration.gateway.world import ref

SUSPENDED, RESUMED = "hub.agency_suspended", "hub.agency_resumed"


async def look(hub: Hub) -> int:
    """The timer looks once."""
    parts = assemble(hub.stack.settings("router", postgres=hub.dsn))
    async with hub.database.transaction() as conn:
        found = await telephone(conn, parts, hub.clock.now())
    await parts.database.close()
    return found


async def held(hub: Hub) -> None:
    """S2w supports V, whose child comes under an enquiry while s2w is suspended."""
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await hub.support("F-1", "V", S2W)
    await hub.relay(S2W, CHESIL)
    await hub.tell(SUSPENDED, {"agency": "s2w"}, desk=IG)
    assert await look(hub) == 0
    enquiry = {"family": ref("F-1"), "children": [ref("K")], "enquiry": "E-1"}
    await hub.tell("child.section_47_started", enquiry)
    await hub.tell("child.status_changed", {"family": ref("F-1"), "person": ref("K"), "status": "cin"})
    await hub.settle()


async def tasks(hub: Hub) -> list[dict[str, Any]]:
    """What is to be telephoned, as the lead reads it."""
    listed = (await hub.get("/v1/tasks", CHESIL)).json()["tasks"]
    return [each for each in listed if each["reason"] == "agency_suspended"]


async def act(hub: Hub, task: str, action: str, desk: str, given: Any = None) -> httpx.Response:
    headers = hub.bearer(desk, subject="Robin", purpose="operate", reason="s2w was telephoned")
    return await hub.http.post(f"/v1/tasks/{task}/{action}", headers=headers, json=given or {})


async def test_lead_is_to_telephone_when_an_enquiry_is_held(hub: Hub) -> None:
    await held(hub)

    assert await look(hub) == 1
    assert await look(hub) == 0, "once for each desk"
    (task,) = await tasks(hub)
    assert (task["kind"], task["detail"]["desk"], task["actions"]) == ("held", S2W, ["note"])
    confirmed = {"person": ref("K"), "identifier": ref("K-2")}
    assert (await act(hub, task["task"], "confirm", CHESIL, confirmed)).status_code == 404
    noted = await act(hub, task["task"], "note", CHESIL)
    assert noted.json()["state"] == "done", noted.text
    assert await look(hub) == 0
    assert await tasks(hub) == []


async def test_nobody_is_to_telephone_any_more_when_the_agency_is_back(hub: Hub) -> None:
    await held(hub)
    await look(hub)
    await hub.tell(RESUMED, {"agency": "s2w"}, desk=IG)
    ((task, owner),) = await hub.rows(
        "SELECT task_id::text, owner FROM task WHERE kind = 'approval' AND done_at IS NULL"
        " AND detail ->> 'type' = %s",
        RESUMED,
    )
    answer = await act(hub, task, "approve", owner)
    assert answer.status_code == 202, answer.text
    await hub.relay(S2W)

    assert len(hub.got(S2W, "child.section_47_started")) == 1
    assert await look(hub) == 0
    assert await tasks(hub) == []
    assert (await hub.get("/v1/tasks", WEST)).json()["tasks"] == []
