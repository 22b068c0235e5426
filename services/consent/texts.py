"""Free text for one desk: it goes out only if everybody in it may be shown (rule 4.8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from services.consent.agreement import FOREVER, Micros
from services.consent.ask import Ask
from services.consent.forbids import forbidden, lift_of
from services.consent.items import FAMILY, TextLike
from services.consent.outcome import HELD, RELEASED, SILENT, Outcome, strictest
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
    awaited = _awaited(scene, desk, others)
    named = sorted({each for each in others if each != text.person} - awaited)
    found.extend(of(text.category, each, addressed=addressed, text=True) for each in named)
    worst = strictest(found)
    unsaid = text.about is None and any(each.result != RELEASED for each in found[1:])
    if worst.result == SILENT or unsaid:
        why = "about_everybody" if text.about is None else "about_another"
        clause = scene.rules.names["text_held_back"]
        return worst._replace(
            result=SILENT, category=text.category, person=text.person, clause=clause, why=why, opens=False
        )
    if awaited and worst.result == RELEASED:
        worst = worst._replace(result=HELD, clause=scene.rules.names["unconfirmed"], why="unconfirmed")
    return own._replace(
        result=worst.result,
        clause=worst.clause,
        why=worst.why,
        until=worst.until,
        after=worst.after,
        before=worst.before,
    )


def _awaited(scene: Scene, desk: str, named: Iterable[str]) -> frozenset[str]:
    """Those of another family whose facts are on their way: what they are to this desk will be known in a moment.

    Not for a desk that opposes somebody, which waits for nothing; nor for one that serves everybody.
    """
    if scene.opposed(desk) or scene.rules.opposes_nobody(desk):
        return frozenset()
    return frozenset(
        each for each in named if each not in scene.everybody and not scene.facts.person(each).known
    )


def _held_back(scene: Scene, desk: str, text: TextLike, recorded: Micros) -> Outcome:
    """Not addressed: no permit can help, but a forbid on the text's own person says more."""
    names = scene.rules.names
    ask = Ask(desk, text.category, text.person, recorded, text=True)
    clause, why = forbidden(scene, ask), ask.why
    if clause is None or (clause == names["shielded_set"] and text.person not in scene.opposed(desk)):
        clause, why = names["text_held_back"], "not_addressed"
    return Outcome(SILENT, text.category, text.person, clause, why, FOREVER, False, ask.after, ask.before)
