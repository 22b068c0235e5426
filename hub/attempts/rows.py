"""Delivery rows as an attempt reads them, and what an attempt needs to work with."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final
from uuid import UUID

from hub.attempts.row import Row
from hub.clock import Micros
from hub.database import Connection
from hub.ids import derive
from hub.keys import KeyRing
from hub.schemas import Catalogue

IN_LINE: Final = (
    # Held rows do not stand in the line: they re-enter at its end.
    "(d.status IN ('pending', 'failed', 'attempting', 'lapsed')"
    # Released by the inbox or in doubt, and decided again since: the topic has yet to have it.
    " OR (d.status = 'delivered' AND d.attempt_id IS NULL))"
)

COLUMNS: Final = (
    "d.delivery_id::text, d.seq, d.desk, d.family_id::text, d.type, d.status, array_send(d.persons),"
    " array_send(d.counts), d.rules, d.valid_until, d.urgent, d.recorded_at, d.body, d.tries, d.next_mono,"
    " d.released_at, d.inbox_seq, d.attempt_mono, d.xmin::text"
)


@dataclass(frozen=True, slots=True)
class Kit:
    """What attempts work with.

    `code` is the digest of code and configuration, `rules` gives that of the rule set in force at a hub
    time, `catch_up` lets it know, in a transaction, what is in force by then, and `desk_key` names the subject under
    whose key a desk's own details are sealed.
    """

    secret: bytes
    ring: KeyRing
    catalogue: Catalogue
    code: str
    rules: Callable[[Micros], str]
    desk_key: Callable[[str], str]
    catch_up: Callable[[Connection], Awaitable[None]]


def make_kit(
    secret: bytes,
    ring: KeyRing,
    catalogue: Catalogue,
    *,
    code: str,
    rules: Callable[[Micros], str],
    catch_up: Callable[[Connection], Awaitable[None]],
) -> Kit:
    """A kit that seals under each desk's own subject."""
    desk_key = partial(derive, secret, "subject", "desk")
    return Kit(secret, ring, catalogue, code, rules, desk_key, catch_up)


def array(values: Iterable[object]) -> str:
    """An array of ids, numbers or codes as PostgreSQL reads it, for a third of the driver's own cost."""
    return "{" + ",".join(map(str, values)) + "}"


def body_context(delivery_id: str) -> bytes:
    """What binds a sealed body to its delivery."""
    return b"delivery|" + delivery_id.encode()


@lru_cache(maxsize=100_000)
def _persons(raw: bytes) -> tuple[str, ...]:
    """A one-dimensional uuid[] in binary form: 20 bytes of head, then length and value of each."""
    return tuple(str(UUID(bytes=raw[at : at + 16])) for at in range(24, len(raw), 20))


@lru_cache(maxsize=100_000)
def _counts(raw: bytes) -> tuple[int, ...]:
    """A one-dimensional bigint[] in the same form."""
    return tuple(int.from_bytes(raw[at : at + 8], "big", signed=True) for at in range(24, len(raw), 12))


def to_row(values: Sequence[Any]) -> Row:
    """A row from `COLUMNS`, fetched in binary."""
    (one, two, three, four, five, six, persons, counts, *rest) = values
    return Row(one, two, three, four, five, six, _persons(persons), _counts(counts), *rest)
