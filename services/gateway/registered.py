"""What one transaction registers of who is who, and how that is written."""

from dataclasses import dataclass, field
from typing import Final, Literal

from hub.clock import Micros
from hub.database import Connection

Status = Literal["confirmed", "probable"]

_OPEN: Final = (
    "INSERT INTO family (family_id, opened_at) VALUES (%s, %s)"
    " ON CONFLICT (family_id) DO UPDATE SET closed_at = NULL"
)
_CLOSE: Final = "UPDATE family SET closed_at = %s WHERE family_id = %s"
_GUARD: Final = "INSERT INTO guard (person_id) VALUES (%s) ON CONFLICT DO NOTHING"
_JOIN: Final = (
    "INSERT INTO membership (person_id, family_id, since) VALUES (%s, %s, %s)"
    " ON CONFLICT (person_id, family_id) DO UPDATE SET until = NULL"
)
_LEAVE: Final = "UPDATE membership SET until = %s WHERE person_id = %s AND family_id = %s AND until IS NULL"
_REFER: Final = (
    "INSERT INTO referral (referral_id, family_id, person_id) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
)
_END: Final = "UPDATE identity SET ended_at = %s WHERE token = %s AND hub_id = %s AND ended_at IS NULL"
_LINK: Final = (
    "INSERT INTO identity (scheme, token, kind, hub_id, status, since, event_id) VALUES (%s, %s, %s, %s, %s, %s, %s)"
    " ON CONFLICT (scheme, token, kind, hub_id) DO UPDATE"
    " SET status = EXCLUDED.status, since = EXCLUDED.since, event_id = EXCLUDED.event_id, ended_at = NULL"
)
_CONFIRM: Final = "UPDATE identity SET status = 'confirmed' WHERE token = %s AND hub_id = %s"


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link to be written."""

    scheme: str
    token: bytes
    kind: str
    hub_id: str
    status: Status
    event_id: str


@dataclass(slots=True)
class Registered:
    """What a transaction has registered and is still to write."""

    links: list[NewLink] = field(default_factory=list)
    ended: list[tuple[bytes, str]] = field(default_factory=list)
    confirmed: list[tuple[bytes, str]] = field(default_factory=list)
    opened: dict[str, Micros] = field(default_factory=dict)
    closed: dict[str, None] = field(default_factory=dict)
    joined: dict[tuple[str, str], None] = field(default_factory=dict)
    left: dict[tuple[str, str], None] = field(default_factory=dict)
    persons: dict[str, None] = field(default_factory=dict)
    referrals: dict[str, tuple[str, str]] = field(default_factory=dict)

    async def write(self, conn: Connection, at: Micros) -> None:
        """Write it, in the caller's transaction."""
        for statement, rows in (
            (_OPEN, [(family, opened) for family, opened in self.opened.items()]),
            (_CLOSE, [(at, family) for family in self.closed]),
            (_GUARD, [(person,) for person in sorted(self.persons)]),
            (_JOIN, [(person, family, at) for person, family in sorted(self.joined)]),
            (_LEAVE, [(at, person, family) for person, family in sorted(self.left)]),
            (_REFER, [(referral, *about) for referral, about in sorted(self.referrals.items())]),
            (_END, [(at, each, hub_id) for each, hub_id in self.ended]),
            (
                _LINK,
                [(n.scheme, n.token, n.kind, n.hub_id, n.status, at, n.event_id) for n in self.links],
            ),
            (_CONFIRM, self.confirmed),
        ):
            if rows:
                async with conn.cursor() as cursor:
                    await cursor.executemany(statement, rows)
