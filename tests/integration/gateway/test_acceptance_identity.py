"""Who is who: what waits, what wakes it, in which order, and what a person must decide."""

from hub.clock import HOUR, SECOND, SystemClock
from services.gateway.timers import open_overdue
from tests.integration.gateway.world import World, gather, ref

NHS_1, NHS_2, NHS_3 = "9990000018", "9990000026", "9990000034"


async def waiting(world: World) -> list[tuple[str, str]]:
    rows = await world.rows("SELECT type, reason FROM waiting ORDER BY seq")
    return [(kind.removeprefix("wraparound.").removesuffix(".v1"), reason) for kind, reason in rows]


def withdrawn(person: str, scheme: str = "liquidlogic") -> dict[str, object]:
    return {"person": ref(person, scheme)}


def note(person: str, scheme: str = "paris", **more: object) -> dict[str, object]:
    return {"person": ref(person, scheme), "domain": "sft_services", **more}


async def test_event_waits_and_says_no_more_than_received_when_nobody_is_known_by_its_id(
    world: World,
) -> None:
    receipt = await world.publish("outcome.note_recorded", note("X-1"), desk="s2w/sft")
    assert await waiting(world) == [("outcome.note_recorded", "unidentified")]
    assert await world.events() == []
    answer = await world.get(f"/v1/receipts/{receipt}", "s2w/sft")
    assert (answer.status_code, answer.json()["state"]) == (200, "received")


async def test_events_enter_in_their_order_when_what_they_wait_for_is_registered(world: World) -> None:
    first = await world.publish("outcome.note_recorded", note("X-1"), desk="s2w/sft")
    world.clock.advance(SECOND)
    second = await world.publish("outcome.note_recorded", note("X-1"), desk="s2w/sft")
    await world.add_member("F-1", ref("P-1"), ref("X-1", "paris"))
    assert [reason for _, reason in await waiting(world)] == ["unidentified", "behind", "unidentified"]
    accepted = world.clock.now()
    world.clock.advance(SECOND)
    await world.open_family("F-1")
    assert await waiting(world) == []
    rows = await world.events()
    assert [row.kind for row in rows] == [
        "family.opened",
        "family.member_added",
        "outcome.note_recorded",
        "outcome.note_recorded",
    ]
    assert [row.receipt for row in rows[2:]] == [first, second]
    assert {row.recorded_at for row in rows} == {world.clock.now()}
    assert [row.accepted_at for row in rows[2:]] == [accepted - SECOND, accepted]


async def test_later_event_queues_behind_and_others_pass_when_an_earlier_one_of_its_source_waits(
    world: World,
) -> None:
    await world.open_family("F-1")
    await world.add_member("F-1", ref("P-1"), ref("X-1", "paris"))
    await world.add_member("F-1", ref("P-2"), ref("X-2", "paris"))
    both = {"text": "Both came.", "about": [ref("X-3", "paris"), ref("X-4", "paris")]}
    await world.publish("outcome.note_recorded", note("X-2", note=both), desk="s2w/sft")
    await world.add_member("F-1", ref("P-3"), ref("X-3", "paris"))
    await world.publish("outcome.note_recorded", note("X-3"), desk="s2w/sft", event_id="behind")
    await world.publish("outcome.note_recorded", note("X-2"), desk="s2w/sft", event_id="passes")
    await world.publish("outcome.note_recorded", note("P-3", "liquidlogic"), event_id="other-source")
    assert [reason for _, reason in await waiting(world)] == ["unidentified", "behind"]
    assert [row.source for row in await world.events() if row.kind == "outcome.note_recorded"] == [
        "s2w/sft",
        "council/chesil",
    ]
    await world.add_member("F-1", ref("P-4"), ref("X-4", "paris"))
    notes = [row for row in await world.events() if row.kind == "outcome.note_recorded"]
    assert await waiting(world) == []
    assert [note.data["person"]["value"] for note in notes[2:]] == [
        await world.person("P-2"),
        await world.person("P-3"),
    ]


