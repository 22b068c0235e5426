"""An event that protects and waits for an id that nobody knows: it holds its family until two people let it go."""

from hub.clock import SECOND, SystemClock
from services.gateway.timers import open_overdue
from tests.integration.attack.hub import CHESIL, Hub
from tests.integration.gateway.world import ref

POLICE = "police/dorset"
INCIDENT = "outcome.incident_reported"


async def tasks_after_a_minute(hub: Hub) -> list[str]:
    """The open tasks about events that wait."""
    parts = hub.gateway.parts
    async with parts.database.transaction() as conn:
        await open_overdue(conn, parts, SystemClock().now() + 90 * SECOND)
    found = await hub.rows(
        "SELECT task_id::text FROM task WHERE kind = 'unidentified' AND done_at IS NULL ORDER BY opened_at"
    )
    return [row[0] for row in found]


async def discard(hub: Hub, task: str, user: str, why: str) -> tuple[int, str]:
    """One person of the council says that an event is to be let go."""
    headers = hub.bearer(CHESIL, subject=user, purpose="operate", reason="telephoned")
    answer = await hub.http.post(f"/v1/tasks/{task}/discard", json={"why": why}, headers=headers)
    return answer.status_code, answer.json().get("state", "")


async def incident(hub: Hub, *people: dict[str, str]) -> None:
    """An incident of the family with victims of these ids."""
    rows = [{"person": each, "role": "victim"} for each in people]
    await hub.tell(INCIDENT, {"family": ref("F-1"), "incident": "i-1", "people": rows}, desk=POLICE)
    await hub.settle()


async def test_a_familys_news_leaves_when_two_people_let_go_what_waits(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    unknown = ref("UNKNOWN-1", "niche")
    await incident(hub, ref("V"), unknown)
    await incident(hub, ref("K"))
    await incident(hub, unknown)
    await hub.relay(CHESIL)
    assert hub.got(CHESIL, INCIDENT) == []
    (task,) = await tasks_after_a_minute(hub)
    assert (await discard(hub, task, "one", "because"))[0] == 422
    assert await discard(hub, task, "one", "mistyped") == (202, "awaits a second person")
    assert await discard(hub, task, "one", "mistyped") == (202, "awaits a second person")
    assert await hub.rows("SELECT reason FROM waiting ORDER BY seq") == [("unidentified",), ("behind",)]
    assert await discard(hub, task, "two", "mistyped") == (202, "done")
    assert (await discard(hub, task, "two", "mistyped"))[0] == 404
    await hub.settle()
    await hub.relay(CHESIL)
    (got,) = hub.got(CHESIL, INCIDENT)
    assert [row["person"]["value"] for row in got["people"]] == [await hub.person("K")]
    assert await hub.rows("SELECT reason FROM waiting") == [("unidentified",)]
    assert len(await tasks_after_a_minute(hub)) == 1
