"""What a stack makes for those who use it: the hub's own keys, and a sandbox key and profile per desk.

Sandbox keys are made here and never committed. `sandbox/keys.json` lists the public ones in the form that a
partnership's `keys.yaml` has; a desk's private key and its profile for the command line are for it alone.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from hub.settings import read_key, read_secret
from hub.stack import access, secret_files, topics

ED25519_NOTE = b"\x01"
READ_ONLY = 0o400


@dataclass(frozen=True, slots=True)
class Identities:
    """Where a stack keeps its keys."""

    folder: Path

    @property
    def secrets(self) -> Path:
        """The folder of the hub's own secrets."""
        return self.folder / "secrets"

    @property
    def hub_secret(self) -> Path:
        """The secret that ids derive from: 64 hexadecimal digits."""
        return self.secrets / "hub.secret"

    @property
    def master_key(self) -> Path:
        """The key that wraps every subject's keys: 64 hexadecimal digits."""
        return self.secrets / "master.key"

    @property
    def signing_key(self) -> Path:
        """The log's signing key, `PRIVATE+KEY+name+id+seed` as C2SP signed-note's tools write it."""
        return self.secrets / "signing.key"

    @property
    def log_key(self) -> Path:
        """The public half of it, as a C2SP vkey: for everybody who checks the log."""
        return self.sandbox / "log.vkey"

    @property
    def sandbox(self) -> Path:
        """The folder of the desks' keys and profiles."""
        return self.folder / "sandbox"

    @property
    def public_keys(self) -> Path:
        """Every desk's public key."""
        return self.sandbox / "keys.json"

    def kafka_password(self, principal: str) -> Path:
        """A Kafka principal's password."""
        return topics.password_file(self.secrets, principal)

    def desk_key(self, desk: str) -> Path:
        """A desk's private key, PEM (PKCS 8)."""
        return self.sandbox / f"{access.principal(desk)}.pem"

    def profile(self, desk: str) -> Path:
        """A desk's profile: where the hub is and who this desk is there."""
        return self.sandbox / "profiles" / f"{access.principal(desk)}.json"

    def make_hub_keys(self, origin: str) -> None:
        """The hub's secret, master key and signing key, if they are not there. `origin` names the log."""
        secret_files.once(self.hub_secret)
        secret_files.once(self.master_key, mode=READ_ONLY)
        if not self.signing_key.exists():
            secret_files.once(
                self.signing_key, note_key(origin, Ed25519PrivateKey.generate()), mode=READ_ONLY
            )
        signing = read_secret(self.signing_key, "signing_key_file").decode("ascii")
        secret_files.write(self.log_key, public_note_key(signing) + "\n", 0o644)

    def check_hub_keys(self) -> None:
        """Raises `KeyFileError` for a key of the hub's that others can read, or that is none."""
        read_key(self.hub_secret, "hub_secret_file")
        read_key(self.master_key, "master_key_file")
        read_secret(self.signing_key, "signing_key_file")

    def make_desk_keys(self, desks: Sequence[str]) -> None:
        """A key for each desk that has none, and the list of the public ones."""
        rows = []
        for desk in desks:
            file = self.desk_key(desk)
            if not file.exists():
                secret_files.write(file, _pem(Ed25519PrivateKey.generate()))
            jwk = _public_jwk(file)
            rows.append({"kid": key_id(desk, jwk), "desk": desk, "algorithm": "EdDSA", "jwk": jwk})
        secret_files.write(self.public_keys, json.dumps({"keys": rows}, indent=1) + "\n", 0o644)

    def write_profiles(
        self, desks: Sequence[str], readers: Sequence[str], url: str, kafka: Mapping[str, str]
    ) -> None:
        """Each desk's profile, which names its key files and holds none; a reader's says nothing of Kafka.

        `kafka` is how everybody speaks to Kafka: `bootstrap`, `security`, and `ca_file` where there is one.
        """
        for desk in (*desks, *readers):
            profile: dict[str, object] = {
                "desk": desk,
                "url": url,
                "kid": key_id(desk, _public_jwk(self.desk_key(desk))),
                "key_file": str(self.desk_key(desk)),
            }
            if desk in desks:
                profile["kafka"] = dict(kafka) | self._kafka_profile(desk)
            secret_files.write(self.profile(desk), json.dumps(profile, indent=1) + "\n")

    def _kafka_profile(self, desk: str) -> dict[str, str]:
        name = access.principal(desk)
        return {
            "mechanism": "SCRAM-SHA-512",
            "user": name,
            "password_file": str(self.kafka_password(name)),
            "publish_to": access.topic_from(desk),
            "receive_from": access.topic_to(desk),
            "group": name,
        }


def note_key(name: str, key: Ed25519PrivateKey) -> str:
    """A signing key as text (golang.org/x/mod/sumdb/note): its id is bound to the name that signs."""
    public = ED25519_NOTE + key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    key_hash = hashlib.sha256(name.encode() + b"\n" + public).digest()[:4]
    seed = ED25519_NOTE + key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return f"PRIVATE+KEY+{name}+{key_hash.hex()}+{base64.b64encode(seed).decode()}"


def public_note_key(text: str) -> str:
    """The public half of a signing key, `name+id+key`."""
    name, key_hash, seed = text.strip().removeprefix("PRIVATE+KEY+").split("+", 2)
    private = Ed25519PrivateKey.from_private_bytes(base64.b64decode(seed)[1:])
    public = ED25519_NOTE + private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return f"{name}+{key_hash}+{base64.b64encode(public).decode()}"


def key_id(desk: str, jwk: dict[str, str]) -> str:
    """The `kid` of a desk's key: the desk, and the start of the key's thumbprint (RFC 7638)."""
    canonical = json.dumps(jwk, sort_keys=True, separators=(",", ":")).encode()
    return f"{access.principal(desk)}-{hashlib.sha256(canonical).hexdigest()[:12]}"


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _public_jwk(pem: Path) -> dict[str, str]:
    key = load_pem_private_key(pem.read_bytes(), password=None)
    assert isinstance(key, Ed25519PrivateKey)
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"crv": "Ed25519", "kty": "OKP", "x": base64.urlsafe_b64encode(raw).decode().rstrip("=")}
