"""What is to be decided is neither lost, nor doubled, nor stays: in whichever log, order or form it comes."""

from typing import Any

import pytest

from hub.clock import DAY
from tests.integration.attack.hub import CHESIL, IG, PARAGON, S2W, WEST, Hub
from tests.integration.attack.test_due import OVERRULED, act, given, open_tasks
from tests.integration.gateway.world import ref

CELL = {"purpose": "support", "category": "outcome.score", "desk": CHESIL}
SAID = {"reason": "compelling_grounds", "told_on": "2023-06-01"}
DISAGREE = ("decision", "holders_disagree", None)
NHS = {"scheme": "nhs-number", "value": "9990000018"}


async def holders(hub: Hub) -> None:
    """V and P hold parental responsibility for K."""
    await hub.begin_family("F-1", CHESIL, adults="VP", children="K")
    for holder in "VP":
        holds = {"family": ref("F-1"), "person": ref("K"), "holder": ref(holder), "basis": "birth_mother"}
        await hub.tell("person.parental_responsibility_recorded", holds)
    await hub.settle()


def by(holder: str, family: str = "F-1") -> dict[str, Any]:
    """What a holder says for K, in a family."""
    who = {"person": ref("K"), "given_as": "parent", "given_by": ref(holder)}
    return {"family": ref(family), "cells": [CELL], **who}


async def disagreements(hub: Hub) -> list[str]:
    """Whose the open ones are."""
    rows = await hub.rows("SELECT owner FROM task WHERE reason = 'holders_disagree' AND done_at IS NULL")
    return [owner for (owner,) in rows]


async def test_task_is_there_when_a_disagreement_ends_and_begins_again_in_one_batch(hub: Hub) -> None:
    await holders(hub)
    await hub.tell("consent.given", by("V"))
    await hub.tell("consent.refused", by("P"))
    await hub.settle()
    assert await open_tasks(hub, CHESIL) == [DISAGREE]
    await hub.tell("consent.withdrawn", by("V"))
    await hub.tell("consent.given", by("V"))
    await hub.settle()
    assert await open_tasks(hub, CHESIL) == [DISAGREE]


async def test_one_task_is_there_when_holders_speak_in_two_families_that_do_not_know_of_it_yet(
    hub: Hub,
) -> None:
    await holders(hub)
    second = await hub.begin_family("F-2", WEST, adults="P", children="K")
    await hub.begin_family("F-3", CHESIL, adults="V", children="K")
    await hub.tell("consent.given", by("V"))
    await hub.tell("consent.refused", by("P", "F-2"), desk=WEST)
    await hub.settle()
    assert len(await disagreements(hub)) == 1
    # She says it again, and takes it back and says it again; the other family's log is behind.
    for kinds in (("given",), ("withdrawn", "given")):
        for kind in kinds:
            await hub.tell(f"consent.{kind}", by("V"))
        await hub.settle(but=[second])
        assert len(await disagreements(hub)) == 1
        await hub.settle()
        assert len(await disagreements(hub)) == 1
    await hub.tell("consent.given", by("P", "F-2"), desk=WEST)
    await hub.settle()
    assert await disagreements(hub) == []


