"""What the loop in memory is made of: Dorset's router, deliveries, what left; and calling a machine with suspicion."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from hub.attempts.row import Row
from hub.effects import Deliver, Done, Outcome, Queue, Release
from hub.events import Event
from hub.partnership import load
from hub.processor.machine import Machine
from services.referral_router.deciding import Deciding
from services.referral_router.handler import Router, rows_by_kind
from tests.unit.consent.cast import CATALOGUE, DORSET, dorset

RULES: Final = "rules"


@cache
def router() -> Router:
    """Dorset's router."""
    partnership = load(DORSET)
    deciding = Deciding(lambda _: dorset(), CATALOGUE, partnership.served, "{}>{}".format)
    return Router(deciding, rows_by_kind(partnership.authority_plain), partnership.calendar)


@dataclass(frozen=True)
class Left:
    """A body that left to a desk. `step`: when its attempt began."""

    step: int
    desk: str
    event: Event
    body: Mapping[str, Any]


@dataclass
class Held:
    """A delivery: what it rests on, and how it stands."""

    row: Row
    event: Event
    release: Release


def row_of(delivery: str, seq: int, effect: Deliver) -> Row:
    """The row of a new delivery."""
    release = effect.release
    return Row(
        delivery_id=delivery,
        seq=seq,
        desk=effect.desk,
        family_id=effect.event.envelope.key,
        type=effect.event.type,
        status=release.status,
        persons=release.persons,
        counts=release.counts,
        rules=RULES,
        valid_until=release.valid_until,
        urgent=effect.urgent,
        recorded_at=effect.recorded,
        body=release.body,
        tries=0,
        next_mono=0,
        released_at=None,
        place=None,
        since_mono=None,
        version="",
    )


def call(
    machine: Machine, state: Any, event: Event, queued: Queue, history: Sequence[Event], *, twice: bool
) -> Outcome:
    """Call a machine; `twice`: look that it is pure."""
    if not twice:
        return machine.handle(state, event, queued, history)
    before, body = machine.dump(state, None), deepcopy(event.data)
    outcome = machine.handle(state, event, queued, history)
    assert machine.dump(state, None) == before, "the state that it was given is as it was"
    assert event.data == body, "the event is as it was"
    again = machine.handle(machine.load(before), event, queued, history)
    assert again.effects == outcome.effects, (
        "the same in gives the same out, also for a state that was stored"
    )
    if isinstance(outcome, Done) and isinstance(again, Done):
        assert machine.dump(again.state, None) == machine.dump(outcome.state, None)
    assert type(again) is type(outcome)
    return outcome
