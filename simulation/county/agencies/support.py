"""What every partner does with a referral: answers it, gives it to somebody, works, asks for consent, ends.

Each agency fills in its own: stages, interventions, instruments, what it writes down, what it asks consent for.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random
from typing import Any, Final

from simulation.county.county import County
from simulation.county.figures import LAST_DAY
from simulation.county.letters import Letter, Outbox
from simulation.county.lives import Life
from simulation.county.names import WORKERS
from simulation.county.people import Ref

DAY: Final = timedelta(days=1)
WEEK: Final = 7 * DAY
ATTENDANCE: Final = ("attended", "attended", "attended", "missed", "cancelled_by_person")
CONSENTS: Final = (("given", 6), ("refused", 2), ("later", 1), ("withdrawn", 1))
"""How people answer when they are asked, and how often; `later` is a yes after two months."""
LEAD: Final = "lead"

Details = Callable[[Random, Life], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Practice:
    """One agency's way of working. `cells`: purpose and category of each consent asked for, for the lead's desk."""

    desk: str
    form: str
    stages: Sequence[str]
    interventions: Sequence[str]
    instruments: Sequence[tuple[str, int]]
    cells: Sequence[tuple[str, str]]
    detail: Details
    step_down: str
    scheme: str | None = None


@dataclass(slots=True)
class Case:
    """One referral at its agency."""

    practice: Practice
    life: Life
    outbox: Outbox
    rng: Random

    def write(self) -> None:
        """The whole case."""
        life = self.life
        if life.started is None:
            self._turned_away()
            return
        assert life.allocated is not None
        self.send(life.answered, "referral.accepted", accepted_on=life.answered.isoformat())
        worker = self.rng.choice(WORKERS)
        specialism, on = life.referral.specialism, life.allocated.isoformat()
        self.send(
            life.allocated,
            "referral.allocated",
            specialism=specialism,
            worker_name=worker,
            worker_phone="01632 960700",
            allocated_on=on,
        )
        self._begin(life.started)
        self._ask(life.started + 2 * WEEK)
        for number, day in enumerate(life.months()):
            self._month(day, number)
        if life.ended is not None:
            self._end(life.ended, life.started)

    def send(self, day: date, kind: str, /, **data: Any) -> Letter:
        """News of the case."""
        referral = self.life.referral
        named = {"family": referral.family.ref, "referral": referral.ref, "person": self.person}
        return self.outbox.write(day, kind, named | data, referral.family.key)

    def record(self, day: date, kind: str, /, **data: Any) -> Letter:
        """What the person decided about their data: it is about no referral."""
        family = self.life.referral.family
        return self.outbox.write(day, kind, {"family": family.ref, "person": self.person, **data}, family.key)

    @property
    def person(self) -> Ref:
        """The person, by the agency's own number; by the council's where it has none of its own."""
        referral = self.life.referral
        return referral.person.ref if self.practice.scheme is None else referral.person.of(referral.agency)

    def _turned_away(self) -> None:
        day, on = self.life.answered, self.life.answered.isoformat()
        match self.life.referral.how:
            case "returned":
                self.send(day, "referral.returned", reason="criteria_not_met", returned_on=on)
            case "declined":
                self.send(day, "referral.declined", reason="not_wanted", by="person", declined_on=on)
            case "closed_before_support":
                self.send(day, "referral.accepted", accepted_on=on)
                later = day + 3 * WEEK
                reason = self.rng.choice(("no_contact", "moved_away", "mainstream_service", "not_ready"))
                self.send(later, "referral.closed_before_support", reason=reason, closed_on=later.isoformat())
            case _:
                return

    def _begin(self, day: date) -> None:
        first, *_ = self.practice.stages
        self.send(day - DAY, "referral.stage_entered", stage=first, entered_on=(day - DAY).isoformat())
        goals = [{"goal": "G-1", "need": self.life.referral.specialism, "aim": "keep_appointments"}]
        self.send(
            day,
            "referral.support_started",
            intervention=self.practice.interventions[0],
            started_on=day.isoformat(),
            goals=goals,
            **self.practice.detail(self.rng, self.life),
        )
        agreed = day + DAY
        self.send(agreed, "consent.service_agreed", desk=self.practice.desk, agreed_on=agreed.isoformat())

    def _ask(self, day: date) -> None:
        answer = self.rng.choices([each for each, _ in CONSENTS], [share for _, share in CONSENTS])[0]
        if not self.practice.cells or self._over(day):
            return
        lead = self.life.referral.family.lead
        cells = [
            {"purpose": purpose, "category": category, "desk": lead}
            for purpose, category in self.practice.cells
        ]
        who = {"cells": cells, "given_by": self.person, "given_as": "self", "method": "in_person"}
        if answer in {"refused", "later"}:
            self.record(day, "consent.refused", **who, refused_on=day.isoformat())
        else:
            self.record(day, "consent.given", **who)
        after = day + 9 * WEEK
        if answer == "later" and not self._over(after):
            self.record(after, "consent.given", **who)
        if answer == "withdrawn" and not self._over(after):
            self.record(after, "consent.withdrawn", **who, reason="changed_mind")

    def _over(self, day: date) -> bool:
        return day > (self.life.ended or LAST_DAY) - WEEK

    def _month(self, day: date, number: int) -> None:
        practice, rng = self.practice, self.rng
        for fortnight in range(2):
            on = day + DAY * (14 * fortnight)
            if not self._over(on):
                attendance = rng.choice(ATTENDANCE)
                self.send(on, "referral.appointment_recorded", attendance=attendance, mode="in_person")
        if number < len(practice.stages) - 1:
            stage = practice.stages[number + 1]
            self.send(day, "referral.stage_entered", stage=stage, entered_on=day.isoformat())
        for instrument, highest in practice.instruments:
            point = "start" if number == 0 else "review"
            self._score(day, instrument, max(2, highest - 2 * number - rng.randrange(4)), point)
        if number % 2 == 1:
            goals = [{"goal": "G-1", "progress": rng.choice(("some", "some", "met"))}]
            self.send(day, "referral.goal_reviewed", goals=goals, **self.practice.detail(self.rng, self.life))

    def _score(self, day: date, instrument: str, score: int, point: str) -> None:
        self.send(
            day,
            "outcome.measure_recorded",
            instrument=instrument,
            score=score,
            point=point,
            taken_on=day.isoformat(),
        )

    def _end(self, day: date, started: date) -> None:
        intervention = self.practice.interventions[-1]
        on = day.isoformat()
        self.send(day - WEEK, "outcome.treatment_completed", treatment=intervention, result="completed")
        self.send(
            day,
            "referral.support_ended",
            intervention=intervention,
            started_on=started.isoformat(),
            ended_on=on,
            duration_days=(day - started).days,
            reason="completed",
            step_down=self.practice.step_down,
            goals=[{"goal": "G-1", "result": self.rng.choice(("met", "partly_met"))}],
        )


def cases(county: County, practice: Practice) -> Outbox:
    """All cases of an agency, in an outbox of its desk."""
    outbox = Outbox(practice.desk, practice.form)
    for life in _at(county, practice.desk):
        Case(practice, life, outbox, county.rng(f"{practice.desk}|{life.referral.number}")).write()
    return outbox


def _at(county: County, desk: str) -> Iterator[Life]:
    return (life for life in county.lives if life.referral.to == desk)


def early(outbox: Outbox, rng: Random, count: int) -> None:
    """Some starts are reported before anybody was allocated: the family's log rejects them; the real ones follow."""
    allocations = [each for each in outbox.letters if each.kind == "referral.allocated"]
    for letter in rng.sample(allocations, count):
        named = {name: letter.data[name] for name in ("family", "referral", "person")}
        outbox.write(letter.day - DAY, "referral.support_started", named, letter.about, expect="rejected")


def late(outbox: Outbox, rng: Random, kind: str, share: float, days: int) -> None:
    """A share of one kind is sent so many days after it happened."""
    outbox.letters[:] = [
        replace(letter, day=letter.day + DAY * days)
        if letter.kind == kind and rng.random() < share
        else letter
        for letter in outbox.letters
    ]
