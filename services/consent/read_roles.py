"""The roles that desks hold for a person, as periods, from their registers (section 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.consent.agreement import Micros
from services.consent.event import add_months
from services.consent.person import Span
from services.consent.read_registers import Reader

REFERRER_AFTER: Final = 28 * 86_400_000_000
FORMER_MONTHS: Final = 24


def role(reader: Reader, rest: str, register: list[Any], value: Mapping[str, Any]) -> None:
    """Its periods: once more from each reopening, and `former` after support ended."""
    parts = rest.split("|")
    start = value.get("from")
    if len(parts) != 3:
        return
    role, desk, cause = parts
    if not isinstance(start, int):
        _perhaps(reader, desk, cause)
        return
    for begin, stamp in _begins(reader, role, start, register, cause):
        end = _ends(reader, (role, desk, cause), begin, stamp)
        if role == "referrer" and end[0] is not None:
            end = (end[0] + REFERRER_AFTER, None)
        _add_span(reader, (role, desk, cause), begin, end)
    if role == "supporting":
        _former(reader, desk, cause)


def _ended_by(role: str, desk: str, cause: str) -> tuple[str, ...]:
    """The registers that end a role."""
    ended = f"referral_ended|{cause}"
    match role:
        case "referrer":
            return (ended,)
        case "referred_to":
            return (ended, f"support_started|{cause}")
        case "supporting":
            return (ended, f"support_ended|{cause}")
    return (f"role_ended|{role}|{desk}",)


def _perhaps(reader: Reader, desk: str, cause: str) -> None:
    """What is unreadable may be held, or not have ended: it counts for sides, as `former` does, and permits nothing."""
    reader.spans.append(Span("former", desk, cause, 0, None, None))


def _begins(
    reader: Reader, role: str, start: Micros, register: Sequence[Any], cause: str
) -> list[tuple[Micros, Sequence[Any]]]:
    """When a role began, or once more when a referral was reopened, each with its register."""
    again = reader.registers.get(f"referral_reopened|{cause}")
    at = reader.value(f"referral_reopened|{cause}").get("at")
    if again is None or not isinstance(at, int) or role not in ("referrer", "referred_to"):
        return [(start, register)]
    begins: list[tuple[Micros, Sequence[Any]]] = [(start, register), (at, again)]
    return begins if (at, *again[:2]) > (start, *register[:2]) else begins[:1]


def _former(reader: Reader, desk: str, cause: str) -> None:
    """For 24 months after support ended, whatever became of the case since."""
    ended = reader.value(f"referral_ended|{cause}")
    over = reader.value(f"support_ended|{cause}") or (ended if ended.get("how") == "support_ended" else {})
    at = over.get("at")
    if isinstance(at, int):
        _add_span(reader, ("former", desk, cause), at, (add_months(at, FORMER_MONTHS), None))


def _ends(
    reader: Reader, held: tuple[str, str, str], start: Micros, register: Sequence[Any]
) -> tuple[Micros | None, str | None]:
    """The first end at or after a start and its event; at the same instant the stamp decides."""
    found: list[tuple[Micros, str | None]] = []
    for each in _ended_by(*held):
        end = reader.registers.get(each)
        if end is None:
            continue
        at = reader.value(each).get("at")
        if not isinstance(at, int):
            found.append((start, None))
            _perhaps(reader, *held[1:])
        elif at > start or (at == start and tuple(end[:2]) > tuple(register[:2])):
            found.append((at, reader.value(each).get("event")))
    return min(found, key=lambda each: each[0]) if found else (None, None)


def _add_span(
    reader: Reader, held: tuple[str, str, str], start: Micros, end: tuple[Micros | None, str | None]
) -> None:
    role, desk, cause = held
    reader.spans.append(Span(role, desk, cause, start, end[0], end[1]))
