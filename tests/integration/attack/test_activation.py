"""An agreement comes into force, or does not: from its start, for everybody, and only once a second person signed."""

import asyncio
from typing import Any

import orjson
import pytest

from hub import ledger
from hub.clock import HOUR, MINUTE, format_micros
from services.consent.in_force import InForce, OtherRulesError
from services.gateway import activating, proving
from services.referral_router.composition import assemble
from tests.integration.attack.activation import (
    answer,
    ask,
    asking,
    breaks,
    holds,
    sign,
    states,
    version,
)
from tests.integration.attack.hub import CHESIL, IG, S2W, WEST, Hub


async def home(hub: Hub) -> str:
    """V is supported by Steps2Wellbeing, and agrees that her scores go to the family's lead."""
    log = await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await hub.support("F-1", "V", S2W)
    await hub.consent("F-1", "V")
    return log


async def decided_by(hub: Hub) -> list[str]:
    """The rule sets in the records of decisions, in their order, each once."""
    rows = await hub.rows(
        "SELECT entry_id::text, leaf FROM audit_entry JOIN audit_pending USING (entry_id)"
        " WHERE kind = 'decision.made' ORDER BY seq"
    )
    found: dict[str, None] = {}
    async with hub.database.transaction() as conn:
        for entry, leaf in rows:
            record = (await ledger.read_details(conn, hub.ring, entry))[0]
            assert orjson.loads(bytes(leaf))["rules"] == record["rules"]
            found[record["rules"]] = None
    return list(found)


async def test_a_version_decides_from_its_start_on_and_not_before_when_it_is_signed(hub: Hub) -> None:
    await home(hub)
    await hub.score("F-1", "V", 11)
    await hub.relay(CHESIL)
    start = hub.clock.now() + HOUR
    await sign(hub, 2, start)
    await hub.score("F-1", "V", 12)
    await hub.relay(CHESIL)
    await hub.score("F-1", "V", 13)
    assert await states(hub) == [(2, "to come", None)]
    assert hub.scores_to(CHESIL) == [11, 12]

    hub.clock.advance(start - hub.clock.now())
    await hub.relay(CHESIL)
    await hub.score("F-1", "V", 14)
    await hub.relay(CHESIL)

    assert hub.scores_to(CHESIL) == [11, 12, None, None], "13 stood in line at the start; 14 came after it"
    assert await states(hub) == [(2, "in force", None)]
    book = hub.gateway.parts.in_force.book
    assert await decided_by(hub) == [book.at(start - 1).digest, book.at(start).digest]
    causes = "SELECT count(*) FROM event WHERE type = 'wraparound.hub.decision_lapsed.v1'"
    assert await hub.rows(causes) == [(1,)]
    entries = await hub.rows("SELECT count(*) FROM audit_entry WHERE kind = 'rules.activated'")
    assert entries == [(1,)]


async def test_a_version_decides_for_a_process_that_started_before_it_and_one_after_it(hub: Hub) -> None:
    await home(hub)
    start = hub.clock.now() + HOUR
    await sign(hub, 2, start)
    hub.clock.advance(start - hub.clock.now() - 3 * MINUTE)
    await hub.score("F-1", "V", 12)
    assert await states(hub) == [(2, "to come", None)]
    router = hub.processors["events"].context
    assert router.rules(start) == hub.gateway.parts.in_force.digest(start)
    parts = assemble(hub.stack.settings("router", postgres=hub.dsn))
    assert parts.in_force.digest(start) == parts.in_force.digest(start - 1)
    async with parts.database.transaction() as conn:
        await parts.in_force.catch_up(conn)
    await parts.database.close()
    assert parts.in_force.digest(start) == hub.gateway.parts.in_force.digest(start)
    assert parts.in_force.digest(start) != parts.in_force.digest(start - 1)


