"""Restrictions, court orders and overrides of a person that have not ended, from their registers (4.16, 4.17)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.consent.agreement import Micros
from services.consent.read_registers import Reader, before, desks_of
from services.consent.shields import override_of, shield_of


def restriction(reader: Reader, rest: str, register: list[Any], value: Mapping[str, Any]) -> None:
    """A shield, unless a lift means it."""
    source, _, named = rest.partition("|")
    name = before(named)
    found = shield_of(name, value, source=source, receipt=register[1])
    lifts = f"restriction_lifted|{found.owner}|{name}|"
    placers = desks_of(reader.registers, "restriction", name)
    ended = [
        each
        for key, each in reader.registers.items()
        if key.startswith(lifts) and _means(key.removeprefix(lifts), source, placers)
    ]
    if all(tuple(each[:2]) < tuple(register[:2]) for each in ended):
        reader.add("shields", found)


def _means(lifter: str, placer: str, placers: set[str]) -> bool:
    """Whether a lift by one desk is of the restriction of another: of its own, else of the only one of that id."""
    if "|" in lifter:  # it is of a longer id
        return False
    return lifter == placer or (lifter not in placers and len(placers) == 1)


def order(reader: Reader, rest: str, register: list[Any], value: Mapping[str, Any]) -> None:
    """A shield, unless it was discharged since."""
    name = before(rest)
    ended = reader.registers.get(f"order_discharged|{name}")
    if ended is None or tuple(ended[:2]) < tuple(register[:2]):
        reader.add("shields", shield_of(name, value, source=None, receipt=register[1]))


def override(reader: Reader, rest: str, register: list[Any], value: Mapping[str, Any]) -> None:
    """In any family, with who seconded it, and whether it was ended."""
    confirmed: list[tuple[Micros, Mapping[str, Any]]] = []
    copies = []
    for key, each in reader.registers.items():
        word, _, named = key.partition("|")
        if word == "override_seconded" and isinstance(each[2], dict):
            confirmed.append((each[0], each[2]))
        elif word == "override" and each[1] == register[1]:
            copies.append(before(named) or named)
    # Invoked for several families at once it is one, whichever of them ends it.
    ends = (reader.registers.get(f"override_ended|{each}") for each in copies)
    ended = any(each is not None and tuple(each[:2]) > tuple(register[:2]) for each in ends)
    found = override_of(rest, register, value, confirmed, ended=ended)
    reader.add("overrides", found)
    reader.edges |= {found.start, found.end}
