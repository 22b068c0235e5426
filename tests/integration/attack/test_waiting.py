"""An event that protects and waits for an id that nobody knows: it holds its family until two people let it go."""

import asyncio
from typing import Any

from hub.clock import DAY, SECOND, SystemClock
from services.gateway.acceptance import accept_batch
from services.gateway.timers import open_overdue
from services.view import stages
from tests.integration.attack.hub import CHESIL, IG, PARAGON, PROBATION, REACH, S2W, Hub
from tests.integration.gateway.world import event, ref

POLICE = "police/dorset"
INCIDENT = "outcome.incident_reported"


async def tasks_after_a_minute(hub: Hub) -> list[str]:
    """The open tasks about events that wait."""
    parts = hub.gateway.parts
    async with parts.database.transaction() as conn:
        await open_overdue(conn, parts, SystemClock().now() + 90 * SECOND)
    found = await hub.rows(
        "SELECT task_id::text FROM task t JOIN waiting w ON w.receipt_id::text = t.key"
        " WHERE kind = 'unidentified' AND done_at IS NULL ORDER BY seq"
    )
    return [row[0] for row in found]


async def do(hub: Hub, task: str, action: str, user: str, **given: str) -> tuple[int, str]:
    """What one person of the council does about an event that waits."""
    headers = hub.bearer(CHESIL, subject=user, purpose="operate", reason="telephoned")
    answer = await hub.http.post(f"/v1/tasks/{task}/{action}", json=given, headers=headers)
    return answer.status_code, answer.json().get("state", "")


async def discard(hub: Hub, task: str, user: str, why: str) -> tuple[int, str]:
    """One person of the council says that an event is to be let go."""
    return await do(hub, task, "discard", user, why=why)


async def incident(hub: Hub, *people: dict[str, str]) -> None:
    """An incident of the family with victims of these ids."""
    rows = [{"person": each, "role": "victim"} for each in people]
    await hub.tell(INCIDENT, {"family": ref("F-1"), "incident": "i-1", "people": rows}, desk=POLICE)
    await hub.settle()


