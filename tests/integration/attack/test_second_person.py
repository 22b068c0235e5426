"""A desk that would be its own second person, through the doors; and the honest way, by the task that is opened."""

from tests.integration.attack.hub import CHESIL, IG, Hub
from tests.integration.gateway.world import ref


async def test_end_of_a_pair_takes_another_desk_which_finds_a_task(hub: Hub) -> None:
    log = await hub.begin_family("F-1", CHESIL, adults="VP", children="K")
    about = {"family": ref("F-1"), "victim": ref("V"), "perpetrator": ref("P")}
    await hub.tell("safety.pair_recorded", {**about, "basis": "disclosure"})
    request = await hub.tell("safety.pair_ended", {**about, "reason": "mistaken"})
    own = {"family": ref("F-1"), "task": "none", "request": request, "decision": "approved"}
    await hub.tell("hub.approval_given", own)
    await hub.settle()
    rejected = await hub.rows("SELECT reason FROM fate WHERE kind = 'rejected' AND processor = 'router'")
    assert rejected == [("own_request",)]
    v, p = await hub.person("V"), await hub.person("P")
    assert (await hub.family_state(log))["persons"][v][f"pair|{p}|p"][2]["state"] == "in_force"

    assert (await hub.get("/v1/tasks", CHESIL)).json()["tasks"] == []
    (task,) = (await hub.get("/v1/tasks", IG)).json()["tasks"]
    assert (task["kind"], task["about"], task["actions"]) == ("approval", request, ["approve", "refuse"])
    assert task["detail"] == {"asked_by": CHESIL, "type": "safety.pair_ended"}
    headers = hub.bearer(IG, subject="officer", purpose="safeguard", reason="review")
    answer = await hub.http.post(f"/v1/tasks/{task['task']}/approve", headers=headers)
    assert answer.status_code == 202
    await hub.settle()
    assert (await hub.family_state(log))["persons"][v][f"pair|{p}|p"][2]["state"] == "ended"
