"""Keys of subjects (a family, a user, a desk, the hub): one for data, one for links. Erasure deletes them.

- A subject's keys stand in `subject_key`, wrapped by the master key, which is never in the database.
- Everything here is deterministic, so that a replay gives the same bytes: the nonce of AES-256-GCM is an
  HMAC over context and plaintext, so it repeats only with both of them (a synthetic nonce, as in RFC 8452's
  idea).
- `context` binds a ciphertext to its place: it is authenticated, and another place refuses to open it.
- `blind` makes the reference by which an entry of the log names a subject; `salt` salts a commitment to a
  detail.

A `KeyRing` keeps unwrapped keys in memory, the longest unused leave first. Load what a transaction needs at
its start: keys loaded stay at hand until `capacity` others were loaded.
"""

import hmac
import os
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hub.clock import Micros
from hub.database import Connection
from hub.errors import HubError

KEY_BYTES = 32
NONCE_BYTES = 12
BLIND_BYTES = 16
_TAG_BYTES = 16


class KeyErasedError(HubError):
    """The subject has no key: it was erased, or never made. What was sealed under it cannot be read again."""


class KeyNotLoadedError(HubError):
    """The key was not loaded before it was used: our bug."""


class SealError(HubError):
    """A sealed value does not open: it was changed, cut, or stands in another place."""


class Cipher:
    """AES-256-GCM with synthetic nonces under one key of 32 bytes."""

    __slots__ = ("_aead", "_nonce_key")

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(hmac.digest(key, b"encrypt", "sha256"))
        self._nonce_key = hmac.digest(key, b"nonce", "sha256")

    def seal(self, context: bytes, plaintext: bytes) -> bytes:
        """Nonce, ciphertext, tag; the same for the same arguments."""
        message = len(context).to_bytes(4, "big") + context + plaintext
        nonce = hmac.digest(self._nonce_key, message, "sha256")[:NONCE_BYTES]
        return nonce + self._aead.encrypt(nonce, plaintext, context)

    def open(self, context: bytes, sealed: bytes) -> bytes:
        """The plaintext. Raises `SealError`."""
        if len(sealed) < NONCE_BYTES + _TAG_BYTES:
            raise SealError(
                f"a sealed value has at least {NONCE_BYTES + _TAG_BYTES} bytes, not {len(sealed)}"
            )
        try:
            return self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
        except InvalidTag as error:
            raise SealError("a sealed value was changed, or belongs to another place or key") from error


@dataclass(slots=True)
class _Subject:
    """A subject's keys, unwrapped. `confirmed`: their row is known to be committed."""

    wrapped: bytes
    confirmed: bool
    cipher: Cipher
    salt_key: bytes = field(repr=False)
    link_key: bytes = field(repr=False)


# INVARIANT: a key is kept beyond a transaction only when no transaction that could still roll back made it;
# else # a process could go on sealing under a key that no row holds. Rows older than every running
# transaction are safe.
_SELECT = """
SELECT key_id::text, data_key, link_key, age(xmin) > age(pg_snapshot_xmin(pg_current_snapshot())::xid)
FROM subject_key WHERE key_id = ANY(%s::uuid[])
"""
_INSERT = """
INSERT INTO subject_key (key_id, kind, data_key, link_key, created_at)
SELECT id, %s, data, link, %s FROM unnest(%s::uuid[], %s::bytea[], %s::bytea[]) AS new (id, data, link)
ON CONFLICT DO NOTHING
"""