async def test_objection_is_somebodys_to_decide_when_the_first_family_refuses_it(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await hub.begin_family("F-2", WEST, adults="V", children="L")
    # West leads the second family alone: the first one's log, which has the primary copy, refuses it.
    await hub.tell("consent.objection_raised", {"person": ref("V"), "objection": "O-1"}, desk=WEST)
    await hub.settle()
    assert len(await open_tasks(hub, IG)) == 1
    assert (await act(hub, IG, "decide", "overruled", **OVERRULED)).json()["state"] == "asked"
    assert await open_tasks(hub, IG) == []


async def test_objection_is_to_be_decided_once_when_it_is_known_whose_it_is(hub: Hub) -> None:
    for family, person, desk in (("F-1", "V", CHESIL), ("F-2", "B", WEST)):
        await hub.begin_family(family, desk, adults=person)
        stated = {"family": ref(family), "person": ref(person), "identifiers": [NHS]}
        await hub.tell("family.member_changed", stated, desk=desk)
        await hub.settle()
    await hub.tell("consent.objection_raised", {"person": NHS, "objection": "O-1"})
    await hub.settle()
    assert await open_tasks(hub, IG) == []
    await hub.tell("hub.identity_linked", {"person": ref("V"), "identifier": NHS, "degree": "confirmed"})
    await hub.settle()
    assert len(await open_tasks(hub, IG)) == 1
    assert (await act(hub, IG, "decide", "overruled", **OVERRULED)).json()["state"] == "asked"
    assert await open_tasks(hub, IG) == []


async def test_decision_is_to_be_made_again_when_it_is_retracted(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    said = {"family": ref("F-1"), "person": ref("V"), "objection": "O-1"}
    await hub.tell("consent.objection_raised", said)
    await hub.settle()
    decided = {**said, "outcome": "overruled", **SAID}
    await hub.tell("consent.objection_decided", decided, desk=IG, event_id="D-1")
    await hub.settle()
    assert await open_tasks(hub, IG) == []
    await hub.tell("consent.objection_decided", {**decided, "corrects": "D-1", "retracted": True}, desk=IG)
    await hub.settle()
    assert len(await open_tasks(hub, IG)) == 1


async def test_each_objection_has_its_own_decision_when_one_id_ends_with_the_other(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    said = {"family": ref("F-1"), "person": ref("V")}
    for name in ("2023|1", "1"):
        await hub.tell("consent.objection_raised", {**said, "objection": name})
    await hub.settle()
    for name, left in (("1", 1), ("2023|1", 0)):
        decided = {
            **said,
            "objection": name,
            "outcome": "overruled",
            "reason": "compelling_grounds",
            "told_on": "2023-06-01",
        }
        await hub.tell("consent.objection_decided", decided, desk=IG)
        await hub.settle()
        assert len(await open_tasks(hub, IG)) == left


async def test_no_renewal_is_left_when_a_death_is_retracted(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await given(hub, ("outcome.score", "2023-06-10T00:00:00Z"))
    died = {"family": ref("F-1"), "person": ref("V")}
    await hub.tell("person.died", died, event_id="X-1")
    await hub.settle()
    await hub.tell("person.died", {**died, "corrects": "X-1", "retracted": True})
    await hub.settle()
    assert await open_tasks(hub, CHESIL) == []


async def turned(hub: Hub) -> None:
    """S2W recorded a consent of V's, that ends soon, and works for P by now."""
    await hub.begin_family("F-1", CHESIL, adults="VP", children="K")
    await hub.support("F-1", "V", PARAGON)
    referral = await hub.support("F-1", "V", S2W)
    await given(hub, ("outcome.score", "2023-06-10T00:00:00Z"), desk=S2W)
    ended = {"referral": ref(referral), "person": ref("V"), "reason": "completed"}
    await hub.tell("referral.support_ended", ended, desk=S2W)
    await hub.settle()
    await hub.support("F-1", "P", S2W)
    await hub.tell(
        "safety.pair_recorded", {"family": ref("F-1"), "victim": ref("V"), "perpetrator": ref("P")}
    )
    await hub.settle()
    assert [kind for kind, _, _ in await open_tasks(hub, S2W)] == ["renewal"]


@pytest.mark.parametrize("kind", ["given", "withdrawn"])
async def test_list_of_who_opposes_the_person_tells_nothing_when_her_consent_is_changed(
    hub: Hub, kind: str
) -> None:
    await turned(hub)
    said = {"family": ref("F-1"), "person": ref("V"), "given_as": "self", "cells": [CELL]}
    await hub.tell(f"consent.{kind}", said, event_id="W-1")
    await hub.settle()
    assert [kind for kind, _, _ in await open_tasks(hub, S2W)] == ["renewal"]
    assert (await act(hub, S2W, "note")).json()["state"] == "done"
    await hub.tell(f"consent.{kind}", {**said, "corrects": "W-1", "retracted": True})
    await hub.settle()
    assert await open_tasks(hub, S2W) == []


async def test_lead_is_asked_to_renew_what_who_works_for_both_sides_recorded(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="VP", children="K")
    for person in "VP":
        await hub.support("F-1", person, S2W)
    pair = {"family": ref("F-1"), "victim": ref("V"), "perpetrator": ref("P")}
    await hub.tell("safety.pair_recorded", pair)
    await hub.settle()
    before = await open_tasks(hub, CHESIL)
    await given(hub, ("outcome.score", "2023-06-11T00:00:00Z"), desk=S2W)
    assert await open_tasks(hub, S2W) == []
    renewal = ("renewal", "consent_ends", "2023-06-11T00:00:00.000000Z")
    assert sorted(await open_tasks(hub, CHESIL), key=str) == sorted([*before, renewal], key=str)


async def test_renewal_is_there_when_the_end_is_the_last_that_there_is(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await given(hub, ("outcome.score", "2199-01-01T00:00:00Z"), ("support.summary", "1850-01-02T00:00:00Z"))
    hub.clock.advance(176 * 365 * DAY)
    assert await open_tasks(hub, CHESIL) == [("renewal", "consent_ends", "2199-01-01T00:00:00.000000Z")]


async def test_kind_of_task_is_wrong_when_it_is_no_word(hub: Hub) -> None:
    for kind in ("%00", "renewal%00", "%ed%a0%80"):
        assert (await hub.get(f"/v1/tasks?kind={kind}", CHESIL)).status_code == 422
