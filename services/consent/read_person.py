"""One person's facts, read from their registers: a register that is not in its shape is unknown, never absent.

`facts_person.py`, `facts_consent.py` and `facts_safety.py` write the registers; `registers.py` lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from services.consent import read_consent, read_roles, read_safety
from services.consent.giving import act_of, representative_of, responsible_of
from services.consent.person import UNKNOWN, Bond, PersonFacts, Plain, Stamp, Tri
from services.consent.read_registers import Reader


def person_facts(registers: Plain, *, known: bool) -> PersonFacts:
    """Read a person's registers. A register that is not in its shape counts as unknown, never as absent."""
    reader = Reader(registers)
    for key, register in registers.items():
        name, _, rest = key.partition("|")
        rule = _RULES.get(name)
        if rule is not None:
            value = register[2] if isinstance(register[2], dict) else {"unreadable": True}
            rule(reader, rest, register, value)
    return reader.result(known)


def _pair(reader: Reader, rest: str, _register: list[Any], value: Mapping[str, Any]) -> None:
    other, _, side = rest.rpartition("|")
    state = value.get("state")
    tri: Tri = True if state == "in_force" else False if state == "ended" else None
    reader.map("victims" if side == "v" else "perpetrators")[other] = tri


def _pair_since(reader: Reader, rest: str, _: list[Any], value: Mapping[str, Any]) -> None:
    since = value.get("since")
    reader.map("since")[rest.partition("|")[0]] = since if isinstance(since, int) else 0
    owner = value.get("owner")
    if isinstance(owner, str):
        reader.found.setdefault("owners", set()).add(owner.partition("/")[0])


def _exposed(reader: Reader, rest: str, _: list[Any], value: Mapping[str, Any]) -> None:
    reader.map("exposed")[rest] = None if "unreadable" in value else True


def _side(reader: Reader, _rest: str, _: list[Any], value: Mapping[str, Any]) -> None:
    role = value.get("role")
    reader.found["side"] = role if isinstance(role, str) else UNKNOWN


def _side_since(reader: Reader, _rest: str, _: list[Any], value: Mapping[str, Any]) -> None:
    since = value.get("since")
    reader.found["side_since"] = since if isinstance(since, int) else 0


def _need(reader: Reader, _rest: str, _: list[Any], value: Mapping[str, Any]) -> None:
    since = value.get("since")
    victim, desk = value.get("victim"), value.get("to")
    stated: Tri = victim if isinstance(victim, bool) else None
    reader.add(
        "needs", (desk if isinstance(desk, str) else "", stated, since if isinstance(since, int) else 0)
    )


def _told(reader: Reader, _rest: str, _: list[Any], value: Mapping[str, Any]) -> None:
    told = value.get("told")
    reader.found["told"] = told if isinstance(told, bool) else None


def _died(reader: Reader, _rest: str, _: list[Any], _value: Mapping[str, Any]) -> None:
    reader.found["died"] = True


def _identity(reader: Reader, _rest: str, _: list[Any], value: Mapping[str, Any]) -> None:
    degree = value.get("degree")
    reader.found["nobody"] = degree == "nobody"
    reader.found["confirmed"] = degree in ("confirmed", "nobody")


def _capacity(reader: Reader, _rest: str, register: list[Any], value: Mapping[str, Any]) -> None:
    has = value.get("has")
    reader.add("capacity", (register[0], register[1], has if isinstance(has, bool) else None))


def _competence(reader: Reader, _rest: str, register: list[Any], value: Mapping[str, Any]) -> None:
    competent = value.get("competent")
    reader.add("competence", (register[0], register[1], competent if isinstance(competent, bool) else None))


def _said_same(reader: Reader, rest: str, register: list[Any], _value: Mapping[str, Any]) -> None:
    reader.map("same")[rest] = reader.map("same").get(rest, Bond())._replace(said=_stamp(register))


def _same_confirmed(reader: Reader, rest: str, register: list[Any], value: Mapping[str, Any]) -> None:
    if "unreadable" not in value:
        reader.map("same")[rest] = reader.map("same").get(rest, Bond())._replace(confirmed=_stamp(register))


def _same_ended(reader: Reader, rest: str, register: list[Any], value: Mapping[str, Any]) -> None:
    if "unreadable" not in value:
        reader.map("same")[rest] = reader.map("same").get(rest, Bond())._replace(ended=_stamp(register))


def _stamp(register: list[Any]) -> Stamp:
    return register[0], register[1]


def _household(reader: Reader, _rest: str, _: list[Any], value: Mapping[str, Any]) -> None:
    household = value.get("household")
    reader.found["household"] = household if isinstance(household, str) else None


def _responsible(reader: Reader, rest: str, _: list[Any], value: Mapping[str, Any]) -> None:
    found = reader.map("responsible")[rest] = responsible_of(value)
    reader.edges |= {found.start, found.end}


def _representative(reader: Reader, rest: str, _: list[Any], value: Mapping[str, Any]) -> None:
    found = reader.map("representatives")[rest] = representative_of(value)
    reader.edges |= {found.start, found.end}


def _act(reader: Reader, rest: str, register: list[Any], value: Mapping[str, Any]) -> None:
    reader.add("acts", act_of(rest, register, value))


_RULES: Final[dict[str, Callable[[Reader, str, list[Any], Mapping[str, Any]], None]]] = {
    "role": read_roles.role,
    "pair": _pair,
    "pair_since": _pair_since,
    "exposed": _exposed,
    "side": _side,
    "side_since": _side_since,
    "need": _need,
    "told": _told,
    "died": _died,
    "identity": _identity,
    "capacity": _capacity,
    "competence": _competence,
    "household": _household,
    "same": _said_same,
    "same_confirmed": _same_confirmed,
    "same_ended": _same_ended,
    "responsible": _responsible,
    "representative": _representative,
    "act": _act,
    "restriction": read_safety.restriction,
    "order": read_safety.order,
    "objection": read_consent.objection,
    "refusal": read_consent.refusal,
    "refused": read_consent.refused,
    "consent": read_consent.consent,
    "override": read_safety.override,
}