async def test_registration_is_never_missed_when_it_and_the_event_arrive_at_once(world: World) -> None:
    for number in range(12):
        await gather(
            world.publish(
                "family.opened", {"family": ref(f"F-{number}"), "lead": "council/west"}, desk="council/west"
            ),
            world.publish("family.closed", {"family": ref(f"F-{number}")}, desk="council/west"),
        )
    assert await waiting(world) == []
    assert sorted(await world.kinds()) == ["family.closed"] * 12 + ["family.opened"] * 12


async def test_event_registers_nothing_when_it_waits_for_somebody_else_in_it(world: World) -> None:
    await world.open_family("F-1")
    await world.add_member("F-1", ref("P-1"))
    requested = {
        "family": ref("F-1"),
        "referral": ref("R-1"),
        "person": ref("P-1"),
        "to": "s2w/sft",
        "specialism": "mental-health",
        "children": [{"person": ref("P-2"), "rag": "red"}],
    }
    await world.publish("referral.requested", requested)
    await world.publish("referral.accepted", {"referral": ref("R-1"), "person": ref("P-1")}, desk="s2w/sft")
    members = [{"person": ref("P-3"), "kind": "adult", "against": ref("P-2")}]
    await world.publish("family.member_added", {"family": ref("F-1"), "members": members})
    assert [kind for kind, _ in await waiting(world)] == [
        "referral.requested",
        "referral.accepted",
        "family.member_added",
    ]
    assert await world.count("referral") == 0
    assert len(await world.guards()) == 1
    await world.add_member("F-1", ref("P-2"), kind="child")
    assert await waiting(world) == []
    assert (await world.kinds())[-3:] == ["referral.requested", "family.member_added", "referral.accepted"]


async def test_person_in_no_open_family_waits_until_they_join_one(world: World) -> None:
    await world.open_family("F-1")
    await world.add_member("F-1", ref("P-1"))
    await world.publish(
        "family.member_changed", {"family": ref("F-1"), "person": ref("P-1"), "state": "left"}
    )
    await world.publish("consent.withdrawn", withdrawn("P-1"))
    assert await waiting(world) == [("consent.withdrawn", "unidentified")]
    await world.add_member("F-1", ref("P-1"))
    assert (await world.kinds())[-1] == "consent.withdrawn"


async def test_guard_is_raised_once_and_at_acceptance_when_a_withdrawal_waits(world: World) -> None:
    await world.open_family("F-1")
    await world.add_member("F-1", ref("P-1"))
    await world.publish("consent.withdrawn", {**withdrawn("P-1"), "given_by": ref("P-2")})
    person = await world.person("P-1")
    assert await waiting(world) == [("consent.withdrawn", "unidentified")]
    assert await world.guards() == {person: 1}
    await world.add_member("F-1", ref("P-2"))
    assert (await world.guards())[person] == 1
    assert (await world.events())[-1].raises == [person]


async def test_same_person_is_meant_when_a_known_id_is_given_with_new_ones(world: World) -> None:
    await world.open_family("F-1")
    await world.open_family("F-2", "council/west")
    await world.add_member("F-1", ref(NHS_1, "nhs-number"), ref("P-1"))
    await world.add_member("F-2", ref("P-9"), ref(NHS_1, "nhs-number"), desk="council/west")
    assert await world.person("P-1") == await world.person("P-9") == await world.person(NHS_1, "nhs-number")
    await world.publish("consent.withdrawn", withdrawn("P-9"))
    assert len([row for row in await world.events() if row.kind == "consent.withdrawn"]) == 2


async def test_two_people_stay_two_when_one_id_is_given_for_both(world: World) -> None:
    await world.open_family("F-1")
    await world.add_member("F-1", ref(NHS_1, "nhs-number"), ref("X-1", "paris"))
    await world.add_member("F-1", ref(NHS_2, "nhs-number"), ref("X-1", "paris"))
    one, other = await world.person(NHS_1, "nhs-number"), await world.person(NHS_2, "nhs-number")
    assert one != other
    links = dict(await world.rows("SELECT hub_id::text, status FROM identity WHERE scheme = 'paris'"))
    assert links == {one: "confirmed", other: "probable"}
    tasks = await world.rows("SELECT kind, owner, reason, detail->'candidates', due_at - opened_at FROM task")
    assert tasks == [("held", "council/chesil", "identity_in_doubt", sorted([one, other]), 4 * HOUR)]


