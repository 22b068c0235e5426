"""Who is no member, and who is one for a moment only: nothing stands still for ever, nothing is lost in between."""

from tests.integration.attack.hub import CHESIL, S2W, WEST, Hub
from tests.integration.gateway.world import ref

POLICE = "police/dorset"


async def incident(hub: Hub, *witnesses: str) -> None:
    rows = [{"person": ref("V"), "role": "victim"}]
    rows += [{"person": ref(each), "role": "witness"} for each in witnesses]
    await hub.tell(
        "outcome.incident_reported", {"family": ref("F-1"), "incident": "i-1", "people": rows}, desk=POLICE
    )
    await hub.settle()


async def test_lead_hears_of_an_incident_when_a_witness_is_of_another_family(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await hub.begin_family("F-2", WEST, adults="WX")
    await incident(hub, "W", "X")
    await hub.relay(CHESIL)
    assert len(hub.got(CHESIL, "outcome.incident_reported")) == 1


async def test_lead_hears_of_an_incident_when_a_witness_is_paired_with_a_stranger(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await hub.begin_family("F-2", WEST, adults="W")
    await hub.begin_family("F-3", WEST, adults="Q")
    pair = {"victim": ref("W"), "perpetrator": ref("Q"), "basis": "disclosure"}
    await hub.tell("safety.pair_recorded", {"family": ref("F-2"), **pair}, desk=WEST)
    await hub.settle()
    await incident(hub, "W")
    await hub.relay(CHESIL)
    assert len(hub.got(CHESIL, "outcome.incident_reported")) == 1


async def test_incident_waits_for_the_stranger_when_something_protects_them(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    second = await hub.begin_family("F-2", WEST, adults="W")
    await incident(hub, "W")
    await hub.tell("consent.withdrawn", {"family": ref("F-2"), "person": ref("W")}, desk=WEST)
    await hub.settle(but=[second])
    assert await hub.begin(CHESIL) == []
    await hub.relay(CHESIL)
    assert len(hub.got(CHESIL, "outcome.incident_reported")) == 1


async def test_supporter_gets_all_of_a_second_family_when_it_is_told_in_one_breath(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="X")
    await hub.support("F-1", "X", S2W)
    await hub.relay(S2W)
    hub.released.clear()
    family = {"family": ref("F-2")}
    members = [{"person": ref("X"), "kind": "adult"}, {"person": ref("L"), "kind": "child"}]
    stage = {"person": ref("X"), "need": "mental_health", "stage": "action"}
    await hub.tell("family.opened", {**family, "lead": WEST}, desk=WEST)
    await hub.tell("family.member_added", {**family, "members": members}, desk=WEST)
    await hub.tell("practice.stage_of_change_assessed", {**family, **stage}, desk=WEST)
    await hub.tell("child.status_changed", {**family, "person": ref("L"), "status": "cin"}, desk=WEST)
    await hub.settle()
    await hub.relay(S2W)
    assert len(hub.got(S2W, "practice.stage_of_change_assessed")) == 1
    assert [each["status"] for each in hub.got(S2W, "child.status_changed")] == ["cin"]


async def test_nothing_is_queued_for_ever_when_all_facts_have_come(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="VP", children="K")
    await hub.begin_family("F-2", WEST, adults="W")
    await incident(hub, "W")
    await hub.relay(CHESIL, WEST, S2W, POLICE)
    left = "SELECT desk, type, status FROM delivery WHERE status IN ('lapsed', 'held', 'attempting')"
    assert await hub.rows(left) == []
