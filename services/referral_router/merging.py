"""Whether two ids that may be one human are: who leads a family of either decides, within hours (RULES.md 4.12).

All about both is held until then. A desk that said that they may be one has the task, by its log; `confirm` asks the
second person, whose task takes its place; that they are not one ends it, wherever that is said. Where it was said at
once that they are one, the second person has a task from the start (`ask_second_persons`).
"""

from collections.abc import Iterator, Mapping
from typing import Final

from hub.clock import HOUR, Micros
from hub.effects import CloseTask, OpenTask
from hub.events import Event
from services.consent.approvals import Entry
from services.consent.compiled import CompiledRules
from services.consent.event import kind_of
from services.consent.family_facts import FamilyFacts
from services.consent.person import Bond
from services.referral_router.rejecting import OPERATIONS, answerable

HELD: Final = "held"
PERHAPS_ONE: Final = "perhaps_one"
LINKED: Final = "wraparound.hub.identity_linked.v1"
WITHIN: Final = 4 * HOUR
IN_ENQUIRY: Final = HOUR


def to_be_decided(
    before: FamilyFacts, after: FamilyFacts, event: Event, at: Micros, rules: CompiledRules
) -> Iterator[OpenTask | CloseTask]:
    """The task of a statement that two may be one, and its end; the statement's own log opens it.

    And the end of what a second person was asked, where nothing is left to answer.
    """
    if not before.one and not after.one:
        return
    log = event.envelope.key
    for receipt in sorted(_asked(before) - _asked(after)):
        yield CloseTask("approval", receipt, event.envelope.source, log=log)
    was, now = perhaps_one(before), perhaps_one(after)
    for receipt in sorted(was.keys() - now.keys()):
        yield CloseTask(HELD, receipt, event.envelope.source, log=log)
    if event.type == LINKED and not event.envelope.cause:
        for receipt in sorted(now.keys() - was.keys()):
            person, other = now[receipt]
            due = at + (IN_ENQUIRY if after.scene(rules, at, event.id).s47 else WITHIN)
            detail = {"family": log, "person": person, "other": other}
            owner = answerable(after) or OPERATIONS
            yield OpenTask(HELD, receipt, owner, PERHAPS_ONE, due, detail, shared=True)


def _asked(facts: FamilyFacts) -> set[str]:
    """The receipts of what a second person is asked about two being one."""
    pending: Mapping[str, Entry] = facts.state.get("pending", {})
    return {entry["receipt"] for entry in pending.values() if entry["kind"] == kind_of(LINKED)}


def perhaps_one(facts: FamilyFacts) -> Mapping[str, tuple[str, str]]:
    """Receipt of what was said last of two people → who they are: that they may be one, and no more since."""
    found: dict[str, tuple[str, str]] = {}
    for person in sorted(facts.one):
        own = facts.own_person(person)
        for other, mine in own.same.items():
            theirs = facts.own_person(other).same.get(person, Bond())
            bond = Bond(*map(max, mine, theirs))
            _, receipt, value = own.registers.get(f"same|{other}", (0, "", {}))
            is_last = bond.said == mine.said and value.get("degree") == "probable"
            if is_last and bond.holds and not bond.is_sure:
                found.setdefault(receipt, (person, other))
    return found
