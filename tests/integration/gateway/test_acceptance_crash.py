"""Acceptance through kill -9, a database that goes away, and a stop: nothing lost, nothing twice."""

import asyncio
import subprocess

import httpx
import orjson
import pytest

from hub.settings import ROOT
from tests.integration.gateway.world import STRUCTURED, Process, World, event, ref


async def send(process: Process, world: World, kind: str, data: object, event_id: str) -> httpx.Response:
    body = orjson.dumps(event(kind, data, event_id, "council/chesil"))
    headers = {**world.bearer("council/chesil"), "content-type": STRUCTURED}
    async with httpx.AsyncClient(base_url=process.url, timeout=30) as http:
        return await http.post("/v1/events", content=body, headers=headers)


@pytest.mark.parametrize(
    ("crash_at", "durable"), [("accept.before_commit:3", False), ("accept.after_commit:3", True)]
)
async def test_one_event_stands_when_the_gateway_was_killed_and_the_publisher_sent_again(
    world: World, process: Process, crash_at: str, durable: bool
) -> None:
    process.crash_at = crash_at
    process.start()
    family = {"family": ref("F-1"), "lead": "council/chesil"}
    members = {"family": ref("F-1"), "members": [{"person": ref("P-1"), "kind": "adult"}]}
    assert (await send(process, world, "family.opened", family, "f-1")).status_code == 202
    assert (await send(process, world, "family.member_added", members, "m-1")).status_code == 202
    withdrawal = {"family": ref("F-1"), "person": ref("P-1")}
    with pytest.raises(httpx.TransportError):
        await send(process, world, "consent.withdrawn", withdrawal, "w-1")
    assert process.wait() == -9
    assert (await world.kinds()).count("consent.withdrawn") == (1 if durable else 0)
    process.crash_at = ""
    process.start()
    again = await send(process, world, "consent.withdrawn", withdrawal, "w-1")
    assert again.status_code == (200 if durable else 202)
    assert (await world.kinds()).count("consent.withdrawn") == 1
    assert list((await world.guards()).values()) == [1]
    assert await world.count("receipt") == await world.count("audit_entry") == 3


async def test_unavailable_is_answered_and_nothing_told_when_the_database_is_away(
    world: World, process: Process
) -> None:
    process.more = {"WRAPAROUND_POSTGRES": "postgresql://wraparound@127.0.0.1:1/none"}
    process.start(ready=503)
    answer = await send(
        process, world, "family.opened", {"family": ref("F-1"), "lead": "council/chesil"}, "f-1"
    )
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json()["type"] == "/problems/unavailable"
    assert "postgres" not in answer.text.lower()
    async with httpx.AsyncClient(base_url=process.url) as http:
        assert (await http.get("/livez")).status_code == 200
        assert (await http.get("/readyz")).status_code == 503


async def test_connections_cut_in_the_middle_lose_nothing_when_publishers_send_again(
    world: World, process: Process
) -> None:
    process.start()
    assert (
        await send(process, world, "family.opened", {"family": ref("F-1"), "lead": "council/chesil"}, "f")
    ).is_success
    members = {"family": ref("F-1"), "members": [{"person": ref("P-1"), "kind": "adult"}]}
    assert (await send(process, world, "family.member_added", members, "m")).is_success
    done = asyncio.Event()

    async def cut() -> None:
        while not done.is_set():
            await world.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'gateway' AND datname = current_database() AND state <> 'idle'"
            )
            await asyncio.sleep(0.01)

    refused = 0

    async def publish(number: int) -> None:
        nonlocal refused
        data = {"family": ref("F-1"), "person": ref("P-1")}
        for _ in range(200):
            answer = await send(process, world, "consent.withdrawn", data, f"w-{number}")
            if answer.is_success:
                return
            assert answer.status_code == 503, answer.text
            refused += 1
        raise AssertionError("never accepted")

    cutter = asyncio.create_task(cut())
    await asyncio.gather(*(publish(number) for number in range(30)))
    done.set()
    await cutter
    assert refused > 0
    assert (await world.kinds()).count("consent.withdrawn") == 30
    assert list((await world.guards()).values()) == [30]
    assert await world.count("receipt") == 32 == await world.count("outbox")


async def test_request_in_hand_is_finished_when_the_gateway_is_told_to_stop(
    world: World, process: Process
) -> None:
    process.start()
    async with httpx.AsyncClient(base_url=process.url, timeout=30) as http:
        poll = asyncio.create_task(http.get("/v1/inbox?wait=2", headers=world.bearer("s2w/sft")))
        await asyncio.sleep(0.5)
        assert await asyncio.to_thread(process.stop) == 0
        answer = await poll
    assert (answer.status_code, answer.json()["events"]) == (200, [])
    assert "Traceback" not in process.log.read_text()


def test_another_gateway_says_so_in_one_line_when_the_port_is_taken(process: Process) -> None:
    process.start()
    environ = process.stack.environ("gateway", postgres=process.dsn, http_port=process.port)
    other = subprocess.run(
        process.command, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert other.returncode != 0
    assert "cannot be listened on: end what has it" in other.stderr
