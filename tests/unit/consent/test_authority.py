"""Who may state what, at the door and in the family's log."""

from __future__ import annotations

from typing import Any

import pytest

from hub.partnership import load
from services.consent.authority import Allowed, Refused, Table, may_publish, may_state
from tests.unit.consent.cast import (
    CHESIL,
    DORSET,
    MINUTES,
    PARAGON,
    POLICE,
    PROBATION,
    REACH,
    S2W,
    Family,
    K,
    P,
    V,
    dorset,
    ref,
    the_cast,
)

TABLE: Table = load(DORSET).authority_plain
CELL = {"purpose": "treatment", "category": "outcome.score", "desk": PARAGON}
RUNNING = {"referral": ref("referral-s2w"), "person": ref(V)}
PAIR = {"victim": ref(V), "perpetrator": ref(P)}


def by(family: Family, kind: str, source: str, **data: Any) -> str | None:
    answer = may_state(TABLE, dorset(), family.facts(), family.event(kind, source, **data))
    return answer.by if isinstance(answer, Allowed) else None


@pytest.mark.parametrize(
    ("kind", "source", "data", "word"),
    [
        ("family.closed", CHESIL, {}, "lead"),
        ("family.closed", "council/west", {}, None),
        ("family.closed", S2W, {}, None),
        ("practice.risk_rated", MINUTES, {"person": ref(K), "rating": "red"}, "desk:council/minutes"),
        ("referral.goal_reviewed", S2W, RUNNING, "requested_desk"),
        ("referral.goal_reviewed", REACH, RUNNING, None),
        ("outcome.measure_recorded", S2W, {"person": ref(V)}, "supports_subject"),
        ("outcome.measure_recorded", REACH, {"person": ref(V)}, None),
        ("outcome.measure_recorded", S2W, {"person": ref(P)}, None),
        (
            "outcome.incident_reported",
            POLICE,
            {"incident": "I", "people": [{"person": ref(V)}]},
            "kind:police",
        ),
        ("consent.given", CHESIL, {"person": ref(V), "cells": [CELL]}, "council"),
        ("consent.given", S2W, {"person": ref(V), "cells": [CELL]}, "source_of_cells"),
        # What a council gives under a care order, a council says.
        ("consent.given", S2W, {"person": ref(V), "cells": [CELL], "given_as": "council"}, None),
        ("consent.given", CHESIL, {"person": ref(V), "cells": [CELL], "given_as": "council"}, "council"),
        ("consent.given", S2W, {"person": ref(V), "cells": [{**CELL, "desk": REACH}]}, "source_of_cells"),
        ("consent.given", S2W, {"person": ref(V), "cells": [{**CELL, "category": "risk.reason"}]}, None),
        ("consent.given", REACH, {"person": ref(V), "cells": [CELL]}, None),
        ("consent.withdrawn", S2W, {"person": ref(V)}, "role_for_subject"),
        ("consent.withdrawn", PROBATION, {"person": ref(P)}, "role_for_subject"),
        ("consent.withdrawn", REACH, {"person": ref(V)}, None),
        (
            "consent.objection_decided",
            "council/ig",
            {"person": ref(V), "objection": "O", "outcome": "upheld"},
            "desk:council/ig",
        ),
        (
            "consent.objection_decided",
            CHESIL,
            {"person": ref(V), "objection": "O", "outcome": "upheld"},
            None,
        ),
        ("safety.pair_recorded", PARAGON, PAIR, "supports_victim"),
        ("safety.pair_recorded", PROBATION, PAIR, None),
        ("safety.pair_ended", CHESIL, PAIR, None),
        ("safety.pair_ended", PARAGON, PAIR, "owner"),
        ("safety.override_invoked", S2W, {"people": [ref(V)], "override": "O"}, None),
        ("person.probation_supervision_ended", PROBATION, {"person": ref(P)}, "own_desk:probation"),
        (
            "person.registered",
            "health/gp",
            {"person": ref(K), "desk": "health/gp"},
            "registers_itself:health",
        ),
        ("person.registered", REACH, {"person": ref(K), "desk": REACH}, None),
        ("person.probation_supervision_started", PROBATION, {"person": ref(P), "desk": PARAGON}, None),
        ("person.registered", "health/gp", {"person": ref(K), "desk": S2W}, None),
        ("capacity.declared", S2W, {"agency": "s2w", "pathway": "mental_health"}, "self"),
        ("capacity.declared", S2W, {"agency": "reach", "pathway": "mental_health"}, None),
    ],
)
def test_log_takes_a_statement_from_whom_the_table_names(
    kind: str, source: str, data: dict[str, Any], word: str | None
) -> None:
    assert by(the_cast(), kind, source, **data) == word


def test_outcomes_are_stated_after_support_has_ended() -> None:
    family = the_cast()
    family.tell("referral.support_ended", S2W, **RUNNING)
    assert by(family, "outcome.re_presented", S2W, person=ref(V)) == "supports_subject"


def test_school_says_of_a_child_what_it_may_once_the_council_has_registered_it() -> None:
    family = the_cast()
    school, child = "school/st-brannocks", {"person": ref(K)}
    for author, said in ((school, None), (CHESIL, "registered")):
        family.tell("person.registered", author, **child, desk=school)
        assert by(family, "child.attendance_recorded", school, **child) == said
        assert (by(family, "consent.refused", school, **child) is None) is (said is None)


def test_council_opens_a_family_that_nobody_leads() -> None:
    assert by(Family(), "family.opened", "council/west", lead="council/west") == "opens_family"
    assert by(Family(), "family.opened", S2W, lead=S2W) is None


def test_door_turns_away_what_a_desk_could_never_state() -> None:
    def at_the_door(desk: str, kind: str) -> bool:
        return isinstance(may_publish(TABLE, dorset(), desk, kind), Allowed)

    assert at_the_door("council/west", "family.closed")
    assert not at_the_door(S2W, "family.closed")
    assert not at_the_door("council/ig", "family.closed")
    assert at_the_door(REACH, "referral.accepted")
    assert not at_the_door(CHESIL, "hub.person_fact")
    assert not at_the_door("nobody/known", "referral.accepted")
    assert at_the_door("hub", "referral.waitlisted")
    assert not at_the_door(REACH, "referral.waitlisted")


def test_type_that_no_row_names_is_nobodys() -> None:
    refused = may_publish(TABLE, dorset(), CHESIL, "family.exploded")
    assert isinstance(refused, Refused)
    assert refused.code == "nobodys_type"


def test_pair_is_ended_by_who_first_recorded_it_when_another_agency_records_it_again() -> None:
    family = the_cast()
    rows = [{"person": ref(V), "role": "victim"}, {"person": ref(P), "role": "alleged_perpetrator"}]
    family.tell("outcome.incident_reported", CHESIL, incident="I", people=rows)

    assert by(family, "safety.pair_ended", PARAGON, **PAIR) == "owner"
    assert by(family, "safety.pair_ended", CHESIL, **PAIR) is None


def test_owner_lifts_a_restriction_when_its_id_holds_a_bar() -> None:
    family = the_cast()
    family.tell("safety.restriction_placed", PARAGON, person=ref(V), restriction="a|b", from_desk=S2W)

    assert by(family, "safety.restriction_lifted", PARAGON, person=ref(V), restriction="a|b") == "owner"
    assert by(family, "safety.restriction_lifted", PARAGON, person=ref(V), restriction="a") is None
