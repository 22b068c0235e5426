"""A partnership of three desks with keys made here, and tokens as an attacker would make them."""

import base64
import json
from dataclasses import replace
from datetime import date
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hub.clock import SECOND, FakeClock
from hub.partnership import Key, Partnership, load
from hub.settings import ROOT

AUDIENCE = "https://hub.example"
ED = ed25519.Ed25519PrivateKey.generate()
EC = ec.generate_private_key(ec.SECP256R1())
OTHER = ed25519.Ed25519PrivateKey.generate()


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def ed_jwk(key: ed25519.Ed25519PrivateKey) -> dict[str, str]:
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"kty": "OKP", "crv": "Ed25519", "x": encoded(raw)}


def ec_jwk(public: EllipticCurvePublicKey) -> dict[str, str]:
    numbers = public.public_numbers()
    x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
    return {"kty": "EC", "crv": "P-256", "x": encoded(x), "y": encoded(y)}


def key(kid: str, desk: str, **more: Any) -> Key:
    values = {"algorithm": "EdDSA", "jwk": ed_jwk(ED), "holder": None, "start": None, "end": None} | more
    return Key(kid=kid, desk=desk, **values)


KEYS = (
    key("ed", "s2w/sft"),
    key("ec", "council/chesil", algorithm="ES256", jwk=ec_jwk(EC.public_key())),
    key("expected", "housing/options"),
    key("future", "s2w/sft", start=date(2030, 1, 1)),
    key("past", "s2w/sft", end=date(2020, 1, 1)),
    key("held", "s2w/sft", holder="a.worker"),
)


def partnership() -> Partnership:
    return replace(load(ROOT / "partnerships" / "dorset"), keys=KEYS)


def claims(clock: FakeClock, **more: Any) -> dict[str, Any]:
    made = {
        "iss": "s2w",
        "sub": "system",
        "aud": AUDIENCE,
        "exp": clock.now() // SECOND + 60,
        "jti": "j-1",
    } | more
    return {name: value for name, value in made.items() if value is not None}


def raw_token(header: dict[str, Any], payload: Any, signature: bytes) -> str:
    """A token put together by hand."""
    parts = (json.dumps(header).encode(), json.dumps(payload).encode(), signature)
    return ".".join(encoded(part) for part in parts)
