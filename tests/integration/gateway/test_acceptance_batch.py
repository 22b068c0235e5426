"""Several events of one desk in one transaction: the same mechanism, in order, with one audit entry."""

from typing import Any

import orjson

from hub.ledger import read_details
from services.gateway.acceptance import accept_all
from services.gateway.checking import Published
from services.gateway.claims import Accepted
from services.gateway.cloudevents import read
from services.gateway.problems import ProblemError
from tests.integration.gateway.world import STRUCTURED, World, event, gather, ref

DESK = "council/chesil"


def checked(world: World, kind: str, data: Any, event_id: str, desk: str = DESK) -> Published:
    parts = world.gateway.parts
    raw = orjson.dumps(event(kind, data, event_id, desk))
    found = read([("content-type", STRUCTURED)], raw, parts.partnership.limits)
    return parts.checker.check(parts.partnership.desk(desk), found)


def family(world: World, name: str) -> list[Published]:
    """A family opened, its members, and one of them referred."""
    members = [{"person": ref(f"{name}-{number}"), "kind": "adult"} for number in (1, 2)]
    requested = {
        "referral": ref(f"{name}-R"),
        "person": ref(f"{name}-1"),
        "to": "s2w/sft",
        "specialism": "mental-health",
    }
    return [
        checked(world, "family.opened", {"family": ref(name), "lead": DESK}, f"{name}-a"),
        checked(world, "family.member_added", {"family": ref(name), "members": members}, f"{name}-b"),
        checked(world, "referral.requested", requested, f"{name}-c"),
        checked(world, "consent.withdrawn", {"person": ref(f"{name}-1")}, f"{name}-d"),
    ]


async def test_batch_opens_a_family_and_refers_its_members_in_one_transaction(world: World) -> None:
    results = await accept_all(world.gateway.parts, family(world, "F-1"))
    assert [isinstance(each, Accepted) and each.first for each in results] == [True] * 4
    rows = await world.events()
    assert [row.kind for row in rows] == [
        "family.opened",
        "family.member_added",
        "referral.requested",
        "consent.withdrawn",
    ]
    assert len({row.key for row in rows}) == 1
    guards = await world.guards()
    assert sorted(guards.values()) == [0, 2]
    assert guards[await world.person("F-1-1")] == 2
    assert await world.count("audit_entry") == 1


async def test_one_entry_names_every_event_to_its_desk_and_one_to_the_family_it_concerns_and_to_no_other(
    world: World,
) -> None:
    parts = world.gateway.parts
    published = [*family(world, "F-1"), *family(world, "F-2")]
    await accept_all(parts, published)
    ((own, own_leaf),) = await world.rows(
        "SELECT entry_id::text, leaf FROM audit_entry WHERE entry_id IN (SELECT entry_id FROM receipt)"
    )
    ((entry_id, leaf),) = await world.rows(
        "SELECT entry_id::text, leaf FROM audit_entry WHERE entry_id::text <> %s", own
    )
    async with world.connection() as conn:
        (mine,) = (await read_details(conn, parts.ring, own)).values()
        details = await read_details(conn, parts.ring, entry_id)
    assert [each["receipt"] for each in mine["events"]] == [each.receipt_id for each in published]
    assert DESK.encode() not in bytes(own_leaf)
    rows = await world.events()
    by_family = [
        sorted(row.id for row in rows if row.key == key) for key in sorted({row.key for row in rows})
    ]
    assert [
        sorted(each["event"] for each in detail["events"]) for _, detail in sorted(details.items())
    ] == by_family
    assert DESK.encode() not in bytes(leaf)


async def test_each_event_is_answered_by_itself_when_some_are_repeats_or_conflicts(world: World) -> None:
    parts = world.gateway.parts
    events = family(world, "F-1")
    await accept_all(parts, events[:2])
    other = checked(world, "family.closed", {"family": ref("F-1")}, "F-1-a")
    twice = checked(world, "family.lead_changed", {"family": ref("F-1"), "lead": "council/west"}, "F-1-e")
    results = await accept_all(parts, [events[0], other, events[2], twice, twice])
    shown = [each.status if isinstance(each, ProblemError) else each.first for each in results]
    assert shown == [False, 409, True, True, False]
    assert (await world.kinds())[2:] == ["referral.requested", "family.lead_changed"]


async def test_nothing_is_written_when_a_batch_holds_only_repeats(world: World) -> None:
    parts = world.gateway.parts
    await accept_all(parts, family(world, "F-1"))
    before = [await world.count(table) for table in ("event", "audit_entry", "identity", "outbox")]
    results = await accept_all(parts, family(world, "F-1"))
    assert [isinstance(each, Accepted) and each.first for each in results] == [False] * 4
    assert [await world.count(table) for table in ("event", "audit_entry", "identity", "outbox")] == before


async def test_batches_of_the_same_people_never_deadlock_when_they_come_at_once(world: World) -> None:
    parts = world.gateway.parts
    await accept_all(parts, [*family(world, "F-1"), *family(world, "F-2")])
    before = sum((await world.guards()).values())

    def batch(number: int) -> list[Published]:
        people = ["F-1-1", "F-1-2", "F-2-1", "F-2-2"]
        ordered = people if number % 2 else people[::-1]
        return [
            checked(world, "consent.withdrawn", {"person": ref(person)}, f"w-{number}-{person}")
            for person in ordered
        ]

    results = await gather(*(accept_all(parts, batch(number)) for number in range(16)))
    assert all(each.first for result in results for each in result)
    assert sum((await world.guards()).values()) == before + 64
