"""Decisions as effects: what each desk may have of an event now, and of what is still queued.

Every decision is one record with all desks in it (`Decided`), and for each desk that may have something, or may
once a hold ends, a delivery. A delivery rests on the guards of everybody whose protective events could change it;
it stores how many of each the family's log has seen.

While facts of somebody whom a row rests on are on their way, which takes a moment, it stands as lapsed: nothing of it
goes out, and it keeps its place before what comes later of the family. Every desk that a permit could ever serve has
such a row, since the facts may give it a role. Where a person's identity waits
for somebody to confirm it, which takes hours, what may be known of the others goes out meanwhile.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

from hub.clock import Micros
from hub.effects import Decided, Deliver, Effect, Note, Queued, QueuedStatus, Release, Revise
from hub.events import Event
from hub.schemas import Catalogue, EventType, Items, wire
from services.consent.compiled import CompiledRules
from services.consent.decision import Verdict
from services.consent.engine import decide
from services.consent.items import Item
from services.consent.logged import awaits, item_of, rests_on
from services.consent.outcome import WHEREABOUTS
from services.consent.scene import FamilyFacts
from services.consent.vocabulary import FAMILY_ROLES
from services.referral_router.people import FAMILY

INTERNAL: Final = "internal"
URGENT_GATES: Final = frozenset({"child.s47", "safety.restriction", "incident.report"})
"""Gates that a broken seal never holds up, nor anything to the lead (AUDIT.md section 6)."""


DeliveryId = Callable[[str, str], str]


class Bodies:
    """The encoded deliveries of one event: desks with the same view share one encoding.

    Of a correction each desk is told which of its own deliveries it corrects.
    """

    def __init__(self, event_type: EventType, event: Event, items: Items, delivery_id: DeliveryId) -> None:
        self._type = event_type
        self._event = event
        self._items = items
        self._delivery_id = delivery_id
        self._made: dict[tuple[int, tuple[str, ...], str | None], bytes] = {}
        # What publishers alone may read never leaves; without it the bytes can go as they came.
        self._whole = (
            bool(event.raw) and event.data["addressed_to"] is None and event.data["corrects"] is None
        )

    def of(self, verdict: Verdict) -> bytes:
        """The complete Kafka value of what this verdict releases."""
        earlier = self._event.data["corrects"]
        corrects = self._delivery_id(earlier, verdict.desk) if earlier else None
        key = (verdict.mask, verdict.withheld, corrects)
        body = self._made.get(key)
        if body is None and self._whole and verdict.mask == self._items.everything and not verdict.withheld:
            body = self._made[key] = self._event.raw
        if body is None:
            reduced = self._type.reduce(
                self._event.data,
                self._items,
                verdict.mask,
                withheld=verdict.withheld,
                corrects=corrects,
            )
            body = self._made[key] = wire.encode(self._type, reduced)
        return body


@dataclass(frozen=True, slots=True)
class Deciding:
    """The sharing rules at work on a family's log.

    `served`: the desks to which anything is delivered. `delivery_id`: the id of an event's delivery to a desk.
    """

    rules: CompiledRules
    catalogue: Catalogue
    served: AbstractSet[str]
    delivery_id: DeliveryId

    def decide(self, facts: FamilyFacts, event: Event, at: Micros) -> Iterator[Effect]:
        """Decide a new event for every desk, on the facts after it."""
        event_type = self.catalogue.type(event.type)
        if event_type.gate == INTERNAL:
            return
        items = event_type.items(event.data)
        item = item_of(facts, event, items)
        decision = decide(self.rules, facts, item, at, at)
        yield Decided(event.id, decision.record(), (event.envelope.key,))
        persons, counts = rests_on(facts, items.people)
        bodies = Bodies(event_type, event, items, self.delivery_id)
        leads = leading(facts)
        moment = awaits(facts, (*persons, *decision.waits))
        verdicts = {each.desk: each for each in decision.recipients}
        wanted = verdicts.keys() | (self._possible(item, items) if moment else frozenset())
        for desk in sorted(wanted & self.served):
            urgent = event_type.gate in URGENT_GATES or desk in leads
            verdict = verdicts.get(desk) or decision.verdict(desk)
            release = _release(verdict, bodies, persons, counts, moment=moment, released=False)
            yield Deliver(desk, event, at, release, urgent)

    def decide_again(
        self, facts: FamilyFacts, cause: Event, at: Micros, queued: Sequence[Queued], *, came: bool
    ) -> Iterator[Effect]:
        """Decide what has not ended again, on the facts after `cause`.

        `came`: facts of somebody came with it from elsewhere that were not known here. What waits for such facts at
        every desk is decided again then, or once nobody's are awaited any more; not at each event in between. Unless
        it rests on somebody of whom nothing is on its way yet: the row that is written says to ask for them.
        """
        for event, rows in by_event(queued):
            event_type = self.catalogue.type(event.type)
            items = event_type.items(event.data)
            persons, counts = rests_on(facts, items.people)
            ask = any(stranger(facts.state, event.envelope.key, each) for each in persons)
            if not came and not ask and awaits(facts, persons) and all(map(_undecided, rows)):
                continue
            bodies = Bodies(event_type, event, items, self.delivery_id)
            if event_type.gate == INTERNAL:
                body = wire.encode(event_type, event.data)
                for row in rows:
                    yield Revise(row, Release(_status(released=row.released), body, (), (), None))
                continue
            item = item_of(facts, event, items)
            decision = decide(self.rules, facts, item, rows[0].recorded, at, {row.desk for row in rows})
            moment = awaits(facts, (*persons, *decision.waits))
            releases = [
                _release(
                    decision.verdict(row.desk), bodies, persons, counts, moment=moment, released=row.released
                )
                for row in rows
            ]
            changed = [
                (row, release)
                for row, release in zip(rows, releases, strict=True)
                if ask or _differs(row, release)
            ]
            if changed:
                yield Decided(event.id, decision.record(), (event.envelope.key,))
            for row, release in changed:
                yield Revise(row, release)
                # What was still to be decided was never to be released: its decision says all.
                if release.status == "recalled" and not row.empty:
                    detail = {"delivery": row.delivery_id, "desk": row.desk, "cause": cause.id}
                    yield Note("delivery.recalled", row.delivery_id, (event.envelope.key,), detail)

    def tell_named(self, facts: FamilyFacts, event: Event) -> Iterator[Effect]:
        """A rejection or a notice goes to the desk that it names, as it is."""
        body = wire.encode(self.catalogue.type(event.type), event.data)
        desk = event.data["to"]
        if desk in self.served:
            release = Release("pending", body, (), (), None)
            # A notice names one delivery: of what the desk never had it hears nothing (RULES.md section 7).
            (after,) = event.data.get("deliveries") or ("",)
            urgent = desk in leading(facts)
            yield Deliver(desk, event, event.envelope.recorded_at, release, urgent, after)

    def desks_of(self, facts: FamilyFacts, event: Event, recorded: Micros, at: Micros) -> frozenset[str]:
        """The desks that may have something of an event by these facts."""
        event_type = self.catalogue.type(event.type)
        if event_type.gate == INTERNAL:
            return frozenset()
        item = item_of(facts, event, event_type.items(event.data))
        decision = decide(self.rules, facts, item, recorded, at)
        return frozenset(each.desk for each in decision.recipients if each.mask and each.desk in self.served)

    def _possible(self, item: Item, items: Items) -> frozenset[str]:
        """The desks to which a permit could give something of this event, if they held a role for a person."""
        categories = {each.category for each in items.cells} | {each.category for each in items.texts}
        if any(each.startswith("contact.") for each in categories):
            categories.add(WHEREABOUTS)
        return frozenset(
            desk
            for desk in self.served & self.rules.desks.keys()
            if (item.derived or desk != item.source)
            and any(
                not FAMILY_ROLES.issuperset(permit.roles)
                for category, permits in self.rules.permits(item.source, desk).items()
                if category in categories
                for permit in permits
            )
        )


def _release(
    verdict: Verdict,
    bodies: Bodies,
    persons: tuple[str, ...],
    counts: tuple[int, ...],
    *,
    moment: bool,
    released: bool,
) -> Release:
    if moment and (verdict.held or not verdict.mask):
        # Facts that are on their way decide it in a moment: like a lapsed row it keeps its place in line.
        return Release("lapsed", None, persons, counts, None, "facts")
    if verdict.held and not verdict.mask:
        return Release("held", None, persons, counts, None, verdict.hold or "unconfirmed")
    if not verdict.mask:
        return Release("recalled", None, persons, counts, None, "not_allowed")
    return Release(_status(released=released), bodies.of(verdict), persons, counts, verdict.valid_until)


def stranger(state: Mapping[str, Any], family: str, person: str) -> bool:
    """True for somebody of whom nothing ever came here, and nothing is on its way: no member of the family."""
    known: Mapping[str, object] = state.get("known", {})
    persons: Mapping[str, Mapping[str, object]] = state.get("persons", {})
    return person not in known and f"{FAMILY}{family}" not in persons.get(person, {})


def _differs(row: Queued, release: Release) -> bool:
    """False for what waits for facts that are on their way, and still does: there is nothing to write of it.

    A family's first events wait at every desk for each fact of each member in turn: written anew each time, a family
    of five costs thousands of rows. Whatever counts such a row holds, it is decided again before it is attempted.
    """
    return not (_undecided(row) and release.status == "lapsed")


def _undecided(row: Queued) -> bool:
    """Whether the row has waited for facts since its event was decided."""
    return row.status == "lapsed" and row.empty


def _status(*, released: bool) -> QueuedStatus:
    return "delivered" if released else "pending"


def leading(facts: FamilyFacts) -> frozenset[str]:
    """The desks that lead the family now."""
    leads: Mapping[str, Sequence[Sequence[object]]] = facts.state.get("lead", {})
    return frozenset(desk for desk, spans in leads.items() if spans and spans[-1][1] is None)


def by_event(queued: Iterable[Queued]) -> Iterator[tuple[Event, list[Queued]]]:
    """The queued deliveries of each event, events in the order in which they were queued."""
    rows: dict[str, list[Queued]] = {}
    for each in queued:
        rows.setdefault(each.event.id, []).append(each)
    for group in rows.values():
        yield group[0].event, group
