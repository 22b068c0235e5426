"""A desk that would be its own second person, through the doors; and the honest way, by the task that is opened."""

from tests.integration.attack.hub import CHESIL, IG, PARAGON, WEST, Hub
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
    assert task["detail"] == {"asked_by": CHESIL, "type": "safety.pair_ended", "why": "mistaken"}
    asked = {"action": "approve", "by": CHESIL, "at": task["opened_at"], "why": "mistaken"}
    assert task["asked"] == [asked]
    headers = hub.bearer(IG, subject="officer", purpose="safeguard", reason="review")
    answer = await hub.http.post(f"/v1/tasks/{task['task']}/approve", headers=headers)
    assert answer.status_code == 202
    await hub.settle()
    assert (await hub.family_state(log))["persons"][v][f"pair|{p}|p"][2]["state"] == "ended"
    done = (await hub.get(f"/v1/tasks/{task['task']}", IG)).json()
    assert (done["state"], done["closed"]["by"], done["closed"]["how"]) == ("closed", IG, "approve")


async def test_second_person_is_asked_when_the_first_family_refuses_the_override(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await hub.begin_family("F-2", WEST, adults="V", children="K")
    override = {"override": "OV-1", "people": [ref("V")], "ground": "vital", "reason_code": "danger"}
    what = {"categories": ["support.summary"], "desks": [WEST], "until": "2023-06-03T00:00:00Z"}
    # West leads the second family alone: the first one's log, which has the primary copy, refuses it.
    await hub.tell("safety.override_invoked", {**override, **what}, desk=WEST)
    await hub.settle()
    assert await hub.rows("SELECT owner FROM task WHERE kind = 'approval'") == [(IG,)]


async def test_each_agency_is_asked_when_an_override_lifts_what_two_of_them_placed(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="VP", children="K")
    await hub.support("F-1", "V", PARAGON)
    for desk, name in ((PARAGON, "R|1"), ("police/dorset", "R-2")):
        placed = {"restriction": name, "person": ref("V"), "from_agency": "probation"}
        await hub.tell("safety.restriction_placed", {"family": ref("F-1"), **placed}, desk=desk)
        await hub.settle()
    override = {"override": "OV-1", "people": [ref("V")], "ground": "vital", "reason_code": "danger"}
    what = {"categories": ["support.summary"], "desks": [WEST], "until": "2023-06-03T00:00:00Z"}
    lifts = {"lifts_restrictions": ["R|1", "R-2"]}
    await hub.tell("safety.override_invoked", {"family": ref("F-1"), **override, **what, **lifts})
    await hub.settle()
    asked = await hub.rows("SELECT owner FROM task WHERE kind = 'approval' ORDER BY owner")
    assert asked == [(PARAGON,), ("police/dorset",)]