class KeyRing:
    """The unwrapped keys at hand, and all that is done with them. Not shared between threads."""

    def __init__(self, master: bytes, capacity: int = 20_000) -> None:
        if len(master) != KEY_BYTES:
            raise HubError(f"expected a master key of {KEY_BYTES} bytes, got {len(master)}")
        self._master = Cipher(master)
        self._capacity = capacity
        # None: looked for and not there.
        self._kept: OrderedDict[str, _Subject | None] = OrderedDict()

    async def load(self, conn: Connection, key_ids: Iterable[str]) -> frozenset[str]:
        """Have these keys at hand; gives the ids that have none (erased). One query when any is new."""
        wanted, kept = set(key_ids), self._kept
        unknown = []
        for key_id in wanted:
            subject = kept.get(key_id)
            if subject is None or not subject.confirmed:
                unknown.append(key_id)
            else:
                kept.move_to_end(key_id)
        if not unknown:
            return frozenset()
        missing = await self._fetch(conn, unknown)
        # Never drop what this very call promised.
        while len(kept) > max(self._capacity, len(wanted)):
            kept.popitem(last=False)
        return missing

    async def create(self, conn: Connection, key_id: str, kind: str, now: Micros) -> None:
        """Make the subject's keys if it has none, and have them at hand. Any number of callers may race."""
        await self.create_all(conn, [key_id], kind, now)

    async def create_all(self, conn: Connection, key_ids: Iterable[str], kind: str, now: Micros) -> None:
        """As `create`, for several subjects of a kind: in id order, so that two callers cannot deadlock."""
        missing = sorted(await self.load(conn, key_ids))
        if not missing:
            return
        data = [self._wrap(key_id, "data", os.urandom(KEY_BYTES)) for key_id in missing]
        link = [self._wrap(key_id, "link", os.urandom(KEY_BYTES)) for key_id in missing]
        await conn.execute(_INSERT, (kind, now, missing, data, link))
        lost = await self._fetch(conn, missing)
        if lost:
            raise KeyErasedError("a subject's key vanished while it was made")

    def forget(self, key_ids: Iterable[str]) -> None:
        """Drop erased keys from memory."""
        for key_id in key_ids:
            self._kept.pop(key_id, None)

    def seal(self, key_id: str, context: bytes, plaintext: bytes) -> bytes:
        """Encrypt under the subject's data key; the same bytes for the same arguments.

        Raises `KeyErasedError`.
        """
        return self._at_hand(key_id).cipher.seal(context, plaintext)

    def open(self, key_id: str, context: bytes, sealed: bytes) -> bytes:
        """Decrypt what `seal` gave for this subject and context. Raises `KeyErasedError`, `SealError`."""
        return self._at_hand(key_id).cipher.open(context, sealed)

    def blind(self, key_id: str, entry_id: str) -> bytes:
        """The subject as one entry names it: 16 bytes, others in each entry, nobody's without the key."""
        return hmac.digest(self._at_hand(key_id).link_key, entry_id.encode(), "sha256")[:BLIND_BYTES]

    def salt(self, key_id: str, entry_id: str, part: int) -> bytes:
        """The 32-byte salt of one detail of an entry: it goes with the key, and stands nowhere."""
        message = f"{entry_id}|{part}".encode()
        return hmac.digest(self._at_hand(key_id).salt_key, message, "sha256")

    def _at_hand(self, key_id: str) -> _Subject:
        try:
            subject = self._kept[key_id]
        except KeyError as error:
            raise KeyNotLoadedError(f"the key of {key_id} was not loaded") from error
        if subject is None:
            raise KeyErasedError(f"{key_id} has no key: erased, or never made")
        return subject

    async def _fetch(self, conn: Connection, key_ids: Sequence[str]) -> frozenset[str]:
        rows = await (await conn.execute(_SELECT, (list(key_ids),))).fetchall()
        found = {row[0]: row[1:] for row in rows}
        for key_id in key_ids:
            row = found.get(key_id)
            self._kept[key_id] = None if row is None else self._unwrap(key_id, *row)
            self._kept.move_to_end(key_id)
        return frozenset(key_id for key_id in key_ids if key_id not in found)

    def _wrap(self, key_id: str, name: str, key: bytes) -> bytes:
        return self._master.seal(f"{name}|{key_id}".encode(), key)

    def _unwrap(self, key_id: str, data: bytes, link: bytes, confirmed: bool) -> _Subject:
        kept = self._kept.get(key_id)
        if kept is not None and kept.wrapped == data:
            kept.confirmed = confirmed
            return kept
        data_key = self._master.open(f"data|{key_id}".encode(), data)
        return _Subject(
            wrapped=data,
            confirmed=confirmed,
            cipher=Cipher(data_key),
            salt_key=hmac.digest(data_key, b"salt", "sha256"),
            link_key=self._master.open(f"link|{key_id}".encode(), link),
        )
