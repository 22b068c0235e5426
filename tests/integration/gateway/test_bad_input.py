"""Bad input gets a clear answer, nothing is kept of it, and the next event goes through.

One gateway and one database for all of these: what a refused event left behind would show.
"""

import gzip
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import jwt
import orjson
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.stack.stack import Stack
from tests.integration.gateway.world import BATCH, STRUCTURED, World, event, ref

pytestmark = pytest.mark.asyncio(loop_scope="module")

DESK, S2W = "council/chesil", "s2w/sft"
OPENED = event("family.opened", {"family": ref("F-1"), "lead": DESK}, "bad", DESK)
SCORE = event("outcome.measure_recorded", {"person": ref("P-1", "paris"), "score": 9}, "bad", S2W)
BINARY = {
    "content-type": "application/json",
    "ce-specversion": "1.0",
    "ce-id": "bad",
    "ce-source": DESK,
    "ce-type": "wraparound.family.opened.v1",
}
NO_ID = {name: value for name, value in BINARY.items() if name != "ce-id"}
TOLD = event("person.told_recorded", {"told": True}, "bad", DESK)
NOWHERE = event(
    "referral.requested",
    {
        "family": ref("F-1"),
        "referral": ref("R-1"),
        "person": ref("P-1"),
        "to": "s2w/nosuch",
        "specialism": "any",
    },
    "bad",
    DESK,
)
REAL = ref("9434765919", "nhs-number")
DATA = orjson.dumps(OPENED["data"])

Request = tuple[dict[str, str], bytes]


