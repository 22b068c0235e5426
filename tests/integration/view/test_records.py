"""What engineers and information governance read, and what a desk does about its tasks."""

from typing import Any

import httpx
import orjson
import pytest

from hub.clock import MINUTE, format_micros
from hub.partnership import load
from hub.settings import read_secret
from hub.stack.identities import Identities
from services.audit.merkle import leaf_hash, verify_inclusion
from services.audit.note import open_note, parse_checkpoint, parse_skey
from services.audit.sealer import Sealer
from services.consent.load import offered
from tests.integration.attack.hub import CHESIL, IG, PARAGON, PROBATION, S2W, WEST
from tests.integration.gateway.world import ref
from tests.integration.view.looking import WHY, Looking
from tests.unit.consent.cast import DORSET

ENGINEERS = "hub/operations"
NOBODY = "00000000-0000-8000-8000-000000000000"


async def ask(hub: Looking, path: str, desk: str, user: str = "a.user", **params: str) -> httpx.Response:
    headers = hub.bearer(desk, **{**WHY, "subject": user})
    return await hub.http.get(path, headers=headers, params=params)


async def do(
    hub: Looking, task: str, action: str, desk: str, user: str = "a.user", **given: Any
) -> httpx.Response:
    headers = {**hub.bearer(desk, **{**WHY, "subject": user}), "content-type": "application/json"}
    return await hub.http.post(f"/v1/tasks/{task}/{action}", headers=headers, content=orjson.dumps(given))


async def task_of(hub: Looking, kind: str, key: str, owner: str = ENGINEERS, **detail: Any) -> str:
    rows = await hub.rows(
        "INSERT INTO task (task_id, kind, key, owner, opened_at, reason, detail)"
        " VALUES (gen_random_uuid(), %s, %s, %s, 5, 'test', %s::jsonb) RETURNING task_id::text",
        kind, key, owner, orjson.dumps(detail).decode(),
    )  # fmt: skip
    return str(rows[0][0])


async def test_engineer_sees_every_stage_and_no_field_when_an_event_is_followed(hub: Looking) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    data = {
        "family": ref("F-1"),
        "person": ref("K"),
        "rating": "amber",
        "reason": {"text": "bruises", "about": []},
    }
    receipt = await hub.tell("practice.risk_rated", data)
    queued = (await ask(hub, f"/v1/operations/events/{receipt}", ENGINEERS)).json()
    assert (queued["stage"], queued["copies"][0]["in_outbox"]) == ("queued", True)
    await hub.settle()
    answer = await ask(hub, f"/v1/operations/events/{receipt}", ENGINEERS)
    found = answer.json()
    assert found["copies"][0]["fates"][0]["kind"] == "done"
    assert found["accepted"]["receipt"] == receipt
    assert b"bruises" not in answer.content
    assert b"amber" not in answer.content
    by_event = await ask(hub, f"/v1/operations/events/{found['copies'][0]['event']}", ENGINEERS)
    assert by_event.json()["copies"] == found["copies"]


@pytest.mark.parametrize("desk", [CHESIL, IG, S2W])
async def test_stages_are_not_there_when_another_desk_asks(hub: Looking, desk: str) -> None:
    receipt = await hub.open_family()
    assert (await ask(hub, f"/v1/operations/events/{receipt}", desk)).status_code == 404
    assert (await ask(hub, f"/v1/operations/events/{NOBODY}", ENGINEERS)).status_code == 404


async def test_tasks_of_the_rest_of_the_family_are_not_an_events_when_it_is_followed(hub: Looking) -> None:
    family = await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await task_of(hub, "parked", family, processor="router")
    other = await task_of(hub, "rejected", family, event=NOBODY)
    receipt = await hub.tell(
        "child.status_changed", {"family": ref("F-1"), "person": ref("K"), "status": "cp"}
    )
    await hub.settle()
    assert (await ask(hub, f"/v1/operations/events/{receipt}", ENGINEERS)).json()["tasks"] == []
    ((event,),) = await hub.rows("SELECT event_id::text FROM event WHERE receipt_id::text = %s", receipt)
    mine = await task_of(hub, "rejected", family, event=event)
    found = (await ask(hub, f"/v1/operations/events/{receipt}", ENGINEERS)).json()["tasks"]
    assert [each["task"] for each in found] == [mine]
    assert other != mine


