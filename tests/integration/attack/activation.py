"""What the tests of activations say to a hub: versions of Dorset's agreement, asked for, proved, signed."""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx

from hub.agreements import fingerprint
from hub.clock import Micros, format_micros
from hub.settings import ROOT
from services.consent.agreement import RuleSet
from services.consent.proof.explore import Facts
from services.consent.proof.found import Tally
from services.gateway import proving
from tests.integration.attack.hub import CHESIL, IG, Hub

DORSET = (ROOT / "partnerships" / "dorset" / "agreements" / "dor-sft.yaml").read_text()
PIECE = 20_000
OF_P04 = "- id: P04\n    effect: permit\n    from: [s2w, reach, probation]"


def version(number: int, start: Micros, old: str = OF_P04, new: str = OF_P04.replace("s2w, ", "")) -> str:
    """A version of the agreement; unless told otherwise, in it nobody has what Steps2Wellbeing measured."""
    assert old in DORSET
    text = DORSET.replace("version: 1\n", f"version: {number}\n").replace(old, new)
    return text.replace("start: 2022-12-01T00:00:00Z", f"start: {format_micros(start)}")


def asking(text: str, start: Micros, number: int = 2, **other: Any) -> dict[str, Any]:
    """The data of the event that asks for it."""
    return {
        "agreement": "DOR-SFT",
        "version": number,
        "digest": fingerprint([text]),
        "starts_at": format_micros(start),
        "document": "ISA-2022-014",
        "content": [text[at : at + PIECE] for at in range(0, len(text), PIECE)],
        **other,
    }


async def holds(sets: Sequence[RuleSet], _: asyncio.Event) -> Tally:
    """A proof that found nothing: what it finds is its own tests' matter."""
    assert all(each.agreements for each in sets)
    return Tally()


async def breaks(_: Sequence[RuleSet], __: asyncio.Event) -> Tally:
    """A proof that found something."""
    tally = Tally()
    tally.add("I06", Facts(()), "mental_health.detail about S", holds=False)
    return tally


async def ask(hub: Hub, number: int, start: Micros, prove: proving.Prove = holds) -> str:
    """Ask for a version, and have it proved. Gives the receipt."""
    text = version(number, start)
    receipt = await hub.publish("hub.agreement_activated", asking(text, start, number), desk=IG)
    await proving.step(hub.gateway.parts, asyncio.Event(), prove)
    return receipt


async def task(hub: Hub, receipt: str) -> str:
    """The open task of the second person."""
    found = (await hub.get(f"/v1/agreements/{receipt}", IG)).json()
    assert found["task"]["owner"] == CHESIL
    return str(found["task"]["task"])


async def answer(hub: Hub, receipt: str, action: str = "approve") -> httpx.Response:
    """The second person's word."""
    headers = hub.bearer(CHESIL, subject="manager", purpose="operate", reason="read it")
    return await hub.http.post(f"/v1/tasks/{await task(hub, receipt)}/{action}", headers=headers)


async def sign(hub: Hub, number: int, start: Micros) -> str:
    """A version that is in force from its start. Gives the receipt."""
    receipt = await ask(hub, number, start)
    signed = await answer(hub, receipt)
    assert signed.status_code == 202, signed.text
    return receipt


async def states(hub: Hub) -> list[tuple[int, str, str | None]]:
    """Every version that the hub was not founded with: number, state, reason."""
    found = (await hub.get("/v1/agreements", IG)).json()["versions"]
    return [(each["version"], each["state"], each["reason"]) for each in found if each["asked_by"] != "hub"]
