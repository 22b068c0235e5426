"""Recorded history under other rules: what more, what less, and nothing where nothing is other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hub.partnership import load
from hub.schemas import wire
from services.consent.agreement import Agreement, Clause, RuleSet
from services.consent.book import Book
from services.consent.ruleset import micros, with_agreements
from services.consent.tried import as_it_stands, beside, tried
from services.view.simulate import Side, Tally, decided, history
from tests.unit.consent.cast import (
    CATALOGUE,
    CHESIL,
    DAY,
    DORSET,
    PARAGON,
    POLICE,
    PROBATION,
    S2W,
    START,
    V,
    dorset,
    ref,
)
from tests.unit.router.loop import Loop
from tests.unit.view.house import FAMILY, House, house

SERVED = load(DORSET).served
NOW = Side(Book(dorset().rules), SERVED)
CELL = {"purpose": "support", "category": "outcome.score", "desk": CHESIL}
OF_S2W = {"referral": ref("referral-s2w"), "person": ref(V)}
FOREVER = START + 1000 * DAY


def lived() -> House:
    """A score before consent, one while it is in force, one after it is withdrawn."""
    made = house()
    for score, act in ((11, "consent.given"), (17, "consent.withdrawn"), (19, None)):
        made.tell("outcome.measure_recorded", S2W, **OF_S2W, instrument="phq9", score=score)
        if act is not None:
            given = {"given_by": ref(V), "given_as": "self"} if act == "consent.given" else {}
            made.tell(act, CHESIL, person=ref(V), cells=[CELL], **given)
    return made


def dorset_with(*clauses: Clause, without: str = "", **changes: Any) -> RuleSet:
    """Dorset's rules, in place of whose clauses of these ids these stand."""
    rules = dorset().rules
    (agreement,) = rules.agreements
    new = {each.id: each for each in clauses}
    kept = tuple(new.get(each.id, each) for each in agreement.clauses if each.id != without)
    return with_agreements(rules, (replace(agreement, clauses=kept, **changes),))


def clause(name: str) -> Clause:
    (agreement,) = dorset().rules.agreements
    return next(each for each in agreement.clauses if each.id == name)


def side(new: RuleSet) -> Side:
    return Side(Book(tried(dorset().rules, new)), SERVED)


def simulated(made: House, new: Side, since: int = 0, until: int = FOREVER) -> dict[str, Any]:
    steps = history(CATALOGUE, made.log, until)
    assert steps is not None
    tally = Tally(since)
    tally.add(FAMILY, steps, NOW, new)
    return tally.plain()


def moves(found: dict[str, Any]) -> dict[tuple[str, str, str, str], int]:
    return {
        (each["desk"], each["category"], each["before"], each["after"]): each["events"]
        for each in found["changes"]
    }


def test_nothing_more_and_nothing_less_when_the_rules_in_force_are_tried() -> None:
    found = simulated(lived(), side(dorset().rules))
    assert found["changes"] == []
    assert found["releases"]["before"] == found["releases"]["after"] > 20
    assert found["events"] > 15


def test_exactly_that_is_less_when_one_clause_is_taken_away() -> None:
    found = simulated(lived(), side(dorset_with(without="P04")))
    assert moves(found) == {
        (CHESIL, "outcome.score", "released", "silent"): 1,
        (CHESIL, "outcome.score", "existence", "silent"): 2,
    }
    assert found["releases"]["before"] == found["releases"]["after"]


def test_exactly_that_is_more_when_a_condition_is_taken_away() -> None:
    found = simulated(lived(), side(dorset_with(replace(clause("P04"), when=()))))
    assert moves(found) == {(CHESIL, "outcome.score", "existence", "released"): 2}


def test_example_says_in_words_which_clause_decides_when_something_is_less() -> None:
    found = simulated(lived(), side(dorset_with(without="P04")))
    (row,) = (each for each in found["changes"] if each["before"] == "released")
    (example,) = row["examples"]
    assert {name: example[name] for name in ("family", "type", "from", "person", "before", "after")} == {
        "family": FAMILY,
        "type": "outcome.measure_recorded",
        "from": S2W,
        "person": V,
        "before": "shared (P04)",
        "after": "withheld silently: no override names it (P05)",
    }


