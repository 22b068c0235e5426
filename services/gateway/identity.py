"""Who is calling: a short-lived JWT, signed with the desk's own key (RFC 7519, RFC 8037; INTERFACES.md section 1).

In this order, and anything else is a 401 that does not say which:

- one `Authorization: Bearer` header, with a token of at most 8 KiB;
- `kid` names a key of the partnership, in force today, of an active desk; whatever else the token's header says of
  keys (`jwk`, `jku`, `x5c` …) is ignored, and `crit` is refused (RFC 7515, 4.1.11: we understand none);
- `alg` is that key's own algorithm, EdDSA or ES256, and the signature is good;
- `iss` is the desk's agency, `aud` this hub, `sub` somebody (the key's holder, where it has one), `desk` the desk if
  it is there; `exp` ahead of now by at most the partnership's `token_seconds`; `nbf` not ahead;
- `jti` was never used with that key: it is kept until the token expires.

A `jti` is noted in the transaction that does what the token is for, or in one of its own that does not wait for the
disk: a token that read something just before the database crashed could read it once more.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import jwt
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

from hub.clock import SECOND, Clock, Micros, SystemClock
from hub.database import Connection, Database
from hub.partnership import Desk, Key, Partnership
from services.gateway.problems import UNAUTHENTICATED, ProblemError

LONGEST_TOKEN: Final = 8192
LONGEST_CLAIM: Final = 200
_REQUIRED: Final = ["iss", "sub", "aud", "exp", "jti"]


class TokenError(ProblemError):
    """The token is not accepted. `rule` says why, for tests and for nobody outside."""

    def __init__(self, rule: str) -> None:
        super().__init__(UNAUTHENTICATED)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a desk, and the system or user of it. `claims` holds what else was signed."""

    desk: Desk
    subject: str
    claims: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Token:
    """A token whose signature and claims are good; only its `jti` is still to be looked up."""

    caller: Caller
    use: bytes
    expires: Micros


class Verifier:
    """Checks tokens against the partnership's public keys; touches nothing but memory and the machine's clock."""

    def __init__(self, partnership: Partnership, audience: str, clock: Clock | None = None) -> None:
        self._partnership = partnership
        self._audience = audience
        self._clock = clock or SystemClock()
        self._keys = {key.kid: (key, _public_key(key)) for key in partnership.keys}

    def verify(self, authorization: Sequence[str]) -> Token:
        """The token of the request's Authorization headers. Raises `TokenError`."""
        key, public, encoded = self._key_of(_bearer(authorization))
        try:
            claims: dict[str, Any] = jwt.decode(
                encoded,
                public,
                algorithms=[key.algorithm],
                audience=self._audience,
                issuer=key.desk.partition("/")[0],
                # `exp` and `nbf` are compared below, with the same clock as everything else here.
                options={
                    "require": _REQUIRED,
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                    "strict_aud": True,
                },
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise TokenError(type(error).__name__) from None
        expires = self._check_times(claims)
        return Token(self._caller(key, claims), _use(key, claims["jti"]), expires)

    def _key_of(self, encoded: str) -> tuple[Key, Any, str]:
        try:
            header = jwt.get_unverified_header(encoded)
        except (jwt.PyJWTError, ValueError) as error:
            raise TokenError("form") from error
        kid = header.get("kid")
        found = self._keys.get(kid) if isinstance(kid, str) else None
        if found is None:
            raise TokenError("kid")
        if "crit" in header or header.get("b64") is not None:
            raise TokenError("crit")
        key, public = found
        today = datetime.fromtimestamp(self._clock.now() / SECOND, UTC).date()
        if (key.start is not None and today < key.start) or (key.end is not None and today >= key.end):
            raise TokenError("key-period")
        return key, public, encoded

    def _check_times(self, claims: dict[str, Any]) -> Micros:
        now = self._clock.now()
        expires = _instant(claims["exp"])
        if not now < expires <= now + self._partnership.limits.token_seconds * SECOND:
            raise TokenError("exp")
        if "nbf" in claims and _instant(claims["nbf"]) > now:
            raise TokenError("nbf")
        return expires

    def _caller(self, key: Key, claims: dict[str, Any]) -> Caller:
        desk = self._partnership.desk(key.desk)
        subject = claims["sub"]
        if not desk.active:
            raise TokenError("desk")
        if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_CLAIM:
            raise TokenError("sub")
        if key.holder is not None and subject != key.holder:
            raise TokenError("holder")
        if claims.get("desk", desk.name) != desk.name:
            raise TokenError("desk")
        return Caller(desk, subject, claims)


async def consume(database: Database, token: Token) -> Caller:
    """Note the token's `jti`. Raises `TokenError` if it was used before, `DatabaseAwayError`."""
    async with database.transaction() as conn:
        await conn.execute("SET LOCAL synchronous_commit = off")
        await note(conn, token)
    return token.caller


async def note(conn: Connection, token: Token) -> None:
    """The same in the caller's transaction."""
    cursor = await conn.execute(
        "INSERT INTO token_use (jti, expires_mono) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        (token.use, token.expires),
    )
    if cursor.rowcount != 1:
        raise TokenError("jti")


def _bearer(authorization: Sequence[str]) -> str:
    if len(authorization) != 1 or len(authorization[0]) > LONGEST_TOKEN:
        raise TokenError("header")
    scheme, _, encoded = authorization[0].partition(" ")
    if scheme.lower() != "bearer" or not encoded.isascii():
        raise TokenError("header")
    return encoded.strip()


def _instant(value: Any) -> Micros:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e11:
        raise TokenError("time")
    return int(value * SECOND)


def _use(key: Key, jti: Any) -> bytes:
    if not isinstance(jti, str) or not 0 < len(jti) <= LONGEST_CLAIM:
        raise TokenError("jti")
    return hashlib.sha256(f"{key.kid}\n{jti}".encode("utf-8", "surrogatepass")).digest()


def _public_key(key: Key) -> Any:
    jwk = dict(key.jwk)
    return OKPAlgorithm.from_jwk(jwk) if key.algorithm == "EdDSA" else ECAlgorithm.from_jwk(jwk)
