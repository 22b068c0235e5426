"""Who is who: the ids that publishers use, and the hub's own behind them (DESIGN.md section 4, Identity).

A publisher's id is kept as an HMAC token, never as it is. A `Directory` holds what one transaction needs: what the
database had, and what the transaction itself registers, so that a batch can open a family and refer its members.

- One confirmed link: that is who is meant. Several links, or a doubtful one: a *probable* match, whose candidates are
  all of them. No link: nobody is known by that id.
- Where two ids of one person, given together, belong to different persons already, or a second number of a national
  scheme is given (a person has one), the first links stand, and the new one is doubtful.
- The hub's own ids are links of the scheme `hub`.
"""

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from hub.clock import Micros
from hub.database import Connection
from hub.ids import derive
from hub.schemas.refs import HUB_SCHEME, RefKey
from services.gateway.registered import NewLink, Registered, Status

NATIONAL: Final = frozenset({"modulus11", "upn"})
"""Checks of schemes that give a person one number for life."""

_FIND: Final = """
SELECT i.token, i.kind, i.hub_id::text, i.status, r.family_id::text,
       ARRAY(SELECT m.family_id::text FROM membership m JOIN family f USING (family_id)
             WHERE m.person_id = i.hub_id AND m.until IS NULL AND f.closed_at IS NULL
             ORDER BY f.opened_at, f.family_id)
FROM unnest(%s::text[], %s::bytea[]) AS wanted (scheme, token)
JOIN identity i ON i.scheme = wanted.scheme AND i.token = wanted.token AND i.ended_at IS NULL
LEFT JOIN referral r ON r.referral_id = i.hub_id
"""

_LAST: Final = """
SELECT DISTINCT ON (m.person_id) m.person_id::text, m.family_id::text
FROM membership m JOIN family f USING (family_id)
WHERE m.person_id = ANY(%s::uuid[]) AND m.until = f.closed_at
ORDER BY m.person_id, f.closed_at DESC, f.family_id
"""

_SCHEMES: Final = (
    "SELECT DISTINCT hub_id::text, scheme FROM identity"
    " WHERE hub_id = ANY(%s::uuid[]) AND status = 'confirmed' AND ended_at IS NULL"
)


def token(secret: bytes, scheme: str, value: str) -> bytes:
    """The 32 bytes under which a publisher's id is found again without being kept."""
    message = "|".join(f"{len(part)}:{part}" for part in ("token", scheme, value))
    return hmac.digest(secret, message.encode(), "sha256")


@dataclass(frozen=True, slots=True)
class Link:
    """An id stands for somebody or something of the hub."""

    hub_id: str
    status: Status


