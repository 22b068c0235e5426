"""What a desk may read back of what it published itself.

Deliveries leave the publisher out, so no permit is written for it. On a surface that it reads, its own events are
its own, with one limit: forbids hold even for what it published (section 2: an agency that serves both sides opposes
both, "even for what it published"), and what is not certain is held as for everybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from services.consent.agreement import Micros
from services.consent.ask import Ask
from services.consent.compiled import CompiledRules
from services.consent.family_facts import FamilyFacts
from services.consent.forbids import forbidden
from services.consent.items import FAMILY, Item
from services.consent.outcome import lifted, unsettled
from services.consent.scene import Scene


class Own(NamedTuple):
    """The bits that the publisher may read back (0: nothing of it), and whether something waits for certainty."""

    mask: int
    held: bool


def own(rules: CompiledRules, facts: FamilyFacts, item: Item, recorded: Micros, at: Micros) -> Own:
    """What of an event its own source may read at an instant."""
    scene = facts.scene(rules, at, item.id)
    released, held = 0, 0
    for bit, asks in _asked(scene, item, recorded):
        if any(forbidden(scene, each) is not None for each in asks):
            continue
        if any(unsettled(scene, each, item.probable) for each in asks):
            held |= bit
        else:
            released |= bit
    gates = 0
    for gate in item.items.gates:
        gates |= gate.bit
    return Own(released if released & gates else 0, bool(held and (released | held) & gates))


def _asked(scene: Scene, item: Item, recorded: Micros) -> Iterator[tuple[int, list[Ask]]]:
    """Bit and questions of everything in the event."""
    desk = item.source
    for cell in item.items.cells:
        words = lifted(scene, desk, cell.category, cell.person, place=cell.place)
        yield cell.bit, [Ask(desk, each, cell.person, recorded, stated=cell.category) for each in words]
    for text in item.items.texts:
        about = (FAMILY,) if text.about is None else tuple(text.about)
        people = (text.person, *about)
        yield text.bit, [Ask(desk, text.category, each, recorded, text=True) for each in people]