async def test_reviewer_learns_who_saw_a_family_and_why_when_they_ask(hub: Looking) -> None:
    family = await hub.begin_family("F-1", CHESIL, adults="VP", children="K")
    await hub.support("F-1", "V", S2W)
    await hub.look(family, CHESIL)
    await hub.look(family, PARAGON)
    await hub.relay(CHESIL)
    path = f"/v1/families/{family}/looks"
    found = (await ask(hub, path, IG)).json()
    assert sorted((each["kind"], each["desk"], each["user"], each["reason"]) for each in found["looks"]) == [
        ("access.denied", PARAGON, "a.user", "core group meeting"),
        ("family.viewed", CHESIL, "a.user", "core group meeting"),
    ]
    assert {each["desk"] for each in found["releases"]} == {CHESIL}
    delivered = await hub.rows("SELECT delivery_id::text FROM delivery WHERE released_at IS NOT NULL")
    assert {each["delivery"] for each in found["releases"]} == {row[0] for row in delivered}
    for rows in (found["looks"], found["releases"]):
        assert rows == sorted(rows, key=lambda each: (each["at"], each["desk"]))
    again = (await ask(hub, path, IG)).json()
    assert "who looked" in [each.get("what") for each in again["looks"]]
    later = await ask(hub, path, IG, since="2030-01-01T00:00:00Z")
    assert later.json()["looks"] == []
    never = await ask(hub, path, IG, since="2030-01-01T00:00:00Z", until="2029-01-01T00:00:00Z")
    assert (never.status_code, never.json()["errors"][0]["pointer"]) == (422, "/query/until")
    assert "`until` later than `since`" in never.json()["errors"][0]["detail"]
    assert (await ask(hub, path, CHESIL)).status_code == 404
    assert (await ask(hub, f"/v1/families/{NOBODY}/looks", IG)).status_code == 404


async def test_reviewer_learns_what_is_linked_and_never_the_id_when_they_ask(hub: Looking) -> None:
    family = await hub.begin_family("F-1", CHESIL, adults="V")
    person = await hub.person("V")
    answer = await ask(hub, f"/v1/identities/{person}", IG)
    found = answer.json()
    assert [(each["scheme"], each["status"], each["by"]) for each in found["links"]] == [
        ("liquidlogic", "confirmed", CHESIL)
    ]
    assert [each["family"] for each in found["families"]] == [family]
    assert b'"V"' not in answer.content
    assert (await ask(hub, f"/v1/identities/{person}", CHESIL)).status_code == 404
    for unknown, rule in ((NOBODY, "unknown-id"), ("91c2", "format")):
        told = await ask(hub, f"/v1/identities/{unknown}", IG)
        assert (told.status_code, told.json()["errors"][0]["rule"]) == (404, rule)
        assert (await ask(hub, f"/v1/identities/{unknown}", CHESIL)).json()["errors"] == []


async def test_reviewer_learns_of_every_release_when_more_than_a_thousand_rested_on_a_link(
    hub: Looking,
) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V")
    await hub.support("F-1", "V", S2W)
    await hub.relay(CHESIL, S2W)
    person = await hub.person("V")
    async with hub.database.transaction() as conn:
        more = "jsonb_build_object('delivery_id', gen_random_uuid(), 'seq', nextval('delivery_seq'))"
        await conn.execute(
            f"INSERT INTO delivery SELECT (jsonb_populate_record(d, {more})).* FROM delivery d,"
            " generate_series(1, 1200) WHERE delivery_id = (SELECT delivery_id FROM delivery"
            " WHERE persons @> ARRAY[%s::uuid] AND released_at IS NOT NULL LIMIT 1)",
            (person,),
        )
    released = await hub.rows("SELECT delivery_id::text FROM delivery WHERE released_at IS NOT NULL")
    found = (await ask(hub, f"/v1/identities/{person}", IG)).json()["rested_on_it"]
    assert len(found) > 1200
    assert {each["delivery"] for each in found} <= {each for (each,) in released}


