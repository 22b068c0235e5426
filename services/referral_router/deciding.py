"""Decisions as effects: what each desk may have of an event now, and of what is still queued.

Every decision is one record with all desks in it (`Decided`), and for each desk that may have something, or may
once a hold ends, a delivery. A delivery rests on the guards of everybody whose protective events could change it;
it stores how many of each the family's log has seen.

While facts of somebody whom an event rests on are on their way, which takes a moment, the family waits as one: who
gets something of it for certain gets that, and for everybody else it, and all that comes after it, is decided when they
have come, in order. A delivery that was there before stands as lapsed meanwhile. Where a person's identity waits for
somebody to confirm it, which takes hours, what may be known of the others goes out.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any, Final

from hub.clock import Micros
from hub.effects import (
    Await,
    Decided,
    Deliver,
    Effect,
    Note,
    Queue,
    Queued,
    QueuedStatus,
    Release,
    Revise,
    Settle,
    Waiting,
)
from hub.events import Event
from hub.schemas import Catalogue, wire
from services.consent.compiled import CompiledRules
from services.consent.decision import Decision, Verdict
from services.consent.engine import decide
from services.consent.family_facts import FamilyFacts
from services.consent.logged import awaits, comes_back, item_of, rests_on
from services.referral_router.answers import answer_asked
from services.referral_router.bodies import Bodies, DeliveryId
from services.referral_router.people import FAMILY, PERSON_FACT

INTERNAL: Final = "internal"
URGENT_GATES: Final = frozenset({"child.s47", "safety.restriction", "incident.report"})
"""Gates that a broken seal never holds up, nor anything to the lead (AUDIT.md section 6)."""


@dataclass(frozen=True, slots=True)
class Deciding:
    """The sharing rules at work on a family's log.

    `rules`: the rule set in force at a time of the log. `served`: the desks to which anything is delivered.
    `delivery_id`: the id of an event's delivery to a desk.
    """

    rules: Callable[[Micros], CompiledRules]
    catalogue: Catalogue
    served: AbstractSet[str]
    delivery_id: DeliveryId

    def decide(
        self, facts: FamilyFacts, event: Event, at: Micros, passed: AbstractSet[str] | None = None
    ) -> Iterator[Effect]:
        """Decide a new event on the facts after it, for every desk.

        Where facts are awaited, of its people or by what stands before it in its family, it goes to those alone who
        get something of it already, and of everything before it; for all others it waits. So it does while a raise of
        its own is on its way, which would make what is decided of it now lapse. `passed` are the desks that have all
        that is before it, None if nothing there waits.
        """
        event_type = self.catalogue.type(event.type)
        if event_type.gate == INTERNAL:
            return
        items = event_type.items(event.data)
        decision = decide(self.rules(at), facts, item_of(facts, event, items), at, at)
        yield Decided(event.id, decision.record(), (event.envelope.key,))
        rest = rests_on(facts, items.people)
        moment = awaits(facts, (*rest[0], *decision.waits))
        back = comes_back(event, rest[0]) and not moment
        given = self._given(decision, moment=moment, passed=frozenset() if back else passed)
        bodies = Bodies(event_type, event, items, self.delivery_id)
        yield from self._deliver(facts, event, at, decision, bodies, rest, given)
        if moment or ((back or passed is not None) and not self.served <= given):
            yield Await(Waiting(event, at, tuple(sorted(given))), rest[0])

    def _given(
        self, decision: Decision, *, moment: bool, passed: AbstractSet[str] | None
    ) -> AbstractSet[str]:
        """The desks that are done with an event at once: what they get of it is certain, were it nothing.

        Whoever published it has it. Unless facts are awaited, it is decided on what is known after it who gets nothing.
        """
        if moment:
            certain = {each.desk for each in decision.recipients if each.mask and not each.held}
            desks = self.served & (certain | {decision.source})
            return desks if passed is None else desks & passed
        if passed is None:
            return self.served
        return (self.served & passed) | (self.served - {each.desk for each in decision.recipients})

    def _deliver(
        self,
        facts: FamilyFacts,
        event: Event,
        at: Micros,
        decision: Decision,
        bodies: Bodies,
        rest: tuple[tuple[str, ...], tuple[int, ...]],
        desks: AbstractSet[str],
    ) -> Iterator[Deliver]:
        leads = leading(facts)
        gate = self.catalogue.type(event.type).gate
        for verdict in decision.recipients:
            if verdict.desk in desks:
                release = _release(verdict, decision.rules, bodies, *rest, moment=False, released=False)
                urgent = gate in URGENT_GATES or verdict.desk in leads
                yield Deliver(verdict.desk, event, at, release, urgent)

    def decide_again(self, facts: FamilyFacts, cause: Event, at: Micros, queued: Queue) -> Iterator[Effect]:
        """Decide what has not ended again, on the facts after `cause`; for everybody, what need wait no longer.

        What is still to wait goes to those who are certain to get something of it, once they have all before it. What
        waits for facts of somebody of whom nothing is on its way yet says so again: they are to be asked for.
        """
        passed: AbstractSet[str] | None = None
        moved = False
        for event, waiting, rows in by_event(queued):
            again = self._again(facts, cause, at, (event, waiting, rows), passed, moved=moved)
            done = yield from again
            if waiting is not None and done is None:
                moved = True
            elif waiting is not None and done is not None:
                moved = moved or len(done) > len(waiting.desks)
                passed = done if passed is None else passed & done

    def _again(
        self,
        facts: FamilyFacts,
        cause: Event,
        at: Micros,
        queued: tuple[Event, Waiting | None, list[Queued]],
        passed: AbstractSet[str] | None,
        *,
        moved: bool,
    ) -> Generator[Effect, None, AbstractSet[str] | None]:
        """One event. Gives the desks that are done with it, if it goes on waiting."""
        event, waiting, rows = queued
        event_type = self.catalogue.type(event.type)
        done = None if waiting is None else frozenset(waiting.desks)
        if event_type.gate == INTERNAL:
            body, digest = self._told(event), self.rules(at).digest
            for row in rows:
                yield Revise(row, Release(_status(released=row.released), body, (), (), None, digest))
            if waiting and passed is None:
                yield from self.tell_named(facts, event, at)
                yield Settle(waiting)
                return None
            return done
        items = event_type.items(event.data)
        bodies = Bodies(event_type, event, items, self.delivery_id)
        rest = rests_on(facts, items.people)
        ask = any(stranger(facts.state, event.envelope.key, each) for each in rest[0])
        moment = awaits(facts, rest[0])
        # Somebody may get it now who could not before.
        moved = waiting is not None and (moved or _came_back(event, cause))
        if moment and not ask and not moved and all(map(_undecided, rows)):
            return done
        recorded = waiting.recorded if waiting else rows[0].recorded
        open_to: AbstractSet[str] = frozenset()
        if waiting is not None and (moved or (passed is None and not moment)):
            open_to = (self.served if passed is None else self.served & passed) - set(waiting.desks)
        # Who is done with it is not decided for again.
        desks = open_to | {row.desk for row in rows}
        decision = decide(self.rules(at), facts, item_of(facts, event, items), recorded, at, desks)
        moment = moment or awaits(facts, decision.waits)
        changed = [
            Revise(row, release)
            for row in rows
            for release in [
                _release(
                    decision.verdict(row.desk),
                    decision.rules,
                    bodies,
                    *rest,
                    moment=moment,
                    released=row.released,
                )
            ]
            if ask or not (_undecided(row) and release.status == "lapsed")
        ]
        given = open_to & self._given(decision, moment=moment, passed=passed)
        settled = waiting is not None and passed is None and not moment
        if changed or given or settled:
            yield Decided(event.id, decision.record(), (event.envelope.key,))
        for each in changed:
            yield each
            yield from _recalled(each, cause)
        if waiting is None:
            return None
        yield from self._deliver(facts, event, recorded, decision, bodies, rest, given)
        if settled:
            yield Settle(waiting)
            return None
        if given or ask:
            waiting = replace(waiting, desks=tuple(sorted({*waiting.desks, *given})))
            yield Await(waiting, rest[0])
        return frozenset(waiting.desks)

    def tell_named(
        self, facts: FamilyFacts, event: Event, at: Micros, passed: AbstractSet[str] | None = None
    ) -> Iterator[Deliver | Await]:
        """A rejection or a notice goes to the desk that it names, after all that waits there (`passed`).

        Not to one that never had what it is about.
        """
        desk, recorded = event.data["to"], event.envelope.recorded_at
        if desk not in self.served:
            return
        if passed is not None and desk not in passed:
            yield Await(Waiting(event, recorded, tuple(sorted(self.served - {desk}))), ())
            return
        release = Release("pending", self._told(event), (), (), None, self.rules(at).digest)
        after = tuple(event.data.get("deliveries") or ())
        yield Deliver(desk, event, recorded, release, desk in leading(facts), after, answer_asked(event))

    def _told(self, event: Event) -> bytes:
        """A notice of what ended says whose cells: which of the deliveries the desk had is for the writer to know."""
        body = {**event.data, "deliveries": None} if event.data.get("categories") else event.data
        return wire.encode(self.catalogue.type(event.type), body)


def _release(
    verdict: Verdict,
    rules: str,
    bodies: Bodies,
    persons: tuple[str, ...],
    counts: tuple[int, ...],
    *,
    moment: bool,
    released: bool,
) -> Release:
    if moment and (verdict.held or not verdict.mask):
        # Facts that are on their way decide it in a moment: like a lapsed row it keeps its place in line.
        return Release("lapsed", None, persons, counts, None, rules, "facts")
    if verdict.held and not verdict.mask:
        return Release("held", None, persons, counts, None, rules, verdict.hold or "unconfirmed")
    if not verdict.mask:
        return Release("recalled", None, persons, counts, None, rules, "not_allowed")
    body = bodies.of(verdict)
    return Release(_status(released=released), body, persons, counts, verdict.valid_until, rules)


def stranger(state: Mapping[str, Any], family: str, person: str) -> bool:
    """True for somebody of whom nothing ever came here, and nothing is on its way: no member of the family."""
    known: Mapping[str, object] = state.get("known", {})
    persons: Mapping[str, Mapping[str, object]] = state.get("persons", {})
    return person not in known and f"{FAMILY}{family}" not in persons.get(person, {})


def _came_back(event: Event, cause: Event) -> bool:
    """Whether facts came of somebody whose guard the event raised: its raise may be among what they count."""
    return cause.type == PERSON_FACT and cause.data["person"]["value"] in event.envelope.raises


def _recalled(revise: Revise, cause: Event) -> Iterator[Note]:
    """That somebody does not get what waited for them. What nothing was decided of yet was never to be released."""
    row = revise.queued
    if revise.release.status == "recalled" and not row.empty:
        detail = {"delivery": row.delivery_id, "desk": row.desk, "cause": cause.id}
        yield Note("delivery.recalled", row.delivery_id, (row.event.envelope.key,), detail)


def _undecided(row: Queued) -> bool:
    """Whether the row has waited for facts since its event was decided."""
    return row.status == "lapsed" and row.empty


def _status(*, released: bool) -> QueuedStatus:
    return "delivered" if released else "pending"


def leading(facts: FamilyFacts) -> frozenset[str]:
    """The desks that lead the family now."""
    leads: Mapping[str, Sequence[Sequence[object]]] = facts.state.get("lead", {})
    return frozenset(desk for desk, spans in leads.items() if spans and spans[-1][1] is None)


def passed(queued: Queue, effects: Iterable[Effect]) -> frozenset[str] | None:
    """The desks that have all of what waits in a family after these effects; None if nothing waits."""
    waiting = {each.event.id: each.desks for each in queued if isinstance(each, Waiting)}
    for effect in effects:
        if isinstance(effect, Settle):
            del waiting[effect.waiting.event.id]
        elif isinstance(effect, Await):
            waiting[effect.waiting.event.id] = effect.waiting.desks
    return frozenset.intersection(*map(frozenset, waiting.values())) if waiting else None


def by_event(queued: Queue) -> Iterator[tuple[Event, Waiting | None, list[Queued]]]:
    """Of each event, whether it waits, and its deliveries; events in the order in which they came."""
    waiting = {each.event.id: each for each in queued if isinstance(each, Waiting)}
    rows: dict[str, list[Queued]] = {name: [] for name in waiting}
    for each in queued:
        if isinstance(each, Queued):
            rows.setdefault(each.event.id, []).append(each)
    for name, group in rows.items():
        found = waiting.get(name)
        yield (group[0] if group else waiting[name]).event, found, group
