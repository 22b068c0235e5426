"""Looks at data by people: who looked, at what, why; in the audit log before anything is shown (AUDIT.md section 1).

The person who looked is a data subject as well, with a key of their own: an entry has one detail for each family that
it concerns, under that family's key, with the user as a reference; and one under the user's key with their name. What
is no family's (a look that was denied, a search that found nothing) stands under the user's key alone.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import psycopg

from hub import ledger
from hub.clock import Micros
from hub.database import Connection
from hub.errors import PeerError, SenderError
from hub.ids import derive, is_id
from hub.keys import KeyRing

LONGEST_CLAIM: Final = 200
"""Characters of a reason, as a token states it."""

_LONGEST_ID: Final = 64
_FAMILIES: Final = (
    "SELECT family_id::text FROM family WHERE family_id = %(id)s"
    " UNION SELECT family_id::text FROM membership WHERE person_id = %(id)s"
    " UNION SELECT key::text FROM event WHERE topic = 'events' AND (receipt_id = %(id)s OR event_id = %(id)s"
    " OR event_id = (SELECT event_id FROM delivery WHERE delivery_id = %(id)s))"
)
"""The families to which an id leads: of one of them, of somebody, of a receipt, an event or a delivery."""

Purpose = Literal["safeguard", "support", "treatment", "supervise", "evaluate", "rights", "operate"]
"""What a look may be for (RULES.md section 3)."""
PURPOSES: Final[tuple[str, ...]] = get_args(Purpose)


class UnstatedError(SenderError):
    """A token does not say why its user looks. `claim`: the one that must say it."""

    def __init__(self, claim: str, rule: str, expected: str, example: str) -> None:
        super().__init__(f"the claim `{claim}` of the token: expected {expected}")
        self.claim, self.rule, self.expected, self.example = claim, rule, expected, example


class NoSuchIdError(SenderError):
    """An id leads to nothing, and its reader, who may see all of that kind, may know so.

    Nobody else is told: for them it is the one answer of what is not there. `name`: of the parameter; `expected`: ids
    of what, and where they come from.
    """

    def __init__(self, name: str, about: str, expected: str, came: str) -> None:
        super().__init__(f"{name}: expected {expected}")
        self.name, self.expected = name, expected
        self.rule, self.came = ("unknown-id", came) if is_id(about) else ("format", "another form of id")


class UnrecordedError(PeerError):
    """The audit entry cannot be written: nothing is shown."""


@dataclass(frozen=True, slots=True)
class Look:
    """Who looks, and why. `number` is the request's own, so that each look is an entry of its own."""

    desk: str
    user: str
    purpose: str
    reason: str
    number: str


@dataclass(frozen=True, slots=True)
class Recorder:
    """Writes looks into the log. `rules` and `code` are the digests that its entries name."""

    ring: KeyRing
    secret: bytes
    rules: str
    code: str

    async def record(
        self,
        conn: Connection,
        kind: str,
        look: Look,
        at: Micros,
        families: Mapping[str, Mapping[str, Any]],
        detail: Mapping[str, Any] | None = None,
    ) -> str:
        """Write the entry of a look, in the caller's transaction; gives its id.

        `families`: what was seen of each; those whose keys are gone are left out. `detail`: what is no family's.
        Raises `UnrecordedError`, `DatabaseAwayError`.
        """
        user = user_subject(self.secret, look.desk, look.user)
        entry_id = derive(self.secret, kind, look.number)
        try:
            await self.ring.create(conn, user, "user", at)
            erased = await self.ring.load(conn, families)
            readable = [family for family in sorted(families) if family not in erased]
            why = {"desk": look.desk, "purpose": look.purpose, "reason": look.reason}
            own = {"desk": look.desk, "user": look.user} | ({} if readable else why) | dict(detail or {})
            details = [(family, {**why, "user": user, **families[family]}) for family in readable]
            entry = ledger.entry(
                self.ring,
                kind,
                entry_id,
                at,
                rules=self.rules,
                code=self.code,
                subjects=[*readable, user],
                details=[*details, (user, own)],
            )
            await ledger.write(conn, [entry])
        except psycopg.OperationalError:
            raise
        except (psycopg.Error, ledger.EntryExistsError) as error:
            raise UnrecordedError(f"the look was not recorded: {type(error).__name__}") from error
        return entry_id

    async def deny(self, conn: Connection, look: Look, at: Micros, what: str, about: str) -> None:
        """Write that somebody asked for `what` and does not get it (`access.denied`).

        `about`: the id that they gave. Each family to which it leads is told.
        Raises as `record`.
        """
        found = await conn.execute(_FAMILIES, {"id": about}) if is_id(about) else None
        families = [row[0] for row in await found.fetchall()] if found is not None else []
        told = {family: {"what": what} for family in families}
        await self.record(conn, "access.denied", look, at, told, {"what": what, "id": about[:_LONGEST_ID]})


def user_subject(secret: bytes, desk: str, user: str) -> str:
    """The subject under whose key it stands who a user is: one of an agency, at whichever of its desks.

    One person however their name is written: case, spaces around and within it, and forms of a letter are no other's.
    """
    return derive(secret, "subject", "user", desk.partition("/")[0], as_one(user))


def as_one(user: str) -> str:
    """A name as it is compared with another."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", user).casefold())
    return " ".join(folded.split())


def stated(desk: str, user: str, claims: Mapping[str, Any], number: str) -> Look:
    """The look that a token states. Raises `UnstatedError`."""
    purpose, reason = claims.get("purpose"), claims.get("reason")
    if purpose not in PURPOSES:
        raise UnstatedError("purpose", "codes", f"one of {', '.join(PURPOSES)}", PURPOSES[0])
    if not isinstance(reason, str) or not 0 < len(reason.strip()) <= LONGEST_CLAIM:
        expected = f"why this is looked at, in at most {LONGEST_CLAIM} characters"
        raise UnstatedError("reason", "required", expected, "subject access request")
    return Look(desk, user, purpose, reason.strip(), number)
