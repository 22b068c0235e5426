"""What happens in the county, turn by turn: what is hers, and what the other side has its part in."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

from tests.integration.attack.hub import CHESIL, IG, PARAGON, PROBATION, REACH, S2W, WEST
from tests.integration.gateway.world import ref
from tests.integration.noninterference.county import (
    GP,
    MINUTES,
    POLICE,
    SCHOOL,
    Cast,
    Life,
    Told,
    begin,
    member,
)

Turn = Callable[[Life, Cast], object]


# What is V's, or X's, or the children's with them. -------------------------------------------------------------


def _joins(life: Life, _: Cast) -> int:
    """V joins her mother's family, if she has not yet. Gives the event by which she did."""
    if life.joined is None:
        data = {"family": ref("F-3"), "members": [member("V", "adult")]}
        life.joined = life.tell("family.member_added", data, WEST)
    return life.joined


def _cells(life: Life, cast: Cast) -> list[dict[str, Any]]:
    score = {"purpose": "support", "category": "outcome.score", "desk": CHESIL}
    plan = {"purpose": "safeguard", "category": "support.dv_safety_plan", "desk": CHESIL}
    shared = {
        "purpose": "treatment",
        "category": "outcome.score",
        "desk": life.random.choice([PARAGON, cast.hers]),
    }
    return life.random.sample([score, plan, shared], 2)


def to_paragon(life: Life, _: Cast) -> None:
    life.refer("F-1", "V", PARAGON)


def _to_her_service(life: Life, cast: Cast) -> None:
    life.refer("F-1", "V", cast.hers)


def _x_to_service(life: Life, cast: Cast) -> None:
    life.refer("F-2", "X", cast.hers)


def hears(life: Life, _: Cast) -> None:
    life.tell("person.told_recorded", {"person": ref("V"), "told": life.random.choice([True, True, False])})


def _consents(life: Life, cast: Cast) -> None:
    family = life.random.choice([{}, {"family": ref("F-1")}])
    data = {**family, "person": ref("V"), "given_as": "self", "cells": _cells(life, cast)}
    life.tell("consent.given", data)


def _ends_consent(life: Life, cast: Cast) -> None:
    kind = life.random.choice(["consent.withdrawn", "consent.refused"])
    cells = life.random.choice([{}, {"cells": _cells(life, cast)}])
    life.tell(kind, {"person": ref("V"), **cells})


def _objects(life: Life, _: Cast) -> None:
    name = f"O-{len(life.events)}"
    about = {"family": ref("F-1"), "person": ref("V"), "objection": name}
    raised = life.tell("consent.objection_raised", {**about, "categories": ["support.summary"]})
    if life.random.random() < 0.5:
        answer = {"outcome": life.random.choice(["upheld", "overruled"]), "reason": "compelling_grounds"}
        life.tell("consent.objection_decided", {**about, **answer, "told_on": "2023-06-01"}, IG, raised)


def _restricts(life: Life, _: Cast) -> None:
    name = f"RES-{len(life.events)}"
    placed = {"restriction": name, "from_person": ref("P"), "reason": "risk_of_harm"}
    life.tell("safety.restriction_placed", {"family": ref("F-1"), "person": ref("V"), **placed})


def _moves(life: Life, _: Cast) -> None:
    place = f"H-{life.random.randint(1, 3)}"
    rows = [
        {"person": ref(each), "household": ref(place), "postcode": "DT4 8ZZ", "dwelling": "refuge"}
        for each in life.random.choice(["V", "VK", "VKL"])
    ]
    life.tell("family.household_changed", {"family": ref("F-1"), "moves": rows})


