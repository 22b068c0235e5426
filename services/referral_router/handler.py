"""The router: one family's log, event by event, as a pure function.

In this order, for each event: may its author state it (authority), can it be true of this family (the table of
moves), is there a second person where it needs one; what it changes (the family, the persons' facts); who may know
it, on the facts after it (the sharing rules); what is still queued and rests on what it changed, decided again. What
the log accepted of a person's facts goes on to `people`, and so does every raise of a guard, also of an event that is
rejected: the raise was counted at acceptance, and its count must come back.

"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from hub.clock import HOUR, Micros
from hub.effects import (
    Await,
    Deliver,
    Done,
    Effect,
    Emit,
    OpenTask,
    Outcome,
    Queue,
    Rejected,
    Revise,
)
from hub.events import HUB, Event
from hub.partnership import Calendar
from hub.processor.machine import Kept
from services.consent.approvals import second_desks
from services.consent.authority import Refused, may_state
from services.consent.corrections import MOVED_ON, rebuilt
from services.consent.event import PlainEvent, kind_of
from services.consent.facts import Deltas
from services.consent.family import SHAPE, Stepped, apply_family
from services.consent.family import State as FamilyState
from services.consent.family_facts import FamilyFacts
from services.consent.log import corrects_state, needs_queue, stepped_by
from services.consent.logged import in_order, plain_event
from services.consent.notified import is_answered
from services.consent.registers import Register, to_wire
from services.consent.shields import OVERRIDE_LIMITS
from services.consent.versions import is_correction
from services.referral_router.answers import CHASED, NOTICE_SENT, answered, unanswered
from services.referral_router.between import said_before
from services.referral_router.deciding import Deciding, leading, passed, stranger
from services.referral_router.due import people_decide
from services.referral_router.merging import to_be_decided
from services.referral_router.notices import CORRECTED, Notices, ends
from services.referral_router.people import NEAR, PERSON_FACT
from services.referral_router.rejecting import EVENT_REJECTED, for_the_lead, rejection
from services.referral_router.walls import answered_at_once, listed

DECISION_LAPSED: Final = "wraparound.hub.decision_lapsed.v1"

NEVER_ALONE: Final = frozenset({"safety.pair_ended", "safety.restriction_lifted"})
"""Statements without any effect until a second person approves (RULES.md section 2); an override has some at once."""
_ASKED_FOR: Final = {"safety.override_invoked": OVERRIDE_LIMITS["alone"], "hub.identity_linked": 4 * HOUR}
"""How long a second person has: an override lapses, and all about who may be two is held (rule 4.12)."""
NOBODY: Final = "no_second_person"
ANSWERED: Final = "answered"
TO_WHOM_THEY_NAME: Final = frozenset({EVENT_REJECTED, NOTICE_SENT, CHASED})


@dataclass(frozen=True, slots=True)
class Family:
    """A family as its log has it: the state of `services.consent.family`, and the latest time of the log.

    `facts` is what decisions read, derived from `plain` and kept to save work.
    """

    plain: FamilyState = field(default_factory=dict)
    time: Micros = 0
    facts: FamilyFacts = field(default_factory=lambda: FamilyFacts({}), compare=False)

    def after(self, plain: FamilyState, at: Micros) -> "Family":
        """The family with this state, at this time of its log."""
        return Family(plain, at, FamilyFacts.of(plain, previous=self.facts))


@dataclass(frozen=True, slots=True)
class Router:
    """The machine of the processor `router`. `authority`: the rows of the partnership's table, by kind of event."""

    deciding: Deciding
    authority: Mapping[str, Sequence[Mapping[str, Any]]]
    calendar: Calendar
    name: str = "router"
    topic: str = "events"
    table: str = "family_state"
    shape: int = SHAPE
    sealed: bool = True

    def initial(self, key: str) -> Family:  # noqa: ARG002 - nothing is known of any family
        """Nothing known."""
        return Family()

    def dump(self, state: Family, stored: Family | None) -> Kept:
        """As JSON, with the time beside it: most events change nothing else."""
        if stored is not None and stored.plain is state.plain:
            return Kept(None, state.time)
        return Kept(orjson.dumps(state.plain, option=orjson.OPT_SORT_KEYS), state.time)

    def load(self, kept: Kept) -> Family:
        """From JSON."""
        return Family().after(orjson.loads(kept.body or b"{}"), kept.latest)

    def needs_queue(self, event: Event) -> bool:
        """Whether the event may change what queued deliveries of its family rest on."""
        return needs_queue(event)

    def needs_history(self, state: Family, event: Event) -> bool:
        """Whether the event corrects what sets something of a state, or ends what desks hold something by."""
        return corrects_state(event) or ends(state.plain, event) is not None

    def rebuild(self, history: Sequence[Event]) -> Family:
        """A family as all that took effect in its log makes it."""
        events = in_order(history)
        return Family().after(rebuilt(events), events[-1].recorded if events else 0)

    def handle(self, state: Family, event: Event, queued: Queue, history: Sequence[Event] = ()) -> Outcome:
        """Apply one event to its family's log."""
        at = max(event.envelope.recorded_at, state.time)
        plain = plain_event(event, at)
        if event.type == DECISION_LAPSED:
            return self._lapsed(state, event, at, queued)
        if event.type in TO_WHOM_THEY_NAME:
            return self._told(state, event, plain, at, queued)
        refused = self._refused(state.facts, plain)
        if refused is not None:
            return self._rejected(state.facts, event, refused, at)
        stepped = stepped_by(state.plain, plain, event, history)
        if not isinstance(stepped, Stepped):
            return self._rejected(state.facts, event, stepped.code, at)
        desks = second_desks_asked(stepped.state, plain, self.deciding.served)
        if plain.kind in NEVER_ALONE and None in desks.values():
            return self._rejected(state.facts, event, NOBODY, at)
        after = state.after(stepped.state, at)
        again = tuple(self.deciding.decide_again(after.facts, event, at, queued)) if queued else ()
        effects = [*again, *self.deciding.decide(after.facts, event, at, passed(queued, again))]
        effects += self._notices(state, after, event, plain, at, history)
        effects += answered(event)
        effects += people_decide(
            state.facts,
            after.facts,
            event,
            at,
            calendar=self.calendar,
            rules=self.deciding.rules(at),
            served=self.deciding.served,
            history=history,
        )
        effects += answered_at_once(event, at, state.plain, after.facts, self.deciding.rules(at))
        effects += listed(state.facts, after.facts, event, at, self.deciding.rules(at))
        effects += to_be_decided(state.facts, after.facts, event, at, self.deciding.rules(at))
        effects += said_before(event, plain, after.facts, self.deciding.served)
        effects += ask_second_persons(event, at, desks, self.deciding.rules(at).opposes_nobody)
        asked = strangers(after.plain, event.envelope.key, effects)
        told = tell_people(event, at, stepped.deltas, asked)
        return Done(after, (*told, *effects), stepped.remark)

    def _notices(
        self,
        state: Family,
        after: Family,
        event: Event,
        plain: PlainEvent,
        at: Micros,
        history: Sequence[Event],
    ) -> Iterator[Emit]:
        """To who holds what the event ends or corrects; a desk that is told of what ended is told of that alone."""
        notices = Notices(self.deciding, self.calendar)
        corrects = is_correction(plain)
        kind = CORRECTED.get(plain.kind) if corrects else ends(state.plain, event)
        told = set()
        if kind is not None:
            for each in notices.ended(kind, state.facts, after.facts, event, at, history):
                told.add(each.data["to"])
                yield each
        if corrects:
            for each in notices.corrected(state.facts, after.facts, event, at, history):
                if each.data["to"] not in told:
                    yield each

    def _told(self, state: Family, event: Event, plain: PlainEvent, at: Micros, queued: Queue) -> Done:
        """What the hub says to one desk. Nobody is chased for what they have answered."""
        after = state.after(apply_family(state.plain, plain), at)
        if event.type == CHASED and is_answered(after.plain, event.data["notice"]):
            return Done(after, remark=ANSWERED)
        told = tuple(self.deciding.tell_named(after.facts, event, at, passed(queued, ())))
        lead = min(leading(after.facts), default=None)
        return Done(after, (*told, *unanswered(event, lead, self.deciding.served)))

    def _refused(self, facts: FamilyFacts, plain: PlainEvent) -> str | None:
        if plain.source == HUB:
            return None
        rules = self.deciding.rules(plain.recorded)
        verdict = may_state(self.authority.get(plain.kind, ()), rules, facts, plain)
        return verdict.code if isinstance(verdict, Refused) else None

    def _rejected(self, facts: FamilyFacts, event: Event, code: str, at: Micros) -> Rejected:
        """Nothing changes; who may know of it hears of it, and a raise comes back."""
        persons = self.deciding.catalogue.type(event.type).persons(event.data)
        rules = self.deciding.rules(at)
        told = list(rejection(event, code, at, persons=persons, facts=facts, rules=rules))
        if code == MOVED_ON and not any(isinstance(each, OpenTask) for each in told):
            told.append(for_the_lead(event, code, facts))
        return Rejected(code, (*told, *tell_people(event, at, {})))

    def _lapsed(self, state: Family, event: Event, at: Micros, queued: Queue) -> Outcome:
        """Decide again what an attempt could not send, if all that it met has been seen by now.

        If not, the fact that is on its way decides again: `hub.person_fact` needs the queue.
        """
        seen: Mapping[str, int] = state.plain.get("raises", {})
        after = state.after(state.plain, at)
        if any(seen.get(met["person"], 0) < met["raises"] for met in event.data["met"]):
            return Done(after)
        effects = tuple(self.deciding.decide_again(after.facts, event, at, queued))
        asked = strangers(after.plain, event.envelope.key, effects)
        return Done(after, (*tell_people(event, at, {}, asked), *effects))


