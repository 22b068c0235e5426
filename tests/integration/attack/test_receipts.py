"""A receipt goes on for whoever published, also when what it says ends the role; and tells no desk without one."""

from hub.clock import DAY
from tests.integration.attack.hub import CHESIL, PROBATION, S2W, WEST, Hub
from tests.integration.gateway.world import ref


async def state_of(hub: Hub, receipt: str, desk: str) -> str:
    """A receipt's state as its desk reads it."""
    return str((await hub.get(f"/v1/receipts/{receipt}", desk)).json()["state"])


async def test_receipt_goes_on_when_the_event_itself_ends_the_role_of_who_published_it(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    referral = await hub.support("F-1", "V", S2W)
    about = {"referral": ref(referral), "person": ref("V")}
    ended = await hub.tell("referral.support_ended", about, desk=S2W)
    await hub.settle()
    moved = await hub.tell("family.lead_changed", {"family": ref("F-1"), "lead": WEST})
    assert [await state_of(hub, moved, CHESIL), await state_of(hub, ended, S2W)] == ["received", "in effect"]
    await hub.settle()
    # Whose referral it was stays in a role for 28 days: the lead that moved must not hang on that.
    hub.clock.advance(60 * DAY)
    closed = await hub.tell("family.closed", {"family": ref("F-1")}, desk=WEST)
    assert await state_of(hub, closed, WEST) == "received"
    await hub.settle()
    assert [
        await state_of(hub, receipt, desk)
        for receipt, desk in ((ended, S2W), (moved, CHESIL), (closed, WEST))
    ] == ["in effect"] * 3


async def test_receipt_stays_as_it_was_told_when_somebody_else_ends_the_role(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="VP", children="K")
    held = {"family": ref("F-1"), "discussed": [ref("K")], "core_group": [PROBATION]}
    await hub.tell("practice.supervision_held", held)
    await hub.settle()
    about_p = {"family": ref("F-1"), "person": ref("P")}
    known = await hub.tell("person.probation_supervision_started", about_p, desk=PROBATION)
    await hub.settle()
    assert await state_of(hub, known, PROBATION) == "in effect"
    await hub.tell("family.closed", {"family": ref("F-1")})
    await hub.tell("person.probation_supervision_ended", about_p, desk=PROBATION)
    await hub.settle()
    hub.clock.advance(DAY)
    late = await hub.tell("outcome.programme_completed", about_p, desk=PROBATION)
    await hub.settle()
    assert [await state_of(hub, each, PROBATION) for each in (known, late)] == ["in effect", "received"]


async def test_receipt_goes_on_when_nobody_stands_in_what_was_published(hub: Hub) -> None:
    declared = await hub.tell("capacity.declared", {"agency": "s2w", "pathway": "mental-health"}, desk=S2W)
    await hub.settle()
    assert await state_of(hub, declared, S2W) == "in effect"
