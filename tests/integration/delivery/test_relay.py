"""The relay on real Kafka and PostgreSQL: order, what holds what back, what lapses, what ends."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import orjson
import pytest

from hub.attempts.begin import LAPSED
from hub.attempts.judge import PACE
from hub.attempts.row import LIFE
from hub.clock import SECOND, SystemClock
from hub.ledger import read_details
from hub.producer import Message, Sent
from hub.schemas import wire
from hub.session import LOCK_MS
from tests.integration.delivery.world import (
    DESK,
    OTHER_DESK,
    RULES,
    Queued,
    World,
    cycle,
    cycles,
    example,
    raise_guards,
    stop,
)


async def lapses(world: World) -> list[dict[str, object]]:
    """The bodies of the events that ask for new decisions, in order."""
    rows = await world.rows("SELECT e.body FROM outbox o JOIN event e USING (event_id) ORDER BY o.seq")
    decoded = [wire.decode(world.catalogue, row[0]) for row in rows]
    assert {event_type.type for event_type, _ in decoded} <= {LAPSED}
    return [datum for _, datum in decoded]


async def test_every_desk_gets_its_deliveries_in_the_order_of_each_family_when_they_are_queued(
    world: World,
) -> None:
    since = {desk: await world.ends(desk) for desk in (DESK, OTHER_DESK)}
    relay = world.relay(DESK, OTHER_DESK, limit=20)
    wanted: dict[tuple[str, str], list[str]] = defaultdict(list)
    for step in range(60):
        items = [Queued(number, desk) for desk in (DESK, OTHER_DESK) for number in (step % 7, step % 3)]
        for item, delivery_id in zip(items, await world.put(*items), strict=True):
            wanted[item.desk, world.family(item.family)].append(delivery_id)
        if step % 4 == 0:
            await relay.cycle()
    await cycles(relay, 20)
    await stop(relay)
    got: dict[tuple[str, str], list[str]] = defaultdict(list)
    for desk, offsets in since.items():
        for record in await world.received(offsets, desk):
            got[desk, record.family_id].append(record.delivery_id)
    assert got == wanted
    assert await world.statuses() == {"delivered": 240}


async def test_a_delivery_is_a_cloud_event_keyed_by_its_family_when_it_arrives(world: World) -> None:
    since = await world.ends()
    (delivery_id,) = await world.put(Queued(4, body=b"\x00 the body as it was decided"))
    relay = world.relay()
    await cycles(relay, 6)
    await stop(relay)
    (record,) = await world.received(since)
    assert record.value == b"\x00 the body as it was decided"
    assert record.family_id == world.family(4)
    assert record.headers == {
        "ce_specversion": b"1.0",
        "ce_id": delivery_id.encode(),
        "ce_source": b"hub",
        "ce_type": Queued().type.encode(),
        "ce_time": b"2025-01-01T00:00:00.000000Z",
        "ce_subject": world.family(4).encode(),
        "content-type": b"application/avro",
    }


async def test_queued_deliveries_lapse_with_one_event_when_a_withdrawal_is_accepted_first(
    world: World,
) -> None:
    since = await world.ends()
    await world.put(Queued(1, persons=(1, 2)), Queued(1, persons=(2,)), Queued(2, persons=(3,)))
    await world.accept_protective(2)
    relay = world.relay()
    await cycles(relay)
    await stop(relay)
    assert [record.family_id for record in await world.received(since)] == [world.family(2)]
    (lapse,) = await lapses(world)
    assert lapse["family"] == {"scheme": "hub", "value": world.family(1)}
    assert lapse["cause"] == "guard"
    assert lapse["met"] == [{"person": world.person(2), "raises": 1}]
    assert len(lapse["deliveries"]) == 2  # type: ignore[arg-type]
    assert await world.statuses() == {"lapsed": 2, "delivered": 1}


async def test_a_row_lapses_anew_when_it_was_decided_behind_its_guard_again_at_the_same_hub_time(
    world: World,
) -> None:
    """A sandbox's clock may stand: what asks for a new decision has an id of its own each time."""
    await world.put(Queued(1, persons=(1,)))
    await world.accept_protective(1)
    relay = world.relay()
    await cycles(relay)
    await world.rows("UPDATE delivery SET status = 'pending' WHERE status = 'lapsed' RETURNING delivery_id")
    await cycles(relay, 30)
    await stop(relay)
    assert await world.statuses() == {"lapsed": 1}
    assert len(await lapses(world)) == 2


