"""One person's facts, read from their registers: roles as periods, pairs, objections, what was told.

Three-valued where a permit or a forbid asks: True, False, None (unknown). No record is False, an unreadable
one None.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from services.consent.agreement import Micros
from services.consent.event import add_months
from services.consent.facts_consent import OBJECTION_ENDS
from services.consent.giving import Act, Responsible, act_of, representative_of, responsible_of
from services.consent.shields import Override, Shield, override_of, shield_of

Tri = bool | None
Plain = Mapping[str, Any]
"""Registers in their JSON form: key → [at, by, value]."""

Stamp = tuple[int, str]
NEVER: Final[Stamp] = (-1, "")

UNKNOWN: Final = "unknown"
"""The side of a person about whom something unreadable was stated."""
REFERRER_AFTER: Final = 28 * 86_400_000_000
FORMER_MONTHS: Final = 24


class Span(NamedTuple):
    """A role that a desk holds for this person in [start, end); `ended_by`: the event that ended it.

    `perhaps`: it is held for somebody who may be this person. It sets its desk against others, and permits nothing.
    """

    role: str
    desk: str
    cause: str
    start: Micros
    end: Micros | None
    ended_by: str | None
    perhaps: bool = False


class Bond(NamedTuple):
    """What was said of two people being one: the stamps of the last word for it, by two people, and against it."""

    said: Stamp = NEVER
    confirmed: Stamp = NEVER
    ended: Stamp = NEVER

    @property
    def holds(self) -> bool:
        """Whether they are one, or may be."""
        return max(self.said, self.confirmed) > self.ended

    @property
    def is_sure(self) -> bool:
        """Whether two people have said so, and nobody has undone it."""
        return self.confirmed > self.ended


class Objection(NamedTuple):
    """An objection's scope (None: everything) and whether it stands: True, or None if unreadable.

    `at` and `receipt` are of its raising; `pending`: nobody has decided it.
    """

    purposes: frozenset[str] | None
    categories: frozenset[str] | None
    desks: frozenset[str] | None
    stands: Tri
    at: int = 0
    receipt: str = ""
    pending: bool = False


class Refusal(NamedTuple):
    """A refusal or withdrawal of a cell (`*`: any), with its stamp, or for `refused` when it occurred."""

    purpose: str
    category: str
    desk: str
    at: int
    by: str
    act: str


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """What the rules may ask of a person."""

    registers: Plain
    known: bool
    givings: Mapping[tuple[str, ...], tuple[list[Any], ...]] = field(default_factory=dict)
    """Purpose, category and desk → the registers of every giving, the last one last."""
    spans: tuple[Span, ...] = ()
    victims: Mapping[str, Tri] = field(default_factory=dict)
    perpetrators: Mapping[str, Tri] = field(default_factory=dict)
    since: Mapping[str, Micros] = field(default_factory=dict)
    owners: set[str] = field(default_factory=set)
    """The agencies that first recorded this person's pairs as a victim: theirs is the word to lift the shield."""
    exposed: Mapping[str, Tri] = field(default_factory=dict)
    side: str | None = None
    needs: tuple[tuple[str, Tri, Micros], ...] = ()
    side_since: Micros = 0
    told: Tri = False
    died: bool = False
    confirmed: bool = True
    nobody: bool = False
    """A stand-in for an id that turned out to be somebody else's: nothing about it is ever shown."""
    household: str | None = None
    capacity: tuple[tuple[int, str, Tri], ...] = ()
    competence: tuple[tuple[int, str, Tri], ...] = ()
    responsible: Mapping[str, Responsible] = field(default_factory=dict)
    representatives: Mapping[str, Responsible] = field(default_factory=dict)
    acts: tuple[Act, ...] = ()
    objections: tuple[Objection, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    refused: tuple[Refusal, ...] = ()
    shields: tuple[Shield, ...] = ()
    overrides: tuple[Override, ...] = ()
    edges: tuple[Micros, ...] = ()
    same: Mapping[str, Bond] = field(default_factory=dict)
    """Who was ever said to be one with them."""
    selves: frozenset[str] = frozenset()
    """Who is one with them for certain: the acts of these are theirs."""

    def given(self, cell: tuple[str, ...]) -> tuple[list[Any], ...]:
        """The givings of a cell, the last one last."""
        return self.givings.get(cell, ())


def person_facts(registers: Plain, *, known: bool) -> PersonFacts:
    """Read a person's registers. A register that is not in its shape counts as unknown, never as absent."""
    reader = _Reader(registers)
    for key, register in registers.items():
        name, _, rest = key.partition("|")
        rule = _RULES.get(name)
        if rule is not None:
            value = register[2] if isinstance(register[2], dict) else {"unreadable": True}
            rule(reader, rest, register, value)
    return reader.result(known)


class _Reader:
    """Collects what registers say."""

    def __init__(self, registers: Plain) -> None:
        self.registers = registers
        self.found: dict[str, Any] = {}
        self.spans: list[Span] = []
        self.edges: set[Micros] = set()

    def value(self, key: str) -> Mapping[str, Any]:
        register = self.registers.get(key)
        return register[2] if register is not None and isinstance(register[2], dict) else {}

    def map(self, name: str) -> dict[Any, Any]:
        found: dict[Any, Any] = self.found.setdefault(name, {})
        return found

    def add(self, name: str, value: object) -> None:
        self.found[name] = (*self.found.get(name, ()), value)

    def result(self, known: bool) -> PersonFacts:
        spans = tuple(self.spans)
        for span in spans:
            self.edges.add(span.start)
            if span.end is not None:
                self.edges.add(span.end)
        for cell, every in self.map("givings").items():
            self.found["givings"][cell] = tuple(sorted(every, key=lambda each: (each[0], each[1])))
        return PersonFacts(
            registers=self.registers, known=known, spans=spans, edges=tuple(sorted(self.edges)), **self.found
        )


def _role(reader: _Reader, rest: str, register: list[Any], value: Mapping[str, Any]) -> None:
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


def _perhaps(reader: _Reader, desk: str, cause: str) -> None:
    """What is unreadable may be held, or not have ended: it counts for sides, as `former` does, and permits nothing."""
    reader.spans.append(Span("former", desk, cause, 0, None, None))


def _begins(
    reader: _Reader, role: str, start: Micros, register: Sequence[Any], cause: str
) -> list[tuple[Micros, Sequence[Any]]]:
    """When a role began, or once more when a referral was reopened, each with its register."""
    again = reader.registers.get(f"referral_reopened|{cause}")
    at = reader.value(f"referral_reopened|{cause}").get("at")
    if again is None or not isinstance(at, int) or role not in ("referrer", "referred_to"):
        return [(start, register)]
    begins: list[tuple[Micros, Sequence[Any]]] = [(start, register), (at, again)]
    return begins if (at, *again[:2]) > (start, *register[:2]) else begins[:1]


def _former(reader: _Reader, desk: str, cause: str) -> None:
    """For 24 months after support ended, whatever became of the case since."""
    ended = reader.value(f"referral_ended|{cause}")
    over = reader.value(f"support_ended|{cause}") or (ended if ended.get("how") == "support_ended" else {})
    at = over.get("at")
    if isinstance(at, int):
        _add_span(reader, ("former", desk, cause), at, (add_months(at, FORMER_MONTHS), None))


def _ends(
    reader: _Reader, held: tuple[str, str, str], start: Micros, register: Sequence[Any]
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
    reader: _Reader, held: tuple[str, str, str], start: Micros, end: tuple[Micros | None, str | None]
) -> None:
    role, desk, cause = held
    reader.spans.append(Span(role, desk, cause, start, end[0], end[1]))


def _pair(reader: _Reader, rest: str, _register: list[Any], value: Mapping[str, Any]) -> None:
    other, _, side = rest.rpartition("|")
    state = value.get("state")
    tri: Tri = True if state == "in_force" else False if state == "ended" else None
    reader.map("victims" if side == "v" else "perpetrators")[other] = tri


def _pair_since(reader: _Reader, rest: str, _: list[Any], value: Mapping[str, Any]) -> None:
    since = value.get("since")
    reader.map("since")[rest.partition("|")[0]] = since if isinstance(since, int) else 0
    owner = value.get("owner")
    if isinstance(owner, str):
        reader.found.setdefault("owners", set()).add(owner.partition("/")[0])


def _exposed(reader: _Reader, rest: str, _: list[Any], value: Mapping[str, Any]) -> None:
    reader.map("exposed")[rest] = None if "unreadable" in value else True


def _side(reader: _Reader, _rest: str, _: list[Any], value: Mapping[str, Any]) -> None:
    role = value.get("role")
    reader.found["side"] = role if isinstance(role, str) else UNKNOWN


def _side_since(reader: _Reader, _rest: str, _: list[Any], value: Mapping[str, Any]) -> None:
    since = value.get("since")
    reader.found["side_since"] = since if isinstance(since, int) else 0


def _need(reader: _Reader, _rest: str, _: list[Any], value: Mapping[str, Any]) -> None:
    since = value.get("since")
    victim, desk = value.get("victim"), value.get("to")
    stated: Tri = victim if isinstance(victim, bool) else None
    reader.add(
        "needs", (desk if isinstance(desk, str) else "", stated, since if isinstance(since, int) else 0)
    )


def _told(reader: _Reader, _rest: str, _: list[Any], value: Mapping[str, Any]) -> None:
    told = value.get("told")
    reader.found["told"] = told if isinstance(told, bool) else None


def _died(reader: _Reader, _rest: str, _: list[Any], _value: Mapping[str, Any]) -> None:
    reader.found["died"] = True


def _identity(reader: _Reader, _rest: str, _: list[Any], value: Mapping[str, Any]) -> None:
    degree = value.get("degree")
    reader.found["nobody"] = degree == "nobody"
    reader.found["confirmed"] = degree in ("confirmed", "nobody")


def _capacity(reader: _Reader, _rest: str, register: list[Any], value: Mapping[str, Any]) -> None:
    has = value.get("has")
    reader.add("capacity", (register[0], register[1], has if isinstance(has, bool) else None))


def _competence(reader: _Reader, _rest: str, register: list[Any], value: Mapping[str, Any]) -> None:
    competent = value.get("competent")
    reader.add("competence", (register[0], register[1], competent if isinstance(competent, bool) else None))


def _said_same(reader: _Reader, rest: str, register: list[Any], _value: Mapping[str, Any]) -> None:
    reader.map("same")[rest] = reader.map("same").get(rest, Bond())._replace(said=_stamp(register))


def _same_confirmed(reader: _Reader, rest: str, register: list[Any], value: Mapping[str, Any]) -> None:
    if "unreadable" not in value:
        reader.map("same")[rest] = reader.map("same").get(rest, Bond())._replace(confirmed=_stamp(register))


def _same_ended(reader: _Reader, rest: str, register: list[Any], value: Mapping[str, Any]) -> None:
    if "unreadable" not in value:
        reader.map("same")[rest] = reader.map("same").get(rest, Bond())._replace(ended=_stamp(register))


def _stamp(register: list[Any]) -> Stamp:
    return register[0], register[1]


def _household(reader: _Reader, _rest: str, _: list[Any], value: Mapping[str, Any]) -> None:
    household = value.get("household")
    reader.found["household"] = household if isinstance(household, str) else None


def _responsible(reader: _Reader, rest: str, _: list[Any], value: Mapping[str, Any]) -> None:
    found = reader.map("responsible")[rest] = responsible_of(value)
    reader.edges |= {found.start, found.end}


def _representative(reader: _Reader, rest: str, _: list[Any], value: Mapping[str, Any]) -> None:
    found = reader.map("representatives")[rest] = representative_of(value)
    reader.edges |= {found.start, found.end}


def _act(reader: _Reader, rest: str, register: list[Any], value: Mapping[str, Any]) -> None:
    reader.add("acts", act_of(rest, register, value))


def _restriction(reader: _Reader, rest: str, register: list[Any], value: Mapping[str, Any]) -> None:
    source, _, named = rest.partition("|")
    name = _before(named)
    found = shield_of(name, value, source=source)
    lifts = f"restriction_lifted|{found.owner}|{name}|"
    placers = _desks(reader.registers, "restriction", name)
    ended = [
        each
        for key, each in reader.registers.items()
        if key.startswith(lifts) and _means(key.removeprefix(lifts), source, placers)
    ]
    if all(tuple(each[:2]) < tuple(register[:2]) for each in ended):
        reader.add("shields", found)


def _desks(registers: Plain, word: str, name: str) -> set[str]:
    """The desks that stated a restriction or an objection of this id: each desk gives its own ids."""
    parts = (key.split("|", 2) for key in registers if key.startswith(f"{word}|"))
    return {source for _, source, *rest in parts if rest and _before(rest[0]) == name}


def _before(rest: str) -> str:
    """The id before a receipt. It is a desk's own, and may hold any character."""
    return rest.rpartition("|")[0]


def _means(lifter: str, placer: str, placers: set[str]) -> bool:
    """Whether a lift by one desk is of the restriction of another: of its own, else of the only one of that id."""
    if "|" in lifter:  # it is of a longer id
        return False
    return lifter == placer or (lifter not in placers and len(placers) == 1)


def _order(reader: _Reader, rest: str, register: list[Any], value: Mapping[str, Any]) -> None:
    name = _before(rest)
    ended = reader.registers.get(f"order_discharged|{name}")
    if ended is None or tuple(ended[:2]) < tuple(register[:2]):
        reader.add("shields", shield_of(name, value, source=None))


def _objection(reader: _Reader, rest: str, register: list[Any], value: Mapping[str, Any]) -> None:
    later = list(_decisions(reader.registers, _before(rest.partition("|")[2]), register))
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
            said = _before(rest)
            # A register of an older form says no id: nothing is decided by that.
            if said == raised[1] or (said and said == name and len(_raisers(registers, name, each)) == 1):
                yield each


def _raisers(registers: Plain, name: str, before: list[Any]) -> set[str]:
    """The desks that had raised an objection of this id before another event."""
    earlier = {key: each for key, each in registers.items() if tuple(each[:2]) < tuple(before[:2])}
    return _desks(earlier, "objection", name)


def _outcome(decided: list[Any]) -> object:
    return decided[2].get("outcome") if isinstance(decided[2], dict) else None


def _scope(words: object) -> frozenset[str] | None:
    if not isinstance(words, list) or "*" in words:
        return None
    return frozenset(str(each) for each in words)


def _refusal(reader: _Reader, rest: str, register: list[Any], value: Mapping[str, Any]) -> None:
    reader.add("refusals", _cell(rest, register, value))


def _refused(reader: _Reader, rest: str, register: list[Any], value: Mapping[str, Any]) -> None:
    reader.add("refused", _cell(rest, register, value))


def _cell(rest: str, register: list[Any], value: Mapping[str, Any]) -> Refusal:
    purpose, category, desk = [*rest.split("|"), "*", "*", "*"][:3]
    return Refusal(purpose, category, desk, register[0], register[1], str(value.get("act", "withdrawn")))


def _consent(reader: _Reader, rest: str, register: list[Any], value: Mapping[str, Any]) -> None:
    cell, givings = tuple(rest.split("|")[:3]), reader.map("givings")
    givings[cell] = (*givings.get(cell, ()), register)
    reader.edges |= {each for each in (value.get("from"), value.get("until")) if isinstance(each, int)}


def _override(reader: _Reader, rest: str, register: list[Any], value: Mapping[str, Any]) -> None:
    confirmed: list[tuple[Micros, Mapping[str, Any]]] = []
    copies = []
    for key, each in reader.registers.items():
        word, _, named = key.partition("|")
        if word == "override_seconded" and isinstance(each[2], dict):
            confirmed.append((each[0], each[2]))
        elif word == "override" and each[1] == register[1]:
            copies.append(_before(named) or named)
    # Invoked for several families at once it is one, whichever of them ends it.
    ends = (reader.registers.get(f"override_ended|{each}") for each in copies)
    ended = any(each is not None and tuple(each[:2]) > tuple(register[:2]) for each in ends)
    found = override_of(rest, register, value, confirmed, ended=ended)
    reader.add("overrides", found)
    reader.edges |= {found.start, found.end}


_RULES: Final[dict[str, Any]] = {
    "role": _role,
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
    "restriction": _restriction,
    "order": _order,
    "objection": _objection,
    "refusal": _refusal,
    "refused": _refused,
    "consent": _consent,
    "override": _override,
}
