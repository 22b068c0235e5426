"""A deterministic workload: from a seed, the events of many families, as their agencies' systems would publish them.

Each family has a victim V, an alleged perpetrator P and a child K. Its council opens it, adds them, tells them, pairs
P against V, refers V to three services and P to Probation; once these are offered they accept, allocate and begin.
Then a mix of scores, goals with safety plans, appointments, ratings, and consents given and withdrawn.

The events of one family are published in order; families know nothing of each other. Every text and personal value is
a canary (canary.py).
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from tests.torture.canary import Canary, make

VICTIM_DESKS: Final = {
    "s2w/sft": "mental_health",
    "reach/sft": "substance_use",
    "paragon/victim": "domestic_abuse_victim",
}
PERPETRATOR_DESK: Final = "probation/perp"
LOCALITIES: Final = ("chesil", "dorchester", "west")

CONSENTED: Final = {
    "outcome.score": "treatment",
    "support.clinical_detail": "treatment",
    "support.dv_safety_plan": "safeguard",
}
"""Categories that go out on consent alone (P04, P06, P13), and the purpose towards a supporting desk or the lead."""


@dataclass(frozen=True, slots=True)
class Act:
    """A consent given, or withdrawn, for a category towards a desk."""

    category: str
    desk: str
    given: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One event to publish. `after_offers`: only once the hub has offered every referral of this family."""

    family: str
    number: int
    desk: str
    kind: str
    id: str
    data: dict[str, Any]
    canaries: tuple[Canary, ...]
    acts: tuple[Act, ...] = ()
    after_offers: bool = False


@dataclass(frozen=True, slots=True)
class Workload:
    """All families' steps."""

    seed: int
    families: tuple[tuple[Step, ...], ...]

    @property
    def size(self) -> int:
        """How many events there are."""
        return sum(map(len, self.families))

    def steps(self) -> Iterator[Step]:
        """Every step, family by family."""
        for family in self.families:
            yield from family


def build(seed: int, events: int) -> Workload:
    """Families until there are at least `events` events."""
    families: list[tuple[Step, ...]] = []
    total = 0
    while total < events:
        family = tuple(_Family(seed, len(families)).script())
        families.append(family)
        total += len(family)
    return Workload(seed, tuple(families))


def ref(value: str) -> dict[str, str]:
    """A reference in the scheme that everybody may use."""
    return {"scheme": "liquidlogic", "value": value}


def nhs_number(number: int) -> str:
    """A 999-series NHS number with its check digit (modulus 11)."""
    while True:
        digits = f"999{number % 1_000_000:06d}"
        check = (
            11 - sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1), strict=True)) % 11
        )
        if check != 10:
            return digits + str(0 if check == 11 else check)
        number += 500_003