async def test_what_was_decided_after_the_withdrawal_leaves_when_its_counts_are_met(world: World) -> None:
    await world.accept_protective(1)
    await world.put(Queued(1, persons=(1,), counts=(1,)))
    relay = world.relay()
    await cycles(relay)
    await stop(relay)
    assert await world.statuses() == {"delivered": 1}
    assert await lapses(world) == []


async def test_a_lapsed_delivery_holds_back_its_own_family_and_desk_alone_when_others_wait(
    world: World,
) -> None:
    await world.put(Queued(1, persons=(1,)), Queued(2, persons=(2,)), Queued(1, OTHER_DESK, persons=(2,)))
    await world.accept_protective(1)
    relay = world.relay(DESK, OTHER_DESK)
    await cycles(relay)
    (behind,) = await world.put(Queued(1))
    await cycles(relay)
    assert await world.statuses() == {"lapsed": 1, "delivered": 2, "pending": 1}
    # The router decides again; then both go, in order.
    since = await world.ends()
    await world.rows(
        "UPDATE delivery SET status = 'pending', counts = '{1}' WHERE status = 'lapsed' RETURNING delivery_id"
    )
    await cycles(relay, 30)
    await stop(relay)
    received = await world.received(since)
    assert len(received) == 2
    assert received[1].delivery_id == behind


async def test_other_families_go_out_when_somebody_is_at_one_familys_rows_and_guards(world: World) -> None:
    await world.accept_protective(1, 2, 3)
    await world.put(*(Queued(number, persons=(number,), counts=(1,)) for number in (1, 2, 3)))
    relay = world.relay()
    async with world.transaction() as router, world.transaction() as gateway:
        await router.execute("UPDATE delivery SET reason = NULL WHERE family_id = %s", (world.family(1),))
        await raise_guards(gateway, [world.person(2)])
        since = await world.ends()
        await cycles(relay)
        assert {record.family_id for record in await world.received(since)} == {world.family(3)}
        assert await world.statuses() == {"pending": 2, "delivered": 1}
    await cycles(relay, 30)
    await stop(relay)
    assert {record.family_id for record in await world.received(since)} == {world.family(3), world.family(1)}
    assert await world.statuses() == {"lapsed": 1, "delivered": 2}


async def test_what_was_sent_is_marked_when_the_router_was_at_its_rows_for_a_while(world: World) -> None:
    await world.put(Queued(1), Queued(2))
    relay = world.relay()
    await cycle(relay)
    assert await world.statuses() == {"attempting": 2}
    async with world.transaction() as router:
        await router.execute("UPDATE delivery SET reason = NULL WHERE family_id = %s", (world.family(1),))
        marking = asyncio.create_task(cycles(relay, 2))
        await asyncio.sleep(2 * LOCK_MS / 1000)
    await marking
    assert await world.statuses() == {"delivered": 2}
    await stop(relay)


async def test_a_delivery_lapses_when_its_time_has_come(world: World) -> None:
    await world.put(Queued(1, valid_until=world.clock.now()), Queued(2, valid_until=world.clock.now() + 1))
    relay = world.relay()
    await cycles(relay)
    await stop(relay)
    (lapse,) = await lapses(world)
    assert (lapse["cause"], lapse["met"]) == ("expiry", [])
    assert await world.statuses() == {"lapsed": 1, "delivered": 1}


