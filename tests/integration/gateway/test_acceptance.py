"""What acceptance makes durable, on a real database: rows, receipts, duplicates, copies."""

from typing import Any

import orjson

from hub.clock import MINUTE, format_micros
from hub.ids import derive
from tests.integration.gateway.world import World, event, gather, ref, statuses


def rating(person: dict[str, str], family: str | None = "F-1", rag: str = "amber") -> dict[str, Any]:
    data: dict[str, Any] = {"person": person, "rating": rag, "rated_on": "2024-04-14"}
    return data | ({"family": ref(family)} if family else {})


async def test_event_is_stored_queued_receipted_and_audited_when_its_family_is_known(world: World) -> None:
    await world.open_family("F-1")
    await world.add_member("F-1", ref("P-1"))
    before = await world.count("audit_entry")
    headers = {
        **world.bearer("council/chesil"),
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": "risk-1",
        "ce-source": "council/chesil",
        "ce-type": "wraparound.practice.risk_rated.v1",
    }
    answer = await world.http.post("/v1/events", content=orjson.dumps(rating(ref("P-1"))), headers=headers)
    assert answer.status_code == 202, answer.text
    receipt = answer.json()["receipt"]
    assert answer.json() == {"receipt": receipt, "state": "received"}
    assert answer.headers["location"] == f"/v1/receipts/{receipt}"
    stored = (await world.events())[-1]
    assert (stored.kind, stored.source, stored.receipt) == ("practice.risk_rated", "council/chesil", receipt)
    assert stored.data["person"] == {"scheme": "hub", "value": await world.person("P-1")}
    assert stored.key == stored.data["family"]["value"]
    assert await world.count("audit_entry") == before + 1 == await world.count("audit_pending")
    assert {row[0] for row in await world.rows("SELECT kind FROM audit_entry")} == {"event.accepted"}


async def test_first_receipt_comes_again_when_the_same_is_sent_in_another_mode_or_at_another_time(
    world: World,
) -> None:
    await world.open_family("F-1")
    await world.add_member("F-1", ref("P-1"))
    receipt = await world.publish("practice.risk_rated", rating(ref("P-1")), event_id="risk-1")
    events = await world.count("event")
    body = event("practice.risk_rated", rating(ref("P-1")), "risk-1", "council/chesil")
    for time in ("2026-04-14T10:30:00Z", "2099-01-01T00:00:00Z"):
        headers = {**world.bearer("council/chesil"), "content-type": "application/cloudevents+json"}
        again = await world.http.post(
            "/v1/events", content=orjson.dumps({**body, "time": time}), headers=headers
        )
        assert (again.status_code, again.json()["receipt"]) == (200, receipt)
    headers = {
        **world.bearer("council/chesil"),
        "content-type": "application/json; charset=utf-8",
        **{f"ce-{name}": value for name, value in body.items() if name != "data"},
    }
    again = await world.http.post("/v1/events", content=orjson.dumps(body["data"]), headers=headers)
    assert (again.status_code, again.json()["receipt"]) == (200, receipt)
    assert await world.count("event") == events == await world.count("outbox")


async def test_conflict_is_answered_and_nothing_kept_when_an_id_comes_with_other_content(
    world: World,
) -> None:
    await world.open_family("F-1")
    await world.add_member("F-1", ref("P-1"))
    await world.publish("practice.risk_rated", rating(ref("P-1")), event_id="risk-1")
    counts = await world.count("event"), await world.count("audit_entry"), await world.count("receipt")
    answer = await world.post("practice.risk_rated", rating(ref("P-1"), rag="red"), event_id="risk-1")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")
    assert (
        await world.count("event"),
        await world.count("audit_entry"),
        await world.count("receipt"),
    ) == counts


async def test_one_receipt_is_given_when_the_same_id_arrives_many_times_at_once(world: World) -> None:
    await world.open_family("F-1")
    await world.add_member("F-1", ref("P-1"))
    data = {"family": ref("F-1"), "person": ref("P-1")}
    answers = await gather(*(world.post("consent.withdrawn", data, event_id="w-1") for _ in range(12)))
    assert sorted(statuses(answers)) == [200] * 11 + [202]
    assert len({answer.json()["receipt"] for answer in answers}) == 1
    assert (await world.kinds()).count("consent.withdrawn") == 1
    assert await world.guards() == {await world.person("P-1"): 1}