@pytest.fixture(scope="module")
def shared(stack: Stack, _template: str) -> Iterator[str]:
    assert stack.postgres is not None
    name = f"bad_{uuid4().hex}"
    yield stack.postgres.create_database(name, template=_template)
    stack.postgres.drop_database(name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(stack: Stack, shared: str) -> AsyncIterator[World]:
    made = World(stack, shared)
    yield made
    await made.close()


async def kept(world: World) -> list[int]:
    return [await world.count(table) for table in ("receipt", "event", "waiting", "task")]


@asynccontextmanager
async def refusal(world: World) -> AsyncIterator[None]:
    """What happens inside leaves nothing; the next event is accepted and enters its log."""
    before = await kept(world)
    yield
    assert await kept(world) == before
    await world.open_family(f"F-{before[0]}")
    assert await kept(world) == [before[0] + 1, before[1] + 1, *before[2:]]


def structured(value: Any, kind: str = STRUCTURED) -> Request:
    return {"content-type": kind}, value if isinstance(value, bytes) else orjson.dumps(value)


def without(name: str) -> Request:
    return structured({key: value for key, value in OPENED.items() if key != name})


def with_data(**more: Any) -> Request:
    return structured(OPENED | {"data": OPENED["data"] | more})


def replaced(old: bytes, new: bytes, value: Any = OPENED) -> Request:
    body = orjson.dumps(value)
    assert old in body
    return structured(body.replace(old, new))


DEEP = b'{"specversion":"1.0","data":' + b"[" * 1_000 + b"]" * 1_000 + b"}"

# What comes; the status; the rule of the first error and where it is ("" and "" for a 404, 413, 415).
FORMS: list[tuple[str, Request, str, int, str, str]] = [
    ("not JSON", structured(b"hello"), DESK, 422, "json", ""),
    ("nothing", structured(b""), DESK, 422, "json", ""),
    ("not a CloudEvent", structured({"hello": "world"}), DESK, 422, "required", "/specversion"),
    ("no id", without("id"), DESK, 422, "required", "/id"),
    ("another version", structured(OPENED | {"specversion": "0.3"}), DESK, 422, "codes", "/specversion"),
    ("time as a number", structured(OPENED | {"time": 1_700_000_000}), DESK, 422, "type", "/time"),
    ("an unknown type", structured(OPENED | {"type": "wraparound.family.x.v1"}), DESK, 404, "", ""),
    ("an unknown field", with_data(colour="red"), DESK, 422, "unknown-field", "/data/colour"),
    ("a name twice", replaced(b'"id":"bad"', b'"id":"bad","id":"b"'), DESK, 422, "json", ""),
    ("NaN", replaced(b"9}", b"NaN}", SCORE), S2W, 422, "json", ""),
    ("infinity", replaced(b"9}", b"1e999}", SCORE), S2W, 422, "json", ""),
    ("a lone surrogate", replaced(b"F-1", b"\\ud800"), DESK, 422, "json", ""),
    ("569.0 for an integer", replaced(b"9}", b"569.0}", SCORE), S2W, 422, "type", "/data/score"),
    ("an integer no double holds", replaced(b"9}", b"9007199254740993}", SCORE), S2W, 422, "range", ""),
    ("nesting 1,000 deep", structured(DEEP), DESK, 422, "nesting", ""),
    ("NUL", replaced(b"F-1", b"F\\u0000"), DESK, 422, "characters", ""),
    ("bytes that are not UTF-8", replaced(b"F-1", b"F\xff"), DESK, 422, "json", ""),
    ("a byte order mark", structured(b"\xef\xbb\xbf" + orjson.dumps(OPENED)), DESK, 422, "json", ""),
    ("a mebibyte and one byte", structured(b" " * (2**20 + 1)), DESK, 413, "", ""),
    ("501 in a batch", structured([OPENED] * 501, BATCH), DESK, 413, "too-many", ""),
    ("a batch that is none", structured(OPENED, BATCH), DESK, 422, "type", ""),
    ("another media type", structured(OPENED, "application/xml"), DESK, 415, "", ""),
    ("no media type", ({}, orjson.dumps(OPENED)), DESK, 415, "", ""),
    ("a line break in a header", (BINARY | {"ce-id": "a%0d%0aSet-Cookie:%20b"}, DATA), DESK, 422, "characters", "/id"),
    ("a header that is not UTF-8", (BINARY | {"ce-id": "%ff"}, DATA), DESK, 422, "characters", ""),
    ("binary mode without an id", (NO_ID, DATA), DESK, 422, "required", "/id"),
    ("an NHS number as id", structured(OPENED | {"id": "9990000018"}), DESK, 422, "personal", "/id"),
    ("an NHS number in words", structured(OPENED | {"id": "case 999 000 0018"}), DESK, 422, "personal", "/id"),
    ("a real NHS number", with_data(family=REAL), DESK, 422, "test-number", "/data/family/value"),
    ("a lead that is no desk", with_data(lead="council/nosuch"), DESK, 422, "codes", "/data/lead"),
    ("a lead of another agency", with_data(lead=S2W), DESK, 422, "codes", "/data/lead"),
    ("a referral to no desk", structured(NOWHERE), DESK, 422, "codes", "/data/to"),
    ("another desk's source", structured(OPENED | {"source": S2W}), DESK, 422, "source", "/source"),
    ("what authority does not allow", structured(OPENED | {"source": S2W}), S2W, 404, "", ""),
    ("the hub's own type", structured(OPENED | {"type": "wraparound.hub.person_fact.v1"}), DESK, 404, "", ""),
    ("about nobody", structured(TOLD), DESK, 422, "required", "/data/person"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("request_", "desk", "status", "rule", "pointer"),
    [row[1:] for row in FORMS],
    ids=[row[0] for row in FORMS],
)
async def test_answer_says_where_and_what_and_the_next_event_goes_through_when_input_is_bad(
    world: World, request_: Request, desk: str, status: int, rule: str, pointer: str
) -> None:
    headers, content = request_
    async with refusal(world):
        answer = await world.http.post(
            "/v1/events", content=content, headers={**headers, **world.bearer(desk)}
        )
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = answer.json()
    assert problem["status"] == status
    errors = problem["errors"] or [{"rule": "", "pointer": ""}]
    assert (errors[0]["rule"], errors[0]["pointer"]) == (rule, pointer)


async def test_bomb_is_refused_unread_and_the_next_event_goes_through(world: World) -> None:
    headers = {**world.bearer(DESK), "content-type": STRUCTURED, "content-encoding": "gzip"}
    async with refusal(world):
        answer = await world.http.post("/v1/events", content=gzip.compress(b"[" * 2**24), headers=headers)
    assert answer.status_code == 415


async def test_event_about_a_family_of_nobody_is_accepted_and_says_no_more_than_any_other(
    world: World,
) -> None:
    data = {"family": ref("F-nobody"), "person": ref("P-nobody"), "told": True}
    before = await kept(world)
    unknown = await world.post("person.told_recorded", data)
    after = await kept(world)
    await world.open_family("F-known")
    await world.add_member("F-known", ref("P-known"))
    data = {"family": ref("F-known"), "person": ref("P-known"), "told": True}
    known = await world.post("person.told_recorded", data)
    assert unknown.status_code == known.status_code == 202
    assert unknown.json().keys() == known.json().keys()
    states = [
        (await world.get(answer.headers["location"], DESK)).json()["state"] for answer in (unknown, known)
    ]
    assert states == ["received", "received"]
    # It waits before the log, and holds up nobody.
    assert after == [before[0] + 1, before[1], before[2] + 1, before[3]]
    assert await kept(world) == [after[0] + 3, after[1] + 3, *after[2:]]


Forge = Callable[[World], str]


def signed(world: World, key: Any = None, headers: dict[str, Any] | None = None, **claims: Any) -> str:
    profile = world.profile(DESK)
    payload = {
        "iss": "council",
        "sub": "system",
        "aud": world.stack.url,
        "exp": int(time.time()) + 60,
        "jti": str(time.time_ns()),
    }
    payload = {name: value for name, value in (payload | claims).items() if value is not None}
    own = {"kid": profile.key.kid} | (headers or {})
    return jwt.encode(payload, key or profile.key.private, algorithm="EdDSA", headers=own)


def unsigned(world: World) -> str:
    head, body, _ = signed(world).split(".")
    none = jwt.utils.base64url_encode(b'{"alg":"none","typ":"JWT"}').decode()
    return f"{none or head}.{body}."


def symmetric(world: World) -> str:
    """Signed with the public key as if it were a shared secret."""
    public = world.profile(DESK).key.private.public_key().public_bytes_raw()  # type: ignore[union-attr]
    payload = {"iss": "council", "sub": "s", "aud": world.stack.url, "exp": int(time.time()) + 60, "jti": "s"}
    return jwt.encode(payload, public * 2, algorithm="HS256", headers={"kid": world.profile(DESK).key.kid})


TOKENS: list[tuple[str, Forge]] = [
    ("none at all", lambda _: ""),
    ("no token", lambda _: "hello"),
    ("another's key", lambda w: signed(w, Ed25519PrivateKey.generate())),
    ("an unknown key id", lambda w: signed(w, headers={"kid": "nobody"})),
    (
        "the key in the token",
        lambda w: signed(w, Ed25519PrivateKey.generate(), headers={"jwk": {"kty": "OKP"}}),
    ),
    ("alg none", unsigned),
    ("a symmetric algorithm", symmetric),
    ("stale", lambda w: signed(w, exp=int(time.time()) - 1)),
    ("too far ahead", lambda w: signed(w, exp=int(time.time()) + 3_600)),
    ("for another hub", lambda w: signed(w, aud="https://elsewhere.example")),
    ("another agency's name", lambda w: signed(w, iss="s2w")),
    ("another desk's claim", lambda w: signed(w, desk="council/west")),
    ("without jti", lambda w: signed(w, jti=None)),
    ("without exp", lambda w: signed(w, exp=None)),
    ("a critical header", lambda w: signed(w, headers={"crit": ["x"], "x": 1})),
]


@pytest.mark.parametrize("forge", [row[1] for row in TOKENS], ids=[row[0] for row in TOKENS])
async def test_token_is_refused_without_a_word_why_and_the_next_event_goes_through(
    world: World, forge: Forge
) -> None:
    headers = {"authorization": f"Bearer {forge(world)}", "content-type": STRUCTURED}
    async with refusal(world):
        answer = await world.http.post("/v1/events", content=orjson.dumps(OPENED), headers=headers)
        plain = await world.http.post(
            "/v1/events", content=orjson.dumps(OPENED), headers={"content-type": STRUCTURED}
        )
    assert answer.status_code == plain.status_code == 401
    assert {**answer.json(), "instance": ""} == {**plain.json(), "instance": ""}


async def test_token_is_refused_when_it_is_replayed(world: World) -> None:
    headers = {**world.bearer(DESK), "content-type": STRUCTURED}
    body = orjson.dumps(OPENED | {"id": "once"})
    first = await world.http.post("/v1/events", content=body, headers=headers)
    async with refusal(world):
        again = await world.http.post("/v1/events", content=body, headers=headers)
    assert (first.status_code, again.status_code) == (202, 401)


async def test_unknown_path_forbidden_one_and_what_does_not_exist_are_one_reply(world: World) -> None:
    nobody = "00000000-0000-8000-8000-000000000000"
    receipt = await world.open_family("F-hidden")
    ((family,),) = await world.rows("SELECT key::text FROM event WHERE receipt_id = %s", receipt)

    async def get(path: str) -> httpx.Response:
        claims: dict[str, Any] = {"desk": S2W, "purpose": "support", "reason": "a look"}
        token = world.profile(S2W).key.token(world.stack.url, subject="clerk", **claims)
        return await world.http.get(path, headers={"authorization": f"Bearer {token}"})

    answers = [
        await get("/v1/nowhere"),
        await get("/v1/people/9990000018"),
        await get(f"/v1/receipts/{nobody}"),
        await get(f"/v1/receipts/{receipt}"),
        await get(f"/v1/decisions/{receipt}"),
        await get(f"/v1/decisions/{nobody}"),
        await get("/v1/catalogue/wraparound.person.adopted.v1"),
        await get("/v1/catalogue/nonsense"),
        await get(f"/v1/families/{family}"),
        await get(f"/v1/families/{nobody}"),
        await get("/v1/families/nonsense"),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["content-type"] for answer in answers}) == 1
