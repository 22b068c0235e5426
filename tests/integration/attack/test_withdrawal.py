"""Nothing begins to leave after a protective event was accepted, whichever log is behind, stands still or says no."""

from hub.producer import Outcome
from tests.integration.attack.hub import CHESIL, PROBATION, S2W, WEST, Hub
from tests.integration.gateway.world import ref

PLAN = "practice.plan_agreed"


async def consenting(hub: Hub) -> tuple[str, str]:
    """V is in two families, of two leads; s2w supports her; chesil may have her scores. Gives both logs."""
    first = await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    second = await hub.begin_family("F-2", WEST, adults="V")
    await hub.support("F-1", "V", S2W)
    await hub.consent("F-1", "V")
    await hub.relay(CHESIL, S2W)
    return first, second


async def test_nothing_leaves_when_one_family_refuses_what_the_other_has_yet_to_read(hub: Hub) -> None:
    first, second = await consenting(hub)
    await hub.score("F-1", "V", 17)
    # West leads the second family alone: the first one's log refuses its copy, the second's would not.
    await hub.tell("consent.withdrawn", {"person": ref("V")}, desk=WEST)
    await hub.settle(but=[second])
    fates = await hub.rows(
        "SELECT e.key::text, f.kind FROM fate f JOIN event e USING (event_id)"
        " WHERE e.type = 'wraparound.consent.withdrawn.v1'"
    )
    assert fates == [(first, "rejected")]
    for _ in range(3):
        assert await hub.begin(CHESIL) == []
        await hub.settle(but=[second])
    await hub.relay(CHESIL)
    assert hub.scores_to(CHESIL) == [None]


async def test_what_was_withdrawn_leaves_no_more_when_the_log_that_accepts_it_is_behind(hub: Hub) -> None:
    _, second = await consenting(hub)
    await hub.score("F-1", "V", 17)
    await hub.tell("consent.withdrawn", {"family": ref("F-2"), "person": ref("V")}, desk=WEST)
    await hub.settle(but=[second])
    assert await hub.begin(CHESIL) == []
    await hub.relay(CHESIL)
    assert hub.scores_to(CHESIL) == [None]


async def test_scores_go_on_when_a_withdrawal_is_refused_everywhere(hub: Hub) -> None:
    await consenting(hub)
    await hub.score("F-1", "V", 17)
    await hub.tell("consent.withdrawn", {"family": ref("F-1"), "person": ref("V")}, desk=WEST)
    assert await hub.begin(CHESIL) == []
    await hub.settle()
    await hub.relay(CHESIL)
    assert hub.scores_to(CHESIL) == [17]


async def test_a_later_consent_opens_nothing_earlier_when_what_waits_is_decided_again(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await hub.support("F-1", "V", S2W)
    await hub.score("F-1", "V", 17)
    await hub.consent("F-1", "V")
    await hub.score("F-1", "V", 11)
    await hub.relay(CHESIL)
    assert hub.scores_to(CHESIL) == [None, 11]


async def test_childs_news_stays_when_the_mothers_perpetrator_gets_an_officer_in_another_family(
    hub: Hub,
) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await hub.begin_family("F-2", WEST, adults="P")
    pair = {
        "victim": ref("V"),
        "perpetrator": ref("P"),
        "exposed_children": [ref("K")],
        "basis": "disclosure",
    }
    await hub.tell("safety.pair_recorded", {"family": ref("F-1"), **pair})
    await hub.tell(PLAN, {"family": ref("F-1"), "discussed": [ref("K")], "core_group": [S2W, PROBATION]})
    await hub.settle()
    await hub.relay(PROBATION)
    hub.released.clear()
    await hub.tell("child.attendance_recorded", {"family": ref("F-1"), "person": ref("K")})
    await hub.settle()
    started = {"family": ref("F-2"), "person": ref("P"), "desk": PROBATION}
    await hub.tell("person.probation_supervision_started", started, desk=PROBATION)
    assert await hub.begin(PROBATION) == []
    await hub.relay(PROBATION)
    assert hub.got(PROBATION, "child.attendance_recorded") == []


async def in_core_group(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await core_group(hub, S2W)
    await hub.relay(S2W)
    hub.released.clear()
    await hub.tell("child.status_changed", {"family": ref("F-1"), "person": ref("K"), "status": "cp"})
    await hub.settle()


async def core_group(hub: Hub, *desks: str) -> None:
    await hub.tell(PLAN, {"family": ref("F-1"), "discussed": [ref("K")], "core_group": list(desks)})
    await hub.settle()


async def test_row_that_never_left_is_recalled_when_its_desk_lost_its_role_meanwhile(hub: Hub) -> None:
    await in_core_group(hub)
    begun = await hub.begin(S2W)
    assert len(begun[0].rows) == 1
    await core_group(hub)
    await hub.end(begun, Outcome.UNSENT)
    await hub.relay(S2W)
    assert hub.got(S2W, "child.status_changed") == []


async def test_row_in_doubt_is_recalled_when_its_desk_lost_its_role_since(hub: Hub) -> None:
    await in_core_group(hub)
    await hub.end(await hub.begin(S2W), Outcome.UNKNOWN)
    await core_group(hub, S2W, PROBATION)
    await core_group(hub, PROBATION)
    await hub.relay(S2W)
    assert hub.got(S2W, "child.status_changed") == []


async def test_row_leaves_once_when_the_family_changes_while_it_is_sent(hub: Hub) -> None:
    await in_core_group(hub)
    begun = await hub.begin(S2W)
    await core_group(hub, S2W, PROBATION)
    await hub.end(begun)
    await hub.relay(S2W)
    assert len(hub.got(S2W, "child.status_changed")) == 1


async def test_guard_comes_back_to_what_was_seen_when_a_withdrawal_had_copies_in_every_family(
    hub: Hub,
) -> None:
    logs = await consenting(hub)
    await hub.tell("consent.withdrawn", {"person": ref("V")}, desk=WEST)
    await hub.settle()
    person = await hub.person("V")
    states = {log: (await hub.family_state(log))["raises"][person] for log in logs}
    assert set(states.values()) == {(await hub.guards())[person]}
