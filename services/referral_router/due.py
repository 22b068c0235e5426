"""The tasks of those who are to decide something of a person, opened and closed as facts change (RULES.md section 7).

Every log opens what its own event brings, and it is one task, of the log that was first: that log ends it, as it learns
that it is decided. Only holders may come to disagree in two logs that did not know of each other: whichever has both
then says so.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from hub.clock import DAY, Micros
from hub.effects import CloseTask, OpenTask
from hub.events import Event
from hub.partnership import IG_TEAM, Calendar
from services.consent.compiled import CompiledRules
from services.consent.due import DECISION, DISAGREE, OBJECTION, RENEWAL, Due, due
from services.consent.event import kind_of
from services.consent.family_facts import FamilyFacts
from services.referral_router.people import PERSON_FACT
from services.referral_router.rejecting import OPERATIONS, answerable

NOTICE_DAYS: Final = 14
"""How long before a consent ends, or a restriction is to be reviewed, somebody is to ask whether it goes on."""
_TOPIC: Final = "consent."
APPROVED: Final = "hub.approval_given"
_BESIDES: Final = frozenset({kind_of(PERSON_FACT), "person.died", "safety.restriction_placed"})
"""A death that is taken back refuses what was given."""


def officers(lead: str | None, desks: Iterable[str]) -> list[str]:
    """The desks of information governance; that of the agency that leads the family first."""
    found = sorted(desk for desk in desks if desk.partition("/")[2] == IG_TEAM)
    found.sort(key=lambda desk: lead is None or desk.partition("/")[0] != lead.partition("/")[0])
    return found


def people_decide(
    before: FamilyFacts,
    after: FamilyFacts,
    event: Event,
    at: Micros,
    *,
    calendar: Calendar,
    rules: CompiledRules,
    served: AbstractSet[str],
    history: Sequence[Event] = (),
) -> Iterator[OpenTask | CloseTask]:
    """What the event brings somebody to decide, and what it decides.

    Of a consent's end nothing comes or goes at a desk that opposes the person: its list would tell of theirs (I05).
    """
    log = event.envelope.key
    for person in _concerned(before, after, event):
        was, now = due(before.own_person(person)), due(after.own_person(person))
        if was == now:
            continue
        opposed = after.scene(rules, at, event.id).opposed
        other_side = frozenset(desk for desk in served if person in opposed(desk))
        for each in sorted(was - now):
            but = other_side if each.kind == RENEWAL else frozenset()
            yield CloseTask(each.kind, each.receipt, event.envelope.source, _by(each, calendar), log, but)
        detail = {"family": log, "person": person}
        for each in sorted(now - was):
            if _opens(each, event, after, person):
                owner = _owner(each, after, event, served, history)
                if each.kind == RENEWAL and owner in other_side:
                    owner = answerable(after) or OPERATIONS
                yield from _task(each, owner, at, _by(each, calendar), detail)


def _opens(each: Due, event: Event, facts: FamilyFacts, person: str) -> bool:
    """Whether this log is to open it: not for a stand-in, nor for a family that the person has left."""
    if event.type == PERSON_FACT:
        member = facts.state.get("members", {}).get(person)
        return (
            each.reason == DISAGREE
            and member is not None
            and any(end is None for _, end, _ in member["spans"])
        )
    return not event.envelope.cause and (each.reason != DISAGREE or event.envelope.primary)


def _concerned(before: FamilyFacts, after: FamilyFacts, event: Event) -> list[str]:
    """Of whom it changes what people decide; a second person's word names nobody, and may end what it was asked of."""
    kind = kind_of(event.type)
    if kind == APPROVED:
        named = sorted(after.own)
    elif (kind.startswith(_TOPIC) or kind in _BESIDES) and event.data.get("person"):
        named = [str(event.data["person"]["value"])]
    else:
        named = []
    return [each for each in named if before.own_person(each) is not after.own_person(each)]


def _by(each: Due, calendar: Calendar) -> Micros | None:
    """By when: an end, a review; of an objection a month after it; who disagree have no time written."""
    if each.kind == RENEWAL:
        return each.at
    return calendar.a_month_after(each.at) if each.reason == OBJECTION else None


def _owner(
    each: Due, facts: FamilyFacts, event: Event, served: AbstractSet[str], history: Sequence[Event]
) -> str:
    """Who recorded it asks again; information governance decides objections, the lead what holders cannot."""
    lead = answerable(facts)
    if each.kind == RENEWAL:
        sources = {one.envelope.receipt or one.id: one.envelope.source for one in (*history, event)}
        return sources.get(each.receipt) or lead or OPERATIONS
    officer = officers(lead, served)
    return officer[0] if each.reason == OBJECTION and officer else lead or OPERATIONS


def _task(
    each: Due, owner: str, at: Micros, by: Micros | None, detail: Mapping[str, str]
) -> Iterator[OpenTask]:
    if each.kind == DECISION:
        yield OpenTask(DECISION, each.receipt, owner, each.reason, by, detail, part=each.against, shared=True)
    elif by is not None and by > at:
        opens = by - NOTICE_DAYS * DAY
        yield OpenTask(
            RENEWAL, each.receipt, owner, each.reason, by, detail, opens, part=str(by), shared=True
        )
