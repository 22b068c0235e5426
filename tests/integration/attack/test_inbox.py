"""A desk polls its inbox without a pause, while something is accepted that it may know nothing of, or must lose."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
import pytest
from fastapi import FastAPI, Header

from hub.partnership import load
from hub.settings import ROOT
from services.gateway import inbox as door
from tests.integration.attack.hub import CHESIL, PARAGON, PROBATION, REACH, S2W, Hub
from tests.integration.gateway.world import ref


def caller(x_desk: Annotated[str, Header()]) -> str:
    return x_desk


@pytest.fixture
async def client(hub: Hub) -> AsyncIterator[httpx.AsyncClient]:
    """The inboxes, by the hub's clock."""
    app = FastAPI()
    limits = load(ROOT / "partnerships" / "dorset").limits
    app.include_router(door.build(hub.database, hub.kit, hub.clock, caller, limits))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub") as made:
        yield made


async def inbox(client: httpx.AsyncClient, desk: str) -> dict[str, Any]:
    """One reading."""
    answer = await client.get("/v1/inbox", params={"limit": 200}, headers={"x-desk": desk})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@asynccontextmanager
async def polled(client: httpx.AsyncClient, desk: str) -> AsyncIterator[list[dict[str, Any]]]:
    """What three pollers see, each as often as it can, from before the block to after its end: each page once."""
    seen = [await inbox(client, desk)]
    stopping = asyncio.Event()

    async def poll() -> None:
        is_last = False
        while not is_last:
            is_last = stopping.is_set()
            page = await inbox(client, desk)
            if page != seen[-1]:
                seen.append(page)

    pollers = [asyncio.ensure_future(poll()) for _ in range(3)]
    yield seen
    stopping.set()
    await asyncio.gather(*pollers)


def kinds(page: dict[str, Any]) -> list[str]:
    return [each["type"].removeprefix("wraparound.").removesuffix(".v1") for each in page["events"]]


async def test_the_other_sides_inbox_never_changes_when_something_protects_the_victim(
    hub: Hub, client: httpx.AsyncClient
) -> None:
    log = await hub.begin_family("F-1", CHESIL, adults="VP", children="K")
    plan = {"family": ref("F-1"), "discussed": [ref("K")], "core_group": [PROBATION]}
    await hub.tell("practice.plan_agreed", plan)
    supervision = {"family": ref("F-1"), "person": ref("P"), "desk": PROBATION}
    await hub.tell("person.probation_supervision_started", supervision, desk=PROBATION)
    mine = {"family": ref("F-1"), "referral": ref("R-1"), "person": ref("P")}
    await hub.tell("referral.requested", {"to": REACH, "specialism": "substance_use", **mine})
    pair = {"victim": ref("V"), "perpetrator": ref("P"), "basis": "disclosure"}
    await hub.tell("safety.pair_recorded", {"family": ref("F-1"), **pair})
    status = {"family": ref("F-1"), "person": ref("K"), "status": "cp"}
    await hub.tell("child.status_changed", status)
    await hub.settle()
    await hub.relay(PROBATION)
    async with polled(client, PROBATION) as seen:
        assert {"referral.requested", "child.status_changed"} <= set(kinds(seen[0]))
        # Of what is accepted now the restriction concerns P too: readings wait for what is decided of his referral.
        assert await hub.person("P") in str(seen[0])
        assert await hub.person("V") not in str(seen[0])
        about = {"family": ref("F-1"), "person": ref("V")}
        request = {"referral": ref("R-9"), "to": PARAGON, "specialism": "domestic_abuse_victim", **about}
        await hub.tell("referral.requested", request)
        await hub.settle()
        shield = {"restriction": "r-1", "from_person": ref("P"), **about}
        await hub.tell("safety.restriction_placed", shield)
        await hub.settle()
        await hub.tell("consent.refused", about, desk=PARAGON)
        await hub.settle()
    await hub.settle()
    assert len(seen) == 1
    lapsed = "SELECT count(*) FROM event WHERE key = %s AND type = 'wraparound.hub.decision_lapsed.v1'"
    assert (await hub.rows(lapsed, log))[0][0] > 0
    assert await hub.rows("SELECT 1 FROM delivery WHERE desk = %s AND status = 'lapsed'", PROBATION) == []


async def test_what_a_withdrawal_concerns_is_shown_by_no_reading_that_begins_after_it(
    hub: Hub, client: httpx.AsyncClient
) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V")
    await hub.support("F-1", "V", S2W)
    await hub.consent("F-1", "V")
    await hub.score("F-1", "V", 17)
    await hub.relay(CHESIL)
    before = await inbox(client, CHESIL)
    (place,) = [each["place"] for each in before["events"] if each.get("data", {}).get("score") == 17]
    await hub.tell("consent.withdrawn", {"family": ref("F-1"), "person": ref("V")})
    reading = [asyncio.ensure_future(inbox(client, CHESIL)) for _ in range(3)]
    await hub.settle()
    for page in await asyncio.gather(*reading):
        (data,) = [each["data"] for each in page["events"] if each["place"] == place]
        assert (data.get("score"), data["withheld"]) == (None, ["outcome.score"])