async def test_one_content_wins_when_two_come_under_one_id_at_once(world: World) -> None:
    await world.open_family("F-1")
    await world.add_member("F-1", ref("P-1"))
    answers = await gather(
        *(
            world.post("practice.risk_rated", rating(ref("P-1"), rag=rag), event_id="risk-1")
            for rag in ("red", "amber", "green")
        )
    )
    assert sorted(statuses(answers)) == [202, 409, 409]
    assert (await world.kinds()).count("practice.risk_rated") == 1


async def test_each_open_family_gets_a_copy_and_one_is_primary_when_only_the_person_is_named(
    world: World,
) -> None:
    for family in ("F-1", "F-2", "F-3"):
        await world.open_family(family)
        await world.add_member(family, ref("P-1"))
    await world.publish("family.closed", {"family": ref("F-3")})
    await world.publish("consent.withdrawn", {"person": ref("P-1")})
    copies = [row for row in await world.events() if row.kind == "consent.withdrawn"]
    person = await world.person("P-1")
    assert len({copy.key for copy in copies}) == len({copy.id for copy in copies}) == 2
    assert [(copy.primary, copy.raises) for copy in copies] == [(True, [person]), (False, [person])]
    assert await world.guards() == {person: 2}


async def test_event_goes_to_the_family_of_the_referral_when_it_names_one(world: World) -> None:
    for family in ("F-1", "F-2"):
        await world.open_family(family)
        await world.add_member(family, ref("P-1"))
    requested = {
        "family": ref("F-2"),
        "referral": ref("R-1"),
        "person": ref("P-1"),
        "to": "s2w/sft",
        "specialism": "mental-health",
    }
    await world.publish("referral.requested", requested)
    accepted = {"referral": ref("R-1"), "person": ref("P-1")}
    await world.publish("referral.accepted", accepted, desk="s2w/sft")
    rows = [row for row in await world.events() if row.kind.startswith("referral.")]
    families = {row.key for row in await world.events() if row.kind == "family.opened"}
    assert len(rows) == 2
    assert len({row.key for row in rows} & families) == 1
    assert rows[1].data["referral"] == rows[0].data["referral"]
    assert rows[0].key == [row.key for row in await world.events() if row.kind == "family.opened"][1]


async def test_publisher_may_answer_with_the_hubs_own_ids_when_it_knows_them(world: World) -> None:
    await world.open_family("F-1")
    await world.add_member("F-1", ref("P-1"))
    person = await world.person("P-1")
    await world.publish("practice.risk_rated", rating(ref(person, "hub"), family=None))
    assert (await world.events())[-1].data["person"]["value"] == person


async def test_correction_names_the_hubs_event_when_it_names_an_earlier_id_of_its_source(
    world: World,
) -> None:
    await world.open_family("F-1")
    await world.add_member("F-1", ref("P-1"))
    await world.publish("practice.risk_rated", rating(ref("P-1")), event_id="risk-1")
    await world.publish("practice.risk_rated", rating(ref("P-1"), rag="red") | {"corrects": "risk-1"})
    first, correction = [row for row in await world.events() if row.kind == "practice.risk_rated"]
    assert correction.data["corrects"] == first.id
    assert correction.raises == [await world.person("P-1")]


async def test_agency_has_a_log_of_its_own_when_no_family_is_concerned(world: World) -> None:
    await world.publish("capacity.declared", {"agency": "s2w", "pathway": "mental-health"}, desk="s2w/sft")
    stored = (await world.events())[-1]
    assert stored.key == derive(world.gateway.parts.secret, "agency", "s2w")
    assert await world.rows("SELECT kind FROM subject_key WHERE key_id = %s", stored.key) == [("agency",)]


async def test_recorded_time_is_the_hubs_when_the_publishers_clock_is_ahead(world: World) -> None:
    await world.open_family("F-1")
    await world.add_member("F-1", ref("P-1"))
    world.clock.advance(MINUTE)
    ahead = format_micros(world.clock.now() + 30 * MINUTE)
    data = rating(ref("P-1")) | {"occurred_at": ahead}
    await world.publish("practice.risk_rated", data)
    stored = (await world.events())[-1]
    assert stored.recorded_at == stored.accepted_at == world.clock.now()


async def test_nothing_is_kept_and_nothing_said_of_anybody_when_it_is_a_dry_run(world: World) -> None:
    known = await world.open_family("F-1")
    before = await world.count("receipt")
    for family in ("F-1", "F-unknown"):
        answer = await world.post("practice.risk_rated", rating(ref("P-9"), family), query="?dry_run=true")
        assert (answer.status_code, answer.json()) == (200, {"state": "valid"})
    wrong = await world.post("practice.risk_rated", rating(ref("P-9"), rag="blue"), query="?dry_run=true")
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/data/rating")
    assert await world.count("receipt") == before
    assert known
