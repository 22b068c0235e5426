"""An id that may stand for several: what a person decides holds, as often as they must, and goes to nobody else."""

from dataclasses import replace
from typing import Any

from hub.producer import Outcome
from tests.integration.attack.hub import CHESIL, S2W, WEST, Hub
from tests.integration.gateway.world import ref

POLICE = "police/dorset"
NHS_1 = {"scheme": "nhs-number", "value": "9990000018"}
NHS_2 = {"scheme": "nhs-number", "value": "9990001006"}
INCIDENT = "outcome.incident_reported"
OPEN = "SELECT task_id::text FROM task WHERE kind = %s AND done_at IS NULL"


async def claim(hub: Hub, family: str, person: str, identifier: dict[str, str], desk: str = CHESIL) -> None:
    """A family's record says that a person has this id."""
    stated = {"family": ref(family), "person": ref(person), "identifiers": [identifier]}
    await hub.tell("family.member_changed", stated, desk=desk)
    await hub.settle()


async def incident(hub: Hub, *people: dict[str, str], **rest: Any) -> None:
    """An incident with victims of these ids."""
    rows = [{"person": each, "role": "victim"} for each in people]
    await hub.tell(INCIDENT, {"incident": "i-1", "people": rows, **rest}, desk=POLICE)
    await hub.settle()


async def confirm(hub: Hub, person: str, identifier: dict[str, str]) -> None:
    """The id is this person's."""
    await hub.tell(
        "hub.identity_linked", {"person": ref(person), "identifier": identifier, "degree": "confirmed"}
    )
    await hub.settle()


async def test_a_second_doubt_is_decided_as_the_first_when_another_claims_the_id_again(hub: Hub) -> None:
    for family, person in (("F-1", "A"), ("F-2", "B")):
        await hub.begin_family(family, CHESIL, adults=person)
        await claim(hub, family, person, NHS_1)
    await confirm(hub, "A", NHS_1)
    assert await hub.rows(OPEN, "held") == []
    await claim(hub, "F-2", "B", NHS_1)
    await incident(hub, NHS_1)
    assert len(await hub.rows(OPEN, "held")) == 1
    await confirm(hub, "A", NHS_1)
    await hub.relay(CHESIL)
    (got,) = hub.got(CHESIL, INCIDENT)
    assert [row["person"]["value"] for row in got["people"]] == [await hub.person("A")]
    assert await hub.rows(OPEN, "held") == []


async def test_an_event_enters_once_when_two_of_its_ids_were_in_doubt(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="AC")
    await hub.begin_family("F-2", CHESIL, adults="BE")
    for family, person, each in (
        ("F-1", "A", NHS_1),
        ("F-2", "B", NHS_1),
        ("F-1", "C", NHS_2),
        ("F-2", "E", NHS_2),
    ):
        await claim(hub, family, person, each)
    await incident(hub, NHS_1, NHS_2, family=ref("F-1"))
    await confirm(hub, "A", NHS_1)
    await hub.relay(CHESIL)
    assert hub.got(CHESIL, INCIDENT) == []
    await confirm(hub, "C", NHS_2)
    await hub.relay(CHESIL)
    (got,) = hub.got(CHESIL, INCIDENT)
    assert [row["person"]["value"] for row in got["people"]] == [await hub.person("A"), await hub.person("C")]


async def test_the_other_familys_lead_gets_nothing_of_it_when_a_doubt_is_decided(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="A", children="K")
    await hub.begin_family("F-2", WEST, adults="B", children="L")
    await claim(hub, "F-1", "A", NHS_1)
    await claim(hub, "F-2", "B", NHS_1, WEST)
    await hub.relay(CHESIL, WEST)
    hub.released.clear()
    await incident(hub, NHS_1)
    await hub.relay(CHESIL, WEST)
    assert hub.got(CHESIL, INCIDENT) == hub.got(WEST, INCIDENT) == []
    await confirm(hub, "A", NHS_1)
    await hub.relay(CHESIL, WEST)
    assert len(hub.got(CHESIL, INCIDENT)) == 1
    assert hub.got(WEST, INCIDENT) == []
    assert await hub.person("A") not in str(hub.released[WEST])
    assert await hub.person("B") not in str(hub.released[CHESIL])
    assert await hub.rows("SELECT 1 FROM delivery WHERE status IN ('held', 'lapsed')") == []


async def test_a_familys_news_leaves_when_a_dead_letter_is_discarded(hub: Hub) -> None:
    log = await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await hub.tell("consent.withdrawn", {"family": ref("F-1"), "person": ref("V")})
    await hub.empty_outbox()
    records = hub.logs["events", hub.partition(log)]
    cut = records[-1].value or b""
    records[-1] = replace(records[-1], value=cut[:-1])
    await hub.settle()
    ((task,),) = await hub.rows(OPEN, "dead_letter")
    for user in ("one", "two"):
        headers = hub.bearer("hub/operations", subject=user, purpose="operate", reason="seen")
        assert (await hub.http.post(f"/v1/tasks/{task}/discard", headers=headers)).status_code == 202
    await incident(hub, ref("K"), family=ref("F-1"))
    await hub.relay(CHESIL)
    assert len(hub.got(CHESIL, INCIDENT)) == 1


async def test_a_delivery_has_a_task_again_when_it_is_given_up_again(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V")
    await hub.support("F-1", "V", S2W)
    await hub.relay(CHESIL, S2W)
    await hub.score("F-1", "V", 1)
    for _ in range(2):
        for _ in range(13):
            await hub.rows("UPDATE delivery SET next_mono = 0 RETURNING 1")
            await hub.end(await hub.begin(CHESIL), Outcome.REFUSED)
        ((task,),) = await hub.rows(OPEN, "undelivered")
        headers = hub.bearer("hub/operations", subject="one", purpose="operate", reason="seen")
        assert (await hub.http.post(f"/v1/tasks/{task}/redrive", headers=headers)).status_code == 202
