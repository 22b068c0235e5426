"""Who may decide for a person, and what each holder of parental responsibility last did (rule 4.13)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from services.consent.agreement import Micros

COUNCIL: Final = "council"
"""The holder that a care order makes of the council, among persons."""
_CARE: Final = frozenset({"care_order", "interim_care_order"})
_FOREVER: Final = 1 << 62


class Responsible(NamedTuple):
    """Somebody who may decide for a person in [start, end); an unreadable record is an empty period.

    `kind`: of a representative `welfare_attorney` or `deputy`, of a holder the basis of their responsibility.
    """

    kind: str
    start: Micros
    end: Micros


UNREADABLE: Final = Responsible("", 0, 0)
"""Of a record that cannot be read, or of an appointment that ended: nobody knows any more from when it was."""


class Act(NamedTuple):
    """What somebody who decides for a person last did about a cell (`*`: any): gave, or not."""

    by: str
    purpose: str
    category: str
    desk: str
    at: int
    receipt: str
    gave: bool


def responsible_of(value: Mapping[str, Any]) -> Responsible:
    """A holder of parental responsibility from its register."""
    start, end = value.get("from", value.get("at")), value.get("until")
    if not isinstance(start, int) or not (end is None or isinstance(end, int)):
        return UNREADABLE
    return Responsible(str(value.get("basis") or ""), start, _FOREVER if end is None else end)


def representative_of(value: Mapping[str, Any]) -> Responsible:
    """An attorney or deputy from their register; one whose appointment ended, ended when that was recorded."""
    found = responsible_of(value)
    kind = value.get("kind")
    if value.get("ended") is True or kind not in ("welfare_attorney", "deputy"):
        return UNREADABLE
    return found._replace(kind=str(kind))


def act_of(rest: str, register: list[Any], value: Mapping[str, Any]) -> Act:
    """One holder's last act about a cell."""
    by, purpose, category, desk = [*rest.split("|"), "*", "*", "*", "*"][:4]
    return Act(by, purpose, category, desk, register[0], register[1], value.get("act") == "give")


def may_hold(responsible: Mapping[str, Responsible], holder: str) -> Responsible | None:
    """For how long somebody is on record as a holder, an unreadable record for ever; None: they never were."""
    found = responsible.get(holder)
    if found is None or (holder == COUNCIL and found.kind not in _CARE and found != UNREADABLE):
        return None
    return found._replace(end=_FOREVER) if found == UNREADABLE else found


def holds(responsible: Mapping[str, Responsible], holder: str, *, then: Micros, now: Micros) -> Micros | None:
    """Until when somebody holds parental responsibility, if they held it then and do now; else None."""
    found = responsible.get(holder)
    if found is None or not found.start <= then < found.end or not now < found.end:
        return None
    if holder == COUNCIL and found.kind not in _CARE:
        return None
    return found.end
