"""A small county, drawn from a seed: three families, a victim, an alleged perpetrator, and what happens to them.

V is a victim and P is recorded as the one against her. They have two children in one family; another, led by another
desk, is that of V's mother G, which V joins one day. In a third, X and Y, whom Probation supervises, have a child:
there no pair is recorded, and Probation opposes X by its role alone. One service works with V, another with P.

Events are drawn with their instants, so that a life in which one of them is left out is the same life for the rest.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from hub.clock import DAY, HOUR, MINUTE, Micros
from tests.integration.attack.hub import CHESIL, PARAGON, PROBATION, REACH, S2W, START, WEST
from tests.integration.gateway.world import ref

POLICE, MINUTES, SCHOOL, GP = "police/dorset", "council/minutes", "school/st-brannocks", "health/gp"
FAMILIES: Final = ("F-1", "F-2", "F-3")
CRN: Final = {"P": "P100001", "V": "V100001", "Y": "Y100001"}
SPECIALISMS: Final = {
    S2W: "mental_health",
    REACH: "substance_use",
    PARAGON: "domestic_abuse_victim",
    PROBATION: "domestic_abuse_perpetrator",
}
STEPS: Final = ("accepted", "allocated", "support_started")
"""How a referral begins, after its request."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event as a desk publishes it. `needs`: the events without which it would not be accepted, or be another."""

    number: int
    at: Micros
    desk: str
    kind: str
    data: Mapping[str, Any]
    needs: frozenset[int]

    @property
    def id(self) -> str:
        """Its id at its source."""
        return f"n-{self.number}"


@dataclass
class Life:
    """What happens, as it is drawn."""

    random: Random
    events: list[Told] = field(default_factory=list)
    at: Micros = START
    steps: dict[str, list[int]] = field(default_factory=dict)
    """The events of each referral, in order."""
    joined: int | None = None
    """The event by which V joins her mother's family."""

    def tell(self, kind: str, data: Mapping[str, Any], desk: str = CHESIL, *needs: int) -> int:
        """The next event, some time later. Gives its number."""
        self.at += self.random.choice([MINUTE, MINUTE, HOUR, DAY])
        number = len(self.events)
        self.events.append(Told(number, self.at, desk, kind, dict(data), frozenset(needs)))
        return number

    def refer(self, family: str, person: str, desk: str, lead: str = CHESIL) -> None:
        """Somebody is referred to a desk, or their referral goes a step on; in the end it is reviewed and ends."""
        name = f"R-{person}-{desk.partition('/')[0]}"
        done = self.steps.setdefault(name, [])
        about = {"referral": ref(name), "person": ref(person)}
        needs = tuple(done)
        if not done:
            request = {"family": ref(family), "to": desk, "specialism": SPECIALISMS[desk], **about}
            why = {"text": "Asks for help.", "about": [ref(person)]}
            done.append(self.tell("referral.requested", request | {"reason": why}, lead))
        elif len(done) <= len(STEPS):
            step = STEPS[len(done) - 1]
            more = {"worker_name": "W. Hart", "worker_phone": "01632 960789"} if step == "allocated" else {}
            done.append(self.tell(f"referral.{step}", about | more, desk, *needs))
        elif len(done) < len(STEPS) + 5:
            done.append(self.tell(*self._goes_on(about, person, desk), *needs))
        else:
            # After its end nothing follows of it: what was drawn too much is a score in the same family.
            ended = {"reason": "completed", "sessions_attended": 3}
            if len(done) == len(STEPS) + 5:
                done.append(self.tell("referral.support_ended", about | ended, desk, *needs))

    def _goes_on(self, about: dict[str, Any], person: str, desk: str) -> tuple[str, dict[str, Any], str]:
        text = {"text": "New locks; a word with the neighbour.", "about": [ref(person)]}
        session = {"venue": "Chesil Family Hub, room 2", "mode": "in_person", "attendance": "attended"}
        goal = {"goals": [{"goal": "G-1", "progress": "some"}], "dv_safety_plan": text}
        kinds: list[tuple[str, dict[str, Any]]] = [
            ("referral.goal_reviewed", about | goal),
            ("referral.appointment_recorded", about | session),
            ("outcome.measure_recorded", about | {"instrument": "phq9", "score": self.random.randint(0, 27)}),
            ("practice.stage_of_change_assessed", about | {"stage": "action"}),
        ]
        kind, data = self.random.choice(kinds)
        if kind.startswith("practice."):
            data = {
                "family": ref("F-1" if person in "VP" else "F-2"),
                "person": about["person"],
                "stage": "action",
            }
        return kind, data, desk


@dataclass(frozen=True, slots=True)
class Cast:
    """Who works with whom in this county: a service for P, which thus opposes V, and one for V and X."""

    his: str
    hers: str
    gp_of: str


def without(life: Collection[Told], left_out: Collection[int]) -> set[int]:
    """The events left out, and with them whatever needs one of them."""
    gone = set(left_out)
    for each in life:
        if each.needs & gone:
            gone.add(each.number)
    return gone


def member(person: str, kind: str, **more: Any) -> dict[str, Any]:
    born = "1990-01-01" if kind == "adult" else "2018-01-01"
    ids = [ref(CRN[person], "crn")] if person in CRN else []
    names = {"given_name": f"Given-{person}", "phone": "01632 960123"}
    return {"person": ref(person), "identifiers": ids, "kind": kind, "dob": born, **names, **more}


def begin(life: Life, cast: Cast) -> None:
    """Three families; the pair; whom Probation supervises; P with his service; who meets about the children."""
    neither = {"domestic_abuse_role": "neither"}
    members = {
        "F-1": [member("V", "adult"), member("P", "adult"), member("K", "child"), member("L", "child")],
        "F-2": [member("X", "adult"), member("Y", "adult"), member("M", "child")],
        "F-3": [member("G", "adult", **neither), member("N", "child")],
    }
    for name, rows in members.items():
        lead = WEST if name == "F-3" else CHESIL
        life.tell("family.opened", {"family": ref(name), "lead": lead}, lead)
        life.tell("family.member_added", {"family": ref(name), "members": rows}, lead)
    pair = {
        "victim": ref("V"),
        "perpetrator": ref("P"),
        "basis": "disclosure",
        "exposed_children": [ref("K")],
    }
    life.tell("safety.pair_recorded", {"family": ref("F-1"), "pair": "PAIR-1", **pair})
    for person, family in (("P", "F-1"), ("Y", "F-2")):
        supervised = {"family": ref(family), "person": ref(person), "desk": PROBATION}
        life.tell("person.probation_supervision_started", supervised, PROBATION)
    life.tell("person.told_recorded", {"person": ref("P"), "told": True})
    for _ in range(1 + len(STEPS)):
        life.refer("F-1", "P", cast.his)
    for family, child in (("F-1", "K"), ("F-2", "M")):
        group = [PROBATION, cast.his] if family == "F-1" else [PROBATION]
        plan = {"family": ref(family), "discussed": [ref(child)], "core_group": group}
        life.tell("practice.plan_agreed", plan)
    for person, desk, kind in (("K", SCHOOL, "school"), (cast.gp_of, GP, "gp")):
        registered = {
            "family": ref("F-1"),
            "person": ref(person),
            "desk": desk,
            "kind": kind,
            "confirmed": True,
        }
        life.tell("person.registered", registered)
