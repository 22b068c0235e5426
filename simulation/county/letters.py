"""What desks send, and when: a letter is one event as its publisher writes it, with the day on which it is sent.

A day belongs to a week of the county, and all desks send once a week, in turns (`TURNS`). So that it
never turns on luck what was delivered before what, `weeks` gives each family at most one *stirring* visit a week: what
changes who may know what of it stands alone, and everything else of that family waits for the next week.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import chain, count, groupby
from typing import Any, Final

from simulation.county.figures import FIRST_DAY, LAST_DAY

WEEKS: Final = (LAST_DAY - FIRST_DAY).days // 7 + 1
TURNS: Final = (
    ("council/ig",),
    ("council/chesil", "council/dorchester", "council/west"),
    *(("council/minutes",), ("police/dorset",), ("s2w/sft",), ("reach/sft",), ("paragon/victim",)),
    ("probation/perp",),
    ("school/st-brannocks", "school/harbour-lane", "school/westhaven"),
    ("health/gp",),
)
"""Who sends together, turn by turn, each week: desks that have no family in common."""
ORDER: Final = tuple(chain(*TURNS))
"""The desks of the county, in the order in which they send."""
AGAIN: Final = "again"
CALM: Final = frozenset(
    {
        *("practice.risk_rated", "practice.supervision_held", "practice.stage_of_change_assessed"),
        *("referral.accepted", "referral.support_started", "consent.service_agreed", "consent.given"),
        *(
            "practice.joined",
            "referral.stage_entered",
            "referral.goal_reviewed",
            "referral.appointment_recorded",
        ),
        *("child.attendance_recorded", "outcome.measure_recorded", "outcome.crisis_contact"),
        *("outcome.mainstream_referral_made", "outcome.treatment_completed", "outcome.programme_completed"),
    }
)
"""Kinds that change nothing of what anybody may know of what came before; every other kind is stirring."""
OPTIONAL: Final = frozenset(
    {
        *("practice.risk_rated", "practice.plan_agreed", "practice.supervision_held"),
        *("practice.stage_of_change_assessed", "referral.appointment_recorded", "outcome.incident_reported"),
    }
)
"""What is left out where a family's news are too far behind."""
MOST_BEHIND: Final = 3
"""Weeks."""
AT_ONCE: Final = frozenset({"consent.refused", "consent.withdrawn"})
"""Stirring kinds that take effect although their agency is suspended, and may come before what it sent earlier."""


@dataclass(frozen=True, slots=True)
class Away:
    """An agency that is suspended: what it sends from one day on waits until another."""

    agency: str
    since: date
    back: date

    def keeps(self, desk: str, week: int) -> bool:
        """Whether what this desk sends in that week waits."""
        return desk.partition("/")[0] == self.agency and week_of(self.since) <= week < week_of(self.back)


@dataclass(frozen=True, slots=True)
class Letter:
    """One event: the day it is sent, by which desk, under which id. `about` is the family's key, empty for none.

    `expect` is what comes of it: empty for what takes effect; `404`, `409`, `422` at the door; `again` for what was
    sent before; `rejected` by the family's log; `waits` for somebody unknown.
    """

    day: date
    desk: str
    id: str
    kind: str
    data: Mapping[str, Any]
    about: str
    expect: str = ""

    @property
    def type(self) -> str:
        """The event's type."""
        return f"wraparound.{self.kind}.v1"

    @property
    def is_stirring(self) -> bool:
        """Whether it changes who may know what of its family."""
        if self.expect not in {"", "waits"}:
            return False
        return self.kind not in CALM or "corrects" in self.data


@dataclass(slots=True)
class Outbox:
    """One desk's letters as it writes them. `form` makes its ids of a serial number."""

    desk: str
    form: str
    letters: list[Letter] = field(default_factory=list)
    _serials: Iterator[int] = field(default_factory=lambda: count(1))

    def write(
        self, day: date, kind: str, data: Mapping[str, Any], about: str = "", *, expect: str = ""
    ) -> Letter:
        """A new letter, with an id of the desk's own; what is null is left out."""
        plain = {name: value for name, value in data.items() if value is not None}
        serial = self.form.format(next(self._serials))
        letter = Letter(day, self.desk, serial, kind, plain, about, expect)
        self.letters.append(letter)
        return letter

    def repeat(self, letter: Letter, day: date) -> None:
        """The same again, as if it had never arrived."""
        self.letters.append(replace(letter, day=day, expect=AGAIN))


def week_of(day: date) -> int:
    """The week of the county, from 0."""
    return max(0, (day - FIRST_DAY).days // 7)


def weeks(
    letters: Iterable[Letter], resent: tuple[str, int] | None = None, away: Away | None = None
) -> list[list[Letter]]:
    """The letters of each week, in the order in which they are sent.

    `resent`: a desk and a week; what it sent in that week it sends again in the next one. `away`: an agency that is
    suspended for some weeks. What would be sent after the last day is not sent any more.
    """
    ranked = sorted(letters, key=lambda each: (each.day, ORDER.index(each.desk)))
    found: list[list[Letter]] = [[] for _ in range(WEEKS)]
    by_family: dict[str, list[Letter]] = {}
    for letter in ranked:
        by_family.setdefault(letter.about, []).append(letter)
    alone = [(week_of(letter.day), letter) for letter in by_family.pop("", [])]
    for week, letter in chain(alone, *(_paced(each, away) for each in by_family.values())):
        if week < WEEKS and letter.day <= LAST_DAY:
            found[week].append(letter)
    if resent is not None:
        desk, week = resent
        found[week + 1] += [replace(each, expect=AGAIN) for each in found[week] if each.desk == desk]
    return [sorted(each, key=lambda letter: ORDER.index(letter.desk)) for each in found]


def _paced(letters: Iterable[Letter], away: Away | None) -> Iterator[tuple[int, Letter]]:
    """Each letter of one family with its week. A visit is what one desk sends of it on one day."""
    week, calm, kept = -1, True, False
    sent: set[str] = set()
    for (day, desk), together in groupby(letters, key=lambda each: (each.day, each.desk)):
        visit = [each for each in together if each.expect != AGAIN or each.id in sent]
        if week > week_of(day) + MOST_BEHIND and all(each.kind in OPTIONAL for each in visit):
            continue
        is_calm = not any(each.is_stirring for each in visit)
        if week_of(day) > week:
            week = week_of(day)
        elif not (calm and is_calm):
            week += 1
        if away is not None:
            keeps = away.keeps(desk, week)
            kept = kept or (keeps and is_calm)
            week = _after(away, week, visit, keeps=keeps, kept=kept)
        calm = is_calm
        sent.update(each.id for each in visit)
        for letter in visit:
            yield week, letter


def _after(away: Away, week: int, visit: Sequence[Letter], *, keeps: bool, kept: bool) -> int:
    """The week of a visit, if the agency is suspended or just back.

    What stirs stands alone: it is not sent to wait, nor in the week in which what was `kept` comes in.
    """
    stirring = [each for each in visit if each.is_stirring]
    waits = keeps and any(each.kind not in AT_ONCE for each in stirring)
    meets = kept and bool(stirring) and week == week_of(away.back)
    return week_of(away.back) + 1 if waits or meets else week


def slug(desk: str) -> str:
    """A desk's name as that of a file."""
    return desk.replace("/", "-")
