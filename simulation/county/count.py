"""The county's figures, counted from what was published and nothing else.

Reads events in the order in which they were published, as anybody could who saw all of them. An event counts once,
under its first id; one that its author may not state, or that comes before what it follows from, does not.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Event = Mapping[str, Any]
FRAME: Final = ("wraparound.", ".v1")
ENDS: Final = frozenset({"returned", "declined", "closed_before_support", "withdrawn"})
IN_NEED: Final = frozenset({"cin", "cp"})
YEAR: Final = "2023-01-01"


@dataclass(frozen=True, slots=True)
class Count:
    """Families, children, adults."""

    families: int
    children: int
    adults: int


@dataclass(frozen=True, slots=True)
class Presented:
    """Referrals to one specialism: all presented, those open, and of each those known before."""

    referrals: int
    open: int
    known: int
    open_known: int
    others: Mapping[str, int]


@dataclass(slots=True)
class _Family:
    lead: str
    locality: str
    opened: str
    closed: str = ""


@dataclass(slots=True)
class _Referral:
    family: str
    person: str
    specialism: str
    to: str
    requested: str
    known: bool
    allocated: bool = False
    started: str = ""
    ended: str = ""
    how: str = "waiting"
    since: str = ""

    def runs(self, day: str) -> bool:
        """Whether support was under way at the end of that day."""
        return bool(self.started) and self.started <= day and not (self.ended and self.ended <= day)


@dataclass(slots=True)
class Ledger:
    """What was published, by family, child and referral. Days are ISO dates."""

    families: dict[str, _Family] = field(default_factory=dict)
    joined: dict[str, tuple[str, str]] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    referrals: dict[str, _Referral] = field(default_factory=dict)
    _seen: set[tuple[str, str]] = field(default_factory=set)

    def read(self, events: Iterable[Event]) -> "Ledger":
        """Take in events, in order."""
        for event in events:
            key = (event["source"], event["id"])
            if key not in self._seen:
                self._seen.add(key)
                self._take(event["type"].removeprefix(FRAME[0]).removesuffix(FRAME[1]), event)
        return self

    def _take(self, kind: str, event: Event) -> None:
        data, source = event["data"], event["source"]
        family = _value(data.get("family"))
        if kind == "family.opened":
            self.families[family] = _Family(data["lead"], data["locality"], data["opened_on"])
        elif kind.startswith("referral."):
            self._referral(kind.removeprefix("referral."), family, data, source)
        elif family in self.families and self.families[family].lead == source:
            self._council(kind, family, data)

    def _council(self, kind: str, family: str, data: Event) -> None:
        person = _value(data.get("person"))
        match kind:
            case "family.closed":
                self.families[family].closed = data["closed_on"]
            case "practice.joined":
                self.joined[person] = (family, data["joined_on"])
            case "practice.left":
                self.left[person] = data["left_on"]
            case "child.status_changed":
                change = (data["since"], data["status"], family)
                self.statuses.setdefault(person, []).append(change)
            case _:
                pass

    def _referral(self, step: str, family: str, data: Event, source: str) -> None:
        number = _value(data["referral"])
        if step == "requested":
            self.referrals[number] = _Referral(
                family,
                _value(data["person"]),
                data["specialism"],
                data["to"],
                data["requested_on"],
                data["previously_known"],
            )
        known = self.referrals.get(number)
        if known is None or source not in {known.to, self.families[family].lead}:
            return
        if step == "allocated":
            known.allocated = True
        elif step == "support_started" and known.allocated:
            known.started = data["started_on"]
        elif step == "support_ended":
            known.ended = data["ended_on"]
        elif step in ENDS:
            known.how = step

    # Figures ---------------------------------------------------------------------------------------------------

    def open_on(self, day: str) -> Count:
        """Families in the programme on that day, their children in it, and the adults who are supported."""
        children = self._in_programme(day)
        families = {self.joined[child][0] for child in children}
        return Count(len(families), len(children), len(self._supported(day, families)))

    def completed_by(self, day: str) -> Count:
        """Closed after support, in the year up to that day."""
        closed = {key for key, each in self.families.items() if each.closed and YEAR <= each.closed <= day}
        children = [child for child in self.left if self.joined[child][0] in closed]
        families = {self.joined[child][0] for child in children}
        adults = {each.person for each in self.referrals.values() if each.family in families and each.ended}
        return Count(len(families), len(children), len(adults))

    def presented_by(self, day: str) -> dict[str, Presented]:
        """Referrals by specialism."""
        found = {}
        for specialism in sorted({each.specialism for each in self.referrals.values()}):
            of = [r for r in self.referrals.values() if r.specialism == specialism and r.requested <= day]
            running = [each for each in of if each.runs(day)]
            others = Counter(each.how for each in of if not each.started)
            known = sum(each.known for each in of)
            found[specialism] = Presented(
                len(of), len(running), known, sum(each.known for each in running), others
            )
        return found

    def in_need_on(self, day: str) -> Counter[str]:
        """Children in need and children on a protection plan, by locality."""
        found: Counter[str] = Counter()
        for changes in self.statuses.values():
            since, status, family = max(each for each in _ranked(changes, day))[1]
            known = self.families[family]
            if since <= day and status in IN_NEED and not (known.closed and known.closed <= day):
                found[known.locality] += 1
        return found

    def _in_programme(self, day: str) -> list[str]:
        return [
            child
            for child, (family, joined) in self.joined.items()
            if joined <= day
            and not (child in self.left and self.left[child] <= day)
            and not (self.families[family].closed and self.families[family].closed <= day)
        ]

    def _supported(self, day: str, families: set[str]) -> set[str]:
        return {each.person for each in self.referrals.values() if each.family in families and each.runs(day)}


def _ranked(
    changes: list[tuple[str, str, str]], day: str
) -> Iterable[tuple[tuple[str, int], tuple[str, str, str]]]:
    return (((each[0], rank) if each[0] <= day else ("", rank), each) for rank, each in enumerate(changes))


def _value(ref: Event | None) -> str:
    return "" if ref is None else str(ref["value"])