BAD: dict[str, tuple[dict[str, str], dict[str, Any], str, str]] = {
    # what is wrong: the text's change, the event's, where the hub points to, what it expected
    "unknown word": (
        {"when: [same, told]": "when: [same, nice]"},
        {},
        "/data/content",
        "at line 212, column 18 one of",
    ),
    "wrong date": ({"police: 2022-11-22": "police: 2022-11-31"}, {}, "/data/content", "an ISO 8601 date"),
    "unsigned party": ({"police: 2022-11-22": "police:"}, {}, "/data/content", "an ISO 8601 date"),
    "no basis": ({"    basis: B6": "    basis: {}"}, {}, "/data/content", "a lawful basis"),
    "basis does not fit": ({"B3: {art6: a, art9: 2(a)}": "B3: {art6: a}"}, {}, "/data/content", "Article 9"),
    "no document": ({"document: ISA-2022-014": "document:"}, {}, "/data/content", "a word or sentence"),
    "one id twice": ({"- id: P02": "- id: P01"}, {}, "/data/content", "an id used once"),
    "signer is author": (
        {"signer: Caldicott Guardian": "signer: Information Governance Officer"},
        {},
        "/data/content",
        "another signer than the author",
    ),
    "an alias": ({"groups:": "bomb: &a [x]\nagain: [*a, *a]\ngroups:"}, {}, "/data/content", "a plain value"),
    "too long": (
        {"groups:": f"# {'!' * 262_144}\ngroups:"},
        {},
        "/data/content",
        "at most 262144 characters",
    ),
    "too deep": (
        {"groups:": f"bomb: {'[' * 30}{']' * 30}\ngroups:"},
        {},
        "/data/content",
        "nesting of at most",
    ),
    "other text": ({}, {"digest": "00ff"}, "/data/digest", "as the text says"),
    "other version": ({}, {"version": 3}, "/data/version", "2, as the text says"),
}


async def test_nothing_is_activated_when_anything_is_refused(hub: Hub) -> None:
    await home(hub)
    start = hub.clock.now() + HOUR
    for what, (changes, other, pointer, expected) in BAD.items():
        text = version(2, start)
        for old, new in changes.items():
            assert old in text, what
            text = text.replace(old, new, 1)
        refused = await hub.post("hub.agreement_activated", asking(text, start, **other), desk=IG)
        assert refused.status_code == 422, what
        told = [(each["pointer"], each["detail"]) for each in refused.json()["errors"]]
        assert any(where == pointer and expected in detail for where, detail in told), (what, told)
    past = hub.clock.now() + MINUTE - 1
    for number, begins, pointer, expected in (
        (2, past, "/data/starts_at", f"a minute after now, which is {format_micros(hub.clock.now())}"),
        (2, hub.clock.now() - 400 * 24 * HOUR, "/data/starts_at", "a minute after now"),
        (1, start, "/data/version", "a version after 1"),
    ):
        refused = await hub.post(
            "hub.agreement_activated", asking(version(number, begins), begins, number), desk=IG
        )
        assert [(each["pointer"], expected in each["detail"]) for each in refused.json()["errors"]] == [
            (pointer, True)
        ]
    others = await hub.post("hub.agreement_activated", asking(version(2, start), start), desk=CHESIL)
    assert others.status_code == 404
    assert await states(hub) == []
    assert await hub.rows("SELECT count(*) FROM receipt WHERE desk = %s", IG) == [(0,)]

    broken = await ask(hub, 2, start, breaks)
    shown = (await hub.get(f"/v1/agreements/{broken}", IG)).json()
    assert [(each["invariant"], each["counterexample"]["item"]) for each in shown["broken"]] == [
        ("I06", "mental_health.detail about S")
    ]
    denied = await answer(hub, await ask(hub, 2, start), "refuse")
    assert denied.status_code == 202
    assert await states(hub) == [(2, "refused", "broken"), (2, "refused", "second_person")]

    hub.clock.advance(start - hub.clock.now())
    await hub.score("F-1", "V", 12)
    await hub.relay(CHESIL)
    assert hub.scores_to(CHESIL) == [12]
    assert len(await decided_by(hub)) == 1


async def test_a_version_begins_before_a_lower_one_when_that_was_signed_to_begin_far_ahead(hub: Hub) -> None:
    far, soon = hub.clock.now() + 300 * 24 * HOUR, hub.clock.now() + HOUR
    await sign(hub, 2, far)
    await sign(hub, 3, soon)
    shown = (await hub.get("/v1/agreements", IG)).json()
    stand = [(each["version"], each["state"]) for each in shown["versions"]]
    assert stand == [(3, "to come"), (2, "replaced")]
    for passed in (2 * HOUR, 300 * 24 * HOUR):
        hub.clock.at += passed
        shown = (await hub.get("/v1/agreements", IG)).json()
        assert shown["in_force"] == [{"agreement": "DOR-SFT", "version": 3}]


