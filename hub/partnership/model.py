"""A partnership as values: who belongs to it, what each desk may state, and within which limits.

Everything here comes from the partnership's folder (`loader.load`); nothing about any one partnership is in
code. What it does is in `work`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, TypeVar

from hub.errors import HubError
from hub.partnership.work import Calendar, Indicator, Named, Pathway, Specialism

T = TypeVar("T")

IG_TEAM: Final = "ig"
"""The team of an agency that is its information governance."""


class UnknownNameError(HubError):
    """A desk, agency, scheme or specialism that the partnership does not have."""


@dataclass(frozen=True, slots=True)
class Agency:
    """A party: its kind is what rules say where any agency of that kind is meant.

    State: active, suspended, expected.
    """

    name: str
    title: str
    kind: str
    state: str


@dataclass(frozen=True, slots=True)
class Desk:
    """A recipient and publisher, `agency/team` or `agency/team/worker`.

    `side` is `victim` or `perpetrator` where the team works for one side of domestic abuse. `receives` holds
    `topic` and `inbox`, either, both or none. `active` only if its agency is not merely expected either.
    """

    name: str
    title: str
    agency: str
    kind: str
    locality: str | None
    specialism: str | None
    side: str | None
    receives: tuple[str, ...]
    may_lead: bool
    may_refer: bool
    active: bool

    @property
    def principal(self) -> str:
        """The desk's name where `/` may not stand: `agency-team`, also its Kafka account."""
        return self.name.replace("/", "-")

    @property
    def topic_in(self) -> str:
        """The topic that the desk publishes to."""
        return f"from-{self.principal}"

    @property
    def topic_out(self) -> str:
        """The topic that its deliveries go to."""
        return f"to-{self.principal}"


@dataclass(frozen=True, slots=True)
class Scheme:
    """A kind of id that publishers use in bodies.

    `names` holds person, family, referral: what its ids can name. `owner` is the agency that is the authority
    for it. `used_by` None: any agency. `check`: modulus11, upn, uuid or pattern; `pattern` and `sandbox` are
    regular expressions that the whole value must match, the second in the sandbox only.
    """

    name: str
    title: str
    names: frozenset[str]
    owner: str
    used_by: frozenset[str] | None
    check: str
    pattern: str | None
    sandbox: str | None
    public: bool


@dataclass(frozen=True, slots=True)
class AuthorityRule:
    """Event types (`group.type`) and the words for who may publish them; one word is enough."""

    types: tuple[str, ...]
    who: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """What the doors accept.

    Sizes in bytes, characters or items, times in seconds, rates per agency and second.
    """

    body_bytes: int
    batch_events: int
    nesting: int
    string_length: int
    list_length: int
    id_length: int
    inbox_page: int
    inbox_wait_seconds: int
    token_seconds: int
    requests_per_second: int
    requests_burst: int


@dataclass(frozen=True, slots=True)
class Key:
    """A public key of a desk (RFC 7517).

    Where `holder` is named, it signs for that user or system (a token's `sub`) alone. Valid from `start` up
    to, but not on, `end`.
    """

    kid: str
    desk: str
    algorithm: str
    jwk: Mapping[str, str]
    holder: str | None
    start: date | None
    end: date | None


@dataclass(frozen=True, slots=True)
class Partnership:
    """A whole configuration, checked.

    `digest` is the SHA-256 of its canonical JSON, keys apart: they change by themselves.
    """

    name: str
    title: str
    tenant: str
    calendar: Calendar
    localities: tuple[Named, ...]
    agencies: tuple[Agency, ...]
    desks: tuple[Desk, ...]
    schemes: tuple[Scheme, ...]
    authority: tuple[AuthorityRule, ...]
    specialisms: tuple[Specialism, ...]
    pathways: tuple[Pathway, ...]
    indicators: tuple[Indicator, ...]
    limits: Limits
    keys: tuple[Key, ...]
    digest: str
    _by_name: Mapping[tuple[str, str], object] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_name: dict[tuple[str, str], object] = {}
        for kind, values in (
            ("agency", self.agencies),
            ("desk", self.desks),
            ("scheme", self.schemes),
            ("specialism", self.specialisms),
            ("pathway", self.pathways),
        ):
            by_name.update({(kind, each.name): each for each in values})
        by_name.update({("key", each.kid): each for each in self.keys})
        object.__setattr__(self, "_by_name", by_name)

    def agency(self, name: str) -> Agency:
        """The agency of that name. Raises UnknownNameError."""
        return self._named(Agency, "agency", name)

    def desk(self, name: str) -> Desk:
        """The desk of that name. Raises UnknownNameError."""
        return self._named(Desk, "desk", name)

    def scheme(self, name: str) -> Scheme:
        """The id scheme of that name. Raises UnknownNameError."""
        return self._named(Scheme, "scheme", name)

    def specialism(self, name: str) -> Specialism:
        """The specialism of that name. Raises UnknownNameError."""
        return self._named(Specialism, "specialism", name)

    def pathway(self, name: str) -> Pathway:
        """The pathway of that name. Raises UnknownNameError."""
        return self._named(Pathway, "pathway", name)

    def key(self, kid: str) -> Key:
        """The public key of that id. Raises UnknownNameError."""
        return self._named(Key, "key", kid)

    def has_desk(self, name: str) -> bool:
        """True if the partnership has that desk, active or expected."""
        return ("desk", name) in self._by_name

    @property
    def active_desks(self) -> tuple[Desk, ...]:
        """Desks that publish and receive: those that are not merely expected."""
        return tuple(each for each in self.desks if each.active)

    @property
    def served(self) -> frozenset[str]:
        """Names of the desks to which anything is delivered."""
        return frozenset(each.name for each in self.active_desks if each.receives)

    @property
    def authority_plain(self) -> list[dict[str, list[str]]]:
        """The authority table as plain data: `{types, who}` in the order of the file."""
        return [{"types": list(each.types), "who": list(each.who)} for each in self.authority]

    def topic_names(self) -> tuple[str, ...]:
        """The topics in and out of every active desk, sorted.

        `to-` only for desks that receive on a topic.
        """
        names = {each.topic_in for each in self.active_desks}
        names |= {each.topic_out for each in self.active_desks if "topic" in each.receives}
        return tuple(sorted(names))

    def _named(self, expected: type[T], kind: str, name: str) -> T:
        found = self._by_name.get((kind, name))
        if not isinstance(found, expected):
            raise UnknownNameError(f"the partnership {self.name} has no {kind} of that name")
        return found