async def test_reviewer_learns_what_rested_on_two_being_one_when_they_were_unlinked(hub: Looking) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V")
    await hub.begin_family("F-2", WEST, adults="B")
    for family, person, lead in (("F-1", "V", CHESIL), ("F-2", "B", WEST)):
        await hub.support(family, person, S2W, lead=lead)
    await hub.relay(CHESIL, WEST, S2W)
    said = {"person": ref("V"), "same_as": ref("B")}
    await hub.tell("hub.identity_linked", {**said, "degree": "confirmed", "reason": "same_history"})
    await hub.settle()
    one, other = await hub.person("V"), await hub.person("B")
    (link,) = (await ask(hub, f"/v1/identities/{one}", IG)).json()["same_as"]
    assert (link["person"], link["status"], link["by"], link["rested_on_it"]) == (
        other,
        "probable",
        CHESIL,
        [],
    )
    (task,) = (await hub.get("/v1/tasks", IG)).json()["tasks"]
    assert (await do(hub, task["task"], "approve", IG)).status_code == 202
    await hub.settle()
    await hub.score("F-1", "V", 1)
    await hub.score("F-2", "B", 2)
    await hub.relay(CHESIL, WEST)
    await hub.tell("hub.identity_unlinked", {**said, "reason": "wrong_person"})
    await hub.settle()
    await hub.score("F-1", "V", 3)
    await hub.relay(CHESIL, WEST)
    for person, whose in ((one, other), (other, one)):
        (link,) = (await ask(hub, f"/v1/identities/{person}", IG)).json()["same_as"]
        assert (link["person"], link["status"], "ended_at" in link) == (whose, "ended", True)
        # What either's desks had of both, and nothing since they stand apart.
        scores = [each["desk"] for each in link["rested_on_it"] if "measure_recorded" in each["type"]]
        assert sorted(scores) == [CHESIL, CHESIL, WEST, WEST]


async def test_reviewer_reads_in_words_why_and_calls_people_by_ids_of_their_own_agency(hub: Looking) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V")
    more = [
        {"person": ref("K"), "kind": "child", "identifiers": [ref("P-771", "liquidlogic")]},
        {"person": ref("P"), "kind": "adult", "identifiers": [ref("X123456", "crn")]},
    ]
    await hub.tell("family.member_added", {"family": ref("F-1"), "members": more})
    await hub.settle()
    await hub.support("F-1", "V", S2W)
    measured = {"family": ref("F-1"), "person": ref("V"), "instrument": "phq9", "score": 14}
    receipt = await hub.tell("outcome.measure_recorded", measured, desk=S2W)
    await hub.settle()
    answer = (await ask(hub, f"/v1/decisions/{receipt}", IG)).json()
    mother, father, child = [await hub.person(each) for each in "VPK"]
    assert answer["people"] == {
        mother: f"adult {mother[:8]}",
        father: f"adult {father[:8]}",
        child: "liquidlogic P-771",
    }
    said = f"{mother} has not consented to s2w sharing treatment detail with {CHESIL}"
    assert answer["events"][0]["decisions"][0]["desks"][CHESIL]["why"] == [
        f"{CHESIL}: to be delivered.",
        f"support.existence of {mother}: shared (P02)",
        f"outcome.score of {mother}: Withheld: {said} (P04).",
    ]
    assert (await ask(hub, f"/v1/decisions/{receipt}", CHESIL)).status_code == 404
    for unknown, rule in ((NOBODY, "unknown-id"), ("5b1f", "format")):
        told = await ask(hub, f"/v1/decisions/{unknown}", IG)
        assert (told.status_code, told.json()["errors"][0]["rule"]) == (404, rule)
        assert (await ask(hub, f"/v1/decisions/{unknown}", CHESIL)).json()["errors"] == []


