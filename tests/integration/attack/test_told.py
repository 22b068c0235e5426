"""What its own publishing tells a desk about people for whom it holds no role (RULES.md 4.20)."""

from tests.integration.attack.hub import CHESIL, PROBATION, S2W, Hub
from tests.integration.gateway.world import ref


async def test_a_stranger_and_a_member_look_alike_when_a_desk_without_a_role_is_rejected(hub: Hub) -> None:
    log = await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    for who in ("V", "NOBODY"):
        await hub.tell("consent.withdrawn", {"person": ref(who)}, desk=PROBATION)
        await hub.settle()
        await hub.relay(PROBATION)
    assert hub.released[PROBATION] == []
    found = await hub.rows("SELECT key, owner, reason, detail->>'desk' FROM task WHERE kind = 'rejected'")
    assert found == [(log, CHESIL, "not_authorised", PROBATION)]


async def test_a_rejection_goes_to_its_publisher_when_that_holds_a_role_for_somebody_in_it(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V")
    about = {"referral": ref("R-1"), "person": ref("V")}
    await hub.tell(
        "referral.requested", {"family": ref("F-1"), "to": S2W, "specialism": "mental_health", **about}
    )
    await hub.settle()
    receipt = await hub.tell("referral.support_started", about, desk=S2W)
    await hub.settle()
    await hub.relay(S2W)
    (back,) = hub.got(S2W, "hub.event_rejected")
    assert (back["event"], back["receipt"], back["to"]) == (receipt, receipt, S2W)
    assert await hub.rows("SELECT 1 FROM task WHERE kind = 'rejected'") == []
    await hub.tell("family.opened", {"family": ref("F-1"), "lead": CHESIL})
    await hub.settle()
    await hub.relay(CHESIL)
    assert [each["reason"] for each in hub.got(CHESIL, "hub.event_rejected")] == ["already_open"]