def tell_people(
    event: Event, at: Micros, deltas: Deltas, asked: AbstractSet[str] = frozenset()
) -> Iterator[Emit]:
    """What `people` is to know of this event, for each person.

    What it sets of their facts; the raises that its acceptance counted; and, of those `asked` about, that this log
    decides on them too: what is known of them is to come here from now on.
    """
    raised = set(event.envelope.raises)
    for person in sorted(raised | deltas.keys() | asked):
        facts = dict(deltas.get(person, {}))
        if person in asked:
            # Ever the same register, so that asking again changes nothing.
            facts[f"{NEAR}{person}|{event.envelope.key}"] = Register(0, "", {})
        data = {
            "person": {"scheme": HUB, "value": person},
            "facts": to_wire(facts),
            "raises": None,
            "raised": int(person in raised),
            "family": {"scheme": HUB, "value": event.envelope.key},
        }
        yield Emit("people", person, PERSON_FACT, data, None, recorded=at)


def strangers(state: FamilyState, family: str, effects: Iterable[Effect]) -> frozenset[str]:
    """On whom what is decided rests that are strangers here: they are to be asked for."""
    rested = {each.release.persons for each in effects if isinstance(each, Deliver | Revise)}
    rested |= {each.persons for each in effects if isinstance(each, Await)}
    return frozenset(person for group in rested for person in group if stranger(state, family, person))


