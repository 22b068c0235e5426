"""What the client sends, sends again, and makes of the answers; both clients alike."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from client.calls import HubProblemError, Profile
from client.events import MOST_BYTES, MOST_EVENTS, NewEvent, batches
from client.http import HubClient
from client.sync import SyncHubClient
from client.tokens import DeskKey

TYPE = "wraparound.outcome.note_recorded.v1"
PROFILE = Profile("http://hub", DeskKey("k-1", "s2w/sft", Ed25519PrivateKey.generate()))

Hub = Callable[[httpx.Request], httpx.Response]
Do = Callable[[Any], Any]


class FakeHub:
    """Answers from a list, one after another; keeps what came."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def bodies(self) -> list[Any]:
        return [orjson.loads(request.content) for request in self.requests]


def accepted(receipt: str = "r-1") -> httpx.Response:
    return httpx.Response(202, json={"receipt": receipt, "state": "received"})


def synchronously(hub: FakeHub, do: Do, **options: Any) -> Any:
    with SyncHubClient(PROFILE, transport=httpx.MockTransport(hub), **options) as client:
        return do(client)


def asynchronously(hub: FakeHub, do: Do, **options: Any) -> Any:
    async def run() -> Any:
        async with HubClient(PROFILE, transport=httpx.MockTransport(hub), **options) as client:
            return await do(client)

    return asyncio.run(run())


BOTH = pytest.mark.parametrize("run", [synchronously, asynchronously])


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(time, "sleep", waited.append)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    return waited


@BOTH
def test_event_is_sent_again_under_the_same_id_when_the_hub_is_away_or_busy(
    run: Callable[..., Any], pauses: list[float]
) -> None:
    hub = FakeHub(
        httpx.ConnectError("refused"),
        httpx.Response(503, headers={"retry-after": "2"}),
        httpx.Response(429, headers={"retry-after": "7"}),
        accepted(),
    )
    assert run(hub, lambda client: client.publish("e-1", TYPE, {})) == "r-1"
    assert hub.bodies == [hub.bodies[0]] * 4
    assert pauses == [0.2, 2.0, 7.0]
    tokens = [request.headers["authorization"] for request in hub.requests]
    assert len(set(tokens)) == 4


@BOTH
def test_last_failure_is_raised_when_every_try_failed(run: Callable[..., Any]) -> None:
    hub = FakeHub(httpx.ReadTimeout("late"), httpx.ReadTimeout("late"))
    with pytest.raises(httpx.ReadTimeout):
        run(hub, lambda client: client.publish("e-1", TYPE, {}), tries=2)
    busy = FakeHub(httpx.Response(503), httpx.Response(503, text="no JSON"))
    with pytest.raises(HubProblemError) as caught:
        run(busy, lambda client: client.receipt("r-1"), tries=2)
    assert (caught.value.status, caught.value.problem) == (503, {})


@BOTH
def test_problem_is_raised_at_once_when_sending_again_would_not_help(run: Callable[..., Any]) -> None:
    hub = FakeHub(httpx.Response(422, json={"title": "The request is not valid", "errors": []}))
    with pytest.raises(HubProblemError) as caught:
        run(hub, lambda client: client.publish("e-1", TYPE, {}))
    assert (caught.value.status, str(caught.value)) == (422, "422 The request is not valid")


@BOTH
def test_batch_gives_each_event_its_receipt_or_its_problem(run: Callable[..., Any]) -> None:
    hub = FakeHub(
        httpx.Response(202, json=[{"receipt": "r-1", "state": "received"}, {"status": 409, "title": "t"}])
    )
    events = [NewEvent("e-1", TYPE, {}), NewEvent("e-2", TYPE, {}, time="2026-04-14T10:30:00Z")]
    first, second = run(hub, lambda client: client.publish_batch(events))
    assert first == "r-1"
    assert isinstance(second, HubProblemError)
    assert second.status == 409
    assert [event["source"] for event in hub.bodies[0]] == ["s2w/sft"] * 2
    assert hub.requests[0].headers["content-type"] == "application/cloudevents-batch+json"


def test_batches_stay_within_the_limits_and_in_order_when_there_is_more() -> None:
    many = [NewEvent(f"e-{number}", TYPE, {}) for number in range(MOST_EVENTS * 2 + 1)]
    assert [count for count, _ in batches(many, "s2w/sft")] == [MOST_EVENTS, MOST_EVENTS, 1]
    large = [NewEvent(f"e-{number}", TYPE, {"x": "x" * 300_000}) for number in range(7)]
    bodies = [body for _, body in batches(large, "s2w/sft")]
    assert all(len(body) <= MOST_BYTES for body in bodies)
    assert [event["id"] for body in bodies for event in orjson.loads(body)] == [event.id for event in large]
    assert list(batches([], "s2w/sft")) == []


@pytest.mark.parametrize("private", [Ed25519PrivateKey.generate(), generate_private_key(SECP256R1())])
def test_token_is_good_for_one_request_when_either_kind_of_key_signs(private: Any) -> None:
    key = DeskKey("k-1", "s2w/sft", private)
    token = key.token("http://hub", subject="clerk", purpose="support")
    claims = jwt.decode(token, private.public_key(), algorithms=["EdDSA", "ES256"], audience="http://hub")
    assert (claims["iss"], claims["sub"], claims["purpose"]) == ("s2w", "clerk", "support")
    assert jwt.get_unverified_header(token)["kid"] == "k-1"
    assert claims["exp"] <= time.time() + 60