class Directory:
    """The ids that one transaction deals with."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._links: dict[tuple[bytes, str], dict[str, Status]] = {}
        self._families: dict[str, list[str]] = {}
        self._last: dict[str, str] = {}
        self._referrals: dict[str, str] = {}
        self._schemes: dict[str, set[str]] = {}
        self._asked: set[tuple[str, bytes]] = set()
        self.new = Registered()

    def token(self, key: RefKey) -> bytes:
        """The token of an id: what is kept of it."""
        _, scheme, value = key
        return token(self._secret, scheme, value)

    def hub_token(self, hub_id: str) -> bytes:
        """The token of one of the hub's own ids."""
        return token(self._secret, HUB_SCHEME, hub_id)

    async def load(self, conn: Connection, keys: Iterable[RefKey], *, again: bool = False) -> None:
        """Look these ids up: one query for those not asked for before.

        `again`, before anything is registered: forget what was found, for others may have committed since.
        """
        wanted = {(scheme, token(self._secret, scheme, value)) for _, scheme, value in keys}
        if again:
            self._links.clear()
            self._families.clear()
            self._referrals.clear()
        else:
            wanted -= self._asked
        if not wanted:
            return
        self._asked |= wanted
        ordered = sorted(wanted)
        found = await conn.execute(
            _FIND, ([scheme for scheme, _ in ordered], [each for _, each in ordered]), binary=True
        )
        for each, kind, hub_id, status, family, families in await found.fetchall():
            self._links.setdefault((each, kind), {}).setdefault(hub_id, status)
            if family is not None:
                self._referrals.setdefault(hub_id, family)
            if kind == "person" and hub_id not in self._families:
                self._families[hub_id] = [each for each in families if self._is_in(hub_id, each)]
        await self._load_last(conn)

    async def _load_last(self, conn: Connection) -> None:
        """Look up in which family those were last who are in no open one."""
        wanted = [
            each for each, families in self._families.items() if not families and each not in self._last
        ]
        if wanted:
            found = await conn.execute(_LAST, (wanted,))
            self._last.update(dict(await found.fetchall()))

    async def load_schemes(self, conn: Connection, persons: Iterable[str]) -> None:
        """Look up of which schemes these people have ids."""
        wanted = sorted(set(persons) - self._schemes.keys())
        if not wanted:
            return
        self._schemes.update({person: set() for person in wanted})
        found = await conn.execute(_SCHEMES, (wanted,))
        for person, scheme in await found.fetchall():
            self._schemes[person].add(scheme)

    def schemes(self, person: str) -> frozenset[str]:
        """The schemes of which the person has a confirmed id."""
        return frozenset(self._schemes.get(person, ()))

    def find(self, key: RefKey) -> tuple[Link, ...]:
        """Whom or what an id stands for: candidates in id order; one alone and confirmed is who is meant."""
        links = self._links.get((self.token(key), key[0]), {})
        return tuple(Link(hub_id, status) for hub_id, status in sorted(links.items()))

    def known(self, key: RefKey) -> str | None:
        """The hub id of what is known for certain by this id, or None."""
        links = self.find(key)
        return links[0].hub_id if len(links) == 1 and links[0].status == "confirmed" else None

    def would_be(self, key: RefKey) -> str:
        """The hub id of what is known by this id, or that it gets when it is registered."""
        kind, scheme, value = key
        known = self.known(key)
        return derive(self._secret, kind, scheme, value) if known is None else known

    def families(self, person: str) -> Sequence[str]:
        """The open families that the person is in, the one opened first first."""
        return self._families.get(person, ())

    def last_family(self, person: str) -> str | None:
        """The family that the person was in when it was closed; of several the one closed last."""
        return self._last.get(person)

    def referred(self, referral: str) -> str | None:
        """The family of a referral."""
        return self._referrals.get(referral)

    def members(self, family: str, stored: Iterable[str]) -> frozenset[str]:
        """Who is in a family, given whom the database has there."""
        joined = {person for person, of in self.new.joined if of == family}
        left = {person for person, of in self.new.left if of == family}
        return frozenset(joined.union(stored) - left)

    def open_family(self, family: str, at: Micros) -> None:
        """A family is open from now on."""
        self.new.opened[family] = at
        self.new.closed.pop(family, None)

    def close_family(self, family: str, members: Iterable[str]) -> None:
        """A family is closed, and nobody is in it any more."""
        self.new.closed[family] = None
        for person in members:
            self.leave(person, family)
            self._last[person] = family

    def join(self, person: str, family: str) -> None:
        """The person is in the family."""
        self.new.joined[person, family] = None
        self.new.left.pop((person, family), None)
        families = self._families.setdefault(person, [])
        if family not in families:
            families.append(family)

    def leave(self, person: str, family: str) -> None:
        """The person has left the family. Who joined it in this very transaction was in it all the same."""
        self.new.left[person, family] = None
        families = self._families.get(person, [])
        if family in families:
            families.remove(family)

    def refer(self, referral: str, family: str, person: str) -> None:
        """A referral belongs to a family and is about a person."""
        self.new.referrals[referral] = (family, person)
        self._referrals[referral] = family

    def register(self, key: RefKey, event_id: str) -> str:
        """The id that belongs to something named for the first time: derived from its name, so the same again."""
        kind, hub_id = key[0], self.would_be(key)
        self.link(key, hub_id, "confirmed", event_id)
        self.link((kind, HUB_SCHEME, hub_id), hub_id, "confirmed", event_id)
        if kind == "person":
            self.new.persons[hub_id] = None
            self._families.setdefault(hub_id, [])
        return hub_id

    def link(self, key: RefKey, hub_id: str, status: Status, event_id: str) -> None:
        """An id stands for this from now on; a link that is there already stays as it is."""
        kind, scheme, _ = key
        links = self._links.setdefault((self.token(key), kind), {})
        if hub_id not in links:
            links[hub_id] = status
            if status == "confirmed":
                self._schemes.setdefault(hub_id, set()).add(scheme)
            self.new.links.append(NewLink(scheme, self.token(key), kind, hub_id, status, event_id))

    def confirm(self, key: RefKey, hub_id: str, event_id: str) -> tuple[str, ...]:
        """A person has decided: the id stands for this one and for no other. Gives the others."""
        others = tuple(link.hub_id for link in self.find(key) if link.hub_id != hub_id)
        for other in others:
            self.unlink(key, other)
        self.link(key, hub_id, "confirmed", event_id)
        self.new.confirmed.append((self.token(key), hub_id))
        self._links[self.token(key), key[0]][hub_id] = "confirmed"
        return others

    def unlink(self, key: RefKey, hub_id: str) -> None:
        """The id does not stand for this one."""
        self._links.get((self.token(key), key[0]), {}).pop(hub_id, None)
        own = self.token(key)
        self.new.links = [link for link in self.new.links if (link.token, link.hub_id) != (own, hub_id)]
        self.new.confirmed = [each for each in self.new.confirmed if each != (own, hub_id)]
        self.new.ended.append((own, hub_id))

    def _is_in(self, person: str, family: str) -> bool:
        """Whether this transaction has left the person in a family that the database has them in."""
        return (person, family) not in self.new.left
