"""Builds entries of the audit log and writes them in the caller's transaction (AUDIT.md sections 1 and 3).

- A leaf is the bytes that are hashed: canonical JSON (RFC 8785) of a header that names nobody. Keys: `v`,
  `id`, `kind`, `recorded_at`, `rules`, `code`, `subjects`, `details`.
- `subjects` are blinded under each subject's link key. `details` are commitments,
  `SHA-256(0x02 ‖ 32-byte salt ‖ detail)`, in the order of the parts; the details themselves are sealed, each
  under one subject's data key, in rows that can be deleted.
- A salt is derived from the subject's data key and stands nowhere, so that it goes with the key: neither a
  dump of the database nor an old backup lets anybody try out guesses of a detail.
- An entry's id is derived from what it records, so a repeat is the same entry. The same id with other bytes
  is an alarm (`EntryConflictError`), never skipped.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson
from psycopg.errors import UniqueViolation

from hub.clock import Micros, format_micros
from hub.copying import Rows, int4, int8, uuid
from hub.database import Connection
from hub.errors import HubError
from hub.keys import KeyErasedError, KeyRing

VERSION = 1
MAX_LEAF = 65_535

KINDS: Mapping[str, str] = MappingProxyType({
    "event.accepted": "Events were accepted and are durable: one entry for each acceptance transaction.",
    "event.rejected": "An event broke a rule of the data; it changed nothing and became a dead letter.",
    "event.parked": "An event could not be handled, by a fault of the hub; its key stands still.",
    "decision.made": "It was decided what each desk may know of an event: clauses, facts, outcome.",
    "delivery.attempted": "Deliveries to one desk are about to leave; committed before the first byte.",
    "delivery.delivered": "A delivery reached its desk.",
    "delivery.failed": "A delivery could not be made, and is tried again or given up.",
    "delivery.recalled": "A queued delivery will not be made any more, because what it rested on has gone.",
    "notice.sent": "Those who had received what was withdrawn were told so.",
    "consent.changed": "A consent, objection or service agreement was given, changed, refused or withdrawn.",
    "restriction.changed": "A restriction, court order or pair was placed, changed or lifted.",
    "override.invoked": "The need for consent was overridden, with reason, scope, end and a second person.",
    "override.reviewed": "An override was looked at afterwards, and kept or ended.",
    "family.viewed": "A user looked at a family.",
    "search.run": "A user searched.",
    "report.run": "A user ran a report.",
    "export.made": "Data left as a file.",
    "bundle.made": "Evidence out of this log was put together for somebody.",
    "rules.activated": "A new set of sharing rules came into force.",
    "partner.suspended": "An agency was suspended: nothing is released to it.",
    "partner.resumed": "A suspended agency came back.",
    "identity.linked": "A publisher's id was tied to a person or family of the hub.",
    "identity.unlinked": "Such a tie was undone.",
    "access.denied": "Somebody asked for what is not theirs.",
    "task.done": "A person did what a task waited for, or asked for it, or let it go.",
    "erasure.executed": "Keys and details of a subject were destroyed, on authority, by two people.",
    "hold.set": "A legal hold was put on a subject: nothing of it is erased.",
    "hold.cleared": "A legal hold ended.",
    "key.rotated": "A key was replaced by a new one.",
    "clock.alert": "A clock ran wrong.",
    "coverage": "A processor moved its position: from, to, and how many records had which fate.",
    "log.opened": "This log began.",
    "log.closed": "This log ended; another one says so.",
})  # fmt: skip
"""Every kind of entry, and what it says happened."""


class EntryError(HubError):
    """An entry cannot be built: unknown kind, or a leaf above 65,535 bytes. The caller's fault."""


class EntryExistsError(HubError):
    """An entry of the same id stands already: roll back, then `write_once` tells whether it is the same."""


class EntryConflictError(HubError):
    """ALARM: an entry of the same id stands already, with other bytes."""

    exit_code = 8


