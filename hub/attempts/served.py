"""What a desk was given already, as it stands at a reading (ADR 0021). Pure.

What rests on something that is no longer so is decided again, and waits for that without its body. But bytes that a
desk has had are released by showing them to it again only in so far as what was accepted since concerns them. The
others are shown as they were: else a desk could tell by its inbox that something was accepted about somebody of whom
it may know nothing.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, Literal

from hub.attempts.judge import Lapse, World, differs, is_over, is_parked
from hub.attempts.row import Row
from hub.clock import SECOND, Micros
from hub.schemas import EventType
from hub.schemas.refs import Datum

SHOWN: Final = frozenset({"pending", "failed", "attempting", "delivered", "dead"})
"""Statuses in which an item with a place has a body, if all it rests on is still so."""

RELAPSE: Final = frozenset({"pending", "failed", "delivered"})
"""Statuses from which an item with a place may lapse: nothing else is at work on it."""

SETTLE: Final[Micros] = 2 * SECOND
"""How long a reading is put off for an item that lapsed: it will have been decided again in a moment."""

_CONTACT: Final = "contact."

State = Literal["released", "waiting", "recalled"]


@dataclass(frozen=True, slots=True)
class Item:
    """A place in the inbox. Only what is `released` has a body to open."""

    place: int
    state: State
    row: Row


@dataclass(frozen=True, slots=True)
class Served:
    """The items of a reading; which of them are to be decided again; whether one of them will be in a moment."""

    items: tuple[Item, ...]
    lapses: tuple[Lapse, ...]
    unsettled: bool


def concerns(event_type: EventType, given: Datum, raised: Iterable[str]) -> bool:
    """Whether what was accepted of these persons may take something away of what was given.

    It may if that names one of them, or does not say whom it is about. Where somebody can be found may have to go
    for the sake of anybody: a child's place for that of a parent.
    """
    items = event_type.items(given)
    if (event_type.subjects and not items.persons) or any(text.about is None for text in items.texts):
        return True
    if any(cell.place or cell.category.startswith(_CONTACT) for cell in items.cells):
        return True
    return not items.people.keys().isdisjoint(raised)


def met(row: Row, world: World) -> frozenset[str]:
    """Of whom something was accepted that the decision on this item has not seen, if nothing else has changed."""
    found = differs(row, world)
    if found is None or row.body is None or is_over(row, world):
        return frozenset()
    return frozenset(person for person, _ in found.met)


def sort(placed: Sequence[Row], world: World, concerned: AbstractSet[str]) -> Served:
    """What each item with a place is now. `concerned`: those that what they `met` concerns."""
    items: list[Item] = []
    lapses: list[Lapse] = []
    unsettled = False
    for row in placed:
        assert row.place is not None
        state = _state(row, world, concerned)
        found = differs(row, world)
        if found is not None and row.status in RELAPSE and row.body is not None and not is_parked(row, world):
            lapses.append(found)
            unsettled |= state == "waiting"
        elif row.status == "lapsed" and row.since_mono is not None:
            unsettled |= state == "waiting" and world.now.mono - row.since_mono < SETTLE
        items.append(Item(row.place, state, row))
    return Served(tuple(items), tuple(lapses), unsettled)


def _state(row: Row, world: World, concerned: AbstractSet[str]) -> State:
    if row.status == "recalled":
        return "recalled"
    if row.body is None or is_parked(row, world):
        return "waiting"
    if differs(row, world) is None:
        return "released" if row.status in SHOWN else "waiting"
    was_given = row.status in SHOWN or row.status == "lapsed"
    is_apart = bool(met(row, world)) and row.delivery_id not in concerned
    return "released" if was_given and is_apart else "waiting"
