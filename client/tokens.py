"""A desk's tokens: who calls is proved with the desk's own private key, anew for each request.

The hub takes EdDSA (Ed25519) and ES256, a token at most five minutes ahead, and each `jti` once.
"""

import secrets
import time
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key


@dataclass(frozen=True, slots=True)
class DeskKey:
    """A desk's private key: its id (`kid`), the desk, and the key itself."""

    kid: str
    desk: str
    private: Ed25519PrivateKey | EllipticCurvePrivateKey

    @classmethod
    def from_pem(cls, kid: str, desk: str, pem: bytes) -> "DeskKey":
        """Read an unencrypted PEM (PKCS 8). Raises `TypeError` for a key of another kind."""
        private = load_pem_private_key(pem, password=None)
        if not isinstance(private, Ed25519PrivateKey | EllipticCurvePrivateKey):
            raise TypeError("expected an Ed25519 or P-256 private key")
        return cls(kid, desk, private)

    def token(self, audience: str, *, subject: str = "system", seconds: int = 60, **claims: Any) -> str:
        """A token for one request to the hub `audience`; `claims` are signed beside the rest."""
        algorithm = "EdDSA" if isinstance(self.private, Ed25519PrivateKey) else "ES256"
        payload = {
            "iss": self.desk.partition("/")[0],
            "sub": subject,
            "aud": audience,
            "exp": int(time.time()) + seconds,
            "jti": secrets.token_urlsafe(16),
            **claims,
        }
        return jwt.encode(payload, self.private, algorithm=algorithm, headers={"kid": self.kid})
