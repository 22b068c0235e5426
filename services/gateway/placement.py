"""Which log an event enters, and as what (DESIGN.md section 4, Identity): values in, values out.

Which family: that of the referral named; else the family named; else each open family in which a person whom it is
about is confirmed, one copy each, the family opened first the primary one; a refusal or withdrawal of somebody who is
in none any more goes to the family that was closed with them in it. What concerns no family goes to its agency's log.

An id with several candidates makes a copy for each, *doubtful*: it stands in that candidate's log, and in its body a
stand-in of nobody's takes the candidate's place, so that it says nothing about them until a person has decided; then
it enters anew, as what it is. No doubtful copy is primary. What registers people or referrals waits instead.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final

from hub.ids import derive
from hub.schemas.refs import HUB_SCHEME, Datum, RefKey
from services.consent.event import PlainEvent
from services.consent.facts import protective
from services.gateway.checking import HOUSEHOLD, REGISTERING, Published
from services.gateway.directory import Directory

MOST_COPIES: Final = 16
"""An event that is doubtful, and would enter more logs, or as more people, waits for a person to say what it is."""
MOST_FAMILIES: Final = 128
"""The same for one that is certain: a group supervision discusses dozens of families, each of which gets its copy."""

CONSENT: Final = "consent."
REDRIVE: Final = "hub.redrive_requested"
WAITS_IN_DOUBT: Final = REGISTERING | {"person.adopted"}
"""Kinds that change who is in which family: they do so once it is certain of whom."""
_TOPICS: Final = {"router": "events", "outcomes": "events", "people": "people", "pathways": "pathways"}


@dataclass(frozen=True, slots=True)
class Doubt:
    """An id that may stand for several: here it is read as `hub_id`, one of the `candidates`."""

    key: RefKey
    hub_id: str
    candidates: tuple[str, ...]
    stand_in: str


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy of an event: its log, and what each of its references stands for in it."""

    topic: str
    log: str
    mapping: Mapping[RefKey, str]
    doubts: tuple[Doubt, ...] = ()

    @property
    def body(self) -> Mapping[RefKey, str]:
        """What each reference becomes in the body: the hub's id, or the stand-in of a candidate."""
        return {**self.mapping, **{doubt.key: doubt.stand_in for doubt in self.doubts}}

    def event_id(self, secret: bytes, receipt_id: str) -> str:
        """The hub's id of this copy."""
        return copy_id(secret, receipt_id, self.log, tuple(doubt.hub_id for doubt in self.doubts))


@dataclass(frozen=True, slots=True)
class Unplaced:
    """Nobody knows yet where the event belongs: the tokens whose registration may tell."""

    tokens: frozenset[bytes]


def copy_id(secret: bytes, receipt_id: str, log: str, candidates: tuple[str, ...] = ()) -> str:
    """The id of the copy of an event in a log, as these candidates."""
    return derive(secret, "event", receipt_id, log, *candidates)


def agency_log(secret: bytes, agency: str) -> str:
    """The log of what concerns an agency and no family."""
    return derive(secret, "agency", agency)


def place(event: Published, directory: Directory, secret: bytes) -> tuple[Copy, ...] | Unplaced:
    """The copies of an event, the primary one first; or what is missing."""
    if not event.is_about_a_family:
        return (_without_family(event, secret),)
    unknown = {ref.key for ref in event.refs if ref.kind != HOUSEHOLD and not directory.find(ref.key)}
    if unknown:
        return Unplaced(frozenset(directory.token(key) for key in unknown))
    readings = _readings(event, directory, secret)
    return _few(
        event,
        directory,
        [copy for mapping, doubts in readings for copy in _copies(event, directory, mapping, doubts)],
    )


def expected(event: Published, directory: Directory, secret: bytes) -> tuple[Copy, ...] | Unplaced:
    """The copies of an event that registers what is not known of what it names, before it has done so."""
    mapping = {
        ref.key: _household(ref.key, secret) if ref.kind == HOUSEHOLD else directory.would_be(ref.key)
        for ref in event.refs
    }
    copies = _copies(event, directory, mapping, ())
    # A referral belongs to one family: where none is named, to the one opened first.
    return _few(event, directory, copies[:1] if event.kind == "referral.requested" else copies)


