"""Kafka as a door: the same acceptance, receipts and answers as over HTTP, and what is broken ends as a task."""

import math
from collections.abc import Sequence
from typing import Any

import pytest

from hub.ids import hub_subject
from hub.processor.stored import dead_context
from hub.schemas import wire
from services.gateway import acceptance, intake
from services.gateway.checking import Published
from tests.integration.gateway.world import ref
from tests.integration.intake.world import DESK, Headers, Kafka, new, opened

S2W = "s2w/sft"


def headers(event_id: str, kind: str = "family.opened", **other: str) -> Headers:
    found = {
        "ce_specversion": "1.0",
        "ce_id": event_id,
        "ce_source": DESK,
        "ce_type": f"wraparound.{kind}.v1",
        "content-type": "application/avro",
    }
    return [(name, value.encode()) for name, value in (found | other).items() if value]


async def test_events_of_a_topic_are_accepted_in_order_as_if_they_had_come_over_http(world: Kafka) -> None:
    members = [{"person": ref("P-1"), "kind": "adult", "dob": "1990-02-03"}]
    await world.send(
        [
            opened("F-1", "e-1"),
            new("family.member_added", {"family": ref("F-1"), "members": members}, "e-2"),
            new("consent.withdrawn", {"family": ref("F-1"), "person": ref("P-1")}, "e-3"),
        ]
    )
    async with world.reading():
        await world.accounted(3)
    assert await world.kinds() == ["family.opened", "family.member_added", "consent.withdrawn"]
    assert list((await world.guards()).values()) == [1]
    assert await world.rows("SELECT count(*) FROM audit_entry WHERE kind = 'event.accepted'") == [(1,)]
    again = await world.post("family.opened", {"family": ref("F-1"), "lead": DESK}, event_id="e-1")
    assert again.status_code == 200
    receipt = await world.get(f"/v1/receipts/{again.json()['receipt']}", DESK)
    assert receipt.json()["state"] == "received"
    assert await world.covered() == {"done": 3}


async def test_event_is_accepted_once_when_it_comes_again(world: Kafka) -> None:
    await world.send([opened("F-1"), opened("F-1"), opened("F-2")])
    await world.send([opened("F-2")])
    async with world.reading():
        await world.accounted(4)
    assert await world.kinds() == ["family.opened", "family.opened"]
    assert await world.covered() == {"done": 2, "duplicate": 2}


async def test_event_comes_back_to_its_desk_when_it_has_not_happened_yet(world: Kafka) -> None:
    ahead = {"family": ref("F-2"), "lead": DESK, "occurred_at": "2150-01-01T00:00:00Z"}
    await world.send([opened("F-1", "e-1"), new("family.opened", ahead, "e-2")])
    async with world.reading():
        await world.accounted(2)
    (found,) = await world.rejections()
    assert (found["event"], found["reason"]) == ("e-2", "invalid")
    assert (found["problems"][0]["pointer"], found["problems"][0]["rule"]) == ("/data/occurred_at", "range")
    assert await world.kinds() == ["family.opened", "hub.event_rejected"]


async def test_event_comes_back_to_its_desk_when_http_would_refuse_it(world: Kafka) -> None:
    await world.send(
        [
            opened("F-1", "e-1"),
            opened("F-9", "e-1"),
            new("hub.agency_suspended", {"agency": "s2w"}, "e-2"),
            opened("-Quillfeather", "e-3"),
        ]
    )
    await world.send([new("outcome.crisis_contact", {"person": ref("X-1", "crn")}, "e-4")], desk=S2W)
    async with world.reading():
        await world.accounted(5)
    found = sorted(await world.rejections(), key=lambda each: str(each["event"]))
    assert [(each["event"], each["to"], each["reason"]) for each in found] == [
        ("e-1", DESK, "conflict"),
        ("e-2", DESK, "not-found"),
        ("e-3", DESK, "invalid"),
        ("e-4", S2W, "invalid"),
    ]
    assert found[2]["problems"][0]["pointer"] == "/data/family/value"
    assert found[3]["problems"][0] == {
        "pointer": "/data/person/scheme",
        "rule": "codes",
        "detail": "expected a scheme that s2w uses for a person, came another",
    }
    assert await world.count("task") == 0
    assert await world.covered() == {"done": 1, "rejected": 4}
    assert await world.rows("SELECT count(*) FROM audit_entry WHERE kind = 'event.rejected'") == [(4,)]


async def test_event_waits_and_the_next_goes_through_when_it_is_about_a_family_of_nobody(
    world: Kafka,
) -> None:
    about = {"family": ref("F-nobody"), "person": ref("P-nobody"), "told": True}
    await world.send([new("person.told_recorded", about, "e-1"), opened("F-1", "e-2")])
    async with world.reading():
        await world.accounted(2)
    assert await world.kinds() == ["family.opened"]
    assert await world.count("waiting") == 1
    assert await world.covered() == {"done": 2}


BODY = {"family": ref("F-1"), "lead": DESK}

BROKEN: list[tuple[str, Any, str]] = [
    ("bytes that are not Avro", lambda _: (headers("b"), b"hello"), "not_avro"),
    ("nothing at all", lambda _: (headers("b"), None), "not_avro"),
    ("JSON", lambda _: (headers("b"), b'{"family": {"scheme": "x"}}'), "not_avro"),
    ("an unknown schema id", lambda v: (headers("b"), b"\0\x00\xff\xff\xff" + v[5:]), "unknown_schema"),
    ("a cut body", lambda v: (headers("b"), v[:-3]), "cut_or_not_of_its_schema"),
    ("bytes behind the body", lambda v: (headers("b"), v + b"\0\0"), "bytes_left_over"),
    ("no headers", lambda v: ([], v), "no_headers"),
    ("headers that are not UTF-8", lambda v: ([*headers("b"), ("ce_x", b"\xff")], v), "headers_not_utf8"),
]