def test_no_more_than_three_examples_stand_for_one_kind_when_there_are_many() -> None:
    made = house()
    for _ in range(5):
        made.tell("outcome.measure_recorded", S2W, **OF_S2W, instrument="phq9", score=3)
    (row,) = simulated(made, side(dorset_with(without="P04")))["changes"]
    assert (row["events"], row["families"], len(row["examples"])) == (5, 1, 3)


def test_the_existence_of_events_is_lost_when_their_gate_has_no_clause_any_more() -> None:
    found = simulated(lived(), side(dorset_with(without="P02")))
    assert found["releases"]["after"] < found["releases"]["before"]
    assert {desk for desk, _, before, after in moves(found) if (before, after) == ("released", "silent")} == {
        CHESIL
    }


def test_only_the_period_is_compared_when_there_is_more_history() -> None:
    made = lived()
    scores = [each.recorded for each in made.log if each.event.type.endswith("measure_recorded.v1")]
    without = side(dorset_with(without="P04"))
    assert moves(simulated(made, without, since=scores[1], until=scores[2])) == {
        (CHESIL, "outcome.score", "released", "silent"): 1
    }
    assert moves(simulated(made, without, since=scores[1], until=scores[1])) == {}


def test_perpetrators_desk_gets_nothing_of_hers_when_the_rules_that_are_tried_permit_it_to_everybody() -> (
    None
):
    wide = replace(clause("P16"), categories=("outcome.score",), when=(), with_gate=True)
    found = moves(simulated(lived(), side(dorset_with(wide, replace(clause("P04"), when=())))))
    assert found[CHESIL, "outcome.score", "existence", "released"] == 2
    assert [row for row in found if row[0] == PROBATION and row[3] != "silent"] == []


def test_what_waits_for_facts_is_decided_again_when_they_come() -> None:
    loop = Loop()
    loop.open("F1", adults="V", children="K")
    about = {"referral": ref("referral-s2w"), "person": ref("V")}
    loop.accept("person.told_recorded", CHESIL, "F1", person=ref("V"), told=True)
    loop.accept("referral.requested", CHESIL, "F1", **about, to=S2W, specialism="any")
    loop.release()
    steps = history(CATALOGUE, loop.taken("F1"), FOREVER)
    assert steps is not None
    (place,) = (each for each, step in enumerate(steps) if step.event.type.endswith("requested.v1"))
    asked = steps[place].event.id
    assert decided(NOW, steps[: place + 1])[asked, S2W].waits
    found = decided(NOW, steps)[asked, S2W]
    assert (found.waits, found.verdict.mask > 0) == (False, True)


def test_history_cannot_be_made_anew_when_an_event_stands_in_it_that_is_refused_now() -> None:
    made = lived()
    again = replace(made.log[0], recorded=made.now)
    assert history(CATALOGUE, [*made.log, again], FOREVER) is None


# What is tried ------------------------------------------------------------------------------------------------------


def only(rules: RuleSet) -> Agreement:
    (agreement,) = rules.agreements
    return agreement


def test_agreement_is_tried_as_if_always_in_force_when_it_begins_later() -> None:
    starts = micros("2030-01-01", ())
    new = dorset_with(without="P04", version=2, start=starts, end=starts + DAY, parties={"council": starts})
    found = only(tried(dorset().rules, new))
    assert (found.start, found.parties) == (0, {"council": 0})
    assert found.end > starts
    assert as_it_stands(tried(dorset().rules, new), new, 1) == new.digest


def test_agreement_is_in_force_as_it_is_dated_when_nothing_of_it_is_new() -> None:
    now = dorset().rules
    assert only(tried(now, now)) == only(now)


def test_new_version_stands_in_the_place_of_the_old_when_it_is_tried_beside_it() -> None:
    now = dorset().rules
    new = replace(only(now), version=2, clauses=(clause("P01"),))
    assert [each.id for each in only(tried(now, beside(now, (new,)))).clauses] == ["P01"]


def test_a_version_of_old_is_tried_when_somebody_asks_what_going_back_to_it_would_be() -> None:
    old = only(dorset().rules)
    now = beside(dorset().rules, (replace(old, version=2, clauses=(clause("P01"),)),))
    back = tried(now, beside(now, (old,)), {(old.id, old.version)})
    assert [each.version for each in back.agreements] == [old.version]
    assert (only(back).clauses, only(back).start) == (old.clauses, 0)
    assert [each.version for each in tried(now, beside(now, (old,))).agreements] == [2, old.version]


