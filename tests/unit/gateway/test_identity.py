"""Tokens: what is accepted, and that each thing that is wrong with one is refused."""

from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from client.tokens import DeskKey
from hub.clock import DAY, SECOND, FakeClock, SystemClock
from services.gateway.identity import TokenError, Verifier
from tests.unit.gateway.keys import AUDIENCE, EC, ED, OTHER, claims, ed_jwk, partnership, raw_token

PARTNERSHIP = partnership()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def verifier(clock: FakeClock) -> Verifier:
    return Verifier(PARTNERSHIP, AUDIENCE, clock)


def sign(payload: dict[str, Any], *, key: Any = ED, algorithm: str = "EdDSA", **header: Any) -> list[str]:
    return [f"Bearer {jwt.encode(payload, key, algorithm=algorithm, headers={'kid': 'ed', **header})}"]


def rule(verifier: Verifier, authorization: list[str]) -> str:
    with pytest.raises(TokenError) as caught:
        verifier.verify(authorization)
    assert caught.value.status == 401
    return caught.value.rule


def test_desk_and_user_are_known_when_a_token_is_good(verifier: Verifier, clock: FakeClock) -> None:
    token = verifier.verify(sign(claims(clock, purpose="support")))
    assert (token.caller.desk.name, token.caller.subject) == ("s2w/sft", "system")
    assert token.caller.claims["purpose"] == "support"
    assert token.expires == clock.now() + 60 * SECOND


def test_p256_key_is_taken_when_it_is_the_desks(verifier: Verifier, clock: FakeClock) -> None:
    token = verifier.verify(sign(claims(clock, iss="council"), key=EC, algorithm="ES256", kid="ec"))
    assert token.caller.desk.name == "council/chesil"


def test_clients_own_token_is_taken_when_it_is_fresh() -> None:
    verifier = Verifier(PARTNERSHIP, AUDIENCE, SystemClock())
    bearer = f"Bearer {DeskKey('ed', 's2w/sft', ED).token(AUDIENCE)}"
    assert verifier.verify([bearer]).caller.desk.name == "s2w/sft"


def test_two_tokens_are_two_uses_when_their_ids_differ(verifier: Verifier, clock: FakeClock) -> None:
    uses = {verifier.verify(sign(claims(clock, jti=jti))).use for jti in ("a", "b", "a")}
    assert len(uses) == 2


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"iss": "reach"}, "InvalidIssuerError"),
        ({"iss": None}, "MissingRequiredClaimError"),
        ({"aud": "https://other.example"}, "InvalidAudienceError"),
        ({"aud": [AUDIENCE, "https://other.example"]}, "InvalidAudienceError"),
        ({"aud": None}, "MissingRequiredClaimError"),
        ({"sub": None}, "MissingRequiredClaimError"),
        ({"sub": ""}, "sub"),
        ({"sub": "x" * 201}, "sub"),
        ({"jti": None}, "MissingRequiredClaimError"),
        ({"jti": ""}, "jti"),
        ({"jti": 7}, "InvalidJTIError"),
        ({"exp": None}, "MissingRequiredClaimError"),
        ({"exp": "soon"}, "time"),
        ({"exp": True}, "time"),
        ({"exp": 1}, "exp"),
        ({"exp": 10**10}, "exp"),
        ({"nbf": 10**10}, "nbf"),
        ({"desk": "s2w/other"}, "desk"),
    ],
)
def test_token_is_refused_when_a_claim_is_wrong(
    verifier: Verifier, clock: FakeClock, change: dict[str, Any], expected: str
) -> None:
    assert rule(verifier, sign(claims(clock, **change))) == expected


