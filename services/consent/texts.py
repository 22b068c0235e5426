"""Free text for one desk: it goes out only if everybody in it may be shown (rule 4.8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from services.consent.agreement import FOREVER, Micros
from services.consent.ask import Ask
from services.consent.forbids import forbidden, lift_of
from services.consent.items import FAMILY, TextLike
from services.consent.outcome import RELEASED, SILENT, Outcome, strictest
from services.consent.scene import Scene

THIRD_PARTY: Final = "third_party.detail"

Of = Callable[..., Outcome]
"""The outcome of a category about a person for the desk in hand: `of(category, person, addressed=, text=)`."""


def text_outcome(scene: Scene, desk: str, text: TextLike, of: Of, recorded: Micros) -> Outcome:
    """The outcome for one text: its own category and person first, then everybody else it is about.

    Nobody named means everybody, and third parties. A desk that opposes somebody gets a text only if it was addressed
    to it, by its author, or by an override that names what it lifts; what is about a victim whom it opposes, F01
    denies.
    """
    addressed = desk in text.addressed
    if scene.opposed(desk) and not addressed and not lift_of(scene, desk, text.category, text.person):
        return _held_back(scene, desk, text, recorded)
    own = of(text.category, text.person, addressed=addressed, text=True)
    if own.result == SILENT:
        return own
    found = [own]
    others = scene.everybody if text.about is None else text.about
    if text.about is None:
        found.append(of(THIRD_PARTY, FAMILY, addressed=addressed, text=True))
    named = sorted({each for each in others if each != text.person})
    found.extend(of(text.category, each, addressed=addressed, text=True) for each in named)
    worst = strictest(found)
    unsaid = text.about is None and any(each.result != RELEASED for each in found[1:])
    if worst.result == SILENT or unsaid:
        why = "about_everybody" if text.about is None else "about_another"
        clause = scene.rules.names["text_held_back"]
        return worst._replace(
            result=SILENT, category=text.category, person=text.person, clause=clause, why=why, opens=False
        )
    return own._replace(
        result=worst.result,
        clause=worst.clause,
        why=worst.why,
        until=worst.until,
        after=worst.after,
        before=worst.before,
    )


def _held_back(scene: Scene, desk: str, text: TextLike, recorded: Micros) -> Outcome:
    """Not addressed: no permit can help, but a forbid on the text's own person says more."""
    names = scene.rules.names
    ask = Ask(desk, text.category, text.person, recorded, text=True)
    clause, why = forbidden(scene, ask), ask.why
    if clause is None or (clause == names["shielded_set"] and text.person not in scene.opposed(desk)):
        clause, why = names["text_held_back"], "not_addressed"
    return Outcome(SILENT, text.category, text.person, clause, why, FOREVER, False, ask.after, ask.before)