@dataclass
class _Family:
    """Writes one family's script."""

    seed: int
    number: int
    steps: list[Step] = field(default_factory=list)
    canaries: list[Canary] = field(default_factory=list)
    offered: bool = False

    def __post_init__(self) -> None:
        self.rng = random.Random(f"{self.seed}|{self.number}")
        self.name = f"{self.seed}-{self.number}"
        self.lead = f"council/{LOCALITIES[self.number % 3]}"
        self.family = ref(f"F-{self.name}")
        # Every fifth family shares its P with the one before: one person, two logs.
        self.other = f"{self.seed}-{self.number - 1}" if self.number % 5 == 4 else self.name

    def person(self, role: str) -> dict[str, str]:
        return ref(f"{role}-{self.other if role == 'P' else self.name}")

    def referral(self, desk: str) -> dict[str, str]:
        return ref(f"R-{self.name}-{desk.replace('/', '-')}")

    @property
    def next_id(self) -> str:
        return f"{self.name}-{len(self.steps)}"

    def say(self, name: str, category: str, about: str) -> str:
        """A canary for a field of the event that is added next."""
        text = make(self.seed, self.next_id, name)
        self.canaries.append(Canary(text, self.next_id, self.name, name, category, about))
        return text

    def text(self, name: str, category: str, about: str) -> dict[str, Any]:
        return {"text": f"Said: {self.say(name, category, about)}.", "about": [self.person(about)]}

    def add(self, desk: str, kind: str, acts: tuple[Act, ...] = (), /, **data: Any) -> None:
        step = Step(
            family=self.name,
            number=len(self.steps),
            desk=desk,
            kind=kind,
            id=self.next_id,
            data={"family": self.family, **data},
            canaries=tuple(self.canaries),
            acts=acts,
            after_offers=self.offered,
        )
        self.canaries.clear()
        self.steps.append(step)

    def script(self) -> list[Step]:
        self._open()
        self._refer()
        self.offered = True
        for desk in (*VICTIM_DESKS, PERPETRATOR_DESK):
            self._begin(desk)
        self._consent(given=True)
        moves = (self._score, self._goal, self._appointment, self._rate, self._note)
        for _ in range(self.rng.randint(2, 4)):
            for move in self.rng.choices(moves, weights=(4, 3, 2, 1, 1), k=self.rng.randint(2, 5)):
                move()
            self._consent(given=False)
            if self.rng.random() < 0.7:
                self._score()
                self._consent(given=True)
        return self.steps

    # How a family begins ---------------------------------------------------------------------------------------

    def _member(self, role: str, kind: str, born: str, **more: Any) -> dict[str, Any]:
        return {
            "person": self.person(role),
            "given_name": self.say(f"members.{role}.given_name", "identity.name", role),
            "family_name": self.say(f"members.{role}.family_name", "identity.name", role),
            "dob": born,
            "email": self.say(f"members.{role}.email", "contact.channel", role) + "@example.org",
            "kind": kind,
            **more,
        }

    def _open(self) -> None:
        lead = self.lead
        self.add(lead, "family.opened", lead=lead, locality=lead.partition("/")[2])
        national = [{"scheme": "nhs-number", "value": nhs_number(1000 * self.seed + self.number)}]
        members = [
            self._member("V", "adult", "1991-03-09", relation="mother", identifiers=national),
            self._member("P", "adult", "1989-11-30", relation="father"),
            self._member("K", "child", "2017-06-21", relation="child"),
        ]
        self.add(lead, "family.member_added", members=members)
        for role in ("V", "P"):
            self.add(lead, "person.told_recorded", person=self.person(role), told=True)
        self.add(
            lead,
            "safety.pair_recorded",
            victim=self.person("V"),
            perpetrator=self.person("P"),
            basis="disclosure",
            exposed_children=[self.person("K")],
        )
        self.add(lead, "child.status_changed", person=self.person("K"), status=self.rng.choice(["cin", "cp"]))
        home = ref(f"H-{self.name}")
        moves = [
            {
                "person": self.person(role),
                "household": home,
                "address_lines": [self.say(f"moves.{role}.address", "contact.address", role)],
                "dwelling": "refuge",
            }
            for role in ("V", "K")
        ]
        self.add(lead, "family.household_changed", moves=moves)
        self._rate()

    def _refer(self) -> None:
        for desk, specialism in (*VICTIM_DESKS.items(), (PERPETRATOR_DESK, "domestic_abuse_perpetrator")):
            about = "P" if desk == PERPETRATOR_DESK else "V"
            self.add(
                self.lead,
                "referral.requested",
                referral=self.referral(desk),
                person=self.person(about),
                to=desk,
                specialism=specialism,
                needs=[{"need": "other", "when": "present", "severity": "medium"}],
                reason=self.text("reason", "referral.reason", about),
                given_name=self.say("given_name", "identity.name", about),
                email=self.say("email", "contact.channel", about) + "@example.org",
            )
        if self.rng.random() < 0.5:
            self.add(
                self.lead,
                "practice.plan_agreed",
                discussed=[self.person("K")],
                core_group=["s2w/sft", PERPETRATOR_DESK],
                kind="cin_plan",
                actions=[
                    {
                        "person": self.person("K"),
                        "what": self.text("actions.what", "supervision.decision", "K"),
                        "state": "open",
                    }
                ],
            )

    def _of(self, desk: str) -> dict[str, Any]:
        return {
            "referral": self.referral(desk),
            "person": self.person("P" if desk == PERPETRATOR_DESK else "V"),
        }

    def _begin(self, desk: str) -> None:
        self.add(desk, "referral.accepted", **self._of(desk))
        self.add(
            desk,
            "referral.allocated",
            **self._of(desk),
            worker_name=self.say("worker_name", "worker.contact", "W"),
        )
        detail: dict[str, Any] = {}
        if desk != PERPETRATOR_DESK:
            detail["clinical_detail"] = self.text("clinical_detail", "support.clinical_detail", "V")
        self.add(desk, "referral.support_started", **self._of(desk), intervention="other", **detail)

    # What happens then -----------------------------------------------------------------------------------------

    def _consent(self, *, given: bool) -> None:
        """The victim's choice for each cell: what s2w learns to the lead and Paragon, the safety plan to the lead."""
        cells = [
            ("support", "outcome.score", self.lead),
            ("support", "support.clinical_detail", self.lead),
            ("treatment", "outcome.score", "paragon/victim"),
            ("treatment", "support.clinical_detail", "reach/sft"),
            ("safeguard", "support.dv_safety_plan", self.lead),
        ]
        if not given:
            cells = self.rng.sample(cells, self.rng.randint(1, len(cells)))
        rows = [{"purpose": purpose, "category": category, "desk": desk} for purpose, category, desk in cells]
        acts = tuple(Act(category, desk, given) for _, category, desk in cells)
        by = {
            "person": self.person("V"),
            "given_by": self.person("V"),
            "given_as": "self",
            "method": "in_person",
        }
        if given:
            self.add(self.lead, "consent.given", acts, cells=rows, **by)
        else:
            self.add("s2w/sft", "consent.withdrawn", acts, cells=rows, reason="changed_mind", **by)

    def _score(self) -> None:
        self.add(
            "s2w/sft",
            "outcome.measure_recorded",
            **self._of("s2w/sft"),
            instrument=self.say("instrument", "outcome.score", "V"),
            score=self.rng.randint(0, 27),
            point="review",
        )

    def _goal(self) -> None:
        desk = self.rng.choice(["paragon/victim", "s2w/sft"])
        self.add(
            desk,
            "referral.goal_reviewed",
            **self._of(desk),
            goals=[{"goal": "G-1", "progress": "some"}],
            clinical_detail=self.text("clinical_detail", "support.clinical_detail", "V"),
            dv_safety_plan=self.text("dv_safety_plan", "support.dv_safety_plan", "V"),
        )

    def _appointment(self) -> None:
        desk = self.rng.choice([*VICTIM_DESKS, PERPETRATOR_DESK])
        about = "P" if desk == PERPETRATOR_DESK else "V"
        self.add(
            desk,
            "referral.appointment_recorded",
            **self._of(desk),
            attendance="attended",
            venue=self.say("venue", "contact.whereabouts_protected", about),
        )

    def _rate(self) -> None:
        rating = self.rng.choice(["red", "amber", "green"])
        reason = self.text("reason", "risk.reason", "V")
        self.add(self.lead, "practice.risk_rated", person=self.person("K"), rating=rating, reason=reason)

    def _note(self) -> None:
        self.add(
            self.lead, "child.status_changed", person=self.person("K"), status=self.rng.choice(["cin", "cp"])
        )
