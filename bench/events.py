"""Events as acceptance would put them into a log: the schemas' own examples, about a benchmark's families."""

from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from hub.clock import Micros
from hub.events import Envelope, Event
from hub.ids import derive
from hub.outbox import LogEvent
from hub.schemas import Catalogue, EventType, wire
from hub.schemas.refs import Datum, RefKey
from services.consent.event import PlainEvent, kind_of
from services.consent.facts import protective

PERSONS: Final = ("9990000018", "9990000026", "9990000034")
"""Of the schemas' examples: mother, father, child."""


class Ids(Protocol):
    """The ids of a family."""

    @property
    def id(self) -> str:
        """The family's."""

    @property
    def persons(self) -> tuple[str, ...]:
        """Mother, father, children."""

    @property
    def referrals(self) -> tuple[str, ...]:
        """Its referrals."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event with its datum, not encoded yet."""

    type: EventType
    envelope: Envelope
    datum: Datum

    def log_event(self) -> LogEvent:
        """As it enters the log `events`; its envelope names the persons whose guards its acceptance raises."""
        head = self.envelope
        body = wire.encode(self.type, self.datum)
        return LogEvent(replace(head, raises=tuple(sorted(self.raises()))), "events", body, head.key)

    def raises(self) -> frozenset[str]:
        """Whose guards acceptance raises."""
        head = self.envelope
        return protective(
            PlainEvent(
                id=head.id,
                kind=kind_of(head.type),
                source=head.source,
                family=head.key,
                recorded=head.recorded_at,
                accepted=head.accepted_at,
                receipt=head.receipt,
                data=self.datum,
            )
        )

    def event(self) -> Event:
        """As a processor has it."""
        body = wire.encode(self.type, self.datum)
        return Event(self.envelope, self.datum, body)


class Maker:
    """Makes events, each with an id of its own."""

    def __init__(self, catalogue: Catalogue, secret: bytes) -> None:
        self._catalogue = catalogue
        self._secret = secret
        self._count = 0
        self._examples: dict[str, tuple[EventType, Datum, tuple[RefKey, ...]]] = {}

    def tell(
        self,
        family: Ids,
        source: str,
        kind: str,
        at: Micros,
        *,
        about: int = 0,
        referral: int = 0,
        **values: Any,
    ) -> Told:
        """The example of this kind, about one of the family's persons and referrals, with these fields instead."""
        self._count += 1
        event_type, example, keys = self._example(kind)
        datum = event_type.replace_refs(example, {key: _hub_id(family, key, about, referral) for key in keys})
        datum |= {"occurred_at": at, **values}
        number = str(self._count)
        envelope = Envelope(
            id=derive(self._secret, "bench-event", number),
            type=event_type.type,
            source=source,
            key=family.id,
            recorded_at=at,
            accepted_at=at,
            receipt=derive(self._secret, "bench-receipt", number),
        )
        return Told(event_type, envelope, datum)

    def with_data(self, told: Told, **values: Any) -> Told:
        """The same with these fields instead."""
        return replace(told, datum={**told.datum, **values})

    def _example(self, kind: str) -> tuple[EventType, Datum, tuple[RefKey, ...]]:
        found = self._examples.get(kind)
        if found is None:
            event_type = self._catalogue.type(f"wraparound.{kind}.v1")
            datum = event_type.from_json(event_type.examples[0])
            keys = tuple({use.key for use in event_type.refs(datum)})
            found = self._examples[kind] = (event_type, datum, keys)
        return found


def _hub_id(family: Ids, key: RefKey, about: int, referral: int) -> str:
    kind, _, value = key
    if kind == "family":
        return family.id
    if kind == "referral":
        return family.referrals[referral]
    played = PERSONS.index(value)
    # An example's own subject is its first person, or its child: whoever the event is about plays that part.
    if about and played == (0 if about == 1 else 2):
        played = about
    return family.persons[played]
