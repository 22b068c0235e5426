"""What engineers and information governance read, and what a desk does about its tasks."""

from typing import Any

import httpx
import orjson
import pytest

from hub.settings import read_secret
from hub.stack.identities import Identities
from services.audit.merkle import leaf_hash, verify_inclusion
from services.audit.note import open_note, parse_checkpoint, parse_skey
from services.audit.sealer import Sealer
from tests.integration.attack.hub import CHESIL, IG, PARAGON, PROBATION, S2W
from tests.integration.gateway.world import ref
from tests.integration.view.looking import WHY, Looking

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
    again = (await ask(hub, path, IG)).json()
    assert "who looked" in [each.get("what") for each in again["looks"]]
    later = await ask(hub, path, IG, since="2030-01-01T00:00:00Z")
    assert later.json()["looks"] == []
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
    assert (await ask(hub, f"/v1/identities/{NOBODY}", IG)).status_code == 404


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
    refused = await do(hub, task, "redrive", ENGINEERS)
    assert (refused.status_code, refused.json()["errors"][0]["rule"]) == (422, "not-stored")
    for _ in range(2):
        assert (await do(hub, task, "discard", ENGINEERS)).json()["state"] == "awaits a second person"
    assert (await do(hub, task, "discard", ENGINEERS, "b.user")).json()["state"] == "done"
    assert (await do(hub, task, "discard", ENGINEERS, "b.user")).status_code == 404


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
    assert (answer.status_code, answer.json().get("state")) == (202, "asked"), answer.text
    assert await hub.count("waiting") == 0


async def test_perpetrators_desk_has_no_task_when_none_is_its_own(hub: Looking) -> None:
    await task_of(hub, "held", NOBODY, owner=CHESIL, candidates=[])
    assert (await ask(hub, "/v1/tasks", PROBATION)).json() == {"tasks": []}