def _scores(life: Life, cast: Cast) -> None:
    score = {"instrument": "phq9", "score": life.random.randint(0, 27)}
    person, family, desk = life.random.choice(
        [("V", "F-1", CHESIL), ("X", "F-2", CHESIL), ("V", "F-3", WEST)]
    )
    needs = (_joins(life, cast),) if family == "F-3" else ()
    first = life.tell(
        "outcome.measure_recorded", {"family": ref(family), "person": ref(person), **score}, desk, *needs
    )
    again = life.random.random()
    if again < 0.4:
        said = {"corrects": life.events[first].id} | ({"retracted": True} if again < 0.2 else {})
        data = {"family": ref(family), "person": ref(person), "instrument": "phq9", "score": 3, **said}
        life.tell("outcome.measure_recorded", data, desk, first, *needs)


def _phones(life: Life, _: Cast) -> None:
    change = {"phone": f"01632 9600{life.random.randint(10, 99)}", "email": "v@example.org"}
    life.tell("family.member_changed", {"family": ref("F-1"), "person": ref("V"), **change})


def _stages(life: Life, _: Cast) -> None:
    data = {"family": ref("F-1"), "person": ref("V"), "stage": "preparation", "need": "domestic_abuse"}
    life.tell("practice.stage_of_change_assessed", data, MINUTES)


def _placed(life: Life, _: Cast) -> None:
    data = {"family": ref("F-1"), "person": ref("L"), "postcode": "DT1 9ZZ", "household": ref("H-9")}
    life.tell(
        "family.household_changed",
        {"family": ref("F-1"), "moves": [{k: v for k, v in data.items() if k != "family"}]},
    )


def _capacity(life: Life, _: Cast) -> None:
    data = {"family": ref("F-1"), "person": ref("V"), "has_capacity": True, "matter": "information_sharing"}
    life.tell("person.capacity_assessed", data)


def _order(life: Life, _: Cast) -> None:
    order = {"order": f"CO-{len(life.events)}", "kind": "non_molestation", "from_person": ref("P")}
    life.tell("safety.court_order_recorded", {"family": ref("F-1"), "person": ref("V"), **order})


def overrides(life: Life, _: Cast) -> None:
    name = {"override": f"OVR-{len(life.events)}", "ground": "vital", "reason_code": "significant_harm"}
    what = {"categories": ["support.dv_safety_plan"], "desks": [CHESIL]}
    until = {"until": "2027-01-01T00:00:00Z"}
    life.tell(
        "safety.override_invoked", {"family": ref("F-1"), "people": [ref("V")], **name, **what, **until}
    )


def _crisis(life: Life, _: Cast) -> None:
    data = {"family": ref("F-1"), "person": ref("V"), "service": "crisis_line", "kind": "crisis_line"}
    life.tell("outcome.crisis_contact", data, S2W if _.hers == S2W else GP)


HERS: Final[list[tuple[Turn, int]]] = [
    (to_paragon, 8),
    (_to_her_service, 7),
    (_x_to_service, 5),
    (_joins, 2),
    (hears, 2),
    (_consents, 4),
    (_ends_consent, 4),
    (_objects, 2),
    (_restricts, 2),
    (_moves, 3),
    (_scores, 4),
    (_phones, 2),
    (_stages, 2),
    (_placed, 2),
    (_capacity, 1),
    (_order, 1),
    (overrides, 1),
    (_crisis, 1),
]


# What the other side has its part in, or does. -------------------------------------------------------------------


def rates(life: Life, _: Cast) -> None:
    child, family = life.random.choice([("K", "F-1"), ("L", "F-1"), ("M", "F-2"), ("N", "F-3")])
    about = life.random.choice(["V", "P", child]) if family == "F-1" else child
    reason = {"text": "Two call-outs this month.", "about": [ref(about)]}
    data = {
        "family": ref(family),
        "person": ref(child),
        "rating": life.random.choice(["red", "amber", "green"]),
    }
    life.tell("practice.risk_rated", data | {"reason": reason}, WEST if family == "F-3" else CHESIL)


def _status(life: Life, _: Cast) -> None:
    child, family = life.random.choice([("K", "F-1"), ("L", "F-1"), ("M", "F-2")])
    data = {"family": ref(family), "person": ref(child), "status": life.random.choice(["cin", "cp"])}
    life.tell("child.status_changed", data)


