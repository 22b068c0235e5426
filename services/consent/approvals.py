"""Whose second person a request waits for, and what their approval brings (rules 4.16, 4.17).

A pair ended or a restriction lifted waits for the agency that asked, which owns it. An override waits for the
agencies that own what it lifts: who placed the restriction, who first recorded the pair that makes somebody a victim.
One that lifts nothing, or what nobody recorded, waits for the agency that invoked it.

An event names its desk and no user: a second person is one of another desk than the one that asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from services.consent.registers import Registers, register_of
from services.consent.same import one_with

Entry = Mapping[str, Any]
"""A request in the family's state: `{kind, source, receipt, persons}`."""

GOVERNANCE: Final = "ig"
"""The team of an agency that is asked first to be the second person."""


def second_persons(state: Mapping[str, Any], entry: Entry) -> dict[str, list[str]]:
    """Agency → what of the request it lets be lifted: victims, and restrictions as `owner|id`."""
    found: dict[str, list[str]] = {}
    for each in entry["persons"].values():
        for register in each.values():
            for agency, name in _owned(state.get("persons", {}), register[2], _agency(entry["source"])):
                found.setdefault(agency, []).append(name)
    return {agency: sorted(set(names)) for agency, names in found.items()} or {_agency(entry["source"]): []}


def second_desks(state: Mapping[str, Any], entry: Entry, desks: Iterable[str]) -> dict[str, str | None]:
    """Agency → the desk of these that is asked to be its second person; None: it has none but the one that asked."""
    others = sorted(
        set(desks) - {entry["source"]}, key=lambda each: (each.partition("/")[2] != GOVERNANCE, each)
    )
    return {
        agency: next((each for each in others if _agency(each) == agency), None)
        for agency in sorted(second_persons(state, entry))
    }


def agreed_by(owners: Mapping[str, list[str]], agencies: Collection[str]) -> list[str]:
    """What may be lifted once these agencies have agreed: each thing that nobody else owns a part in."""
    missing = {name for agency, names in owners.items() if agency not in agencies for name in names}
    return sorted({name for names in owners.values() for name in names} - missing)


def confirmed(entry: Entry, agency: str, lifts: list[str]) -> dict[str, Registers]:
    """The registers that one agency's approval sets."""
    found: dict[str, Registers] = {}
    for person, registers in entry["persons"].items():
        found[person] = {}
        for key, plain in registers.items():
            register = register_of(plain)
            if register is None:
                continue
            if key.startswith("override_seconded|"):
                value = {"of": register.value.get("of"), "lifts": lifts}
                found[person][f"{key}|{agency}"] = register._replace(value=value)
            else:
                found[person][key] = register
    return found


def _owned(persons: Mapping[str, Any], value: Mapping[str, Any], asker: str) -> Iterator[tuple[str, str]]:
    for victim in value.get("victims", ()):
        ids = (victim, *one_with(persons, victim))
        owners = {owner for each in ids for owner in _pair_owners(persons.get(each, {}))}
        for owner in owners or {asker}:
            yield owner, victim
    for restriction in value.get("restrictions", ()):
        for registers in persons.values():
            for key, register in registers.items():
                name, _, rest = key.partition("|")
                source, _, named = rest.partition("|")
                if name == "restriction" and named.rpartition("|")[0] == restriction:
                    owner = _agency((register[2] or {}).get("owner") or source)
                    yield owner, f"{owner}|{restriction}"


def _pair_owners(registers: Mapping[str, Any]) -> Iterator[str]:
    for key, register in registers.items():
        if key.startswith("pair_since|"):
            yield _agency((register[2] or {}).get("owner") or "")


def _agency(desk: str) -> str:
    return desk.partition("/")[0]
