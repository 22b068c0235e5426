"""Signed notes, keys, checkpoints (C2SP signed-note v1.0.0, tlog-checkpoint v1.0.0, tlog-cosignature v1).

- A note is text that ends in a newline, an empty line, and signature lines `— name base64(key id ‖
  signature)`.
- Signatures of unknown keys are ignored; a known key whose signature fails rejects the note; so does a note
  on which no known key has signed. A second signature of the same key is ignored.
- Base64 has one spelling: standard alphabet, padded, no stray bits.

Pure but for the arithmetic of `cryptography`: Ed25519 is deterministic, so signing is too.
"""

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hub.errors import SenderError

ED25519 = 0x01
COSIGNATURE_V1 = 0x04
MAX_NOTE = 1_000_000
MAX_SIGNATURES = 100

_DASH = "\u2014"
_PRIVATE = "PRIVATE+KEY+"
_SIGNATURE_SIZE = {ED25519: 64, COSIGNATURE_V1: 72}


class NoteError(SenderError):
    """A note, key or checkpoint is not in its form, or no good signature stands on it."""


def _decode(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError("expected standard base64") from error
    if base64.b64encode(raw).decode() != text:
        raise NoteError("expected base64 in its one spelling")
    return raw


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _check_name(name: str) -> None:
    if not name or "+" in name or any(c.isspace() or c < " " for c in name):
        raise NoteError("a key's name is not empty and has no space, control character or plus")


def key_id(name: str, algorithm: int, public_key: bytes) -> bytes:
    """The first 4 bytes of `SHA-256(name ‖ 0x0A ‖ algorithm ‖ public key)`."""
    return sha256(name.encode() + b"\n" + bytes([algorithm]) + public_key).digest()[:4]


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key that may sign notes, or cosign them (`algorithm` 0x04)."""

    name: str
    public_key: bytes
    algorithm: int = ED25519

    @property
    def id(self) -> bytes:
        """Its key id, 4 bytes."""
        return key_id(self.name, self.algorithm, self.public_key)

    @property
    def vkey(self) -> str:
        """Its text form, `name+id+key`."""
        return f"{self.name}+{self.id.hex()}+{_encode(bytes([self.algorithm]) + self.public_key)}"

    def verify(self, text: str, signature: bytes) -> None:
        """Check a signature (without its key id) over a note's text. Raises `NoteError`."""
        message = text.encode()
        if len(signature) != _SIGNATURE_SIZE[self.algorithm]:
            raise NoteError(f"invalid signature of {self.name}: {len(signature)} bytes")
        if self.algorithm == COSIGNATURE_V1:
            message = cosigned_message(text, cosigned_at(signature))
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature[-64:], message)
        except InvalidSignature as error:
            raise NoteError(f"invalid signature of {self.name}+{self.id.hex()}") from error


def parse_vkey(text: str) -> Verifier:
    """Read a `name+id+key` verifier key, Ed25519 or cosignature v1. Raises `NoteError`."""
    name, _, rest = text.partition("+")
    hexed, _, key = rest.partition("+")
    _check_name(name)
    raw = _decode(key)
    if len(raw) != 33 or raw[0] not in _SIGNATURE_SIZE:
        raise NoteError("expected the type of an Ed25519 key and its 32 bytes")
    verifier = Verifier(name, raw[1:], raw[0])
    if verifier.vkey != text:
        raise NoteError(f"expected the key id {verifier.id.hex()}, got {hexed!r}")
    return verifier


class Signer:
    """A private key that signs notes; with `algorithm` 0x04, one that cosigns them."""

    def __init__(self, name: str, seed: bytes, algorithm: int = ED25519) -> None:
        _check_name(name)
        if len(seed) != 32 or algorithm not in _SIGNATURE_SIZE:
            raise NoteError("expected the type of an Ed25519 key and a seed of 32 bytes")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._seed = seed
        self.verifier = Verifier(name, self._key.public_key().public_bytes_raw(), algorithm)

    @property
    def skey(self) -> str:
        """Its text form, `PRIVATE+KEY+name+id+seed`: a secret."""
        verifier = self.verifier
        seed = _encode(bytes([verifier.algorithm]) + self._seed)
        return f"{_PRIVATE}{verifier.name}+{verifier.id.hex()}+{seed}"

    def sign(self, text: str, time: int | None = None) -> "Signature":
        """Sign a note's text. A cosigner states the POSIX `time`, a signer does not."""
        if self.verifier.algorithm == COSIGNATURE_V1:
            if time is None or not 0 <= time < 1 << 63:
                raise NoteError("a cosignature states its time, in seconds since the epoch")
            raw = time.to_bytes(8, "big") + self._key.sign(cosigned_message(text, time))
        else:
            raw = self._key.sign(text.encode())
        return Signature(self.verifier.name, self.verifier.id, raw)


