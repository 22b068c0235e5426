"""The three council teams: they open families, say who is in them, rate risk, refer, and close.

Chesil is tidy. Dorchester's connection is bad: what it sent at the end of a week it often sends again. West registers
partners' numbers weeks late, so that partners' news has to wait, and mistypes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any, Final

from simulation.county.county import County
from simulation.county.figures import FIRST_DAY, LAST_DAY, PERPETRATOR, VICTIM
from simulation.county.letters import Letter, Outbox
from simulation.county.lives import Life
from simulation.county.names import STREETS
from simulation.county.people import Family, Person, about

TEAMS: Final = ("chesil", "dorchester", "west")
DAY: Final = timedelta(days=1)
WEEK: Final = 7 * DAY
REGISTERED_LATE: Final = 5 * WEEK
"""How late West registers a partner's number, where it forgets."""
LOADED_FIRST: Final = 5
LOADED: Final = 18
"""Days in which the families that are open already are loaded; those of the programme first."""
HEALTH: Final = "health/gp"
PROGRAMME: Final = "sft"


def letters(county: County) -> list[Letter]:
    """What the three teams send."""
    found: list[Letter] = []
    for team in TEAMS:
        outbox = Outbox(f"council/{team}", f"ll-{team}-{{:06d}}")
        for family in county.families:
            if family.locality == team:
                _Casework(county, family, outbox, county.rng(f"council|{family.key}")).write()
        _habits(outbox, county.rng(f"council|{team}"))
        found += outbox.letters
    return found