async def test_denial_is_recorded_when_somebody_asks_for_what_reviewers_read(hub: Looking) -> None:
    family = await hub.begin_family("F-1", CHESIL, adults="V")
    person = await hub.person("V")
    ((event, receipt),) = await hub.rows(
        "SELECT event_id::text, receipt_id::text FROM event WHERE key::text = %s AND type LIKE '%%opened%%'",
        family,
    )
    asked: dict[str, list[tuple[str, dict[str, str]]]] = {
        "preview": [(f"/v1/families/{family}", {"for": S2W})],
        "who looked": [(f"/v1/families/{family}/looks", {})],
        "identity": [(f"/v1/identities/{person}", {})],
        "decision": [(f"/v1/decisions/{each}", {}) for each in (event, receipt)],
    }
    for what, paths in asked.items():
        for path, params in paths:
            before = await hub.recorded("access.denied")
            answer = await ask(hub, path, S2W, **params)
            nothing = await ask(hub, path.replace(path.split("/")[3], NOBODY), S2W, **params)
            assert (answer.status_code, answer.content) == (404, nothing.content)
            found = await hub.recorded("access.denied")
            for each in before:
                found.remove(each)
            # Of a family that there is its own reviewers learn it; of nothing there is no family to tell.
            assert sorted(len(each) for each in found) == [1, 2]
            assert {each[len(each) - 1]["what"] for each in found} == {what}
            assert {each[len(each) - 1]["user"] for each in found} == {"a.user"}
    tried = (await ask(hub, f"/v1/families/{family}/looks", IG)).json()["looks"]
    assert sorted(each["what"] for each in tried if each["kind"] == "access.denied") == sorted(
        what for what, paths in asked.items() for _ in paths
    )


async def test_a_desk_is_told_why_of_its_own_delivery_and_of_no_other(hub: Looking) -> None:
    family = await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await hub.support("F-1", "V", S2W)
    score = {"family": ref("F-1"), "person": ref("V"), "instrument": "phq9", "score": 14}
    await hub.tell("outcome.measure_recorded", score, desk=S2W)
    await hub.settle()
    ((delivery,),) = await hub.rows(
        "SELECT delivery_id::text FROM delivery WHERE desk = %s AND type LIKE '%%measure_recorded%%'", CHESIL
    )
    mother = await hub.person("V")
    answer = (await ask(hub, f"/v1/decisions/{delivery}", CHESIL)).json()
    assert answer["why"] == [
        "Told that this happened (P02).",
        f"Withheld: {mother} has not consented to s2w sharing treatment detail with {CHESIL}.",
    ]
    assert (answer["for"], answer["by"], answer["withheld"]) == (CHESIL, S2W, ["outcome.score"])
    ((of_family, of_user),) = [list(each.values()) for each in await hub.recorded("family.viewed")]
    assert (of_family["what"], of_family["shown"], of_user["user"]) == ("decision", [delivery], "a.user")
    others = [await ask(hub, f"/v1/decisions/{delivery}", each) for each in (S2W, PROBATION, PARAGON)]
    nothing = [await ask(hub, f"/v1/decisions/{each}", CHESIL) for each in (NOBODY, "no-id", family)]
    assert {(each.status_code, each.content) for each in (*others, *nothing)} == {(404, others[0].content)}
    await hub.execute("UPDATE agency_guard SET closed = true WHERE agency = 'council'")
    closed = await ask(hub, f"/v1/decisions/{delivery}", CHESIL)
    assert (closed.status_code, closed.content) == (404, others[0].content)


