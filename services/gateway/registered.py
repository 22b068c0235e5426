"""What one transaction registers of who is who, and how that is written."""

from dataclasses import dataclass, field
from typing import Final, Literal

from hub.clock import Micros
from hub.database import Connection

Status = Literal["confirmed", "probable"]

# Each writes all rows of its kind at once: its parameters are columns.
_OPEN: Final = (
    "INSERT INTO family (family_id, opened_at) SELECT * FROM unnest(%s::uuid[], %s::bigint[])"
    " ON CONFLICT (family_id) DO UPDATE SET closed_at = NULL"
)
_CLOSE: Final = "UPDATE family SET closed_at = %s WHERE family_id = ANY(%s::uuid[])"
_GUARD: Final = "INSERT INTO guard (person_id) SELECT unnest(%s::uuid[]) ON CONFLICT DO NOTHING"
_JOIN: Final = (
    "INSERT INTO membership (since, person_id, family_id) SELECT %s, * FROM unnest(%s::uuid[], %s::uuid[])"
    " ON CONFLICT (person_id, family_id) DO UPDATE SET until = NULL"
)
_LEAVE: Final = (
    "UPDATE membership m SET until = %s FROM unnest(%s::uuid[], %s::uuid[]) AS u(person, family)"
    " WHERE m.person_id = u.person AND m.family_id = u.family AND m.until IS NULL"
)
_REFER: Final = (
    "INSERT INTO referral (referral_id, family_id, person_id) SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[])"
    " ON CONFLICT DO NOTHING"
)
_END: Final = (
    "UPDATE identity i SET ended_at = %s FROM unnest(%s::bytea[], %s::uuid[]) AS u(token, hub_id)"
    " WHERE i.token = u.token AND i.hub_id = u.hub_id AND i.ended_at IS NULL"
)
_LINK: Final = (
    "INSERT INTO identity (since, scheme, token, kind, hub_id, status, event_id)"
    " SELECT %s, * FROM unnest(%s::text[], %s::bytea[], %s::text[], %s::uuid[], %s::text[], %s::uuid[])"
    " ON CONFLICT (scheme, token, kind, hub_id) DO UPDATE"
    " SET status = EXCLUDED.status, since = EXCLUDED.since, event_id = EXCLUDED.event_id, ended_at = NULL"
)
_CONFIRM: Final = (
    "UPDATE identity i SET status = 'confirmed' FROM unnest(%s::bytea[], %s::uuid[]) AS u(token, hub_id)"
    " WHERE i.token = u.token AND i.hub_id = u.hub_id"
)


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
        # The last of two links between the same two is the one that stands.
        links = {(link.scheme, link.token, link.kind, link.hub_id): link for link in self.links}
        linked = [(*key, link.status, link.event_id) for key, link in links.items()]
        for statement, first, rows in (
            (_OPEN, (), list(self.opened.items())),
            (_CLOSE, (at,), [(family,) for family in self.closed]),
            (_GUARD, (), [(person,) for person in sorted(self.persons)]),
            (_JOIN, (at,), sorted(self.joined)),
            (_LEAVE, (at,), sorted(self.left)),
            (_REFER, (), [(referral, *about) for referral, about in sorted(self.referrals.items())]),
            (_END, (at,), self.ended),
            (_LINK, (at,), linked),
            (_CONFIRM, (), self.confirmed),
        ):
            if rows:
                await conn.execute(statement, (*first, *map(list, zip(*rows, strict=True))))
