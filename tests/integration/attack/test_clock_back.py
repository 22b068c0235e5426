"""A clock that is set back, or a gateway whose clock is fast: the last act of consent is the last that was accepted."""

from hub.clock import HOUR, MINUTE
from tests.integration.attack.hub import CHESIL, S2W, Hub
from tests.integration.gateway.world import ref


async def test_withdrawal_counts_when_the_clock_was_set_back_since_the_giving(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V")
    await hub.support("F-1", "V", S2W)
    hub.clock.advance(MINUTE)
    await hub.consent("F-1", "V")
    await hub.score("F-1", "V", 1)
    await hub.relay(CHESIL)
    hub.clock.at -= HOUR
    said = {"family": ref("F-1"), "person": ref("V"), "occurred_at": "2023-06-01T08:30:00Z"}
    await hub.tell("consent.withdrawn", said)
    await hub.settle()
    await hub.score("F-1", "V", 2)
    await hub.relay(CHESIL)
    assert hub.scores_to(CHESIL) == [1, None]