async def doubtful(world: World) -> tuple[str, str]:
    """Two people in two families, and one id that was given for both."""
    await world.open_family("F-1")
    await world.open_family("F-2", "council/west")
    await world.add_member("F-1", ref(NHS_1, "nhs-number"), ref("X-1", "paris"))
    await world.add_member("F-2", ref(NHS_2, "nhs-number"), ref("X-1", "paris"), desk="council/west")
    return await world.person(NHS_1, "nhs-number"), await world.person(NHS_2, "nhs-number")


async def decide(world: World, person: str, desk: str = "council/chesil") -> None:
    data = {"person": ref(person, "nhs-number"), "identifier": ref("X-1", "paris"), "degree": "confirmed"}
    await world.publish("hub.identity_linked", data, desk=desk)


async def test_doubtful_event_says_nothing_of_anybody_until_a_person_decides_and_then_enters_as_what_it_is(
    world: World,
) -> None:
    one, other = await doubtful(world)
    world.clock.advance(SECOND)
    receipt = await world.publish("outcome.crisis_contact", note_of("X-1"), desk="s2w/sft")
    rows = (await world.events())[-4:]
    assert [row.kind for row in rows] == ["hub.identity_linked", "outcome.crisis_contact"] * 2
    for link, copy in (rows[:2], rows[2:]):
        assert (copy.cause, copy.key) == (link.id, link.key)
        assert (link.source, link.data["degree"], link.data["candidates"]) == ("hub", "probable", None)
        assert copy.data["person"] == link.data["person"]
        assert copy.data["person"]["value"] not in {one, other}
        assert not copy.primary
    assert len({row.data["person"]["value"] for row in rows}) == 2
    accepted = world.clock.now()
    world.clock.advance(SECOND)
    await decide(world, NHS_1)
    confirmed, again, *unlinked = (await world.events())[-4:]
    assert (confirmed.kind, confirmed.data["person"]["value"]) == ("hub.identity_linked", one)
    assert (again.kind, again.data["person"]["value"], again.primary) == ("outcome.crisis_contact", one, True)
    assert (again.receipt, again.accepted_at, again.recorded_at) == (receipt, accepted, world.clock.now())
    assert again.cause is None
    assert {(row.kind, row.key, row.data["person"]["value"]) for row in unlinked} == {
        ("hub.identity_unlinked", row.key, row.data["person"]["value"]) for row in rows
    }
    assert {row.data["belongs_to"]["value"] for row in unlinked} == {one}
    assert await world.guards() == {one: 0, other: 0}
    assert await world.rows("SELECT done_by FROM task WHERE kind = 'held'") == [("council/chesil",)]
    await world.publish("outcome.crisis_contact", note_of("X-1"), desk="s2w/sft")
    assert (await world.events())[-1].data["person"]["value"] == one


async def test_all_candidates_are_protected_when_a_doubtful_event_protects_somebody(world: World) -> None:
    one, other = await doubtful(world)
    await world.publish("consent.withdrawn", note_of("X-1"), desk="s2w/sft")
    link, copy, *_ = (await world.events())[-4:]
    assert [each["value"] for each in link.data["candidates"]] == sorted([one, other])
    assert copy.raises == sorted([one, other])
    assert await world.guards() == {one: 2, other: 2}
    await decide(world, NHS_2, "council/west")
    rows = (await world.events())[-5:]
    assert [row.kind for row in rows] == ["hub.identity_linked", "consent.withdrawn"] + [
        "hub.identity_unlinked"
    ] * 3
    assert rows[1].raises == [other]
    assert rows[1].data["person"]["value"] == other
    assert one in {row.data["person"]["value"] for row in rows[2:]}
    assert other not in {row.data["person"]["value"] for row in rows[2:]}
    assert await world.guards() == {one: 2, other: 3}


