"""Official clients, unmodified: the CloudEvents SDK publishes in each of HTTP's modes."""

from typing import Any

import orjson
import pytest
from cloudevents.core.bindings.http import HTTPMessage, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

from tests.integration.gateway.world import BATCH, World, ref

DESK = "council/chesil"


def made(number: int) -> Any:
    attributes = {
        "id": f"sdk-{number}",
        "source": DESK,
        "type": "wraparound.family.opened.v1",
        "datacontenttype": "application/json",
    }
    return CloudEvent(attributes, {"family": ref(f"F-{number}"), "lead": DESK})


async def send(world: World, message: HTTPMessage) -> Any:
    headers = {**message.headers, **world.bearer(DESK)}
    return await world.http.post("/v1/events", content=message.body, headers=headers)


@pytest.mark.parametrize("mode", [to_binary_event, to_structured_event])
async def test_event_is_accepted_when_the_sdk_publishes_it(world: World, mode: Any) -> None:
    answer = await send(world, mode(made(1)))
    assert (answer.status_code, answer.json()["state"]) == (202, "received"), answer.text
    again = await send(world, mode(made(1)))
    assert (again.status_code, again.json()) == (200, answer.json())
    assert await world.kinds() == ["family.opened"]


async def test_batch_is_accepted_when_its_events_are_the_sdks(world: World) -> None:
    bodies = [orjson.loads(to_structured_event(made(number)).body) for number in range(3)]
    headers = {**world.bearer(DESK), "content-type": BATCH}
    answer = await world.http.post("/v1/events", content=orjson.dumps(bodies), headers=headers)
    assert [each["state"] for each in answer.json()] == ["received"] * 3
    assert await world.count("event") == 3