def _few(event: Published, directory: Directory, copies: list[Copy]) -> tuple[Copy, ...] | Unplaced:
    most = MOST_COPIES if any(copy.doubts for copy in copies) else MOST_FAMILIES
    if not copies or len(copies) > most:
        return Unplaced(frozenset(directory.token(ref.key) for ref in event.refs if ref.kind == "person"))
    return tuple(copies)


def missing(event: Published, directory: Directory, registers: Collection[RefKey]) -> frozenset[bytes]:
    """The tokens of ids that must be known before the event may enter, but for those that it `registers` itself."""
    if not event.is_about_a_family:
        return frozenset()
    found = set()
    for ref in event.refs:
        links = directory.find(ref.key)
        own = ref.key in registers and ref.scheme != HUB_SCHEME
        if ref.kind == HOUSEHOLD or (own and not links):
            continue
        if not links or (event.kind in WAITS_IN_DOUBT and directory.known(ref.key) is None):
            found.add(directory.token(ref.key))
    return frozenset(found)


def partials(event: Published, directory: Directory) -> list[Datum]:
    """The event as far as it is known: once, or more often, so that each candidate for a doubtful id is in one."""
    known = {ref.key: [link.hub_id for link in directory.find(ref.key)] or [""] for ref in event.refs}
    return [
        event.type.replace_refs(
            event.datum, {key: each[min(number, len(each) - 1)] for key, each in known.items()}
        )
        for number in range(max(map(len, known.values()), default=1))
    ]


def _without_family(event: Published, secret: bytes) -> Copy:
    datum = event.datum
    if event.kind == REDRIVE:
        return Copy(_TOPICS[datum["processor"]], datum["key"], {})
    agency = datum.get("agency") or event.desk.agency
    return Copy("events", agency_log(secret, agency), {})


def _readings(
    event: Published, directory: Directory, secret: bytes
) -> list[tuple[dict[RefKey, str], tuple[Doubt, ...]]]:
    """Every way to read the event's ids: one, unless some are doubtful."""
    certain: dict[RefKey, str] = {}
    doubtful: dict[RefKey, tuple[str, ...]] = {}
    for ref in event.refs:
        key, known = ref.key, directory.known(ref.key)
        if ref.kind == HOUSEHOLD and known is None:
            known = _household(key, secret)
        if known is not None:
            certain[key] = known
        else:
            doubtful[key] = tuple(link.hub_id for link in directory.find(key))
    readings = []
    for chosen in product(*doubtful.values()):
        doubts = tuple(
            Doubt(key, hub_id, candidates, derive(secret, "stand-in", *key, hub_id))
            for (key, candidates), hub_id in zip(doubtful.items(), chosen, strict=True)
        )
        readings.append(({**certain, **{doubt.key: doubt.hub_id for doubt in doubts}}, doubts))
        if len(readings) > MOST_COPIES:
            break
    return readings


def raised(event: Published, datum: Datum) -> frozenset[str]:
    """Whose guards the event raises, with these references in it, as far as it says."""
    return protective(
        PlainEvent(event.receipt_id, event.kind, event.desk.name, "", 0, 0, event.receipt_id, datum)
    )


def _household(key: RefKey, secret: bytes) -> str:
    return key[2] if key[1] == HUB_SCHEME else derive(secret, *key)


def _copies(
    event: Published, directory: Directory, mapping: dict[RefKey, str], doubts: tuple[Doubt, ...]
) -> list[Copy]:
    datum = event.type.replace_refs(event.datum, mapping)
    return [Copy("events", family, mapping, doubts) for family in _families(event, directory, datum)]


def _families(event: Published, directory: Directory, datum: Datum) -> list[str]:
    event_type = event.type
    if event_type.referral_field is not None and datum[event_type.referral_field] is not None:
        family = directory.referred(datum[event_type.referral_field]["value"])
        if family is not None:
            return [family]
    if event_type.family_field is not None and datum[event_type.family_field] is not None:
        return [str(datum[event_type.family_field]["value"])]
    persons = event_type.persons(datum)
    found = dict.fromkeys(family for person in persons for family in directory.families(person))
    if not found and event.kind.startswith(CONSENT) and raised(event, datum):
        found = dict.fromkeys(last for each in persons if (last := directory.last_family(each)) is not None)
    return list(found)