@dataclass(slots=True)
class _Casework:
    """One family's file at its team."""

    county: County
    family: Family
    outbox: Outbox
    rng: Random

    def write(self) -> None:
        """Everything, from opening to closing."""
        opened = self._open()
        if self.family.joined is not None:
            self._join(max(self.family.joined, opened + WEEK))
        for life in self.county.of(self.family):
            self._refer(life)
        self._review(opened)
        if self.rng.random() < MOVES and self.family.kind in {"open", "outside"}:
            self._move(opened)
        match self.family.kind:
            case "care":
                self._place(opened)
            case "completed" | "passing":
                self._close()
            case _ if self.rng.random() < STATUS_CHANGES:
                self._change_status(opened)

    def send(self, day: date, kind: str, /, **data: Any) -> Letter:
        """A letter about the family."""
        return self.outbox.write(day, kind, {"family": self.family.ref, **data}, self.family.key)

    def _open(self) -> date:
        family = self.family
        loading = LOADED_FIRST if family.joined is not None else LOADED
        day = max(family.opened, FIRST_DAY + DAY * self.rng.randrange(loading))
        on = family.opened.isoformat()
        self.send(day, "family.opened", lead=family.lead, locality=family.locality, opened_on=on)
        self.send(day, "family.member_added", members=list(_members(family)))
        self.send(day, "family.household_changed", moves=list(self._homes()))
        for adult in family.adults:
            told: dict[str, Any] = {"told": True, "method": "face_to_face", "told_on": day.isoformat()}
            if adult.role == "alleged_perpetrator":
                told = {"told": False, "reason_not_told": "unsafe_to_tell"}
            self.send(day, "person.told_recorded", person=adult.ref, **told)
        for child in family.children:
            status = "cin" if family.status == "none" else family.status
            self.send(day, "child.status_changed", person=child.ref, status=status, since=on, step="none")
            self.send(day, "person.registered", person=child.ref, desk=HEALTH, kind="gp", confirmed=True)
            if child.school:
                self.send(
                    day,
                    "person.registered",
                    person=child.ref,
                    desk=child.school,
                    kind="school",
                    confirmed=True,
                )
        self._rate(day, family.children[0], "amber")
        return day

    def _homes(self) -> Iterator[dict[str, Any]]:
        together = [
            p for p in (*self.family.adults, *self.family.children) if p.role != "alleged_perpetrator"
        ]
        line = f"{self.rng.randrange(1, 180)} {self.rng.choice(STREETS)}"
        yield from _moves(self.family, together, "A", line, "house")
        accused = self.family.perpetrator
        if accused is not None:
            line = f"{self.rng.randrange(1, 180)} {self.rng.choice(STREETS)}"
            yield from _moves(self.family, [accused], "B", line, "flat")

    def _join(self, day: date) -> None:
        for child in self.family.children:
            self.send(
                day,
                "practice.joined",
                person=child.ref,
                programme=PROGRAMME,
                locality=self.family.locality,
                joined_on=day.isoformat(),
            )
        self._plan(day + WEEK, [])
        desks: list[str] = []
        for life in sorted(self.county.of(self.family), key=lambda each: each.started or LAST_DAY):
            to = life.referral.to
            if life.started is None or life.referral.person == self.family.perpetrator or to in desks:
                continue
            desks.append(to)
            self._plan(life.started + WEEK, list(desks))

    def _plan(self, day: date, core_group: list[str]) -> None:
        if day >= self.family.until(LAST_DAY):
            return
        child = self.rng.choice(self.family.children)
        what = about(self.rng.choice(ACTIONS).format(child.given), child)
        action = {"person": child.ref, "what": what, "owner": self.family.lead, "state": "open"}
        kind = "cp_plan" if self.family.status == "cp" else "cin_plan"
        discussed = [each.ref for each in self.family.children]
        self.send(
            day,
            "practice.plan_agreed",
            discussed=discussed,
            core_group=core_group,
            kind=kind,
            actions=[action],
            agreed_on=day.isoformat(),
        )

    def _rate(self, day: date, child: Person, rating: str) -> None:
        carer = self.family.adults[0]
        reason = about(self.rng.choice(REASONS[rating]).format(child.given, carer.given), child, carer)
        self.send(
            day,
            "practice.risk_rated",
            person=child.ref,
            rating=rating,
            rated_on=day.isoformat(),
            reason=reason,
        )

    def _review(self, opened: date) -> None:
        inside = self.family.joined is not None
        every, plans = (28, 3) if inside else (42, 2)
        day, turn = opened + DAY * self.rng.randrange(21, 21 + every), 0
        while day < self.family.until(LAST_DAY) - 3 * WEEK:
            turn += 1
            child = self.rng.choice(self.family.children)
            self._rate(day, child, self.rng.choices(("green", "amber", "red"), (5, 4, 1))[0])
            if inside and turn % plans == 0:
                self._stages(day)
            elif not inside and turn % plans == 0:
                self._plan(day + 2 * DAY, [])
            day += DAY * (every + self.rng.randrange(-4, 5))

    def _stages(self, day: date) -> None:
        for life in self.county.of(self.family):
            need = NEEDS.get(life.referral.specialism)
            if need and life.runs(day):
                stage = self.rng.choice(STAGES)
                self.send(
                    day,
                    "practice.stage_of_change_assessed",
                    person=life.referral.person.ref,
                    stage=stage,
                    need=need,
                    assessed_on=day.isoformat(),
                )

    def _refer(self, life: Life) -> None:
        referral = life.referral
        person, day = referral.person, referral.requested
        late = self.family.locality == "west" and self.rng.random() < 0.5
        if referral.specialism != PERPETRATOR:
            identifier = person.of(referral.agency)
            known_on = day + REGISTERED_LATE if late else day
            if known_on < self.family.until(LAST_DAY):
                self.send(known_on, "family.member_changed", person=person.ref, identifiers=[identifier])
        child = self.family.children[0]
        need = {"need": _need(referral.specialism), "when": "present", "severity": self.rng.choice(HOW_BAD)}
        if referral.how == "returned":
            need["when"] = "past"
        self.send(
            day,
            "referral.requested",
            referral=referral.ref,
            person=person.ref,
            to=referral.to,
            specialism=referral.specialism,
            requested_on=day.isoformat(),
            needs=[need],
            criteria=[{"criterion": CRITERION[referral.specialism], "met": referral.how != "returned"}],
            children=[{"person": child.ref, "rag": self.rng.choice(RAG), "status": self.family.status}],
            previously_known=referral.known,
            reason=about(self.rng.choice(ASKS).format(person.given), person),
            given_name=person.given,
            family_name=person.surname,
            dob=person.born.isoformat(),
            phone=f"01632 96{person.number % 10_000:04d}",
            addressed_to=[{"field": "reason", "desks": [referral.to]}],
        )
        if referral.how == "withdrawn":
            ref = {"referral": referral.ref, "person": person.ref}
            on = life.answered.isoformat()
            self.send(life.answered, "referral.withdrawn", **ref, reason="moved_away", withdrawn_on=on)

    def _move(self, opened: date) -> None:
        last = self.family.until(LAST_DAY) - 8 * WEEK
        day = opened + 6 * WEEK + DAY * self.rng.randrange(max(1, (last - opened).days))
        if day >= last:
            return
        away = [self.family.adults[0], *self.family.children]
        is_refuge = self.family.perpetrator is not None
        line = REFUGE.format(self.rng.randrange(1, 60)) if is_refuge else f"{self.rng.randrange(9)} Ferry Row"
        moves = _moves(self.family, away, "C", line, "refuge" if is_refuge else "house")
        self.send(day, "family.household_changed", moves=list(moves))

    def _change_status(self, opened: date) -> None:
        """CIN to CP after a section 47 enquiry, or a step down; and where there is time, back."""
        family = self.family
        day = opened + DAY * self.rng.randrange(60, 150)
        if day > date(2023, 10, 1):
            return
        if family.status == "cin":
            self._enquire(day - 3 * WEEK, day - WEEK)
        self._statuses(day, family.status, OTHER[family.status])
        back = day + DAY * self.rng.randrange(110, 160)
        if back < date(2023, 11, 6):
            self._statuses(back, OTHER[family.status], family.status)

    def _enquire(self, started: date, ended: date) -> None:
        children = [each.ref for each in self.family.children]
        enquiry = f"S47-{self.family.number}"
        reason = about("Bruises that do not fit what is said of them.", self.family.children[0])
        self.send(
            started,
            "child.section_47_started",
            children=children,
            enquiry=enquiry,
            led_by=self.family.lead,
            reason=reason,
            started_on=started.isoformat(),
        )
        self.send(
            ended,
            "child.section_47_ended",
            children=children,
            enquiry=enquiry,
            outcome="substantiated",
            ended_on=ended.isoformat(),
        )

    def _statuses(self, day: date, before: str, after: str) -> None:
        step = "none" if after == before else "up" if after in {"cp", "cla"} else "down"
        for child in self.family.children:
            self.send(
                day,
                "child.status_changed",
                person=child.ref,
                status=after,
                previous=before,
                step=step,
                since=day.isoformat(),
            )

    def _place(self, opened: date) -> None:
        child = self.family.children[0]
        day = opened + DAY * self.rng.randrange(20, 120)
        case = f"FC-{self.family.number}"
        self.send(
            day,
            "child.proceedings_initiated",
            children=[child.ref],
            case=case,
            kind="care_order",
            issued_on=day.isoformat(),
        )
        placement = f"PL-{self.family.number}"
        self.send(
            day + 2 * WEEK,
            "child.placement_started",
            person=child.ref,
            placement=placement,
            kind="foster_care",
            started_on=(day + 2 * WEEK).isoformat(),
        )
        if self.rng.random() < 0.5:
            ended = day + 30 * WEEK
            self.send(
                ended,
                "child.placement_ended",
                person=child.ref,
                placement=placement,
                reason="moved",
                ended_on=ended.isoformat(),
            )

    def _close(self) -> None:
        closed = self.family.closed
        assert closed is not None
        self._statuses(closed - WEEK, self.family.status, "none")
        if self.family.joined is not None:
            for child in self.family.children:
                left = {"person": child.ref, "programme": PROGRAMME, "reason": "completed"}
                self.send(closed, "practice.left", **left, left_on=closed.isoformat())
        self.send(closed, "family.closed", reason="needs_met", closed_on=closed.isoformat())


