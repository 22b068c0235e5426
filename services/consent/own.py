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
from services.consent.items import FAMILY, Item
from services.consent.outcome import forbidden, lifted, unsettled
from services.consent.scene import FamilyFacts, Scene


class Own(NamedTuple):
    """The bits that the publisher may read back (0: nothing of it), and whether something waits for certainty."""

    mask: int
    held: bool


def own(rules: CompiledRules, facts: FamilyFacts, item: Item, recorded: Micros, at: Micros) -> Own:
    """What of an event its own source may read at an instant."""
    scene = facts.scene(rules, at, item.id)
    released, held = 0, 0
    for bit, category, persons, is_text in _asked(scene, item):
        asks = [Ask(item.source, category, person, recorded, text=is_text) for person in persons]
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


def _asked(scene: Scene, item: Item) -> Iterator[tuple[int, str, tuple[str, ...], bool]]:
    """Bit, category, persons, and whether it is a text, of everything in the event."""
    for cell in item.items.cells:
        yield cell.bit, lifted(scene, cell.category, cell.person, place=cell.place), (cell.person,), False
    for text in item.items.texts:
        about = (FAMILY,) if text.about is None else tuple(text.about)
        yield text.bit, text.category, (text.person, *about), True