async def test_a_familys_news_leaves_when_two_people_let_go_what_waits(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    unknown = ref("UNKNOWN-1", "niche")
    await incident(hub, ref("V"), unknown)
    await incident(hub, ref("K"))
    await incident(hub, unknown)
    await hub.relay(CHESIL)
    assert hub.got(CHESIL, INCIDENT) == []
    (task,) = await tasks_after_a_minute(hub)
    assert (await discard(hub, task, "one", "because"))[0] == 422
    assert await discard(hub, task, "one", "mistyped") == (202, "awaits a second person")
    assert await discard(hub, task, "one", "mistyped") == (202, "awaits a second person")
    assert await hub.rows("SELECT reason FROM waiting ORDER BY seq") == [("unidentified",), ("behind",)]
    assert await discard(hub, task, "two", "mistyped") == (202, "done")
    assert (await discard(hub, task, "two", "mistyped"))[0] == 409
    async with hub.database.transaction() as conn:
        ((receipt,),) = await hub.rows("SELECT key FROM task WHERE task_id::text = %s", task)
        found = await stages.stages(conn, receipt, at=SystemClock().now())
    assert found is not None
    assert (found["stage"], [each["how"] for each in found["tasks"]]) == ("discarded", ["discard"])
    await hub.settle()
    await hub.relay(CHESIL)
    (got,) = hub.got(CHESIL, INCIDENT)
    assert [row["person"]["value"] for row in got["people"]] == [await hub.person("K")]
    assert await hub.rows("SELECT reason FROM waiting") == [("unidentified",)]
    assert len(await tasks_after_a_minute(hub)) == 1


async def test_what_waits_protects_nobody_when_its_author_could_not_state_it(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="VP", children="K")
    await hub.support("F-1", "V", S2W)
    supervision = {"family": ref("F-1"), "person": ref("P"), "desk": PROBATION}
    mistyped = {"family": ref("F-typo"), "person": ref("V")}
    about = {"family": ref("F-typo"), "referral": ref("R-9"), "person": ref("V")}
    before = (await hub.guards())[await hub.person("V")]
    # Not by a desk without a role for her, and not by one that has a role for somebody else, read or unread.
    await hub.tell("consent.withdrawn", mistyped, desk=PARAGON)
    batch = [
        event("person.probation_supervision_started", supervision, "b-1", PROBATION),
        event("consent.withdrawn", mistyped, "b-2", PROBATION),
    ]
    assert (await hub.post_batch(batch, desk=PROBATION)).status_code == 202
    await hub.tell("referral.allocated", about, desk=REACH)
    assert (await hub.guards())[await hub.person("V")] == before
    await incident(hub, ref("K"))
    await hub.relay(CHESIL)
    assert len(hub.got(CHESIL, INCIDENT)) == 1
    # But by one that supports her.
    await hub.tell("consent.withdrawn", mistyped, desk=S2W)
    assert (await hub.guards())[await hub.person("V")] == before + 1
    assert len(await hub.rows("SELECT 1 FROM waiting")) == 4


async def test_what_waits_raises_every_candidate_of_a_doubtful_id(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="A")
    await hub.begin_family("F-2", CHESIL, adults="B")
    doubtful = {"scheme": "nhs-number", "value": "9990000018"}
    for family, who in (("F-1", "A"), ("F-2", "B")):
        changed = {"family": ref(family), "person": ref(who), "identifiers": [doubtful]}
        await hub.tell("family.member_changed", changed)
    await hub.settle()
    before = await hub.guards()
    shield = {"family": ref("F-1"), "person": doubtful, "from_person": ref("UNKNOWN-1", "niche")}
    await hub.tell("safety.restriction_placed", {"restriction": "r", **shield}, desk=POLICE)
    assert await hub.rows("SELECT reason FROM waiting") == [("unidentified",)]
    after = await hub.guards()
    for who in "AB":
        person = await hub.person(who)
        assert after[person] == before[person] + 1


async def test_a_suspended_agencys_conflict_protects_the_whole_family_at_once(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await hub.support("F-1", "V", S2W)
    await hub.tell("hub.agency_suspended", {"agency": "s2w"}, desk=IG)
    await hub.settle()
    before = await hub.guards()
    conflict = {"family": ref("F-1"), "conflict": "c", "desk": S2W, "worker": "w"}
    await hub.tell("hub.worker_conflict_recorded", conflict, desk=S2W)
    after = await hub.guards()
    assert {person: after[person] - before[person] for person in after} == {
        await hub.person(who): 1 for who in "VK"
    }
    assert await hub.rows("SELECT 1 FROM waiting") == []


async def test_an_event_is_placed_for_those_who_are_known_when_two_people_say_so(hub: Hub) -> None:
    log = await hub.begin_family("F-1", CHESIL, adults="VP", children="K")
    unknown = ref("UNKNOWN-1", "niche")
    roles = {"V": "victim", "P": "alleged_perpetrator", "K": "child_present"}
    said = {"account": {"text": "shouting was heard", "about": [ref("V"), unknown]}}
    rows = [{"person": unknown, "role": "witness"}]
    rows += [{"person": ref(who), "role": role, **said} for who, role in roles.items()]
    about = {"family": ref("F-1"), "incident": "i-1", "people": rows}
    receipt = await hub.tell(INCIDENT, about, desk=POLICE)
    accepted = hub.clock.now()
    hub.clock.advance(DAY)
    await hub.settle()
    await hub.relay(CHESIL)
    assert hub.got(CHESIL, INCIDENT) == []
    (task,) = await tasks_after_a_minute(hub)
    assert await do(hub, task, "place", "one") == (202, "awaits a second person")
    assert await do(hub, task, "place", "one") == (202, "awaits a second person")
    # Whoever says that it may be let go has not said that it may enter.
    assert await discard(hub, task, "two", "mistyped") == (202, "awaits a second person")
    assert await do(hub, task, "place", "two") == (202, "done")
    assert (await do(hub, task, "place", "two"))[0] == 409
    await hub.settle()
    await hub.relay(CHESIL)
    (got,) = hub.got(CHESIL, INCIDENT)
    assert [row["person"]["value"] for row in got["people"]] == [await hub.person(who) for who in roles]
    assert "account" not in str(got)
    stored = "SELECT key::text, receipt_id::text, accepted_at, recorded_at FROM event WHERE type LIKE %s"
    assert await hub.rows(stored, f"%{INCIDENT}%") == [(log, receipt, accepted, hub.clock.now())]
    assert (await hub.get(f"/v1/receipts/{receipt}", POLICE)).json()["state"] == "received"
    pairs = (await hub.family_state(log))["persons"][await hub.person("V")]
    assert f"pair|{await hub.person('P')}|p" in pairs
    assert await hub.rows("SELECT 1 FROM waiting") == []
    assert await tasks_after_a_minute(hub) == []


async def test_a_wrong_family_is_left_out_by_one_person_and_a_wrong_person_by_nobody(hub: Hub) -> None:
    log = await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await hub.support("F-1", "V", S2W)
    mistyped = {"family": ref("F-typo"), "person": ref("V")}
    await hub.tell("consent.withdrawn", mistyped, desk=S2W)
    shield = {"family": ref("F-1"), "person": ref("V"), "from_person": ref("UNKNOWN-1", "niche")}
    await hub.tell("safety.restriction_placed", {"restriction": "r-1", **shield}, desk=POLICE)
    home = [{"person": ref(who), "household": ref("H-1")} for who in ("V", "STRANGER")]
    await hub.tell("family.household_changed", {"family": ref("F-1"), "moves": home})
    withdrawal, restriction, move = await tasks_after_a_minute(hub)
    assert (await do(hub, restriction, "place", "one"))[0] == 422
    assert await do(hub, withdrawal, "place", "one") == (202, "done")
    assert (await do(hub, move, "place", "one"))[1] == "awaits a second person"
    assert await do(hub, move, "place", "two") == (202, "done")
    await hub.settle()
    found = await hub.rows("SELECT key::text FROM event WHERE type LIKE '%%consent.withdrawn%%'")
    assert found == [(log,)]
    assert "household" in (await hub.family_state(log))["persons"][await hub.person("V")]
    assert len(await hub.rows("SELECT 1 FROM waiting")) == 1


async def test_what_ends_work_is_placed_when_the_family_is_closed_and_something_by_id_alone_waits(
    hub: Hub,
) -> None:
    log = await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    referral = await hub.support("F-1", "V", S2W)
    await hub.tell("family.closed", {"family": ref("F-1")})
    await hub.settle()
    # What protects her enters the family that was closed with her in it; what does not waits for an open one.
    await hub.tell("consent.withdrawn", {"person": ref("V")}, desk=S2W)
    score = {"person": ref("V"), "instrument": "phq9", "score": 7}
    await hub.tell("outcome.measure_recorded", score, desk=S2W)
    await hub.tell("consent.refused", {"person": ref("V")}, desk=S2W)
    about = {"referral": ref(referral), "person": ref("V")}
    await hub.tell("referral.support_ended", about, desk=S2W)
    await hub.settle()
    assert [row[0] for row in await hub.rows("SELECT type FROM waiting ORDER BY seq")] == [
        "wraparound.outcome.measure_recorded.v1",
        "wraparound.consent.refused.v1",
    ]
    state = await hub.family_state(log)
    assert [each["state"] for each in state["referrals"].values()] == ["ended"]
    assert "refusal|*|*|*" in state["persons"][await hub.person("V")]
    # A person has both enter where she was last.
    for task in await tasks_after_a_minute(hub):
        assert await do(hub, task, "place", "one") == (202, "done")
    await hub.settle()
    placed = [f"wraparound.{kind}.v1" for kind in ("consent.refused", "outcome.measure_recorded")]
    found = await hub.rows("SELECT type, key::text FROM event WHERE type = ANY(%s) ORDER BY type", placed)
    assert found == [(kind, log) for kind in placed]
    assert await hub.rows("SELECT 1 FROM waiting") == []


async def test_what_waited_is_accepted_when_it_was_and_recorded_when_it_entered(hub: Hub) -> None:
    """Said before a consent that was given since, it does not end that one."""
    log = await hub.begin_family("F-1", CHESIL, adults="V")
    await hub.support("F-1", "V", S2W)
    await hub.consent("F-1", "V")
    paris = {"scheme": "paris", "value": "77"}
    await hub.tell("consent.withdrawn", {"family": ref("F-1"), "person": paris}, desk=S2W)
    said = hub.clock.now()
    await hub.consent("F-1", "V")
    linked = {"family": ref("F-1"), "person": ref("V"), "identifier": paris, "degree": "confirmed"}
    await hub.tell("hub.identity_linked", linked)
    await hub.settle()
    times = "SELECT accepted_at, recorded_at FROM event WHERE type LIKE '%%consent.withdrawn%%'"
    assert await hub.rows(times) == [(said, hub.clock.now())]
    await hub.score("F-1", "V", 11)
    await hub.relay(CHESIL)
    assert hub.scores_to(CHESIL) == [11]
    assert "refusal|*|*|*" in (await hub.family_state(log))["persons"][await hub.person("V")]


async def confirm(hub: Hub, task: str, person: dict[str, str], identifier: dict[str, str]) -> Any:
    """The answer when one person of the council says whose an id is."""
    headers = hub.bearer(CHESIL, subject="one", purpose="operate", reason="telephoned")
    given = {"person": person, "identifier": identifier}
    return await hub.http.post(f"/v1/tasks/{task}/confirm", json=given, headers=headers)


async def shown(hub: Hub, task: str) -> dict[str, Any]:
    """A task as its desk reads it, and as it stands in the list."""
    found = (await hub.get(f"/v1/tasks/{task}", CHESIL)).json()
    listed = (await hub.get("/v1/tasks", CHESIL)).json()["tasks"]
    (same,) = [each for each in listed if each["task"] == task]
    assert (same["detail"], same["actions"]) == (found["detail"], found["actions"])
    return dict(found)


async def test_only_an_id_that_the_event_names_is_confirmed_when_it_waits_for_somebody(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    links = "SELECT count(*) FROM identity"
    before = await hub.rows(links)
    await incident(hub, ref("K"), ref("UNKNOWN-1", "niche"))
    (task,) = await tasks_after_a_minute(hub)
    found = await shown(hub, task)
    assert found["detail"]["unknown"] == [{"names": "person", "scheme": "niche"}]
    assert found["actions"] == ["confirm", "discard", "place"]
    assert "UNKNOWN-1" not in str(found)
    for other in (ref("UNKNOWN-2", "niche"), ref("UNKNOWN-1", "paris"), ref("K"), ref("F-1")):
        refused = await confirm(hub, task, ref("V"), other)
        (fault,) = refused.json()["errors"]
        assert (refused.status_code, fault["pointer"], fault["rule"]) == (422, "/identifier", "codes")
        assert "niche" in fault["detail"]
        assert "UNKNOWN" not in refused.text
    assert await hub.rows(links) == before
    assert (await confirm(hub, task, ref("V"), ref("UNKNOWN-1", "niche"))).status_code == 202
    assert await hub.rows("SELECT reason FROM waiting") == []


async def test_nobody_is_confirmed_when_only_a_family_is_unknown(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V")
    await hub.support("F-1", "V", S2W)
    await hub.tell("consent.withdrawn", {"family": ref("F-typo"), "person": ref("V")}, desk=S2W)
    (task,) = await tasks_after_a_minute(hub)
    found = await shown(hub, task)
    assert found["detail"]["unknown"] == [{"names": "family", "scheme": "liquidlogic"}]
    assert found["actions"] == ["discard", "place"]
    refused = await confirm(hub, task, ref("V"), ref("F-typo"))
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/identifier")


async def refused_suspension(hub: Hub) -> Any:
    """The second person's word that ends the one suspension there is, as its task brings it."""
    ((task, request),) = await hub.rows(
        "SELECT task_id::text, key FROM task WHERE kind = 'approval' AND done_at IS NULL"
    )
    parts = hub.gateway.parts
    event_type = parts.catalogue.type("wraparound.hub.approval_given.v1")
    datum, _ = event_type.read_json({"task": task, "request": request, "decision": "refused"})
    assert datum is not None
    desk = parts.partnership.desk(CHESIL)
    return parts.checker.published(desk, task, "word", b"", datum, event_type, of_agency=True)


async def test_others_events_enter_when_an_agencys_return_registers_what_they_waited_for(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V")
    await hub.tell("hub.agency_suspended", {"agency": "council", "reason": "breach"}, desk=IG)
    child = [{"person": ref("K"), "kind": "child"}]
    await hub.tell("family.member_added", {"family": ref("F-1"), "members": child})
    await incident(hub, ref("K"))
    assert await hub.rows("SELECT reason FROM waiting ORDER BY seq") == [("suspended",), ("unidentified",)]
    async with hub.database.transaction() as conn:
        await accept_batch(conn, hub.gateway.parts, [await refused_suspension(hub)])
    assert await hub.rows("SELECT reason FROM waiting") == []


async def test_nothing_stays_behind_when_it_arrives_while_its_agency_comes_back(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V")
    await hub.support("F-1", "V", S2W)
    await hub.tell("hub.agency_suspended", {"agency": "s2w", "reason": "breach"}, desk=IG)
    async with hub.database.transaction() as conn:
        await accept_batch(conn, hub.gateway.parts, [await refused_suspension(hub)])
        arriving = asyncio.create_task(hub.score("F-1", "V", 7))
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND query LIKE '%%lock_shared%%'"
        while await hub.rows(waits) != [(1,)]:
            assert not arriving.done()
            await asyncio.sleep(0.01)
    await arriving
    assert await hub.rows("SELECT reason FROM waiting") == []
