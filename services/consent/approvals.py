"""Whose second person a request waits for, and what their approval brings (rules 4.16, 4.17).

A pair ended or a restriction lifted waits for the agency that asked, which owns it. An override waits for the
agencies that own what it lifts: who placed the restriction, who first recorded the pair that makes somebody a victim.
One that lifts nothing, or what nobody recorded, waits for the agency that invoked it.

An event names its desk and no user: a second person is one of another desk than the one that asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from services.consent.person import Bond
from services.consent.read_person import person_facts
from services.consent.registers import Register, Registers, register_of
from services.consent.same import one_with

Entry = Mapping[str, Any]
"""A request in the family's state: `{kind, source, receipt, persons}`."""

LINKED: Final = "hub.identity_linked"
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


def no_longer_asked(state: Mapping[str, Any]) -> list[str]:
    """Requests that two are one which are answered already: in another family's log, or since they are not."""
    pending: Mapping[str, Entry] = state.get("pending", {})
    return [key for key, entry in pending.items() if entry["kind"] == LINKED and _is_answered(state, entry)]


def refused_links(state: Mapping[str, Any], entry: Entry, stamp: tuple[int, str]) -> dict[str, Registers]:
    """The registers of a second person's no to two being one: they are two, unless two people have said so before."""
    found: dict[str, Registers] = {}
    for person, other, _, bond in _bonds(state, entry):
        if not bond.is_sure:
            found.setdefault(person, {})[f"same_ended|{other}"] = Register(*stamp, {})
    return found


def _is_answered(state: Mapping[str, Any], entry: Entry) -> bool:
    return any(max(bond.confirmed, bond.ended) >= asked for _, _, asked, bond in _bonds(state, entry))


def _bonds(state: Mapping[str, Any], entry: Entry) -> Iterator[tuple[str, str, tuple[int, str], Bond]]:
    """Who is asked to be one with whom, when that was asked, and what is known of it."""
    persons: Mapping[str, Any] = state.get("persons", {})
    for person, registers in entry["persons"].items():
        for key, plain in registers.items():
            name, _, other = key.partition("|")
            if name == "same_confirmed":
                same = {each: one for each, one in persons.get(person, {}).items() if each.startswith("same")}
                yield (
                    person,
                    other,
                    (plain[0], plain[1]),
                    person_facts(same, known=True).same.get(other, Bond()),
                )


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