def _meets(life: Life, cast: Cast) -> None:
    note = {"person": ref("P"), "note": {"text": "Reports for work.", "about": [ref("P")]}, "by": PROBATION}
    data = {
        "family": ref("F-1"),
        "discussed": [ref("K"), ref("P")],
        "attended": [PROBATION, cast.his, PARAGON],
    }
    sent = {"addressed_to": [{"field": "notes.note", "desks": [PROBATION]}]}
    group = {"core_group": [PROBATION, cast.his]}
    life.tell(
        "practice.supervision_held",
        {**data, **group, "notes": [note], **life.random.choice([{}, sent])},
        MINUTES,
    )


def _incident(life: Life, _: Cast) -> None:
    rows = [
        {"person": ref("P"), "role": "alleged_perpetrator", "kind": "assault", "call_out": True},
        {
            "person": ref("V"),
            "role": "victim",
            "kind": "assault",
            "account": {"text": "Rang.", "about": [ref("V")]},
        },
    ]
    life.tell(
        "outcome.incident_reported",
        {"family": ref("F-1"), "incident": f"I-{len(life.events)}", "people": rows},
        POLICE,
    )


def _his_referral(life: Life, cast: Cast) -> None:
    life.refer("F-1", "P", cast.his)


def _he_consents(life: Life, cast: Cast) -> None:
    kind = life.random.choice(["consent.given", "consent.withdrawn"])
    cell = {"purpose": "support", "category": "outcome.score", "desk": CHESIL}
    life.tell(kind, {"person": ref("P"), "given_as": "self", "cells": [cell]}, CHESIL)


def _attends(life: Life, _: Cast) -> None:
    data = {
        "family": ref("F-1"),
        "person": ref("K"),
        "school": SCHOOL,
        "sessions_possible": 38,
        "sessions_attended": 31,
    }
    life.tell("child.attendance_recorded", data, SCHOOL)


def _he_moves(life: Life, _: Cast) -> None:
    row = {"person": ref("P"), "household": ref(f"H-{life.random.randint(1, 3)}"), "postcode": "DT1 1ZZ"}
    life.tell("family.household_changed", {"family": ref("F-1"), "moves": [row]})


def _pries(life: Life, cast: Cast) -> None:
    """A desk of the other side says something of her, or of somebody whom nobody knows; it has no role for either."""
    who = ref(life.random.choice(["V", "NOBODY", "X"]))
    claims: list[tuple[str, dict[str, Any]]] = [
        ("consent.withdrawn", {"person": who}),
        ("practice.stage_of_change_assessed", {"family": ref("F-1"), "person": who, "stage": "action"}),
        (
            "outcome.measure_recorded",
            {"family": ref("F-1"), "person": who, "instrument": "phq9", "score": 5},
        ),
        ("referral.accepted", {"referral": ref("R-V-paragon"), "person": who}),
        ("referral.accepted", {"referral": ref("R-V-paragon"), "person": ref("P")}),
    ]
    kind, data = life.random.choice(claims)
    life.tell(kind, data, life.random.choice([PROBATION, cast.his]))


THEIRS: Final[list[tuple[Turn, int]]] = [
    (rates, 5),
    (_status, 4),
    (_meets, 4),
    (_incident, 2),
    (_his_referral, 5),
    (_he_consents, 3),
    (_attends, 1),
    (_he_moves, 1),
    (_pries, 3),
]


def lived(seed: int, turns: Sequence[Turn]) -> list[Told]:
    """The county of a seed: how it begins, and these turns after that."""
    random = Random(seed)
    his, hers = random.sample([S2W, REACH], 2)
    cast, life = Cast(his, hers, random.choice("VP")), Life(random)
    begin(life, cast)
    for turn in turns:
        turn(life, cast)
    return life.events


def draw(seed: int, count: int) -> list[Told]:
    """The same with so many turns, drawn from the seed too."""
    turns, weights = zip(*HERS, *THEIRS, strict=True)
    return lived(seed, Random(seed).choices(turns, weights, k=count))