def parse_skey(text: str) -> Signer:
    """Read a `PRIVATE+KEY+…` signer key. Raises `NoteError`, which never quotes the key."""
    parts = text.removeprefix(_PRIVATE).split("+", 2)
    if not text.startswith(_PRIVATE) or len(parts) != 3:
        raise NoteError("expected PRIVATE+KEY+<name>+<id>+<seed>")
    raw = _decode(parts[2])
    signer = Signer(parts[0], raw[1:], raw[0] if raw else 0)
    if signer.skey != text:
        raise NoteError("the key id does not belong to the key")
    return signer


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: whose key, and the bytes behind the key id."""

    name: str
    key_id: bytes
    raw: bytes

    @property
    def line(self) -> str:
        """The line as it stands in a note, newline included."""
        return f"{_DASH} {self.name} {_encode(self.key_id + self.raw)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A note that was opened: its text, the signatures that were checked, and those of unknown keys."""

    text: str
    verified: tuple[Signature, ...]
    unknown: tuple[Signature, ...]


def parse_note(data: bytes) -> tuple[str, tuple[Signature, ...]]:
    """Split a note into text and signatures, none of them checked. Raises `NoteError`."""
    if len(data) > MAX_NOTE:
        raise NoteError(f"a note has at most {MAX_NOTE} bytes")
    try:
        whole = data.decode()
    except UnicodeDecodeError as error:
        raise NoteError("malformed note: not UTF-8") from error
    if any(c < " " and c != "\n" for c in whole):
        raise NoteError("malformed note: a control character")
    text, gap, lines = whole.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise NoteError("malformed note: expected text, an empty line, and signature lines")
    rows = lines[:-1].split("\n")
    if len(rows) > MAX_SIGNATURES:
        raise NoteError(f"malformed note: more than {MAX_SIGNATURES} signatures")
    return text + "\n", tuple(_parse_line(row) for row in rows)


def _parse_line(row: str) -> Signature:
    dash, _, rest = row.partition(" ")
    name, _, encoded = rest.partition(" ")
    if dash != _DASH:
        raise NoteError("malformed note: a line after the text is no signature")
    _check_name(name)
    raw = _decode(encoded)
    if len(raw) < 5:
        raise NoteError("malformed note: a signature of no bytes")
    return Signature(name, raw[:4], raw[4:])


def open_note(data: bytes, verifiers: Iterable[Verifier]) -> Note:
    """Check a note under the keys that one trusts; one good signature is enough, one bad one too many.

    Raises `NoteError`.
    """
    known: dict[tuple[str, bytes], list[Verifier]] = {}
    for verifier in verifiers:
        known.setdefault((verifier.name, verifier.id), []).append(verifier)
    text, signatures = parse_note(data)
    verified: dict[tuple[str, bytes], Signature] = {}
    unknown: dict[Signature, None] = {}
    for signature in signatures:
        key = (signature.name, signature.key_id)
        candidates = known.get(key)
        if candidates is None:
            unknown[signature] = None
        elif len(candidates) > 1:
            raise NoteError(f"ambiguous key {signature.name}+{signature.key_id.hex()}")
        elif key not in verified:
            candidates[0].verify(text, signature.raw)
            verified[key] = signature
    if not verified:
        raise NoteError("the note has no signature of a known key")
    return Note(text, tuple(verified.values()), tuple(unknown))


def seal_note(text: str, signatures: Sequence[Signature]) -> bytes:
    """The note of this text with these signatures. Raises `NoteError` when it would not parse as the same."""
    data = (text + "\n" + "".join(s.line for s in signatures)).encode()
    if not text.endswith("\n") or parse_note(data) != (text, tuple(signatures)):
        raise NoteError("malformed note")
    return data


def cosigned_message(text: str, time: int) -> bytes:
    """What a v1 cosignature signs: its kind, its POSIX time, and the whole text of the note."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def cosigned_at(signature: bytes) -> int:
    """The POSIX time that a cosignature states. Raises `NoteError` for one that is not 8 + 64 bytes."""
    if len(signature) != _SIGNATURE_SIZE[COSIGNATURE_V1] or signature[0] & 0x80:
        raise NoteError("expected a time of 8 bytes and a signature of 64")
    return int.from_bytes(signature[:8], "big")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: whose log, how many leaves, and their root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text that is signed: three lines."""
        return f"{self.origin}\n{self.size}\n{_encode(self.root)}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """Read a checkpoint's text. Our logs write no extension lines, so none are accepted.

    Raises `NoteError`.
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not lines[0]:
        raise NoteError("expected a checkpoint of origin, size and root")
    size = lines[1]
    if not (size.isascii() and size.isdigit()) or str(int(size[:20])) != size:
        raise NoteError("expected a size in decimal digits without leading zeroes")
    root = _decode(lines[2])
    if len(root) != 32:
        raise NoteError(f"expected a root of 32 bytes, got {len(root)}")
    return Checkpoint(lines[0], int(size), root)
