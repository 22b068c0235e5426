"""What its own publishing tells a desk about people for whom it holds no role (RULES.md 4.20)."""

import orjson
import pytest

from tests.integration.attack.hub import CHESIL, PARAGON, PROBATION, S2W, Hub
from tests.integration.gateway.world import event, ref


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
    receipt = await hub.tell("referral.support_started", about, desk=S2W, event_id="mine-77")
    await hub.settle()
    await hub.relay(S2W)
    (back,) = hub.got(S2W, "hub.event_rejected")
    assert (back["event"], back["receipt"], back["to"]) == ("mine-77", receipt, S2W)
    assert await hub.rows("SELECT 1 FROM task WHERE kind = 'rejected'") == []
    await hub.tell("family.opened", {"family": ref("F-1"), "lead": CHESIL})
    await hub.settle()
    await hub.relay(CHESIL)
    assert [each["reason"] for each in hub.got(CHESIL, "hub.event_rejected")] == ["already_open"]


@pytest.mark.parametrize("named", ["V", "P"])
async def test_the_other_side_hears_nothing_when_it_names_a_referral_of_hers(hub: Hub, named: str) -> None:
    log = await hub.begin_family("F-1", CHESIL, adults="VP", children="K")
    pair = {"victim": ref("V"), "perpetrator": ref("P"), "basis": "disclosure"}
    await hub.tell("safety.pair_recorded", {"family": ref("F-1"), **pair})
    plan = {"family": ref("F-1"), "discussed": [ref("K")], "core_group": [PROBATION]}
    await hub.tell("practice.plan_agreed", plan)
    supervision = {"family": ref("F-1"), "person": ref("P"), "desk": PROBATION}
    await hub.tell("person.probation_supervision_started", supervision, desk=PROBATION)
    about = {"family": ref("F-1"), "person": ref("V"), "specialism": "domestic_abuse_victim"}
    await hub.tell("referral.requested", {"referral": ref("R-1"), "to": PARAGON, **about})
    await hub.settle()
    await hub.relay(PROBATION)
    before, states = len(hub.released[PROBATION]), []
    for name in ("R-1", "R-UNKNOWN"):
        receipt = await hub.tell(
            "referral.accepted", {"referral": ref(name), "person": ref(named)}, desk=PROBATION
        )
        await hub.settle()
        await hub.relay(PROBATION)
        states.append((await hub.get(f"/v1/receipts/{receipt}", PROBATION)).json()["state"])
    assert states == ["received", "received"]
    assert len(hub.released[PROBATION]) == before
    assert await hub.rows("SELECT key, owner FROM task WHERE kind = 'rejected'") == [(log, CHESIL)]


async def test_the_leaf_of_a_receipt_has_one_shape_when_people_are_known_unknown_or_in_several_families(
    hub: Hub,
) -> None:
    await hub.begin_family("F-1", CHESIL, adults="PV")
    await hub.begin_family("F-2", CHESIL, adults="PX")
    receipts = [await hub.tell("consent.refused", {"person": ref(who)}, desk=PROBATION) for who in "PVXZ"]
    for pair in ("PV", "PX", "PZ", "YZ", "ZV"):
        batch = [event("consent.refused", {"person": ref(who)}, f"{pair}-{who}", PROBATION) for who in pair]
        answer = await hub.post_batch(batch, desk=PROBATION)
        receipts.append(answer.json()[0]["receipt"])
    found = await hub.rows(
        "SELECT a.leaf FROM receipt r JOIN audit_entry a USING (entry_id) WHERE receipt_id = ANY(%s::uuid[])",
        receipts,
    )
    leaves = [orjson.loads(bytes(leaf)) for (leaf,) in found]
    assert len(leaves) == len(receipts)
    assert {(len(leaf["subjects"]), len(leaf["details"])) for leaf in leaves} == {(1, 1)}
    assert len({len(leaf) for (leaf,) in found}) == 1
