"""Free text for one desk: it goes out only if everybody in it may be shown (rule 4.8)."""

from __future__ import annotations

from typing import Final

from services.consent.agreement import Micros
from services.consent.ask import Ask
from services.consent.items import FAMILY, Item, TextLike
from services.consent.outcome import EXISTENCE, HELD, RELEASED, SILENT, Outcome, forbidden, outcome
from services.consent.scene import FOREVER, Scene

_HIDDEN: Final = (RELEASED, EXISTENCE, HELD)
"""From the least hidden to the most; what is silent ends the question."""


def text_outcome(
    scene: Scene, item: Item, desk: str, text: TextLike, recorded: Micros, parties: tuple[str, ...]
) -> Outcome:
    """The outcome for one text: its own category and person first, then everybody else it is about.

    Nobody named means everybody and third parties, so that only the lead may have it. Until texts are read
    by a second pair of eyes (a scan that may only deny), a desk other than the lead gets only what was
    addressed to it.
    """
    addressed = desk in text.addressed

    def of(person: str) -> Outcome:
        ask = Ask(desk, text.category, person, recorded, addressed=addressed, text=True, parties=parties)
        return outcome(scene, item.source, ask, item.probable)

    lead = "lead" in scene.family_roles.get(desk, {})
    if not lead and not addressed:
        return _held_back(scene, desk, text, recorded)
    own = of(text.person)
    if own.result == SILENT:
        return own
    back = own._replace(result=SILENT, clause=scene.rules.names["text_held_back"], opens=False)
    if text.about is None and not lead:
        return back._replace(why="about_everybody")
    if text.person == FAMILY and scene.opposed(desk):
        return back._replace(why="opposes")
    others = [each for each in (scene.members if text.about is None else text.about) if each != text.person]
    found = own
    for other in sorted(set(others)):
        one = of(other)
        if one.result == SILENT:
            after, before = max(found.after, one.after), min(found.before, one.before)
            return back._replace(why="about_another", after=after, before=before)
        if _HIDDEN.index(one.result) > _HIDDEN.index(found.result):
            found = found._replace(result=one.result, clause=one.clause, why=one.why)
        found = found._replace(
            until=min(found.until, one.until),
            after=max(found.after, one.after),
            before=min(found.before, one.before),
        )
    return found


def _held_back(scene: Scene, desk: str, text: TextLike, recorded: Micros) -> Outcome:
    """Not addressed: no permit can help, but a forbid on the text itself says more."""
    forbid = forbidden(scene, Ask(desk, text.category, text.person, recorded, text=True))
    clause, why = (forbid, "") if forbid else (scene.rules.names["text_held_back"], "not_addressed")
    return Outcome(SILENT, text.category, text.person, clause, why, FOREVER, False, -FOREVER, FOREVER)
