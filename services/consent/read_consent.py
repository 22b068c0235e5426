"""What was consented, refused and objected to, from a person's registers (4.13, 4.15)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from services.consent.facts_consent import OBJECTION_ENDS
from services.consent.person import Objection, Plain, Refusal, Tri
from services.consent.read_registers import Reader, before, desks_of


def consent(reader: Reader, rest: str, register: list[Any], value: Mapping[str, Any]) -> None:
    """One giving of a cell."""
    cell, givings = tuple(rest.split("|")[:3]), reader.map("givings")
    givings[cell] = (*givings.get(cell, ()), register)
    reader.edges |= {each for each in (value.get("from"), value.get("until")) if isinstance(each, int)}


def refusal(reader: Reader, rest: str, register: list[Any], value: Mapping[str, Any]) -> None:
    """The last act against a cell."""
    reader.add("refusals", _cell(rest, register, value))


def refused(reader: Reader, rest: str, register: list[Any], value: Mapping[str, Any]) -> None:
    """The act against a cell that occurred last."""
    reader.add("refused", _cell(rest, register, value))


def _cell(rest: str, register: list[Any], value: Mapping[str, Any]) -> Refusal:
    purpose, category, desk = [*rest.split("|"), "*", "*", "*"][:3]
    return Refusal(purpose, category, desk, register[0], register[1], str(value.get("act", "withdrawn")))


def objection(reader: Reader, rest: str, register: list[Any], value: Mapping[str, Any]) -> None:
    """One that is pending or upheld, or not to be read."""
    later = list(_decisions(reader.registers, before(rest.partition("|")[2]), register))
    if later and _outcome(max(later, key=lambda each: (each[0], each[1]))) in OBJECTION_ENDS:
        return
    stands: Tri = None if "unreadable" in value else True
    purposes, categories, desks = (_scope(value.get(part)) for part in ("purposes", "categories", "desks"))
    reader.add(
        "objections",
        Objection(purposes, categories, desks, stands, register[0], register[1], pending=not later),
    )


def _decisions(registers: Plain, name: str, raised: list[Any]) -> Iterator[list[Any]]:
    """The decisions of an objection since it was raised: raised anew under the same id, it is another.

    By its receipt, or by its id, where no other desk had raised one of that id by then: who does so later does not
    change what was decided.
    """
    for key, each in registers.items():
        word, _, rest = key.partition("|")
        if word == "objection_decided" and tuple(each[:2]) > tuple(raised[:2]):
            said = before(rest)
            # A register of an older form says no id: nothing is decided by that.
            if said == raised[1] or (said and said == name and len(_raisers(registers, name, each)) == 1):
                yield each


def _raisers(registers: Plain, name: str, before: list[Any]) -> set[str]:
    """The desks that had raised an objection of this id before another event."""
    earlier = {key: each for key, each in registers.items() if tuple(each[:2]) < tuple(before[:2])}
    return desks_of(earlier, "objection", name)


def _outcome(decided: list[Any]) -> object:
    return decided[2].get("outcome") if isinstance(decided[2], dict) else None


def _scope(words: object) -> frozenset[str] | None:
    if not isinstance(words, list) or "*" in words:
        return None
    return frozenset(str(each) for each in words)
