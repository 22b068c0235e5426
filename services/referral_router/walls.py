"""Who is to work, or works, for both sides of a pair without a wall between its workers (RULES.md 4.22).

A request to a desk that opposes its subject would be seen by nobody there: the hub returns it to the referrer at once.
What is under way when a pair begins, the lead has as a task, until the work or the opposition ends: people decide.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hub.clock import Micros
from hub.effects import CloseTask, Emit, OpenTask
from hub.events import Event
from services.consent.compiled import CompiledRules
from services.consent.family import State
from services.consent.family_facts import FamilyFacts
from services.consent.moves import OPEN_STATES
from services.referral_router.rejecting import OPERATIONS, answerable

REQUESTED: Final = "wraparound.referral.requested.v1"
REOPENED: Final = "wraparound.referral.reopened.v1"
OFFERED: Final = "wraparound.referral.offered.v1"
RETURNED: Final = "wraparound.referral.returned.v1"
BOTH_SIDES: Final = "both_sides"
NAME_A_WALL: Final = "serves_both_sides"
"""The reason: "serves both sides: name a wall"."""


def answered_at_once(
    event: Event, at: Micros, before: State, after: FamilyFacts, rules: CompiledRules
) -> Iterator[Emit]:
    """Until pathways hold places, every request is offered to the desk that it names, once; or returned."""
    data = event.data
    if event.type not in (REQUESTED, REOPENED) or data["retracted"]:
        return
    referral = data["referral"]["value"]
    was = before.get("referrals", {}).get(referral)
    now = after.state.get("referrals", {}).get(referral)
    said = {name: data[name] for name in ("family", "referral", "person")}
    family = event.envelope.key
    if now is None:
        return
    if referral in for_both_sides(after, rules, at):
        returned = {**said, "reason": NAME_A_WALL}
        yield Emit("events", family, RETURNED, returned, family, recorded=at)
    elif event.type == REQUESTED and (was is None or was["to"] != now["to"]):
        yield Emit("events", family, OFFERED, said, family, recorded=at)


def listed(
    before: FamilyFacts, after: FamilyFacts, event: Event, at: Micros, rules: CompiledRules
) -> Iterator[OpenTask | CloseTask]:
    """For the lead, what is under way for both sides from this event on; and what is no longer."""
    if before.reads(after.state):
        return
    was, now = (for_both_sides(each, rules, at) for each in (before, after))
    for referral in sorted(was.keys() - now.keys()):
        yield CloseTask(BOTH_SIDES, referral, event.envelope.source, log=event.envelope.key)
    mine = event.data["referral"]["value"] if event.type in (REQUESTED, REOPENED) else None
    for referral in sorted(now.keys() - was.keys() - {mine}):
        detail = {"family": event.envelope.key, "desk": now[referral]}
        owner = answerable(after) or OPERATIONS
        yield OpenTask(BOTH_SIDES, referral, owner, NAME_A_WALL, detail=detail, part=referral, shared=True)


def for_both_sides(facts: FamilyFacts, rules: CompiledRules, at: Micros) -> Mapping[str, str]:
    """Each open referral whose desk opposes, or may oppose, whom it is about: referral → desk."""
    referrals: Mapping[str, Mapping[str, Any]] = facts.state.get("referrals", {})
    running = {name: each for name, each in referrals.items() if each["state"] in OPEN_STATES}
    if not running:
        return {}
    scene = facts.scene(rules, at, "")
    return {name: each["to"] for name, each in running.items() if each["person"] in scene.opposed(each["to"])}