@pytest.mark.parametrize(("ahead", "is_good"), [(0, False), (1, True), (300, True), (301, False)])
def test_token_may_expire_at_most_five_minutes_ahead(
    verifier: Verifier, clock: FakeClock, ahead: int, is_good: bool
) -> None:
    bearer = sign(claims(clock, exp=clock.now() // SECOND + ahead))
    if is_good:
        verifier.verify(bearer)
    else:
        assert rule(verifier, bearer) == "exp"


def test_token_is_refused_when_another_key_signed_it(verifier: Verifier, clock: FakeClock) -> None:
    assert rule(verifier, sign(claims(clock), key=OTHER)) == "InvalidSignatureError"


def test_key_in_the_tokens_header_is_ignored(verifier: Verifier, clock: FakeClock) -> None:
    bearer = sign(
        claims(clock),
        key=OTHER,
        jwk=ed_jwk(OTHER),
        jku="https://evil.example/keys",
        x5u="https://evil.example",
    )
    assert rule(verifier, bearer) == "InvalidSignatureError"


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS256", "ES256", "None", "eddsa"])
def test_algorithm_is_refused_when_it_is_not_the_keys_own(
    verifier: Verifier, clock: FakeClock, algorithm: str
) -> None:
    header = {"alg": algorithm, "kid": "ed", "typ": "JWT"}
    assert rule(verifier, [f"Bearer {raw_token(header, claims(clock), b'')}"]) in {
        "InvalidAlgorithmError",
        "form",
    }


def test_public_key_is_no_shared_secret_when_the_token_claims_hmac(
    verifier: Verifier, clock: FakeClock
) -> None:
    public = ED.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    bearer = sign(claims(clock), key=public, algorithm="HS256")
    assert rule(verifier, bearer) == "InvalidAlgorithmError"


def test_rsa_is_refused_when_its_signature_is_good(verifier: Verifier, clock: FakeClock) -> None:
    key = rsa.generate_private_key(65537, 2048)
    assert rule(verifier, sign(claims(clock), key=key, algorithm="RS256")) == "InvalidAlgorithmError"


@pytest.mark.parametrize(
    ("kid", "expected"),
    [
        ("nobody", "kid"),
        ("expected", "desk"),
        ("future", "key-period"),
        ("past", "key-period"),
        ("held", "holder"),
    ],
)
def test_token_is_refused_when_its_key_does_not_count(
    verifier: Verifier, clock: FakeClock, kid: str, expected: str
) -> None:
    issuer = "housing" if kid == "expected" else "s2w"
    assert rule(verifier, sign(claims(clock, iss=issuer), kid=kid)) == expected


def test_key_counts_when_its_day_has_come(clock: FakeClock) -> None:
    clock.advance(5 * 366 * DAY)
    verifier = Verifier(PARTNERSHIP, AUDIENCE, clock)
    assert verifier.verify(sign(claims(clock), kid="future")).caller.desk.name == "s2w/sft"
    assert verifier.verify(sign(claims(clock, sub="a.worker"), kid="held")).caller.subject == "a.worker"


def test_token_is_refused_when_it_demands_what_we_do_not_understand(
    verifier: Verifier, clock: FakeClock
) -> None:
    assert rule(verifier, sign(claims(clock), crit=["exp"])) in {"crit", "form"}
    assert rule(verifier, sign(claims(clock), b64=False, crit=["b64"])) in {"crit", "form"}


@pytest.mark.parametrize(
    "authorization",
    [
        [],
        [""],
        ["Bearer"],
        ["Bearer "],
        ["Basic abc"],
        ["Bearer a.b"],
        ["Bearer a.b.c"],
        ["Bearer ...."],
        ["Bearer \N{SNOWMAN}.b.c"],
        ["Bearer " + "a" * 9000],
        ["Bearer a.b.c", "Bearer a.b.c"],
        [f"Bearer {raw_token({'alg': 'EdDSA', 'kid': ['ed']}, {}, b'')}"],
        [f"Bearer {raw_token({'alg': 'EdDSA', 'kid': 'ed'}, [1], b'')}"],
    ],
)
def test_header_is_refused_when_it_is_no_token(verifier: Verifier, authorization: list[str]) -> None:
    assert rule(verifier, authorization)


def test_signature_is_refused_when_a_byte_of_the_token_changed(verifier: Verifier, clock: FakeClock) -> None:
    good = sign(claims(clock))[0]
    for place in range(len("Bearer "), len(good) - 1, 7):
        other = "A" if good[place] != "A" else "B"
        assert rule(verifier, [good[:place] + other + good[place + 1 :]])