async def test_deliveries_lapse_when_another_rule_set_decided_them(world: World) -> None:
    await world.put(Queued(1, rules="rules-0"), Queued(2))
    relay = world.relay()
    await cycles(relay)
    await stop(relay)
    (lapse,) = await lapses(world)
    assert lapse["cause"] == "rules"
    assert await world.statuses() == {"lapsed": 1, "delivered": 1}


async def test_a_desk_has_no_more_out_than_its_pace_when_its_whole_line_is_of_other_rules(
    world: World,
) -> None:
    await world.put(*(Queued(number, rules="rules-0") for number in range(2 * PACE)))
    relay = world.relay(limit=PACE // 2)
    await cycles(relay)
    assert await world.statuses() == {"lapsed": PACE, "pending": PACE}
    decided = "UPDATE delivery SET status = 'pending', rules = %s WHERE status = 'lapsed' RETURNING 1"
    while set(statuses := await world.statuses()) != {"delivered"}:
        assert statuses.get("lapsed", 0) <= PACE
        await world.rows(decided, RULES)
        await cycles(relay, 3)
    await stop(relay)


async def test_an_agency_gets_nothing_while_it_is_suspended_and_everything_when_it_is_back(
    world: World,
) -> None:
    await world.put(Queued(1), Queued(2), Queued(1, OTHER_DESK))
    await world.rows("INSERT INTO agency_guard VALUES ('s2w', true, 0) RETURNING agency")
    relay = world.relay(DESK, OTHER_DESK)
    await cycles(relay)
    assert await world.statuses() == {"pending": 2, "delivered": 1}
    await world.rows("UPDATE agency_guard SET closed = false RETURNING agency")
    await asyncio.sleep(1.0)
    await cycles(relay)
    await stop(relay)
    assert await world.statuses() == {"delivered": 3}
    assert await lapses(world) == []


async def test_a_parked_family_waits_untouched_until_it_is_driven_again(world: World) -> None:
    await world.put(Queued(1, persons=(1,)), Queued(2), Queued(3, persons=(9,)))
    for processor, key in (("router", world.family(1)), ("people", world.person(9))):
        await world.rows(
            "INSERT INTO parked VALUES (%s, %s, 0, 0, gen_random_uuid(), gen_random_uuid()) RETURNING key",
            processor,
            key,
        )
    await world.accept_protective(1)
    relay = world.relay()
    await cycles(relay)
    assert await world.statuses() == {"pending": 2, "delivered": 1}
    await world.rows("DELETE FROM parked RETURNING key")
    await cycles(relay, 30)
    await stop(relay)
    assert await world.statuses() == {"lapsed": 1, "delivered": 2}


async def test_a_held_delivery_holds_nobody_back_when_others_of_its_family_come(world: World) -> None:
    await world.put(Queued(1, status="held"), Queued(1))
    relay = world.relay()
    await cycles(relay)
    assert await world.statuses() == {"held": 1, "delivered": 1}
    # As the router lets it go on: at the end of the line.
    await world.rows(
        "UPDATE delivery SET status = 'pending', seq = nextval('delivery_seq') WHERE status = 'held' RETURNING seq"
    )
    await cycles(relay)
    await stop(relay)
    assert await world.statuses() == {"delivered": 2}


@pytest.mark.parametrize(
    "steps", [["pending"], ["lapsed", "pending"], ["lapsed", "held", "lapsed", "pending"]]
)
async def test_a_held_delivery_leaves_when_it_is_decided_after_others_of_its_family_left(
    world: World, steps: Sequence[str]
) -> None:
    held, _ = await world.put(Queued(1, status="held"), Queued(1))
    relay = world.relay()
    await cycles(relay)
    for before, after in pairwise(["held", *steps]):
        # `lapsed`: facts that are on their way decide it in a moment.
        await world.revise(held, before, after)
        await cycles(relay)
    await stop(relay)
    assert await world.statuses() == {"delivered": 2}


async def test_nothing_is_passed_over_when_a_transaction_with_lower_numbers_commits_last(
    world: World,
) -> None:
    relay = world.relay()
    await cycles(relay, 3)
    async with world.transaction() as slow:
        await world.enqueue(slow, [Queued(1), Queued(2)])
        for _ in range(5):
            await world.put(Queued(3))
            await cycles(relay, 6)
        low = await world.one("SELECT low FROM relay_cursor WHERE desk = %s", DESK)
        first = await (await slow.execute("SELECT min(seq) FROM delivery")).fetchone()
        assert first is not None
        assert low <= first[0]
    await cycles(relay, 6)
    await stop(relay)
    assert await world.statuses() == {"delivered": 7}


async def test_nothing_is_passed_over_when_the_only_writer_commits_late(world: World) -> None:
    relay = world.relay()
    await world.put(Queued(1))
    await cycles(relay, 6)
    async with world.transaction() as slow:
        await world.enqueue(slow, [Queued(1), Queued(2)])
        await cycles(relay, 10)
    await cycles(relay, 6)
    await stop(relay)
    assert await world.statuses() == {"delivered": 3}


async def test_the_low_water_mark_follows_when_all_is_delivered(world: World) -> None:
    relay = world.relay()
    for _ in range(4):
        await world.put(*[Queued(number) for number in range(30)])
        await cycles(relay, 4)
    await stop(relay)
    low = await world.one("SELECT low FROM relay_cursor WHERE desk = %s", DESK)
    assert 90 < low <= 121


async def test_a_second_relay_serves_nothing_when_the_desks_have_an_owner(world: World) -> None:
    first, second = world.relay(), world.relay()
    await cycles(first, 2)
    await cycles(second, 2)
    assert (set(first.lines), set(second.lines)) == ({DESK}, set())
    await world.put(Queued(1))
    await cycles(second)
    assert await world.statuses() == {"pending": 1}
    await stop(first)
    await asyncio.sleep(1.0)
    await cycles(second)
    await stop(second)
    assert await world.statuses() == {"delivered": 1}


async def test_a_delivery_is_sent_anew_when_its_attempt_was_never_marked(world: World) -> None:
    (delivery_id,) = await world.put(Queued(1))
    began = SystemClock().now() - LIFE - SECOND
    async with world.transaction() as conn:
        await conn.execute(
            "UPDATE delivery SET status = 'attempting', attempt_id = delivery_id, attempt_mono = %s", (began,)
        )
        await conn.execute(
            "INSERT INTO attempt VALUES (%s, %s, 'kafka', %s, 1, gen_random_uuid(), NULL)",
            (delivery_id, DESK, began),
        )
    since = await world.ends()
    relay = world.relay()
    await relay.cycle()
    assert await world.one("SELECT released_at IS NOT NULL FROM delivery"), "it counts as released"
    await cycles(relay)
    await stop(relay)
    assert [record.delivery_id for record in await world.received(since)] == [delivery_id]
    assert await world.one("SELECT count(*) FROM attempt WHERE ended_mono IS NULL") == 0


async def test_a_delivery_waits_for_five_seconds_when_somebody_may_still_be_sending_it(world: World) -> None:
    (delivery_id,) = await world.put(Queued(1))
    await world.put(Queued(1), Queued(2))
    began = SystemClock().now()
    async with world.transaction() as conn:
        await conn.execute(
            "UPDATE delivery SET status = 'attempting', attempt_id = delivery_id, attempt_mono = %s"
            " WHERE delivery_id = %s",
            (began, delivery_id),
        )
        await conn.execute(
            "INSERT INTO attempt VALUES (%s, %s, 'kafka', %s, 1, gen_random_uuid(), NULL)",
            (delivery_id, DESK, began),
        )
    relay = world.relay()
    await cycles(relay, 20)
    await stop(relay)
    assert await world.statuses() == {"attempting": 1, "pending": 1, "delivered": 1}


async def test_a_delivery_dies_with_a_task_when_the_broker_refuses_it_again_and_again(world: World) -> None:
    await world.put(Queued(1), Queued(1, OTHER_DESK))
    relay = world.relay(DESK, OTHER_DESK)
    # Another desk's inlet: the relay has no right to write there.
    relay.topics[DESK] = "from-s2w-sft"
    for _ in range(12):
        await world.rows("UPDATE delivery SET next_mono = 0 WHERE status = 'failed' RETURNING seq")
        await cycles(relay, 1)
        await asyncio.sleep(0.12)
        await cycles(relay, 3)
    await stop(relay)
    assert await world.statuses() == {"dead": 1, "delivered": 1}
    ((kind, owner, reason),) = await world.rows("SELECT kind, owner, reason FROM task")
    assert (kind, owner, reason) == ("undelivered", "hub/operations", "TopicAuthorizationFailedError")
    released = await world.rows("SELECT released_at, inbox_seq FROM delivery WHERE status = 'dead'")
    assert released == [(None, None)]


async def test_marking_again_changes_nothing_when_the_first_commit_was_not_learnt_of(world: World) -> None:
    await world.put(Queued(1), Queued(1, OTHER_DESK))
    relay = world.relay(DESK, OTHER_DESK)
    relay.topics[DESK] = "from-s2w-sft"
    await cycles(relay, 1)
    marked = relay._unmarked
    assert marked is not None
    await cycles(relay, 1)
    before = await world.rows("SELECT delivery_id, status, tries, inbox_seq FROM delivery ORDER BY seq")
    assert [row[1:] for row in before] == [("failed", 1, None), ("delivered", 0, 1)]
    relay._unmarked = marked
    await cycles(relay, 1)
    await stop(relay)
    after = await world.rows("SELECT delivery_id, status, tries, inbox_seq FROM delivery ORDER BY seq")
    assert after == before
    assert await world.one("SELECT count(*) FROM audit_entry WHERE kind = 'delivery.failed'") == 1
    assert await world.one("SELECT count(*) FROM inbox") == 1


async def test_each_attempt_has_its_audit_entry_when_a_desk_is_served(world: World) -> None:
    first = await world.put(Queued(1), Queued(2))
    relay = world.relay()
    await cycles(relay, 6)
    second = await world.put(Queued(1))
    await cycles(relay, 6)
    await stop(relay)
    entries = await world.rows(
        "SELECT entry_id::text, leaf FROM audit_entry WHERE kind = 'delivery.attempted'"
    )
    kit = world.make_kit()
    named = []
    async with world.transaction() as conn:
        for entry_id, leaf in entries:
            assert orjson.loads(leaf)["rules"] == RULES
            details = await read_details(conn, kit.ring, entry_id)
            assert (details[0]["desk"], details[0]["channel"]) == (DESK, "kafka")
            named += details[0]["deliveries"]
    assert sorted(named) == sorted(first + second)


async def test_what_is_sent_late_never_leaves_when_five_seconds_have_gone(world: World) -> None:
    since = await world.ends()
    relay = world.relay()
    await cycles(relay, 2)
    await world.put(Queued(1))
    send = relay._producer.send

    async def stopped(messages: Sequence[Message], *, seconds: float) -> list[Sent]:
        assert 4.5 < seconds <= 5.0
        return await send(messages, seconds=0.0)

    relay._producer.send = stopped  # type: ignore[method-assign]
    await cycles(relay, 1)
    relay._producer.send = send  # type: ignore[method-assign]
    assert await world.received(since) == []
    await relay.cycle()
    released = await world.rows("SELECT status, released_at FROM delivery")
    assert released in ([("pending", None)], [("attempting", None)])
    await cycles(relay)
    await stop(relay)
    assert len(await world.received(since)) == 1
    failures = await world.one("SELECT count(*) FROM audit_entry WHERE kind = 'delivery.failed'")
    assert failures == 1


def test_the_example_body_is_what_its_type_says_when_it_is_decoded(world: World) -> None:
    event_type, _ = wire.decode(world.catalogue, example(world.catalogue, "wraparound.hub.agency_resumed.v1"))
    assert event_type.type == "wraparound.hub.agency_resumed.v1"
