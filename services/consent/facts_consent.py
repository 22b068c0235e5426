"""What consents, refusals and objections say of a person (rules 4.13 to 4.15)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from services.consent.event import PlainEvent, instant, word
from services.consent.giving import COUNCIL
from services.consent.registers import Value
from services.consent.setter import ANY, Setter
from services.consent.vocabulary import expand

OBJECTION_ENDS: Final = frozenset({"overruled", "ended"})
"""The outcomes by which an objection keeps nothing back any more."""
Cell = tuple[str, str, str]
"""Purpose, category and desk."""


def cells(event: PlainEvent) -> set[Cell]:
    """The cells that a consent gives."""
    rows = [row for row in event.rows("cells") if event.kind == "consent.given" or row.get("act") == "give"]
    return {
        (purpose, category, desk)
        for row in rows
        if (purpose := word(row.get("purpose"))) and (desk := word(row.get("desk")))
        for category in expand(word(row.get("category")) or "")
    }


def _given(setter: Setter) -> None:
    _give_rows(setter, setter.event.rows("cells"))


def _changed(setter: Setter) -> None:
    rows = list(setter.event.rows("cells"))
    _give_rows(setter, (row for row in rows if row.get("act") == "give"))
    lost = (row for row in rows if row.get("act") != "give")
    refuse_cells(setter, setter.event.person(), lost, "withdrawn")


def _refused(setter: Setter) -> None:
    act = setter.event.kind.partition(".")[2]
    rows = list(setter.event.rows("cells"))
    refuse_cells(setter, setter.event.person(), rows or [{}], act)


def _holder(setter: Setter) -> str | None:
    """Who decided for somebody else as a holder of parental responsibility, or None."""
    event = setter.event
    if event.word("given_as") == "council":
        return COUNCIL
    return event.person("given_by") if event.word("given_as") == "parent" else None


def _give_rows(setter: Setter, rows: Iterable[Mapping[str, object]]) -> None:
    event = setter.event
    person = event.person()
    own = person if event.word("given_as") == "self" else None  # who is not said is not known
    for row in rows:
        purpose, desk = word(row.get("purpose")), word(row.get("desk"))
        value: Value = {
            "from": max(instant(row.get("valid_from")) or event.recorded, event.recorded),
            "until": instant(row.get("valid_until")),
            "occurred": event.occurred,
            "earlier": row.get("earlier") is True,
            "at": event.recorded,
            "as": event.word("given_as"),
            "by": event.person("given_by") if event.data.get("given_by") else own,
        }
        holder = _holder(setter)
        for category in expand(word(row.get("category")) or ""):
            if purpose and desk:
                cell = f"{purpose}|{category}|{desk}"
                setter.put(person, f"consent|{cell}|{event.receipt}", value)
                if holder:
                    setter.put(person, f"act|{holder}|{cell}", {"act": "give"})


def refuse_cells(setter: Setter, person: str | None, rows: Iterable[Mapping[str, object]], act: str) -> None:
    """Set a refusal of each row's cell; what a row leaves open is refused altogether."""
    for row in rows:
        purpose, desk = word(row.get("purpose")) or ANY, word(row.get("desk")) or ANY
        for category in expand(word(row.get("category")) or "") or (ANY,):
            cell = f"{purpose}|{category}|{desk}"
            setter.put(person, f"refusal|{cell}", {"act": act})
            setter.put(person, f"refused|{cell}", {"act": act}, at=setter.event.occurred)
            holder = _holder(setter)
            if holder:
                setter.put(person, f"act|{holder}|{cell}", {"act": act})


def _objection(setter: Setter) -> None:
    event = setter.event
    categories = event.words("categories")
    scope: Value = {
        "purposes": _listed(event.words("purposes")),
        "categories": None
        if not categories
        else sorted({found for each in categories for found in expand(each) or (ANY,)}),
        "desks": _listed(event.words("desks")),
    }
    setter.put(event.person(), f"objection|{event.source}|{event.word('objection')}|{event.receipt}", scope)


def _listed(words: tuple[str, ...] | None) -> list[str] | None:
    return sorted(words) if words else None


def _objection_decided(setter: Setter) -> None:
    event = setter.event
    key = f"objection_decided|{event.word('objection')}|{event.receipt}"
    setter.put(event.person(), key, {"outcome": event.word("outcome")})


CONSENT_RULES: Final[dict[str, Callable[[Setter], None]]] = {
    "consent.given": _given,
    "consent.changed": _changed,
    "consent.refused": _refused,
    "consent.withdrawn": _refused,
    "consent.objection_raised": _objection,
    "consent.objection_decided": _objection_decided,
}
"""Kind of event → what it sets."""