async def test_a_desk_is_told_of_what_names_it_and_of_what_it_may_see_no_more(hub: Looking) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await hub.support("F-1", "V", S2W)
    await hub.consent("F-1", "V")
    await hub.score("F-1", "V", 7)
    await hub.relay(CHESIL)
    await hub.relay(S2W)
    cell = {"purpose": "support", "category": "outcome.score", "desk": CHESIL}
    await hub.tell("consent.withdrawn", {"family": ref("F-1"), "person": ref("V"), "cells": [cell]})
    await hub.settle()
    await hub.relay(CHESIL)
    query = "SELECT delivery_id::text FROM delivery WHERE desk = %s AND type = %s AND released_at IS NOT NULL"
    ((notice,),) = await hub.rows(query, CHESIL, "wraparound.hub.notice_sent.v1")
    ((request,),) = await hub.rows(query, S2W, "wraparound.referral.requested.v1")
    told = await ask(hub, f"/v1/decisions/{notice}", CHESIL)
    assert told.json()["why"] == [f"It is the hub's own, and goes to {CHESIL} alone, which it names."]
    await hub.tell("family.closed", {"family": ref("F-1")})
    support = {
        "family": ref("F-1"),
        "person": ref("V"),
        "referral": ref("R-F-1-V-s2w"),
        "reason": "completed",
    }
    await hub.tell("referral.support_ended", support, desk=S2W)
    await hub.settle()
    gone = (await ask(hub, f"/v1/decisions/{request}", S2W)).json()
    assert (gone["why"], gone["people"]) == ([f"Nothing of it is for {S2W} to see today."], {})
    assert await hub.recorded("access.denied") == []
    assert (await ask(hub, f"/v1/decisions/{notice}", S2W)).status_code == 404


async def simulated(hub: Looking, desk: str, rules: Any, **rest: Any) -> httpx.Response:
    headers = {**hub.bearer(desk, **WHY), "content-type": "application/json"}
    asked = {"rules": rules, "since": "2023-06-01T00:00:00Z", "until": "2023-07-01T00:00:00Z", **rest}
    return await hub.http.post("/v1/rules/simulation", headers=headers, content=orjson.dumps(asked))


def dorset_without(*clauses: str) -> dict[str, Any]:
    plain, _ = offered(DORSET, load(DORSET))
    assert plain is not None
    found: dict[str, Any] = orjson.loads(orjson.dumps(plain))
    (agreement,) = found["agreements"]
    agreement["clauses"] = [each for each in agreement["clauses"] if each["id"] not in clauses]
    return found


async def test_reviewer_learns_what_other_rules_would_have_changed_when_history_is_simulated(
    hub: Looking,
) -> None:
    desks = (CHESIL, S2W, PARAGON, PROBATION)
    family = await hub.begin_family("F-1", CHESIL, adults="VP", children="K")
    await hub.support("F-1", "V", S2W)
    await hub.relay(*desks)
    about = {"family": ref("F-1"), "person": ref("V")}
    cell = {"purpose": "support", "category": "outcome.score", "desk": CHESIL}
    await hub.consent("F-1", "V")
    for act in (None, "consent.withdrawn", "safety.pair_recorded"):
        if act == "consent.withdrawn":
            await hub.tell(act, {**about, "cells": [cell]})
        elif act is not None:
            pair = {"victim": ref("V"), "perpetrator": ref("P"), "basis": "disclosure"}
            await hub.tell(act, {"family": ref("F-1"), **pair})
        await hub.relay(*desks)
        await hub.score("F-1", "V", 17)
        await hub.relay(*desks)
    assert hub.scores_to(CHESIL) == [17, None, None]

    tables = ("event", "delivery", "task", "outbox", "family_state", "attempt", "guard")
    was = [await hub.count(each) for each in tables]
    same = (await simulated(hub, IG, dorset_without())).json()
    assert (same["changes"], same["next"], same["rules"]["in_force"]) == ([], None, same["rules"]["tried"])
    # A notice goes to whom it names, whatever the rules say.
    ((released,),) = await hub.rows(
        "SELECT count(*) FROM delivery WHERE released_at IS NOT NULL AND type NOT LIKE 'wraparound.hub.%%'"
    )
    assert same["releases"] == {"before": released, "after": released}

    hub.clock.advance(MINUTE)
    less = (await simulated(hub, IG, dorset_without("P04"))).json()
    assert [
        (each["desk"], each["category"], each["before"], each["after"], each["events"], each["families"])
        for each in less["changes"]
    ] == [
        (CHESIL, "outcome.score", "existence", "silent", 2, 1),
        (CHESIL, "outcome.score", "released", "silent", 1, 1),
    ]
    assert less["changes"][1]["examples"][0]["before"] == "shared (P04)"
    assert less["rules"]["tried"] != less["rules"]["in_force"]
    assert [await hub.count(each) for each in tables] == was

    looks = [each for each in await hub.recorded("family.viewed") if each[0]["what"] == "simulation"]
    assert [each[0]["rules"] for each in looks] == [same["rules"]["tried"], less["rules"]["tried"]]
    shown = [example["event"] for each in less["changes"] for example in each["examples"]]
    assert sorted(looks[1][0]["shown"]) == sorted(shown)
    who = (await ask(hub, f"/v1/families/{family}/looks", IG)).json()["looks"]
    assert [each["user"] for each in who if each.get("what") == "simulation"] == ["a.user", "a.user"]