async def test_member_waits_for_the_decision_of_whose_task_it_is_when_their_id_is_doubtful(
    world: World,
) -> None:
    await doubtful(world)
    await world.add_member("F-2", ref("X-1", "paris"), desk="council/west")
    await decide(world, NHS_1, "council/dorchester")
    assert await waiting(world) == [("family.member_added", "unidentified")]
    await decide(world, NHS_1, "council/west")
    assert await waiting(world) == []
    assert (await world.kinds())[-1] == "family.member_added"


def note_of(person: str) -> dict[str, object]:
    return {"person": ref(person, "paris")}


async def test_event_becomes_a_task_of_the_council_when_it_waited_a_minute(world: World) -> None:
    receipt = await world.publish("outcome.note_recorded", note("X-1"), desk="s2w/sft")
    parts = world.gateway.parts
    now = SystemClock().now()
    async with parts.database.transaction() as conn:
        assert await open_overdue(conn, parts, now + 50 * SECOND) == 0
        assert await open_overdue(conn, parts, now + 70 * SECOND) == 1
        assert await open_overdue(conn, parts, now + 80 * SECOND) == 0
    tasks = await world.rows("SELECT kind, key, owner, reason, done_at FROM task")
    assert tasks == [("unidentified", receipt, "council/chesil", "unidentified", None)]
    await world.open_family("F-1")
    await world.add_member("F-1", ref("P-1"), ref("X-1", "paris"))
    assert await world.rows("SELECT done_by FROM task WHERE done_at IS NOT NULL") == [("hub",)]


async def approve(world: World, kind: str) -> None:
    """A second person, of another desk of the council, agrees to what was asked about an agency."""
    ((task, owner),) = await world.rows(
        "SELECT task_id::text, owner FROM task WHERE kind = 'approval' AND detail ->> 'type' = %s", kind
    )
    assert owner.startswith("council/")
    assert owner != "council/ig"
    headers = world.bearer(owner, subject="officer", purpose="safeguard", reason="review")
    assert (await world.http.post(f"/v1/tasks/{task}/approve", headers=headers)).status_code == 202


async def test_suspended_agency_waits_but_its_protective_events_do_not(world: World) -> None:
    await world.open_family("F-1")
    await world.add_member("F-1", ref("P-1"), ref("X-1", "paris"))
    await world.publish("hub.agency_suspended", {"agency": "s2w"}, desk="council/ig")
    await world.publish("outcome.note_recorded", note("X-1"), desk="s2w/sft")
    await world.publish("outcome.note_recorded", note("X-9"), desk="s2w/sft")
    await world.publish("consent.withdrawn", withdrawn("X-1", "paris"), desk="s2w/sft")
    assert [reason for _, reason in await waiting(world)] == ["suspended", "suspended"]
    assert (await world.kinds())[-1] == "consent.withdrawn"
    await world.publish("hub.agency_resumed", {"agency": "s2w"}, desk="council/ig")
    assert (await world.kinds())[-1] == "hub.agency_resumed"
    await approve(world, "hub.agency_resumed")
    assert (await world.kinds())[-2:] == ["hub.approval_given", "outcome.note_recorded"]
    assert [reason for _, reason in await waiting(world)] == ["unidentified"]
    assert await world.rows("SELECT agency, closed FROM agency_guard WHERE agency = 's2w'") == [
        ("s2w", False)
    ]


async def test_family_is_not_registered_when_its_opener_is_no_authority_for_the_scheme(world: World) -> None:
    data = {"family": ref("00000000-0000-8000-8000-000000000001", "hub"), "lead": "council/west"}
    await world.publish("family.opened", data, desk="council/west")
    assert await waiting(world) == [("family.opened", "unidentified")]


async def test_third_person_of_a_national_number_is_doubtful_when_they_have_one(world: World) -> None:
    await world.open_family("F-1")
    await world.add_member("F-1", ref("P-1"), ref(NHS_1, "nhs-number"))
    await world.add_member("F-1", ref("P-1"), ref(NHS_3, "nhs-number"))
    links = await world.rows("SELECT status FROM identity WHERE scheme = 'nhs-number' ORDER BY since, status")
    assert links == [("confirmed",), ("probable",)]
