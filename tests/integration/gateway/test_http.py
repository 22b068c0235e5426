"""The gateway as its callers see it: one meaning a status, one 404, receipts, limits."""

import json
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import httpx
import orjson
import pytest

from cli.gateway import log_of
from hub.clock import SECOND, SystemClock
from services.gateway.api import Doors, application
from services.gateway.identity import Verifier
from services.gateway.roles import Roles
from tests.integration.gateway.world import STRUCTURED, World, event, example, gather, ref

UNKNOWN = "00000000-0000-8000-8000-000000000000"


async def test_one_and_the_same_answer_is_given_when_it_does_not_exist_or_is_not_allowed(
    world: World,
) -> None:
    receipt = await world.open_family("F-1")
    answers = [
        await world.get(f"/v1/receipts/{receipt}", "s2w/sft"),
        await world.get(f"/v1/receipts/{UNKNOWN}", "s2w/sft"),
        await world.get("/v1/receipts/nonsense", "s2w/sft"),
        await world.get("/v1/nowhere", "s2w/sft"),
        await world.post("family.opened", {"family": ref("F-2"), "lead": "s2w/sft"}, desk="s2w/sft"),
        await world.post("family.invented", {}, desk="s2w/sft"),
        await world.post("hub.person_fact", {}, desk="s2w/sft"),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert "/v1/catalogue" in answers[0].json()["detail"]
    assert {answer.headers["content-type"] for answer in answers} == {"application/problem+json"}


async def test_nobody_is_let_in_without_a_fresh_token_of_their_own(world: World) -> None:
    bearer = world.bearer("s2w/sft")
    first = await world.http.get(f"/v1/receipts/{UNKNOWN}", headers=bearer)
    again = await world.http.get(f"/v1/receipts/{UNKNOWN}", headers=bearer)
    without = await world.http.post("/v1/events", content=b"{}", headers={"content-type": STRUCTURED})
    assert [first.status_code, again.status_code, without.status_code] == [404, 401, 401]
    assert again.headers["www-authenticate"] == "Bearer"
    assert again.json().keys() == {"type", "title", "status", "detail", "instance", "errors"}
    at_once = world.bearer("s2w/sft")
    answers = await gather(*(world.http.get(f"/v1/receipts/{UNKNOWN}", headers=at_once) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [401] * 7 + [404]


async def test_event_is_refused_when_its_source_is_not_the_desk_of_the_token(world: World) -> None:
    body = event("outcome.crisis_contact", {"person": ref("P-1")}, "e-1", "reach/sft")
    headers = {**world.bearer("s2w/sft"), "content-type": STRUCTURED}
    answer = await world.http.post("/v1/events", content=orjson.dumps(body), headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/source")


@pytest.mark.parametrize(
    ("person", "pointer"),
    [
        (ref("9990000019", "nhs-number"), "/data/person/value"),
        (ref("9434765919", "nhs-number"), "/data/person/value"),
        (ref("X123", "crn"), "/data/person/scheme"),
        (ref("R-1", "probation-case"), "/data/person/scheme"),
        (ref("1", "invented"), "/data/person/scheme"),
        (ref("not-a-uuid", "hub"), "/data/person/value"),
        (ref("-Quillfeather", "paris"), "/data/person/value"),
    ],
)
async def test_reference_is_refused_when_its_scheme_is_not_used_so(
    world: World, person: dict[str, str], pointer: str
) -> None:
    answer = await world.post("outcome.crisis_contact", {"person": person}, desk="s2w/sft")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert person["value"] not in answer.text or person["value"] == "1"


async def test_event_is_refused_when_it_names_neither_family_nor_person(world: World) -> None:
    answer = await world.post("hub.approval_given", {"task": "t", "request": "r", "decision": "approved"})
    assert (answer.status_code, answer.json()["errors"][0]["rule"]) == (422, "required")


async def test_body_is_refused_while_it_streams_when_it_is_above_a_mebibyte(world: World) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(64):
            read += 1
            yield b" " * 65_536

    headers = {**world.bearer("s2w/sft"), "content-type": STRUCTURED}
    answer = await world.http.post("/v1/events", content=endless(), headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too-large")
    assert read == 17
    announced = await world.http.post("/v1/events", content=b" " * 1_048_577, headers=world.bearer("s2w/sft"))
    assert announced.status_code == 413


async def test_receipt_says_in_effect_when_every_copy_was_handled_and_no_attempt_is_open(
    world: World,
) -> None:
    desk = "council/chesil"
    await world.open_family("F-1")
    await world.add_member("F-1", ref("P-1"))
    receipt = await world.publish("consent.withdrawn", {"family": ref("F-1"), "person": ref("P-1")})
    assert await state(world, receipt, desk) == "received"
    await handled(world, receipt, desk)
    async with world.connection() as conn:
        await conn.execute(
            "INSERT INTO attempt (attempt_id, desk, channel, began_mono, deliveries, entry_id)"
            " VALUES (gen_random_uuid(), 's2w/sft', 'kafka', %s, 1, gen_random_uuid())",
            (SystemClock().now(),),
        )
    assert await state(world, receipt, desk) == "received"
    async with world.connection() as conn:
        await conn.execute("UPDATE attempt SET began_mono = %s", (SystemClock().now() - 5 * SECOND,))
    assert await state(world, receipt, desk) == "in effect"


async def test_receipt_says_no_more_than_received_when_the_desk_holds_no_role(world: World) -> None:
    await world.open_family("F-1")
    await world.add_member("F-1", ref("P-1"), ref("X-1", "paris"))
    receipt = await world.publish("outcome.crisis_contact", {"person": ref("X-1", "paris")}, desk="s2w/sft")
    await handled(world, receipt, "council/chesil")
    assert await state(world, receipt, "s2w/sft") == "received"


async def test_receipt_says_rejected_with_a_code_when_the_log_did_not_take_it(world: World) -> None:
    await world.open_family("F-1")
    receipt = await world.publish("family.closed", {"family": ref("F-1")})
    await handled(world, receipt, "council/chesil", kind="rejected", reason="not_authorised")
    answer = (await world.get(f"/v1/receipts/{receipt}", "council/chesil")).json()
    assert (answer["state"], answer["reason"]) == ("rejected", "not_authorised")


async def test_receipt_names_its_place_in_the_log_when_it_is_sealed(world: World) -> None:
    receipt = await world.open_family("F-1")
    before = (await world.get(f"/v1/receipts/{receipt}", "council/chesil")).json()["log"]
    async with world.connection() as conn:
        await conn.execute(
            "INSERT INTO log_leaf (idx, entry_id, leaf_hash) SELECT 7, entry_id, '\\x00' FROM audit_entry"
        )
    after = (await world.get(f"/v1/receipts/{receipt}", "council/chesil")).json()["log"]
    assert before == {"entry": after["entry"]}
    assert after["index"] == 7


async def state(world: World, receipt: str, desk: str) -> str:
    return str((await world.get(f"/v1/receipts/{receipt}", desk)).json()["state"])


async def handled(
    world: World, receipt: str, lead: str, kind: str = "done", reason: str | None = None
) -> None:
    """What the router leaves behind: a fate for each copy, and a state that names the lead."""
    parts = world.gateway.parts
    rows = await world.rows("SELECT event_id, key::text FROM event WHERE receipt_id = %s", receipt)
    async with world.connection() as conn:
        for event_id, family in rows:
            await conn.execute(
                'INSERT INTO fate (event_id, processor, kind, partition, "offset", reason)'
                " VALUES (%s, 'router', %s, 0, 0, %s)",
                (event_id, kind, reason),
            )
            await parts.ring.load(conn, [family])
            plain = orjson.dumps({"lead": {lead: [[0, None, None]]}})
            sealed = parts.ring.seal(family, f"state|family_state|{family}".encode(), plain)
            await conn.execute(
                "INSERT INTO family_state (key, shape, state) VALUES (%s, 1, %s)", (family, sealed)
            )


async def test_log_and_registry_are_read_through_the_same_door(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    parts = world.gateway.parts
    doors = Doors(parts, Verifier(parts.partnership, world.stack.url))
    roles = Roles(parts.ring, parts.in_force, parts.clock)
    app = application(doors, roles.held, [log_of(doors)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=world.stack.url) as http:
        checkpoint = await http.get("/log/checkpoint", headers=world.bearer("s2w/sft"))
        entries = await http.get("/log/tile/entries/000.p/1", headers=world.bearer("s2w/sft"))
        nobody = await http.get("/log/checkpoint")
    assert [checkpoint.status_code, entries.status_code, nobody.status_code] == [404, 404, 401]
    assert (await world.http.get("/registry/subjects")).status_code == 200
    assert (await world.get("/v1/inbox", "s2w/sft")).json() == {"events": [], "after": 0}


async def test_openapi_lists_every_route_and_problem(world: World) -> None:
    paths = (await world.http.get("/openapi.json")).json()["paths"]
    assert {"/v1/events", "/v1/receipts/{receipt}", "/v1/inbox", "/livez", "/readyz"} <= set(paths)
    assert {"401", "404", "409", "413", "415", "422", "503"} <= set(paths["/v1/events"]["post"]["responses"])


async def test_request_is_logged_by_its_template_and_without_query_or_ids(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "wraparound.gateway")
    await world.get(f"/v1/receipts/{UNKNOWN}?person=Quillfeather", "s2w/sft")
    assert "GET /v1/receipts/{receipt} 422" in caplog.text
    assert UNKNOWN not in caplog.text
    assert "Quillfeather" not in caplog.text


async def test_fault_is_answered_without_a_word_about_it_when_it_is_ours(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise ValueError("Quillfeather")

    monkeypatch.setattr("services.gateway.events.accept", broken)
    answer = await world.post("family.opened", {"family": ref("F-1"), "lead": "council/chesil"})
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/fault")
    assert "Quillfeather" not in answer.text + caplog.text
    assert "ValueError at" in caplog.text
    assert answer.json()["instance"].removeprefix("urn:uuid:") in caplog.text


async def test_every_example_is_accepted_or_not_the_desks_when_its_family_is_open(world: World) -> None:
    await world.open_family("F-204117")
    await world.publish("family.member_added", example("family.member_added"))
    await world.publish("referral.requested", example("referral.requested"))
    refused = []
    for event_type in world.gateway.parts.catalogue:
        kind = event_type.type.removeprefix("wraparound.").removesuffix(".v1")
        codes = set()
        for desk in world.gateway.parts.partnership.active_desks:
            codes.add((await world.post(kind, example(kind), desk=desk.name)).status_code)
            if 202 in codes:
                break
        else:
            refused.append((kind, sorted(codes)))
    assert [kind for kind, codes in refused if codes != [404]] == []
    assert len(refused) < 12, refused


async def test_answer_is_never_a_fault_when_examples_are_mangled_at_random(world: World) -> None:
    random = Random(20260414)
    await world.open_family("F-204117")
    await world.publish("family.member_added", example("family.member_added"))
    kinds = sorted(each.type for each in world.gateway.parts.catalogue)
    answers = []
    for number in range(400):
        kind = random.choice(kinds).removeprefix("wraparound.").removesuffix(".v1")
        body = event(kind, mangled(random, example(kind)), f"m-{number}", "council/chesil")
        headers = {**world.bearer("council/chesil"), "content-type": STRUCTURED}
        raw = bytearray(
            json.dumps(mangled(random, body) if number % 3 == 0 else body).encode("utf-8", "replace")
        )
        if number % 5 == 0:
            raw[random.randrange(len(raw))] = random.randrange(256)
        answers.append(await world.http.post("/v1/events", content=bytes(raw), headers=headers))
    assert {answer.status_code for answer in answers} <= {200, 202, 404, 409, 415, 422}
    assert {202, 404, 422} <= {answer.status_code for answer in answers}


def mangled(random: Random, value: Any) -> Any:
    """The value with about one node in twelve replaced by something else."""
    odd: list[Any] = [
        None,
        True,
        -1,
        1e300,
        2**60,
        "",
        "x" * 300,
        "\0",
        "\ud800",
        [],
        {},
        [[]],
        {"scheme": "hub"},
    ]
    if random.random() < 1 / 12:
        return random.choice(odd)
    if isinstance(value, dict):
        return {key: mangled(random, each) for key, each in value.items() if random.random() > 1 / 40}
    if isinstance(value, list):
        return [mangled(random, each) for each in value] * random.choice([1, 1, 1, 2])
    return value


async def test_nothing_is_published_when_a_query_parameter_is_not_one_of_the_paths(world: World) -> None:
    body = orjson.dumps(
        event("family.opened", {"family": ref("F-1"), "lead": "council/chesil"}, "e-1", "council/chesil")
    )
    for query in ("dryrun=true", "dry-run=true", "dry_run=true&x=1", "%E2%80%AE/=1"):
        headers = {**world.bearer("council/chesil"), "content-type": STRUCTURED}
        answer = await world.http.post(f"/v1/events?{query}", content=body, headers=headers)
        (fault,) = answer.json()["errors"]
        assert (answer.status_code, fault["rule"], fault["example"]) == (422, "unknown-field", "dry_run")
        assert "dry_run" in fault["detail"]
        assert fault["pointer"].startswith("/query/")
    assert await world.rows("SELECT 1 FROM receipt") == []
    headers = {**world.bearer("council/chesil"), "content-type": STRUCTURED}
    assert (
        await world.http.post("/v1/events?dry_run=true", content=body, headers=headers)
    ).status_code == 200
    without = await world.http.get(f"/v1/receipts/{UNKNOWN}?x=1", headers=world.bearer("council/chesil"))
    assert (without.status_code, without.json()["errors"][0]["pointer"]) == (422, "/query/x")


async def test_parameters_of_others_are_left_alone_when_they_ask_the_registry_or_for_health(
    world: World,
) -> None:
    for path in (
        "/registry/subjects?deleted=false",
        "/livez?probe=1",
        "/readyz?probe=1",
        "/openapi.json?v=1",
    ):
        assert (await world.http.get(path)).status_code == 200