async def test_families_that_cannot_be_read_are_counted_apart_when_history_is_simulated(hub: Looking) -> None:
    kept, parked, erased = [await hub.begin_family(f"F-{each}", CHESIL, adults="V") for each in range(3)]
    await hub.execute(
        f"INSERT INTO parked SELECT 'router', '{parked}', 0, 9, gen_random_uuid(), gen_random_uuid()"
    )
    await hub.execute(f"DELETE FROM subject_key WHERE key_id = '{erased}'")
    for gateway in (hub.ring, hub.gateway.parts.ring):
        gateway.forget([erased])
    found = (await simulated(hub, IG, dorset_without())).json()
    assert found["families"] == 1
    assert found["apart"] == {"erased": 2, "parked": 2, "not_recomputed": 0}
    assert found["events"] == 2
    behind = (await simulated(hub, IG, dorset_without(), after=kept)).json()
    assert behind["families"] == 0
    outside = await simulated(hub, IG, dorset_without(), until="2023-06-01T01:00:00Z")
    assert (outside.json()["families"], outside.json()["apart"]["erased"]) == (0, 0)


async def test_families_alone_are_counted_and_a_period_without_them_says_so_when_history_is_simulated(
    hub: Looking,
) -> None:
    assert (await simulated(hub, IG, dorset_without())).json()["recorded"] is None
    await hub.begin_family("F-1", CHESIL, adults="V")
    # The log of an agreement is nobody's history.
    await hub.execute(
        "CREATE TEMP TABLE other AS SELECT * FROM event WHERE topic = 'events' LIMIT 1;"
        " UPDATE other SET event_id = gen_random_uuid(), key = gen_random_uuid(), receipt_id = NULL,"
        " recorded_at = 5; INSERT INTO event SELECT * FROM other"
    )
    found = (await simulated(hub, IG, dorset_without())).json()
    assert (found["families"], found["recorded"]) == (1, None)
    none = (
        await simulated(hub, IG, dorset_without(), since="1970-01-01T00:00:00Z", until="2023-06-01T01:00:00Z")
    ).json()
    ((first, last),) = await hub.rows(
        "SELECT min(recorded_at), max(recorded_at) FROM event WHERE recorded_at > 5"
    )
    recorded = {"first": format_micros(first), "last": format_micros(last)}
    assert (none["families"], none["events"], none["recorded"]) == (0, 0, recorded)


