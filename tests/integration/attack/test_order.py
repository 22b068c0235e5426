"""What is published in one breath has one time in the log; what came last is so all the same."""

from typing import Any

from services.consent.family_facts import FamilyFacts
from tests.integration.attack.hub import CHESIL, S2W, Hub
from tests.integration.gateway.world import event, ref
from tests.unit.consent.cast import dorset

PEOPLE = "ABCDEFGH"


async def batch(hub: Hub, desk: str, *events: tuple[str, dict[str, Any]]) -> None:
    """Publish these in one batch; all of it is read."""
    named = [event(kind, data, f"{desk}-{kind}-{n}", desk) for n, (kind, data) in enumerate(events)]
    answer = await hub.post_batch(named, desk=desk)
    assert answer.status_code == 202, answer.text
    await hub.settle()


def about(person: str) -> dict[str, Any]:
    return {"referral": ref(f"R-{person}"), "person": ref(person)}


async def test_support_has_ended_when_all_of_it_came_in_one_batch(hub: Hub) -> None:
    family = await hub.begin_family("F-1", CHESIL, adults=PEOPLE)
    request = {"family": ref("F-1"), "to": S2W, "specialism": "mental_health"}
    await batch(hub, CHESIL, *(("referral.requested", {**request, **about(each)}) for each in PEOPLE))
    steps = ("accepted", "allocated", "support_started", "support_ended")
    await batch(hub, S2W, *((f"referral.{step}", about(each)) for each in PEOPLE for step in steps))

    facts = FamilyFacts.of(await hub.family_state(family))
    scene = facts.scene(dorset(), hub.clock.now() + 1, "none")
    assert scene.role_words(S2W) == set()


async def test_role_of_a_member_is_what_was_said_last_when_the_clock_stands_still(hub: Hub) -> None:
    family = await hub.begin_family("F-1", CHESIL, adults=PEOPLE)
    for role in ("victim", "neither"):
        said = {"family": ref("F-1"), "domestic_abuse_role": role}
        for each in PEOPLE:
            await hub.publish("family.member_changed", {**said, "person": ref(each)}, desk=CHESIL)
    await hub.settle()

    facts = FamilyFacts.of(await hub.family_state(family))
    assert [each.side for each in facts.persons.values()] == ["neither"] * len(PEOPLE)