async def test_a_version_is_void_when_another_was_signed_since_it_was_proved(hub: Hub) -> None:
    start = hub.clock.now() + HOUR
    first, second = await ask(hub, 2, start), await ask(hub, 3, start + HOUR)
    assert (await answer(hub, first)).status_code == 202
    late = await answer(hub, second)
    assert (late.status_code, late.json()["errors"][0]["rule"]) == (422, "activation")
    assert [each[:2] for each in await states(hub)] == [(2, "to come"), (3, "waiting")], (
        "nothing of it is kept"
    )
    assert (await answer(hub, second, "refuse")).status_code == 202
    await sign(hub, 3, start + HOUR)
    hub.clock.advance(2 * HOUR)
    assert await states(hub) == [
        (2, "replaced", None),
        (3, "in force", None),
        (3, "refused", "second_person"),
    ]


async def test_a_signature_comes_too_late_when_a_log_or_the_clock_has_reached_the_start(hub: Hub) -> None:
    await home(hub)
    start = hub.clock.now() + HOUR
    ahead = await ask(hub, 2, start)
    async with hub.connection() as conn:
        await conn.execute("UPDATE position SET latest_at = %s WHERE processor = 'people'", (start,))
        assert (await answer(hub, ahead)).status_code == 422
        await conn.execute("UPDATE position SET latest_at = 0")
    hub.clock.advance(start - MINUTE + 1 - hub.clock.now())
    assert (await answer(hub, ahead)).status_code == 422
    assert (await states(hub))[0][:2] == (2, "waiting")
    # Asked for in time, proved too late.
    again = hub.clock.now() + 2 * MINUTE
    await hub.publish("hub.agreement_activated", asking(version(2, again), again), desk=IG)

    async def slowly(*_: Any) -> Any:
        hub.clock.advance(2 * MINUTE)
        return await holds([], asyncio.Event())

    await proving.step(hub.gateway.parts, asyncio.Event(), slowly)
    assert (2, "refused", "late") in await states(hub)


async def test_a_signature_waits_for_batches_at_work_and_sees_what_they_reached(hub: Hub) -> None:
    await home(hub)
    start = hub.clock.now() + HOUR
    receipt = await ask(hub, 2, start)
    async with hub.database.transaction() as conn:
        await conn.execute("UPDATE position SET latest_at = %s WHERE processor = 'router'", (start,))
        signing = asyncio.create_task(answer(hub, receipt))
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'LOCK TABLE%%'"
        while await hub.rows(waits) != [(1,)]:
            assert not signing.done()
            await asyncio.sleep(0.01)
    assert (await signing).status_code == 422


async def test_the_first_receipt_is_given_when_the_same_is_asked_for_again_after_its_start(hub: Hub) -> None:
    start = hub.clock.now() + HOUR
    data = asking(version(2, start), start)
    first = await hub.post("hub.agreement_activated", data, desk=IG, event_id="once")
    hub.clock.advance(2 * HOUR)
    again = await hub.post("hub.agreement_activated", data, desk=IG, event_id="once")
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["receipt"] == again.json()["receipt"]
    await proving.step(hub.gateway.parts, asyncio.Event(), holds)
    assert await states(hub) == [(2, "refused", "late")]


async def test_an_activation_waits_when_its_agency_is_suspended(hub: Hub) -> None:
    start = hub.clock.now() + HOUR
    await hub.publish("hub.agency_suspended", {"agency": "council", "reason": "breach"}, desk=IG)
    await hub.publish("hub.agreement_activated", asking(version(2, start), start), desk=IG)
    await proving.step(hub.gateway.parts, asyncio.Event(), holds)
    assert await hub.count("agreement_version") == 0
    (asked,) = await hub.rows("SELECT task_id::text FROM task WHERE kind = 'approval'")
    headers = hub.bearer(CHESIL, subject="manager", purpose="operate", reason="mistaken")
    assert (await hub.http.post(f"/v1/tasks/{asked[0]}/refuse", headers=headers)).status_code == 202
    await proving.step(hub.gateway.parts, asyncio.Event(), holds)
    assert await states(hub) == [(2, "waiting", None)]


async def test_what_a_version_changes_is_read_before_it_is_signed(hub: Hub) -> None:
    parts = hub.gateway.parts
    async with parts.database.transaction() as conn:
        await parts.in_force.found(conn, parts.secret, hub.clock.now())
    receipt = await ask(hub, 2, hub.clock.now() + HOUR)
    found = (await hub.get(f"/v1/agreements/{receipt}", CHESIL)).json()["difference"]
    first = (await hub.get(f"/v1/agreements/{found['from']['receipt']}", CHESIL)).json()
    assert (found["from"]["version"], found["from"]["digest"]) == (1, first["digest"])
    assert found["lines"][:2] == ["--- DOR-SFT version 1", "+++ DOR-SFT version 2"]
    assert {
        "-version: 1",
        "+version: 2",
        "-    from: [s2w, reach, probation]",
        "+    from: [reach, probation]",
    } < {*found["lines"]}
    assert len([line for line in found["lines"][2:] if line[0] in "+-"]) == 6
    assert (first["difference"]["from"], first["difference"]["lines"][0]) == (None, "--- nothing")
    # One that is signed to begin far ahead is in force for nobody when an earlier start takes the first one's place.
    await sign(hub, 3, hub.clock.now() + 999 * HOUR)
    later = await ask(hub, 4, hub.clock.now() + HOUR)
    found = (await hub.get(f"/v1/agreements/{later}", CHESIL)).json()["difference"]
    assert found["from"]["version"] == 1