async def test_nothing_is_simulated_when_it_is_not_for_that_desk_or_the_rules_cannot_be_read(
    hub: Looking,
) -> None:
    for desk in (CHESIL, S2W, ENGINEERS):
        nothing: dict[str, Any] = {"agreements": []}
        seen = len(await hub.recorded("access.denied"))
        for rules in (dorset_without(), nothing):
            answer = await simulated(hub, desk, rules)
            assert (answer.status_code, answer.json()["title"]) == (404, "Not found")
        assert len(await hub.recorded("access.denied")) == seen + 2
    broken = dorset_without()
    broken["agreements"][0]["clauses"][3]["effect"] = "perhaps"
    answer = await simulated(hub, IG, broken)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/body/rules/agreements/0/clauses/3/effect"
    never = await simulated(hub, IG, dorset_without(), until="2023-05-01T00:00:00Z")
    assert (never.status_code, never.json()["errors"][0]["pointer"]) == (422, "/body/until")
    assert await hub.recorded("family.viewed") == []


async def test_acceptance_is_proved_to_its_publisher_when_it_is_sealed(hub: Looking) -> None:
    receipt = await hub.open_family()
    path = f"/v1/receipts/{receipt}/proof"
    assert (await ask(hub, path, CHESIL)).status_code == 503
    signer = parse_skey(read_secret(Identities(hub.stack.folder).signing_key, "signing_key_file").decode())
    sealer = Sealer(hub.database, signer, hub.clock, code="code")
    assert await sealer.open()
    await sealer.seal()
    await sealer.refresh()
    found = (await ask(hub, path, CHESIL)).json()
    note = open_note(found["checkpoint"].encode(), [signer.verifier])
    checkpoint = parse_checkpoint(note.text)
    from base64 import b64decode

    leaf = b64decode(found["leaf"])
    hashes = [b64decode(each) for each in found["hashes"]]
    verify_inclusion(leaf_hash(leaf), found["index"], checkpoint.size, hashes, checkpoint.root)
    assert orjson.loads(leaf)["id"] == found["entry"]
    assert (await ask(hub, path, S2W)).status_code == 404


async def test_tasks_are_listed_to_the_desk_that_owns_them_and_to_no_other(hub: Looking) -> None:
    task = await task_of(hub, "parked", NOBODY, processor="router")
    found = (await ask(hub, "/v1/tasks", ENGINEERS)).json()["tasks"]
    assert [(each["task"], each["actions"]) for each in found] == [(task, ["redrive"])]
    assert (await ask(hub, "/v1/tasks", CHESIL)).json()["tasks"] == []
    assert (await ask(hub, f"/v1/tasks/{task}", CHESIL)).status_code == 404
    assert (await do(hub, task, "redrive", CHESIL)).status_code == 404
    assert (await do(hub, task, "approve", ENGINEERS)).status_code == 404


async def test_parked_family_runs_again_when_the_engineer_redrives_it(hub: Looking) -> None:
    family = await hub.begin_family("F-1", CHESIL, adults="V")
    task = await task_of(hub, "parked", family, processor="router")
    for _ in range(2):
        answer = await do(hub, task, "redrive", ENGINEERS)
        assert (answer.status_code, answer.json()["state"]) == (202, "asked")
    redrives = [each for each in await hub.events() if each.kind == "hub.redrive_requested"]
    assert [each.data["key"] for each in redrives] == [family]
    assert [each[0]["action"] for each in await hub.recorded("task.done")] == ["redrive", "redrive"]


async def test_stored_event_enters_its_log_anew_when_its_dead_letter_is_redriven(hub: Looking) -> None:
    family = await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await hub.tell("child.status_changed", {"family": ref("F-1"), "person": ref("K"), "status": "cp"})
    place = "events", hub.partition(family)
    await hub.empty_outbox()
    broken = hub.logs[place][-1]
    object.__setattr__(broken, "value", b"\x00\x00")
    await hub.settle()
    assert "status" not in (await hub.family_state(family)).get("children", {}).get(await hub.person("K"), {})
    ((task,),) = await hub.rows("SELECT task_id::text FROM task WHERE kind = 'dead_letter'")
    (actions,) = [each["actions"] for each in (await ask(hub, "/v1/tasks", ENGINEERS)).json()["tasks"]]
    assert actions == ["discard", "redrive"]
    answer = await do(hub, task, "redrive", ENGINEERS)
    assert answer.json()["state"] == "done", answer.text
    await hub.settle()
    child = (await hub.family_state(family))["children"][await hub.person("K")]
    assert child["status"] == "cp"
    assert (await ask(hub, "/v1/tasks", ENGINEERS)).json()["tasks"] == []
    seen = (await hub.look(family, CHESIL)).json()
    assert [each["what"] for each in seen["chronology"]].count("child.status_changed") == 1


