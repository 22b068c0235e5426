"""What left between what was said and its record is listed for information governance (RULES.md section 7, *Exact*).

A withdrawal of Monday that is recorded on Wednesday keeps nothing back on Tuesday. Whoever then had something of its
person is in the task that the record opens: it names the deliveries, and opens only if there is one. It is looked at
in the transaction in which the first of the event's logs takes it: since its acceptance nothing of the person has begun
to leave, and nothing does before the people processor has heard of it. So all that left since it was said is what left
in between, and what is being sent at this moment belongs to it.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Final

from hub.clock import format_micros
from hub.effects import Left, OpenTask
from hub.events import Event
from services.consent.event import PlainEvent
from services.consent.facts import restrained
from services.consent.family_facts import FamilyFacts
from services.referral_router.due import officers
from services.referral_router.rejecting import OPERATIONS, answerable

LEFT_BETWEEN: Final = "left_between"
SAID_BEFORE: Final = "said_before_recorded"


def said_before(
    event: Event, plain: PlainEvent, facts: FamilyFacts, served: AbstractSet[str]
) -> Iterator[OpenTask]:
    """A task of what left since it was said, if that was before its log could know of it: one for all its copies.

    A retraction says nothing that was so at any time.
    """
    if event.envelope.cause or plain.retracted or plain.occurred >= plain.entered:
        return
    persons = _whom(event, plain)
    if persons:
        own = sorted(persons.union(*map(facts.one_with, persons)))
        owner = next(iter(officers(answerable(facts), served)), OPERATIONS)
        detail = {
            "family": plain.family,
            "persons": own,
            "since": format_micros(plain.occurred),
            "until": format_micros(plain.entered),
        }
        left = Left(tuple(own), plain.occurred)
        yield OpenTask(LEFT_BETWEEN, plain.receipt, owner, SAID_BEFORE, detail=detail, shared=True, left=left)


def _whom(event: Event, plain: PlainEvent) -> frozenset[str]:
    """Whom it protects; of what is about a whole family its members, whom acceptance looked up."""
    whole = plain.kind == "hub.worker_conflict_recorded" or plain.data.get("scope") == "family"
    return frozenset(event.envelope.raises) if whole and not plain.corrects else restrained(plain)