def test_file_replaces_the_version_that_it_is_when_it_is_tried_beside_those_in_force() -> None:
    now = dorset().rules
    changed = only(dorset_with(without="P04"))
    assert beside(now, (changed,)).agreements == (changed,)
    assert beside(now, (only(now),)).digest == now.digest


# The router's own machine -------------------------------------------------------------------------------------------


X_IS_HARMED = {"person": ref("X"), "role": "victim"}
ACTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "consent": ("consent.given", CHESIL, {"person": ref("V"), "given_as": "self", "cells": [CELL]}),
    "withdrawal": ("consent.withdrawn", CHESIL, {"person": ref("V"), "cells": [CELL]}),
    "score": ("outcome.measure_recorded", S2W, {"person": ref("V"), "instrument": "phq9", "score": 3}),
    "pair": ("safety.pair_recorded", CHESIL, {"victim": ref("V"), "perpetrator": ref("P"), "basis": "disclosure"}),
    "plan": ("practice.plan_agreed", CHESIL, {"discussed": [ref("K")], "core_group": [S2W, PROBATION]}),
    "risk": ("practice.risk_rated", CHESIL, {"person": ref("K"), "rating": "red"}),
    "status": ("child.status_changed", CHESIL, {"person": ref("K"), "status": "cp"}),
    "stranger": ("outcome.incident_reported", POLICE, {"incident": "i", "people": [X_IS_HARMED]}),
    "newcomer": ("family.member_added", CHESIL, {"members": [{"person": ref("W"), "kind": "adult"}]}),
    "leaving": ("family.member_changed", CHESIL, {"person": ref("W"), "state": "left"}),
    "supervision": ("person.probation_supervision_started", PROBATION, {"person": ref("P"), "desk": PROBATION}),
    "end": ("family.closed", CHESIL, {}),
}  # fmt: skip


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(acts=st.lists(st.sampled_from(sorted(ACTS)), min_size=3, max_size=12))
@example(acts=["consent", "score", "pair", "plan", "withdrawal", "score", "risk"])
def test_each_desk_is_released_the_same_bytes_when_the_router_runs_with_a_relay_that_waits_for_nothing(
    acts: list[str],
) -> None:
    loop = Loop()
    loop.open("F1", adults="VP", children="K")
    eagerly(loop)
    for person, desk in (("V", S2W), ("V", PARAGON), ("P", PROBATION)):
        about = {"referral": ref(f"{person}-{desk}"), "person": ref(person)}
        loop.accept("person.told_recorded", CHESIL, "F1", person=ref(person), told=True)
        eagerly(loop)
        loop.accept("referral.requested", CHESIL, "F1", **about, to=desk, specialism="any")
        eagerly(loop)
        for kind in ("accepted", "allocated", "support_started"):
            loop.accept(f"referral.{kind}", desk, "F1", **about)
            eagerly(loop)
    for act in acts:
        kind, desk, data = ACTS[act]
        loop.accept(kind, desk, "F1", **data)
        eagerly(loop)
    steps = history(CATALOGUE, loop.taken("F1"), FOREVER)
    assert steps is not None
    assert steps[-1].state == loop.family("F1").plain
    said = {each.event.id: each for each in steps}
    released = {}
    for (event, desk), found in decided(NOW, steps).items():
        if found.verdict.mask and not found.waits:
            type_, items = CATALOGUE.type(said[event].event.type), said[event].items
            assert items is not None
            mask, withheld = found.verdict.mask, found.verdict.withheld
            body = wire.encode(type_, type_.reduce(said[event].event.data, items, mask, withheld=withheld))
            released[event, desk] = wire.decode(CATALOGUE, body)[1]
    # A rejection goes to its publisher, whatever the rules say.
    left = [each for each in loop.left if (of := said.get(each.event.id)) and of.items is not None]
    assert released == {(each.event.id, each.desk): each.body for each in left}


def eagerly(loop: Loop) -> None:
    """Every log read to its end, and what may leave released after each record."""
    while loop.waiting():
        loop.read_on(loop.waiting()[0])
        for desk in sorted(loop.desks()):
            loop.begin(desk)
        while loop.attempts:
            loop.end(sent=True)
