"""The cast's family as a view reads it: its log, what the log made of it, and who looks."""

from __future__ import annotations

from typing import Any

from hub.events import Envelope, Event
from services.consent.event import PlainEvent
from services.consent.family import Stepped
from services.view.build import Context, build
from services.view.rules import Family as Stored
from services.view.rules import Guards, Logged, Reader, Seen, seen
from tests.unit.consent.cast import CATALOGUE, CHESIL, DAY, S2W, Family, K, P, V, dorset, ref

FAMILY = "00000000-0000-8000-8000-00000000000f"


class House(Family):
    """A family whose log is kept. `raises` are the protective events accepted that the log has not seen."""

    def __init__(self) -> None:
        super().__init__(FAMILY)
        self.log: list[Logged] = []
        self.raises: dict[str, int] = {}
        self.parked: set[str] = set()

    def apply(self, event: PlainEvent) -> Stepped:
        """Apply an event, and keep it."""
        stepped = super().apply(event)
        head = Envelope(
            event.id, f"wraparound.{event.kind}.v1", event.source, FAMILY, event.recorded, event.accepted
        )
        self.log.append(Logged(Event(head, dict(event.data)), event.recorded, f"shown-{event.id}"))
        return stepped

    def skip(self) -> None:
        """What `tell` would do to the time and to the numbers, and nothing else."""
        self.now += 60_000_000
        self.count += 1

    def seen(
        self, desk: str, *, user: str = "a.user", until: int | None = None, previewed: bool = False
    ) -> Seen:
        """What a desk may know now; `previewed`: as whoever governs information reads it."""
        guards = Guards(self.raises, frozenset(self.parked))
        stored = Stored(FAMILY, self.facts(), tuple(self.log), guards)
        return seen(dorset(), CATALOGUE, stored, Reader(desk, user, self.now, until, previewed))

    def view(
        self, desk: str, *, until: int | None = None, previewed: bool = False, **context: Any
    ) -> dict[str, Any]:
        """The view of a desk that has one."""
        found = self.seen(desk, until=until, previewed=previewed)
        assert found.exists
        around = Context(
            family=FAMILY,
            desk=desk,
            now=self.now,
            until=until,
            titles={},
            overdue=context.get("overdue", lambda _, last: self.now - last > 20 * DAY),
            feeds=context.get("feeds", {}),
        )
        return build(around, found.told, found.held, found.unnamed)


def house() -> House:
    """K (CIN), mother V, father P, P against V; chesil leads; paragon and s2w support V, probation supervises P."""
    made = House()
    people = [
        {"person": ref(K), "kind": "child", "given_name": "Wren", "dob": "2019-02-01"},
        {
            "person": ref(V),
            "kind": "adult",
            "given_name": "Mara",
            "family_name": "Holt",
            "relation": "mother",
        },
        {"person": ref(P), "kind": "adult", "given_name": "Dane", "relation": "father"},
    ]
    made.tell("family.opened", CHESIL, lead=CHESIL, locality="chesil", opened_on="2023-09-01")
    made.tell("family.member_added", CHESIL, members=people)
    made.tell("safety.pair_recorded", CHESIL, victim=ref(V), perpetrator=ref(P), basis="disclosure")
    for person in (K, V, P):
        made.tell("person.told_recorded", CHESIL, person=ref(person), told=True)
    made.settle(K, V, P)
    made.tell("child.status_changed", CHESIL, person=ref(K), status="cin", since="2023-09-01")
    for desk, referral in (("paragon/victim", "referral-paragon"), (S2W, "referral-s2w")):
        made.refer(V, desk, referral)
        made.tell("referral.support_started", desk, referral=ref(referral), person=ref(V), intervention="cbt")
    made.tell("person.probation_supervision_started", "probation/perp", person=ref(P), desk="probation/perp")
    made.tell("practice.plan_agreed", CHESIL, discussed=[ref(K)], core_group=[S2W, "probation/perp"])
    return made
