"""Events travel the whole way through real processes: who can read them, where their words turn up, and what happens
while a server is away.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from cli.audit import examine, own_verifier
from hub.partnership import load
from hub.schemas import Catalogue
from hub.settings import ROOT, read_key
from hub.stack import access
from services.consent.authority import Allowed, may_publish
from services.consent.compiled import CompiledRules
from services.consent.load import load_rules
from tests.integration import canaries
from tests.integration.canaries import WORD as CANARY
from tests.integration.gateway.world import example, ref
from tests.integration.whole.hub import Whole

CHESIL, S2W, PROBATION = "council/chesil", "s2w/sft", "probation/perp"
LEAK = canaries.pattern("Zq[VPK]secret")
STRANGERS = ("reach/sft", "council/dorchester", "council/west", "police/dorset", "probation/victim-liaison")
LAST = (
    "family.closed",
    "family.lead_changed",
    "person.adopted",
    "person.died",
    "hub.erased",
    "hub.agency_suspended",
    "hub.agency_resumed",
)
"""Examples after which little would be decided: they come at the end."""


def secret(person: str, word: str) -> str:
    """A word that stands nowhere but in what is published about this person."""
    return f"Zq{person}secret {word}"


def about(person: str, word: str) -> dict[str, Any]:
    return {"text": secret(person, word), "about": [ref(person)]}


def member(person: str, kind: str, **more: Any) -> dict[str, Any]:
    names = {name: secret(person, name) for name in ("given_name", "family_name", "known_as")}
    return {"person": ref(person), "kind": kind, "email": f"Zq{person}secret@example.org", **names, **more}


def published() -> Iterator[tuple[str, dict[str, Any], str]]:
    """A mother whom Steps2Wellbeing helps, the father whom Probation supervises, and their child; each full of
    secrets.
    """
    family = {"family": ref("F-1")}
    yield "family.opened", {**family, "lead": CHESIL}, CHESIL
    violent = {"domestic_abuse_role": "alleged_perpetrator", "against": ref("V")}
    rows = [
        member("V", "adult", domestic_abuse_role="victim"),
        member("P", "adult", **violent),
        member("K", "child"),
    ]
    yield "family.member_added", {**family, "members": rows}, CHESIL
    for person, desk, specialism in (
        ("V", S2W, "mental_health"),
        ("P", PROBATION, "domestic_abuse_perpetrator"),
    ):
        case = {"referral": ref(f"R-{person}"), "person": ref(person)}
        place = {"address_lines": [secret(person, "street")], "email": f"Zq{person}secret@example.org"}
        names = {"given_name": secret(person, "given"), "family_name": secret(person, "family")}
        reason = {"reason": about(person, "reason")}
        yield "person.told_recorded", {**family, "person": ref(person), "told": True}, CHESIL
        request = {**family, **case, "to": desk, "specialism": specialism, **names, **place, **reason}
        yield "referral.requested", request, CHESIL
        yield "referral.accepted", case, desk
        yield "referral.allocated", {**case, "worker_name": secret(person, "worker")}, desk
        detail = "clinical_detail" if desk == S2W else "offending_detail"
        yield "referral.support_started", {**case, detail: about(person, detail)}, desk
    moves = [
        {"person": ref(each), "household": ref("H-1"), "address_lines": [secret(each, "refuge")]}
        for each in "VK"
    ]
    yield "family.household_changed", {**family, "moves": moves}, CHESIL
    yield (
        "practice.risk_rated",
        {**family, "person": ref("K"), "rating": "red", "reason": about("V", "risk")},
        CHESIL,
    )


async def everything(whole: Whole) -> list[tuple[str, str, str]]:
    """Publish that life, then the example of each type by each kind of desk that may state it, then what is refused.
    Gives desk, kind and receipt of what was accepted.
    """
    receipts = []
    for kind, data, desk in published():
        receipts.append((desk, kind, await whole.publish(kind, data, desk)))
        # A receiving desk answers what it was offered.
        if kind in {"referral.requested", "family.member_added"}:
            await whole.settle()
    names = canaries.fields(Catalogue.load(ROOT / "schemas"))
    for kind, desk in stated():
        answer = await whole.post(kind, canaries.planted(example(kind), names), desk)
        assert answer.status_code == 202, (kind, desk, answer.text)
        receipts.append((desk, kind, answer.json()["receipt"]))
    wrong = {"family": ref("F-1"), "person": ref("K"), "rating": CANARY, "colour": CANARY}
    assert (await whole.post("practice.risk_rated", wrong, CHESIL)).status_code == 422
    assert (await whole.post("practice.risk_rated", {"reason": {"text": CANARY}}, S2W)).status_code == 404
    assert (await whole.call("GET", f"/v1/{CANARY}", CHESIL, params={"q": CANARY})).status_code == 404
    assert (await whole.call("GET", f"/v1/receipts/{CANARY}", CHESIL)).status_code == 404
    await whole.settle()
    return receipts


def stated() -> list[tuple[str, str]]:
    """Every type that a desk may publish, with the first such desk; what ends most comes last."""
    partnership = load(ROOT / "partnerships" / "dorset")
    rules = CompiledRules(load_rules(ROOT / "partnerships" / "dorset", partnership))
    found = []
    for file in sorted((ROOT / "schemas" / "examples").glob("*.json")):
        kind = file.name.removesuffix(".v1.json")
        for desk in partnership.active_desks:
            if isinstance(may_publish(partnership.authority_plain, rules, desk.name, kind), Allowed):
                found.append((kind, desk.name))
                break
    first = ("family.opened", "family.member_added", "person.told_recorded", "referral.requested")
    place = {kind: number - len(first) for number, kind in enumerate(first)} | {
        kind: number + 1 for number, kind in enumerate(LAST)
    }
    return sorted(found, key=lambda each: place.get(each[0], 0))


@pytest.fixture(scope="module")
def told(whole: Whole) -> list[tuple[str, str, str]]:
    return asyncio.run(everything(whole))


@pytest.fixture
def registry(whole: Whole) -> Iterator[SchemaRegistryClient]:
    with SchemaRegistryClient({"url": f"{whole.stack.url}/registry"}) as client:
        yield client


def test_no_secret_stands_in_a_log_line_or_an_answer_when_every_type_went_all_the_way(
    whole: Whole, told: list[tuple[str, str, str]]
) -> None:
    assert len({kind for _, kind, _ in told}) > 70
    logs = whole.logs()
    assert "POST /v1/events 202" in logs
    assert "GET /v1/receipts/{receipt} 404" in logs
    answers = [
        f"{each.headers}{unquote(each.headers.get('location', ''))}{each.text}" for each in whole.answers
    ]
    assert [text[:100] for text in [*logs.splitlines(), *answers] if LEAK.search(text)] == []


async def test_no_secret_stands_in_a_key_or_header_and_each_desk_has_its_own_alone_when_records_are_read(
    whole: Whole, told: list[tuple[str, str, str]]
) -> None:
    read: dict[str, bytes] = {}
    for topic in access.topics(whole.stack.desks):
        values = []
        async for record in whole.records(topic):
            outside = (record.key or b"") + b"".join(name.encode() + value for name, value in record.headers)
            assert LEAK.search(outside.decode("latin-1")) is None
            values.append(record.value)
        read[topic] = b"".join(values)
    assert b"ZqVsecret" in read["events"]
    for person in "VP":
        assert f"Zq{person}secret worker".encode() in read[access.topic_to(CHESIL)]
    assert b"ZqVsecret given" in read[access.topic_to(S2W)]
    assert b"ZqPsecret offending_detail" not in read[access.topic_to(S2W)]
    assert b"ZqPsecret given" in read[access.topic_to(PROBATION)]
    assert b"ZqVsecret" not in read[access.topic_to(PROBATION)]
    for desk in (S2W, PROBATION):
        assert b"refuge" not in read[access.topic_to(desk)]
    for desk in STRANGERS:
        assert not [
            person for person in "VPK" if f"Zq{person}secret".encode() in read[access.topic_to(desk)]
        ], desk


async def test_the_inbox_shows_what_the_topic_does_when_a_desk_reads_it(
    whole: Whole, told: list[tuple[str, str, str]]
) -> None:
    for desk in (S2W, PROBATION):
        on_topic = Counter(
            [dict(each.headers)["ce_id"].decode() async for each in whole.records(access.topic_to(desk))]
        )
        inbox = (await whole.call("GET", "/v1/inbox?limit=500", desk)).json()["events"]
        assert set(on_topic) <= {each["id"] for each in inbox}
        assert [each for each in inbox if "data" in each]
        assert set(on_topic.values()) == {1}
        for each in STRANGERS:
            assert each not in str(inbox)
    assert "ZqVsecret" not in (await whole.call("GET", "/v1/inbox?limit=500", PROBATION)).text


def test_no_secret_stands_in_the_clear_when_the_database_is_read(
    whole: Whole, told: list[tuple[str, str, str]]
) -> None:
    tables = whole.rows(
        "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'"
    )
    assert ("audit_entry",) in tables
    for (table,) in tables:
        for row in whole.rows(f"SELECT * FROM {table}"):
            raw = b"|".join(each if isinstance(each, bytes) else str(each).encode() for each in row)
            assert LEAK.search(raw.decode("latin-1")) is None, table


async def test_the_log_verifies_when_every_type_went_all_the_way(
    whole: Whole, told: list[tuple[str, str, str]]
) -> None:
    identities = whole.stack.identities
    verifier = own_verifier(identities)
    master = read_key(identities.master_key, "master_key_file")
    for _ in range(100):
        report = await examine(whole.dsn, verifier, verifier.name, master, [])
        assert report.ok, report.lines()
        if not report.pending:
            break
        await asyncio.sleep(0.2)
    assert report.pending == 0
    assert report.size > len(told)


@pytest.mark.parametrize(
    ("user", "topic", "group"), [("router", "events", "router"), ("s2w-sft", "to-s2w-sft", "s2w-sft.test")]
)
def test_confluents_own_clients_decode_our_topics_when_they_are_given_the_registry(
    whole: Whole,
    told: list[tuple[str, str, str]],
    registry: SchemaRegistryClient,
    user: str,
    topic: str,
    group: str,
) -> None:
    decode = AvroDeserializer(registry)
    consumer = Consumer(
        {
            "bootstrap.servers": whole.stack.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": user,
            "sasl.password": whole.stack.identities.kafka_password(user).read_text().strip(),
            "group.id": group,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    kinds: Counter[str] = Counter()
    try:
        parts = access.topics(whole.stack.desks)[topic]
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(parts)])
        ended = 0
        while ended < parts:
            message = consumer.poll(20)
            assert message is not None
            if message.error():
                ended += 1
                continue
            datum = decode(message.value(), SerializationContext(topic, MessageField.VALUE))
            assert isinstance(datum, dict)
            kinds[dict(message.headers())["ce_type"].decode()] += 1
    finally:
        consumer.close()
    assert kinds["wraparound.referral.requested.v1"] > 0
    assert topic != "events" or len(kinds) > 70


async def test_what_was_accepted_is_delivered_later_when_the_broker_was_away(whole: Whole) -> None:
    kafka = whole.stack.kafka
    assert kafka is not None
    await opened(whole, "F-8")
    kafka.kill()
    receipts = [await whole.publish("practice.risk_rated", rated("F-8", number)) for number in range(10)]
    assert (await whole.call("GET", "/readyz", CHESIL)).status_code == 200
    kafka.restart()
    await whole.settle()
    await in_effect(whole, receipts)


async def test_nothing_accepted_is_lost_and_the_rest_told_to_come_again_when_the_database_was_away(
    whole: Whole,
) -> None:
    postgres = whole.stack.postgres
    assert postgres is not None
    await opened(whole, "F-9")
    receipts: dict[int, str] = {}
    refused: list[httpx.Response] = []

    async def send(number: int) -> None:
        while number not in receipts:
            answer = await whole.post("practice.risk_rated", rated("F-9", number), CHESIL, f"away-{number}")
            if answer.is_success:
                receipts[number] = answer.json()["receipt"]
            else:
                refused.append(answer)
                await asyncio.sleep(0.2)

    sending = asyncio.gather(*(send(number) for number in range(12)))
    await asyncio.sleep(0.05)
    postgres.kill()
    sending_too = asyncio.gather(*(send(number) for number in range(12, 24)))
    await asyncio.sleep(1)
    assert (await whole.call("GET", "/readyz", CHESIL)).status_code == 503
    postgres.restart()
    await asyncio.gather(sending, sending_too)
    assert refused
    assert {(each.status_code, each.headers["retry-after"]) for each in refused} == {(503, "2")}
    await whole.settle()
    await in_effect(whole, list(receipts.values()))
    assert len(set(receipts.values())) == 24


async def opened(whole: Whole, family: str) -> None:
    """A family with a child, led by Chesil."""
    await whole.publish("family.opened", {"family": ref(family), "lead": CHESIL})
    rows = [{"person": ref(f"K-{family}"), "kind": "child"}]
    await whole.publish("family.member_added", {"family": ref(family), "members": rows})
    await whole.settle()


def rated(family: str, number: int) -> dict[str, Any]:
    ratings = ("red", "amber", "green")
    return {"family": ref(family), "person": ref(f"K-{family}"), "rating": ratings[number % 3]}


async def in_effect(whole: Whole, receipts: list[str]) -> None:
    """Each of these took effect, once."""
    states = [(await whole.call("GET", f"/v1/receipts/{each}", CHESIL)).json()["state"] for each in receipts]
    assert set(states) == {"in effect"}
    copies = Counter(row[0] for row in whole.rows("SELECT receipt_id::text FROM event"))
    assert {copies[each] for each in receipts} == {1}
