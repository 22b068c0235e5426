r"""What is known of a person, as registers that merge in any order.

A person's facts are `key → Register`; a register is (at, by, value), the stamp of what set it and a JSON
value. Two sets are joined key by key, the larger register winning, so that joining is commutative,
associative and idempotent: every family of a person reaches the same facts however they travel. `at` is the
acceptance in microseconds, later for each event of a gateway, and `by` the receipt id, except where a key says
otherwise (`refused|…`: when it occurred; `…since…`: the earliest wins, so `at` is negative).

Keys, with `*` for a part that the author left open:

| key | value |
|--|--|
| `consent\|purpose\|category\|desk\|receipt` | `{from, until, occurred, earlier, as, by, at}`: a giving |
| `refusal\|purpose\|category\|desk` | `{act}`: the last refusal, withdrawal or retraction |
| `refused\|purpose\|category\|desk` | `{}`: the one that occurred last |
| `objection\|source\|id\|receipt` | scope (null: all) |
| `objection_decided\|id or receipt\|receipt` | `{outcome}`: the decision of one by its id, or by its receipt |
| `pair\|other\|p`, `pair\|other\|v` | `{state}`: the other is the perpetrator, or the victim |
| `pair_since\|other\|p` | `{since, owner}`: when first recorded, and by whom |
| `exposed\|victim` | `{since}`: a child who saw, heard or suffered it |
| `side`, `side_since` | `{role}`: domestic abuse stated of them; `{since}`: first stated to be a victim |
| `need\|referral` | `{to, victim, since}`: a need that a request states, or may state |
| `role\|role\|desk\|cause` | `{from}` |
| `referral_ended\|id`, `support_started\|id` | `{at, event, how}`, `{at}` |
| `support_ended\|id` | `{at, event, how}`: the last end of support, whatever became of the referral since |
| `referral_reopened\|id` | `{at}` |
| `role_ended\|role\|desk` | `{at, event}` |
| `told`, `died`, `identity`, `adopted\|family` | `{told}`, `{at}`, `{degree}` (confirmed, probable, nobody), `{at}` |
| `capacity\|receipt` | `{has, at}` |
| `family\|id` | `{member}` |
| `override\|family\|id\|receipt`, `override_ended\|family\|id` | scope; `{at}` |
| `override_seconded\|family\|id\|agency` | `{of, lifts}`: the invocation's receipt, what the agency lets it lift |
| `restriction\|source\|id\|receipt`, `restriction_lifted\|agency\|id\|desk` | scope; `{at}` |
| `order\|id\|receipt`, `order_discharged\|id` | scope; `{at}` |
| `representative\|id`, `responsible\|id` | `{kind or basis, from, until, at}`: who may decide for them |
| `competence\|receipt` | `{competent, at}` |
| `act\|holder\|purpose\|category\|desk` | `{act}`: what a holder of parental responsibility last did |
| `household` | `{household}`: its id, or null |
| `same\|other`, `same_confirmed\|other`, `same_ended\|other` | `{degree}`: said to be one; by two; undone |
| `void`, `void\|receipt` | `{}`: what that receipt set was corrected, and stands no more, but for what lasts |
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final, NamedTuple, TypeVar

Value = dict[str, Any]
Registers = dict[str, "Register"]
_R = TypeVar("_R", bound=Sequence[Any])
"""A register in either form."""

VOID: Final = "void"
"""The register that says that there are others of its name; without it nobody looks for them."""
_LASTING: Final = frozenset(
    {VOID, "near", "same", "pair_since", "exposed", "restriction", "order", "objection", "override_ended"}
)


class Register(NamedTuple):
    """One fact with the stamp of what set it; of two for one key the larger is in force."""

    at: int
    by: str
    value: Value


def larger(one: Register, other: Register) -> Register:
    """The register in force of two for one key."""
    if one[:2] != other[:2]:
        return one if one[:2] > other[:2] else other
    return one if _text(one.value) >= _text(other.value) else other


def join(one: Mapping[str, Register], other: Mapping[str, Register]) -> Registers:
    """Both sets of facts together. Neither is changed; order and repetition change nothing.

    But one: what was overwritten by something that is void afterwards comes back only to who joins all anew.
    """
    known = voids(one, other)
    result = standing(one, known)
    other = standing(other, known)
    for key, register in other.items():
        before = result.get(key)
        result[key] = register if before is None else larger(before, register)
    return result


def taken_back(receipts: Iterable[str]) -> Registers:
    """The registers that say of these receipts that what they set was corrected: the same whoever says so."""
    return {key: Register(0, "", {}) for key in (VOID, *(f"{VOID}|{each}" for each in receipts))}


def voids(*sets: Mapping[str, object]) -> frozenset[str]:
    """The keys of these registers that say that something is void."""
    return frozenset(key for each in sets if VOID in each for key in each if key.startswith(f"{VOID}|"))


def standing(registers: Mapping[str, _R], known: AbstractSet[str]) -> dict[str, _R]:
    """The registers, in either form, but for those that are void."""
    if not known:
        return dict(registers)
    return {
        key: each
        for key, each in registers.items()
        if f"{VOID}|{each[1]}" not in known or lasts(key, each[2])
    }


def lasts(key: str, value: object) -> bool:
    """Whether a register outlasts a correction of what set it: it protects somebody, and ends by its own event."""
    name, said = key.partition("|")[0], value if isinstance(value, Mapping) else {}
    match name:
        case "pair":
            return said.get("state") != "ended"
        case "refusal" | "refused":
            return said.get("act") != "retracted"
        case "act":
            return said.get("act") != "give"
    return name in _LASTING


def to_wire(registers: Mapping[str, Register]) -> list[dict[str, object]]:
    """Registers as rows of `hub.person_fact`: `{key, value, at, by}`, by key, each value as JSON text."""
    return [
        {"key": key, "value": _text(each.value), "at": each.at, "by": each.by}
        for key, each in sorted(registers.items())
    ]


def from_wire(rows: Iterable[Mapping[str, object]]) -> Registers:
    """The registers of `hub.person_fact`. A value that is not readable stays, as one that decides nothing."""
    result: Registers = {}
    for row in rows:
        register = register_of([row.get("at"), row.get("by"), _value(row.get("value"))])
        key = row.get("key")
        if isinstance(key, str) and register is not None:
            known = result.get(key)
            result[key] = register if known is None else larger(known, register)
    return result


def register_of(plain: object) -> Register | None:
    """A register of its JSON form `[at, by, value]`; None if that has no stamp."""
    match plain:
        case [int(at), str(by), value]:
            return Register(at, by, value if isinstance(value, dict) else {"unreadable": True})
    return None


def unreadable(value: Mapping[str, object]) -> bool:
    """True for a value that says nothing: whatever rests on it is unknown."""
    return "unreadable" in value


def _value(text: object) -> object:
    if not isinstance(text, str):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _text(value: Value) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
