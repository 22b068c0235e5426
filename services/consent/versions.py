"""An event and what corrects it: what is said in its place, and what all of it sets of persons (RULES.md 4.24).

A person's facts go to other logs, so what an event set of them is said to be void by its receipt (`void|…`), and set
anew by the receipt of the correction, with the stamp of the event. Not everything is taken back:

- What protects somebody and ends by an event of its own (`registers.lasts`) stays until that event.
- A consent, or a death, that is taken back gives nothing by itself: the cells are refused until they are given anew.
  A death is taken back, too, of whom it is not said any more.
- Who was added by mistake leaves, and is not forgotten: whom a desk opposes is taken over everybody who ever was there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from hub.events import HUB
from services.consent.event import PlainEvent, ref
from services.consent.facts import Deltas, awaited, deltas, refused
from services.consent.facts_consent import cells
from services.consent.family import STATING
from services.consent.registers import Register, join, lasts, taken_back
from services.consent.setter import ANY

CONSENTS: Final = frozenset({"consent.given", "consent.changed"})
ADDED: Final = "family.member_added"
CHANGED: Final = "family.member_changed"
_DIED: Final = "person.died"

Versions = Sequence[PlainEvent]
"""An event and what corrects it, in the order of the log."""


def is_correction(event: PlainEvent) -> bool:
    """Whether an event corrects what sets something of a family's state, or of its persons'."""
    return event.corrects and event.kind in STATING


def versions_of(history: Iterable[PlainEvent]) -> dict[str, list[PlainEvent]]:
    """By the id of each event: it and its corrections. These are found under their own ids too."""
    found: dict[str, list[PlainEvent]] = {}
    for each in history:
        first = found.get(each.word("corrects") or "") if is_correction(each) else None
        if first is None:
            found[each.id] = [each]
        else:
            first.append(each)
            found[each.id] = first
    return found


def stands(versions: Versions) -> PlainEvent | None:
    """What is said in the place of the event; None: nothing. Members who leave were there until then."""
    last = _placed(versions[0], versions[-1])
    if not last.retracted:
        return last
    if last.kind == ADDED:
        return replace(last, data=_placed(versions[0], versions[-2]).data)
    return None


def _placed(first: PlainEvent, version: PlainEvent) -> PlainEvent:
    """A version in the place of the event that it corrects."""
    data = {**version.data, "corrects": None}
    return replace(
        version, recorded=first.recorded, accepted=first.accepted, entered=first.entered, data=data
    )


def _sets(versions: Versions) -> list[Deltas]:
    """What each version sets, the last as it stands."""
    last = stands(versions)
    earlier = [deltas(_placed(versions[0], each)) for each in versions[:-1]]
    return [*earlier, {} if last is None else deltas(last)]


def facts(versions: Versions) -> tuple[Deltas, bool]:
    """What is set in the place of the event, and whether anything lasts that is not said any more."""
    *earlier, now = _sets(versions)
    found: Deltas = {person: dict(registers) for person, registers in now.items()}
    kept = False
    for said in reversed(earlier):  # what was said first lasts
        for person, registers in said.items():
            mine = found.setdefault(person, {})
            for key, register in registers.items():
                if lasts(key, register.value):
                    kept = kept or key not in mine or mine[key].value != register.value
                    mine[key] = register
    last = versions[-1]
    for person, registers in now.items():
        known = {cell for key in earlier[-1].get(person, {}) if (cell := _cell(key))}
        for key in registers:
            if _cell(key) not in (None, *known):
                register = found[person][key]
                # Nothing that was recorded before; and it never stands against what the event itself refused.
                start = max(register.value["from"], last.recorded)
                value = {**register.value, "from": start, "at": last.recorded}
                found[person][key] = Register(register.at - 1, register.by, value)
    return found, kept


def _cell(key: str) -> tuple[str, ...] | None:
    """The cell that a register gives; None: it gives none."""
    word, *cell = key.split("|")
    return tuple(cell[:3]) if word == "consent" else None


def aftermath(versions: Versions) -> Deltas:
    """What the last of these corrections sets by itself."""
    first, last = versions[0], versions[-1]
    if last.kind == ADDED:
        return joined(*map(deltas, leaving(versions)))
    if last.kind == _DIED:
        dead = versions[-2]
        lives = last.retracted or last.person() != dead.person()
        return refused(_about(last, dead), {(ANY, ANY, ANY)}) if lives else {}
    if last.kind not in CONSENTS:
        return {}
    about = _about(last, first)
    given = set().union(*map(cells, versions[:-1]))
    return refused(about, given if last.retracted else given - cells(last))


def _about(event: PlainEvent, other: PlainEvent) -> PlainEvent:
    """An event as one of another's person."""
    return replace(event, data={**event.data, "person": other.data.get("person")})


def leaving(versions: Versions) -> Iterator[PlainEvent]:
    """That those whose addition is retracted leave."""
    last = versions[-1]
    if last.kind == ADDED and last.retracted:
        for person in members(versions[-2]):
            data = {"person": {"scheme": HUB, "value": person}, "state": "left"}
            yield replace(last, kind=CHANGED, data=data)


def members(event: PlainEvent) -> list[str]:
    """Whom an event adds."""
    return [person for row in event.rows("members") if (person := ref(row.get("person")))]


def void(versions: Versions) -> Deltas:
    """That what all but the last set of anybody stands no more."""
    marks = taken_back(each.receipt for each in versions[:-1])
    return dict.fromkeys(sorted(touched(versions)), marks)


def touched(versions: Versions) -> set[str]:
    """Of whom any of it sets something, or would once a second person agrees."""
    return {person for each in versions for person in (*deltas(each), *awaited(each))}.union(*_sets(versions))


def joined(*each: Deltas) -> Deltas:
    """All of it together."""
    found: Deltas = {}
    for one in each:
        for person, registers in one.items():
            found[person] = join(found.get(person, {}), registers)
    return found