async def test_agreements_are_read_by_the_agency_that_governs_them_alone(hub: Hub) -> None:
    receipt = await ask(hub, 2, hub.clock.now() + HOUR)
    assert "id: DOR-SFT" in (await hub.get(f"/v1/agreements/{receipt}", WEST)).json()["text"]
    for path in ("/v1/agreements", f"/v1/agreements/{receipt}", "/v1/agreements/none"):
        assert (await hub.get(path, S2W)).status_code == 404
    assert (await hub.get("/v1/agreements/none", IG)).status_code == 404


async def test_a_process_stops_when_its_folder_says_otherwise_than_what_was_signed(
    hub: Hub, tmp_path: Any
) -> None:
    settings = hub.stack.settings("router", postgres=hub.dsn)
    parts = hub.gateway.parts
    async with hub.database.transaction() as conn:
        await parts.in_force.found(conn, hub.secret, hub.clock.now())
    folder = tmp_path / "dorset"
    folder.mkdir()
    for each in settings.partnership.iterdir():
        if each.name != "agreements":
            (folder / each.name).symlink_to(each)
    (folder / "agreements").mkdir()
    file = folder / "agreements" / "dor-sft.yaml"
    good = (settings.partnership / "agreements" / "dor-sft.yaml").read_text()

    async def known() -> InForce:
        found = InForce(folder, parts.partnership)
        async with hub.database.transaction() as conn:
            await found.catch_up(conn)
        return found

    file.write_text(f"# A remark changes nothing.\n{good}")
    assert (await known()).digest(hub.clock.now()) == parts.rules
    # A file that nobody has activated counts for nothing.
    (folder / "agreements" / "next.yaml").write_text(version(2, hub.clock.now() + HOUR))
    assert (await known()).digest(hub.clock.now() + 2 * HOUR) == parts.rules
    file.write_text(good.replace("when: [same, told]", "when: [same]"))
    with pytest.raises(OtherRulesError, match="DOR-SFT version 1"):
        await known()


async def test_a_version_is_refused_when_the_partnership_has_other_words_by_the_time_it_is_proved(
    hub: Hub,
) -> None:
    start = hub.clock.now() + HOUR
    await hub.publish("hub.agreement_activated", asking(version(2, start), start), desk=IG)
    gone = "UPDATE agreement_version SET text = replace(text, '  police:', '  gone:') RETURNING 1"
    assert await hub.rows(gone) == [(1,)]
    await proving.step(hub.gateway.parts, asyncio.Event(), holds)
    assert await states(hub) == [(2, "refused", "not_proved")]


async def test_a_hub_is_founded_when_a_version_was_signed_before_its_first_router_started(hub: Hub) -> None:
    start = hub.clock.now() + HOUR
    await sign(hub, 2, start)
    assert await states(hub) == [(2, "to come", None)]
    router = assemble(hub.stack.settings("router", postgres=hub.dsn))
    for _ in range(2):
        async with router.database.transaction() as conn:
            await router.in_force.found(conn, hub.secret, hub.clock.now())
    async with router.database.transaction() as conn:
        await router.in_force.catch_up(conn)
    await router.database.close()
    assert await hub.rows("SELECT version, place FROM agreement_version ORDER BY place") == [(1, 0), (2, 1)]
    for instant in (start - 1, start):
        assert router.in_force.digest(instant) == hub.gateway.parts.in_force.digest(instant)


async def test_a_signed_version_is_changed_by_nobody(hub: Hub) -> None:
    receipt = await sign(hub, 2, hub.clock.now() + HOUR)
    for statement in ("UPDATE agreement_version SET starts_at = 0", "DELETE FROM agreement_version"):
        with pytest.raises(Exception, match="is refused"):
            await hub.rows(f"{statement} WHERE receipt_id = %s RETURNING 1", receipt)
    async with hub.database.transaction() as conn:
        await activating.refuse(conn, receipt, "late")
    assert await states(hub) == [(2, "to come", None)]