REJECTED: list[tuple[str, Any, str, str]] = [
    ("another desk's source", lambda v: (headers("b", ce_source=S2W), v), "invalid", "/source"),
    ("no id", lambda v: (headers("b", ce_id=""), v), "invalid", "/id"),
    ("an NHS number as id", lambda v: (headers("9990000018"), v), "invalid", "/id"),
    ("a line break in an id", lambda v: (headers("a\r\nb"), v), "invalid", "/id"),
    ("another version", lambda v: (headers("b", ce_specversion="0.3"), v), "invalid", "/specversion"),
    ("a time that is none", lambda v: (headers("b", ce_time="yesterday"), v), "invalid", "/time"),
    ("another type than the body's", lambda v: (headers("b", "family.closed"), v), "invalid", "/type"),
    ("another content type", lambda v: ([*headers("b"), ("content-type", b"text/plain")], v),
     "unsupported-media-type", ""),
    ("a header twice", lambda v: ([*headers("b"), ("ce_id", b"c")], v), "invalid", ""),
]  # fmt: skip


@pytest.mark.parametrize(("make", "reason"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
async def test_record_ends_as_a_task_and_the_next_goes_through_when_it_is_no_event(
    world: Kafka, make: Any, reason: str
) -> None:
    value = world.value("family.opened", BODY)
    record: tuple[Headers, bytes | None] = make(value)
    await world.send_raw([record, (headers("next"), value)])
    async with world.reading():
        await world.accounted(2)
    ((kind, owner, found, detail, body),) = await world.rows(
        "SELECT kind, owner, reason, detail, body FROM task JOIN dead_letter USING (task_id)"
    )
    assert (kind, owner, found) == ("dead_letter", "hub/operations", reason)
    assert detail.keys() == {"topic", "partition", "offset"}
    parts = world.gateway.parts
    (task_id,) = (await world.rows("SELECT task_id::text FROM task"))[0]
    kept = parts.ring.open(hub_subject(parts.secret), dead_context(task_id), bytes(body))
    assert kept == (record[1] or b"")
    (back,) = await world.rejections()
    assert (back["to"], back["reason"]) == (DESK, reason)
    # Whoever is asked by the desk about its receipt finds the bytes.
    assert await world.rows("SELECT key FROM task") == [(back["receipt"],)]
    assert sorted(await world.kinds()) == ["family.opened", "hub.event_rejected"]
    assert await world.covered() == {"done": 1, "rejected": 1}


@pytest.mark.parametrize(
    ("make", "reason", "pointer"), [row[1:] for row in REJECTED], ids=[row[0] for row in REJECTED]
)
async def test_record_comes_back_and_the_next_goes_through_when_its_attributes_are_wrong(
    world: Kafka, make: Any, reason: str, pointer: str
) -> None:
    value = world.value("family.opened", BODY)
    await world.send_raw([make(value), (headers("next"), value)])
    async with world.reading():
        await world.accounted(2)
    (back,) = await world.rejections()
    assert back["reason"] == reason
    assert [each["pointer"] for each in back["problems"] or [{"pointer": ""}]] == [pointer]
    assert "999" not in back["event"]
    assert sorted(await world.kinds()) == ["family.opened", "hub.event_rejected"]


async def test_record_comes_back_when_its_bytes_are_good_and_its_values_impossible(world: Kafka) -> None:
    catalogue = world.gateway.parts.catalogue
    measured = catalogue.type("wraparound.outcome.measure_recorded.v1")
    declared = catalogue.type("wraparound.capacity.declared.v1")
    impossible: Sequence[dict[str, Any]] = [
        {"occurred_at": 2**62},
        {"occurred_at": -(2**62)},
        {"instrument": "phq9 \x00"},
        {"person": {"scheme": "nhs-number", "value": "9990000019"}},
        {"person": {"scheme": "x" * 100_000, "value": ""}},
        {"withheld": ["outcome.score"]},
        {"score": -(2**31)},
    ]
    score, capacity = (dict(each.from_json(each.examples[0])) for each in (measured, declared))
    records = [
        (headers(f"b-{n}", "outcome.measure_recorded", ce_source=S2W), wire.encode(measured, score | change))
        for n, change in enumerate(impossible)
    ]
    for fte in (math.nan, math.inf, -1.0):
        value = wire.encode(declared, capacity | {"posts": [{"fte": fte}]})
        records.append((headers(f"c-{fte}", "capacity.declared", ce_source=S2W), value))
    await world.send_raw(records, desk=S2W)
    await world.send_raw([(headers("next"), world.value("family.opened", BODY))])
    async with world.reading():
        await world.accounted(len(records) + 1)
    assert {each["reason"] for each in await world.rejections()} == {"invalid"}
    assert len(await world.rejections()) == len(records)
    assert (await world.kinds()).count("family.opened") == 1


async def test_only_the_event_that_meets_our_fault_becomes_a_task_when_we_fail(
    world: Kafka, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    accept = acceptance.accept_batch

    async def faulty(conn: Any, parts: Any, events: Sequence[Published]) -> Any:
        if any(event.source_id == "F-2" for event in events):
            raise ValueError("Quillfeather")
        return await accept(conn, parts, events)

    monkeypatch.setattr(intake, "accept_batch", faulty)
    await world.send([opened("F-1"), opened("F-2"), opened("F-3")])
    async with world.reading():
        await world.accounted(3)
    assert (await world.kinds()).count("family.opened") == 2
    assert await world.rows("SELECT kind, reason FROM task") == [("dead_letter", "fault")]
    assert await world.covered() == {"done": 2, "rejected": 1}
    assert "Quillfeather" not in caplog.text
