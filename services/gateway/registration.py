"""What an event registers of who is who, in the transaction that accepts it (DESIGN.md section 4, Identity).

Only the types below register anything. An event registers before it is placed, so that it finds what it names:
`family.opened` its family (from the agency that is the authority for the id's scheme), `family.member_added` and
`member_changed` people and all ids given for them, `referral.requested` its referral, `hub.identity_linked` what a
person decided. What ends a membership does so after it is placed: the event itself still goes where they were.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hub.clock import Micros
from hub.partnership import Partnership
from hub.schemas.refs import HUB_SCHEME, RefKey
from services.gateway.checking import Published
from services.gateway.directory import NATIONAL, Directory
from services.gateway.registered import Status


@dataclass(frozen=True, slots=True)
class Contradiction:
    """An id that was given for one person and belongs to another, or cannot be theirs: a person decides."""

    key: RefKey
    candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What an event registered: whom it touched (hub ids), what a person must decide, and what one decided."""

    touched: frozenset[str] = frozenset()
    contradictions: tuple[Contradiction, ...] = ()
    confirmed: tuple[tuple[RefKey, str], ...] = ()


NOTHING: Final = Change()


class Registrar:
    """Registers in a directory what events say."""

    def __init__(self, partnership: Partnership, directory: Directory) -> None:
        self._partnership = partnership
        self._directory = directory

    def before(self, event: Published, event_id: str, at: Micros) -> Change:
        """What the event registers before it is placed. Nothing, if what it builds on is not known itself."""
        match event.kind:
            case "family.opened":
                return self._opened(event, event_id, at)
            case "family.member_added":
                return self._members(event, event_id)
            case "family.member_changed":
                return self._identifiers(event, event_id)
            case "referral.requested":
                return self._requested(event, event_id)
            case "hub.identity_linked":
                return self._linked(event, event_id)
            case _:
                return NOTHING

    def claims(self, event: Published, logs: frozenset[str]) -> bool:
        """Whether an event links an id that stands, for certain, for somebody of a family that has no say in it.

        `logs`: the families that take the event.
        """
        if event.kind != "hub.identity_linked" or not event.identifiers:
            return False
        (each, *_) = event.identifiers
        whose = self._directory.known(("person", each.scheme, each.value))
        if whose in (None, self._directory.known(("person", *each.person))):
            return False
        families = set(self._directory.families(str(whose)))
        return not families or not families <= logs

    def exempt(self, event: Published) -> frozenset[RefKey]:
        """The ids that an event registers itself: it does not queue behind those that wait for them."""
        identifiers: list[RefKey] = [("person", each.scheme, each.value) for each in event.identifiers]
        match event.kind:
            case "family.opened":
                return frozenset({_key("family", event.datum["family"])})
            case "family.member_added":
                return frozenset(
                    [*identifiers, *(_key("person", row["person"]) for row in event.datum["members"])]
                )
            case "referral.requested":
                return frozenset({_key("referral", event.datum["referral"])})
            case _:
                return frozenset(identifiers)

    def _opened(self, event: Published, event_id: str, at: Micros) -> Change:
        key = _key("family", event.datum["family"])
        family = self._directory.known(key)
        if family is None:
            if self._partnership.scheme(key[1]).owner != event.desk.agency:
                return NOTHING
            family = self._directory.register(key, event_id)
        self._directory.open_family(family, at)
        return Change(frozenset({family}))

    def _members(self, event: Published, event_id: str) -> Change:
        family = self._directory.known(_key("family", event.datum["family"]))
        if family is None:
            return NOTHING
        touched: set[str] = set()
        contradictions = []
        given: dict[RefKey, list[RefKey]] = {}
        for each in event.identifiers:
            given.setdefault(("person", *each.person), []).append(("person", each.scheme, each.value))
        for row in event.datum["members"]:
            key = _key("person", row["person"])
            person, doubtful = self._match(key, given.get(key, []), event_id)
            if person is None:
                continue
            self._directory.join(person, family)
            touched.add(person)
            contradictions += doubtful
        return Change(frozenset(touched), tuple(contradictions))

    def _match(
        self, key: RefKey, others: list[RefKey], event_id: str
    ) -> tuple[str | None, list[Contradiction]]:
        """The person whom these ids name together, and the ids that contradict it."""
        directory = self._directory
        own = directory.known(key)
        if own is None:
            if directory.find(key) or key[1] == HUB_SCHEME:
                return None, []
            known = {owner for other in others if (owner := directory.known(other)) is not None}
            same = next(iter(known)) if len(known) == 1 else None
            if same is not None and not self._second_national(same, [key, *others]):
                own = same
                directory.link(key, own, "confirmed", event_id)
            else:
                own = directory.register(key, event_id)
        second = self._second_national(own, others)
        contradictions = []
        for other in others:
            elsewhere = [link.hub_id for link in directory.find(other) if link.hub_id != own]
            status: Status = "probable" if elsewhere or other in second else "confirmed"
            directory.link(other, own, status, event_id)
            if status == "probable":
                contradictions.append(Contradiction(other, tuple(sorted({own, *elsewhere}))))
        return own, contradictions

    def _second_national(self, person: str, keys: Iterable[RefKey]) -> frozenset[RefKey]:
        """Which of these ids would be the person's second in a scheme that gives each person one."""
        directory = self._directory
        return frozenset(
            key
            for key in keys
            if self._partnership.scheme(key[1]).check in NATIONAL
            and directory.known(key) != person
            and key[1] in directory.schemes(person)
        )

    def _identifiers(self, event: Published, event_id: str) -> Change:
        key = _key("person", event.datum["person"])
        person = self._directory.known(key)
        if person is None or not event.identifiers:
            return NOTHING
        others: list[RefKey] = [("person", each.scheme, each.value) for each in event.identifiers]
        _, contradictions = self._match(key, others, event_id)
        return Change(frozenset({person}), tuple(contradictions))

    def _requested(self, event: Published, event_id: str) -> Change:
        directory, datum = self._directory, event.datum
        key = _key("referral", datum["referral"])
        person = directory.known(_key("person", datum["person"]))
        if directory.known(key) is not None or key[1] == HUB_SCHEME or person is None:
            return NOTHING
        families = directory.families(person)
        family = families[0] if families else None
        if datum["family"] is not None:
            family = directory.known(_key("family", datum["family"]))
        if family is None:
            return NOTHING
        referral = directory.register(key, event_id)
        directory.refer(referral, family, person)
        return Change(frozenset({referral}))

    def _linked(self, event: Published, event_id: str) -> Change:
        directory, datum = self._directory, event.datum
        person = directory.known(_key("person", datum["person"]))
        if person is None or datum["identifier"] is None:
            return NOTHING
        key = _key("person", datum["identifier"])
        if datum["degree"] == "confirmed":
            directory.confirm(key, person, event_id)
            return Change(frozenset({person}), confirmed=((key, person),))
        directory.link(key, person, "probable", event_id)  # also where it does not say how sure it is
        return Change(frozenset({person}))

    def after(self, event: Published, log: str, members: Iterable[str]) -> None:
        """What an event ends, once it is known where it goes. `members`: who is in that family."""
        directory = self._directory
        if event.kind == "family.closed":
            directory.close_family(log, members)
        elif event.kind == "family.member_added":  # retracted
            for row in event.datum["members"]:
                person = directory.known(_key("person", row["person"]))
                if person is not None:
                    directory.leave(person, log)
        elif event.kind == "person.adopted" or (
            event.kind == "family.member_changed" and event.datum["state"] == "left"
        ):
            person = directory.known(_key("person", event.datum["person"]))
            if person is not None:
                directory.leave(person, log)
        elif event.kind == "hub.identity_unlinked" and event.datum["identifier"] is not None:
            person = directory.known(_key("person", event.datum["person"]))
            if person is not None:
                directory.unlink(_key("person", event.datum["identifier"]), person)


def _key(kind: str, ref: Mapping[str, Any]) -> RefKey:
    return (kind, ref["scheme"], ref["value"])