async def test_dead_letter_is_let_go_when_two_people_say_so(hub: Looking) -> None:
    task = await task_of(hub, "dead_letter", NOBODY)
    # Bytes of nobody: there is no event that could enter a log anew.
    assert (await ask(hub, f"/v1/tasks/{task}", ENGINEERS)).json()["actions"] == ["discard"]
    refused = await do(hub, task, "redrive", ENGINEERS)
    assert (refused.status_code, refused.json()["errors"][0]["rule"]) == (422, "not-stored")
    for _ in range(2):
        assert (await do(hub, task, "discard", ENGINEERS)).json()["state"] == "awaits a second person"
    assert (await do(hub, task, "discard", ENGINEERS, "b.user")).json()["state"] == "done"
    assert (await do(hub, task, "discard", ENGINEERS, "b.user")).status_code == 409


async def test_delivery_stands_in_line_again_when_it_was_given_up_and_is_redriven(hub: Looking) -> None:
    await hub.begin_family("F-1", CHESIL, adults="VP", children="K")
    await hub.support("F-1", "V", S2W)
    await hub.execute("UPDATE delivery SET status = 'dead' WHERE desk = 'council/chesil'")
    rows = await hub.rows(
        "SELECT delivery_id::text, seq FROM delivery WHERE desk = %s ORDER BY seq LIMIT 1", CHESIL
    )
    delivery, place = rows[0]
    task = await task_of(hub, "undelivered", delivery)
    assert (await do(hub, task, "redrive", ENGINEERS)).json()["state"] == "done"
    ((status, after),) = await hub.rows("SELECT status, seq FROM delivery WHERE delivery_id = %s", delivery)
    assert (status, after > place) == ("failed", True)


async def test_id_is_somebodys_when_the_desk_whose_task_it_is_confirms_it(hub: Looking) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V")
    receipt = await hub.publish(
        "outcome.measure_recorded",
        {"person": {"scheme": "paris", "value": "77"}, "instrument": "phq9", "score": 3},
        desk=S2W,
    )
    task = await task_of(hub, "unidentified", receipt, owner=CHESIL)
    missing = await do(hub, task, "confirm", CHESIL)
    assert (missing.status_code, missing.json()["errors"][0]["pointer"]) == (422, "/person")
    given: dict[str, Any] = {"person": ref("V"), "identifier": {"scheme": "paris", "value": "77"}}
    answer = await do(hub, task, "confirm", CHESIL, **given)
    assert (answer.status_code, answer.json().get("state")) == (202, "done"), answer.text
    again = await do(hub, task, "confirm", CHESIL, **given)
    assert (again.status_code, again.json()["title"]) == (409, "This task is closed already")
    (said,) = again.json()["errors"]
    assert (said["rule"], " closed at 20" in said["detail"]) == ("closed", True)
    elsewhere = await do(hub, task, "confirm", S2W, **given)
    assert elsewhere.content == (await ask(hub, f"/v1/tasks/{NOBODY}", S2W)).content
    assert await hub.count("waiting") == 0


async def test_perpetrators_desk_has_no_task_when_none_is_its_own(hub: Looking) -> None:
    await task_of(hub, "held", NOBODY, owner=CHESIL, candidates=[])
    assert (await ask(hub, "/v1/tasks", PROBATION)).json() == {"tasks": []}