def _members(family: Family) -> Iterator[dict[str, Any]]:
    victim = {each.number: each for each in family.adults}
    for person in (*family.adults, *family.children):
        identifiers = [person.nhs, *([person.pupil] if person.upn else [])]
        against = victim[person.against].ref if person.against is not None else None
        if against is not None:
            identifiers.append(person.crn)
        row: dict[str, Any] = {
            "person": person.ref,
            "identifiers": identifiers,
            "given_name": person.given,
            "family_name": person.surname,
            "dob": person.born.isoformat(),
            "kind": person.kind,
            "relation": person.relation,
            "domestic_abuse_role": person.role,
        }
        yield row | ({"against": against} if against is not None else {})


def _moves(
    family: Family, people: list[Person], home: str, line: str, dwelling: str
) -> Iterator[dict[str, Any]]:
    household = {"scheme": "liquidlogic", "value": f"H-{family.number:05d}-{home}"}
    for person in people:
        yield {
            "person": person.ref,
            "household": household,
            "address_lines": [line],
            "postcode": "DT1 9VV",
            "dwelling": dwelling,
        }


def _need(specialism: str) -> str:
    return "domestic_abuse" if specialism in {VICTIM, PERPETRATOR} else specialism


def _habits(outbox: Outbox, rng: Random) -> None:
    """Each team's own, on what it has written."""
    if outbox.desk == "council/dorchester":
        for letter in rng.sample(outbox.letters, 60):
            outbox.repeat(letter, letter.day + DAY * rng.randrange(8))
    if outbox.desk == "council/west":
        ratings = [each for each in outbox.letters if each.kind == "practice.risk_rated"]
        for letter in rng.sample(ratings, 8):
            wrong = {**letter.data, "rated_on": "31/02/2023"}
            outbox.write(letter.day, letter.kind, wrong, letter.about, expect="422")
        told = [each for each in outbox.letters if each.kind == "person.told_recorded"]
        for letter in rng.sample(told, 4):
            mistyped = {"scheme": "nhs-number", "value": "9990000019"}
            outbox.write(letter.day, letter.kind, {**letter.data, "person": mistyped}, expect="422")