def second_desks_asked(state: FamilyState, plain: PlainEvent, desks: Iterable[str]) -> dict[str, str | None]:
    """Of each agency whose second person the event waits for, the desk that is asked; {} if it waits for none."""
    entry = state.get("pending", {}).get(plain.id)
    return {} if entry is None else second_desks(state, entry, desks)


def ask_second_persons(
    event: Event, at: Micros, desks: Mapping[str, str | None], opposes_nobody: Callable[[str], bool]
) -> Iterator[OpenTask]:
    """A task for each desk that is asked, one for all copies of the event: in how many families it is tells nobody.

    Whichever copy is accepted first asks: the primary one may be refused. A doubtful one asks nobody. The reason's code
    is told to a desk that never opposes anybody: another team of the same agency may work for the other side.
    """
    head = event.envelope
    if head.cause:
        return
    kind = kind_of(event.type)
    due = at + limit if (limit := _ASKED_FOR.get(kind)) else None
    why = event.data.get("reason_code" if kind == "safety.override_invoked" else "reason")
    detail = {"asked_by": head.source, "type": kind, "family": head.key}
    for desk in desks.values():
        if desk is not None:
            key = head.receipt or head.id
            told = detail | ({"why": why} if why is not None and opposes_nobody(desk) else {})
            yield OpenTask("approval", key, desk, "second_person", due, told, part=desk, shared=True)


def rows_by_kind(table: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """The rows of an authority table for each kind of event that they name."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in table:
        for kind in row["types"]:
            found.setdefault(kind, []).append(row)
    return found