@dataclass(frozen=True, slots=True)
class DetailRow:
    """One sealed detail of an entry."""

    part: int
    key_id: str
    ciphertext: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it is stored: `leaf` is hashed and never changes, `details` can be deleted."""

    entry_id: str
    kind: str
    recorded_at: Micros
    leaf: bytes
    details: tuple[DetailRow, ...]


def detail_context(entry_id: str, part: int) -> bytes:
    """What binds a sealed detail to its place."""
    return f"audit|{entry_id}|{part}".encode()


def commitment(salt: bytes, detail: bytes) -> bytes:
    """What a leaf holds of a detail: `SHA-256(0x02 ‖ salt ‖ detail)`."""
    return sha256(b"\x02" + salt + detail).digest()


def entry(
    keys: KeyRing,
    kind: str,
    entry_id: str,
    recorded_at: Micros,
    *,
    rules: str,
    code: str,
    subjects: Sequence[str] = (),
    details: Sequence[tuple[str, Mapping[str, Any]]] = (),
) -> Entry:
    """Build one entry. Deterministic: the same arguments and keys give the same bytes.

    `rules` and `code` are the digests of the rule set in force ("" before there is one) and of `code_digest`.
    `subjects` are the key ids of those whom it concerns, `details` pairs of (key id, what happened), one per
    subject that may read it; all their keys must be loaded. Raises `EntryError`, `KeyErasedError`.
    """
    if kind not in KINDS:
        raise EntryError(f"expected a kind of the audit log, got {kind!r}")
    rows, commitments = [], []
    for part, (key_id, detail) in enumerate(details):
        plain = orjson.dumps(detail, option=orjson.OPT_SORT_KEYS)
        commitments.append(commitment(keys.salt(key_id, entry_id, part), plain).hex())
        rows.append(DetailRow(part, key_id, keys.seal(key_id, detail_context(entry_id, part), plain)))
    leaf = leaf_bytes(
        kind,
        entry_id,
        recorded_at,
        rules=rules,
        code=code,
        subjects=[keys.blind(key_id, entry_id).hex() for key_id in subjects],
        details=commitments,
    )
    return Entry(entry_id, kind, recorded_at, leaf, tuple(rows))


def leaf_bytes(
    kind: str,
    entry_id: str,
    recorded_at: Micros,
    *,
    rules: str,
    code: str,
    subjects: Sequence[str] = (),
    details: Sequence[str] = (),
) -> bytes:
    """The canonical JSON of a leaf. Raises `EntryError` above 65,535 bytes."""
    # All keys and values are ASCII, and there is no number but the version: sorted keys are RFC 8785 here.
    leaf = orjson.dumps(
        {
            "code": code,
            "details": details,
            "id": entry_id,
            "kind": kind,
            "recorded_at": format_micros(recorded_at),
            "rules": rules,
            "subjects": subjects,
            "v": VERSION,
        }
    )
    if len(leaf) > MAX_LEAF:
        raise EntryError(
            f"a leaf has at most {MAX_LEAF} bytes, this {kind} has {len(leaf)}: name fewer subjects"
        )
    return leaf


async def write(conn: Connection, entries: Iterable[Entry]) -> None:
    """Write entries and queue them for the sealer, in their order, in the caller's transaction.

    Raises `EntryExistsError` when one of them stands already; the transaction is then broken.
    """
    stored = Rows("audit_entry", ("entry_id", "kind", "recorded_at", "leaf"))
    queued = Rows("audit_pending", ("entry_id",))
    details = Rows("audit_detail", ("entry_id", "part", "key_id", "salt", "ciphertext"))
    for item in entries:
        entry_id = uuid(item.entry_id)
        stored.add(entry_id, item.kind.encode(), int8(item.recorded_at), item.leaf)
        queued.add(entry_id)
        for row in item.details:
            details.add(entry_id, int4(row.part), uuid(row.key_id), b"", row.ciphertext)
    try:
        await stored.write(conn)
    except UniqueViolation as error:
        raise EntryExistsError("an audit entry of this id stands already") from error
    await details.write(conn)
    await queued.write(conn)


async def write_once(conn: Connection, entries: Sequence[Entry]) -> None:
    """As `write`, but an entry that stands already with the same bytes is left as it is.

    Raises `EntryConflictError` when it stands with other bytes.
    """
    ids = [item.entry_id for item in entries]
    rows = await conn.execute(
        "SELECT entry_id::text, leaf FROM audit_entry WHERE entry_id = ANY(%s::uuid[])", (ids,)
    )
    found: dict[str, bytes] = dict(await rows.fetchall())
    new = []
    for item in entries:
        leaf = found.get(item.entry_id)
        if leaf is None:
            new.append(item)
        elif leaf != item.leaf:
            raise EntryConflictError(f"the audit entry {item.entry_id} ({item.kind}) stands with other bytes")
    await write(conn, new)


async def read_details(conn: Connection, keys: KeyRing, entry_id: str) -> dict[int, Any]:
    """The details of an entry by part, None for one whose key was erased; a deleted row has no part here.

    Raises `SealError` for a row that was changed.
    """
    found = await conn.execute(
        "SELECT part, key_id::text, ciphertext FROM audit_detail WHERE entry_id = %s ORDER BY part",
        (entry_id,),
    )
    rows = await found.fetchall()
    await keys.load(conn, [row[1] for row in rows])
    details: dict[int, Any] = {}
    for part, key_id, ciphertext in rows:
        try:
            details[part] = orjson.loads(keys.open(key_id, detail_context(entry_id, part), ciphertext))
        except KeyErasedError:
            details[part] = None
    return details


@cache
def code_digest(*folders: Path) -> str:
    """The digest of the code that runs and of its configuration (`folders`), hexadecimal; once per process.

    Every Python file of the packages `hub` and `services`, and every file of the folders, by relative name.
    """
    here = Path(__file__).resolve().parent
    digest = sha256()
    for root, pattern in ((here, "*.py"), (here.parent / "services", "*.py"), *((f, "*") for f in folders)):
        for file in sorted(root.rglob(pattern)):
            if file.is_file() and "__pycache__" not in file.parts:
                name = f"{root.name}/{file.relative_to(root).as_posix()}"
                digest.update(f"{name}\n".encode() + sha256(file.read_bytes()).digest())
    return digest.hexdigest()