MOVES: Final = 0.12
STATUS_CHANGES: Final = 0.3
OTHER: Final = {"cin": "cp", "cp": "cin"}
HOW_BAD: Final = ("low", "medium", "medium", "high")
RAG: Final = ("green", "amber", "amber", "red")
NEEDS: Final = {
    "mental_health": "mental_health",
    "substance_use": "substance_use",
    "domestic_abuse_victim": "domestic_abuse",
}
CRITERION: Final = {
    "mental_health": "present_need",
    "substance_use": "present_use",
    "domestic_abuse_victim": "present_abuse",
    "domestic_abuse_perpetrator": "accepts_work",
}
STAGES: Final = (
    "pre_contemplation",
    "contemplation",
    "preparation",
    "action",
    "action",
    "maintenance",
    "relapse",
)
REFUGE: Final = "{} Lantern Court"
"""The only address of its kind in the county: no desk but the council's may ever hold a byte of it."""
ACTIONS: Final = (
    "Someone from the team sees {} each fortnight.",
    "School to ring the social worker about {}, not the parents.",
    "A bed for {} by the end of the month.",
    "See {} alone before the next meeting.",
)
REASONS: Final = {
    "green": (
        "{} sleeps and is at school; {} asks for help early.",
        "A calm month for {}; {} keeps appointments.",
    ),
    "amber": ("{} missed school twice; {} was low this month.", "{} is quiet since the move; {} is worried."),
    "red": ("{} was alone at home overnight; {} cannot be reached.", "{} was hurt; {} says it was a fall."),
}
ASKS: Final = (
    "{} asks for help, and would like it soon.",
    "{} has not slept properly since the spring.",
    "{} would come if somebody met them at the door.",
)
