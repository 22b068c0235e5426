"""A referral's life: what may follow what."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.consent.moves import END_STATES, OPEN_STATES, Moved, NotAllowed, move, move_stage

LIVES = {
    "support": "requested waitlisted offered accepted allocated stage_entered support_started goal_reviewed "
    "appointment_recorded support_ended",
    "criteria not met": "requested returned reopened offered accepted",
    "chosen otherwise": "requested waitlisted waitlisted offered declined",
    "closed before support": "requested offered accepted allocated closed_before_support",
    "withdrawn while waiting": "requested waitlisted withdrawn reopened waitlisted offered",
    "another worker": "requested offered accepted allocated support_started allocated support_ended",
    "an offer that lapsed": "requested offered waitlisted offered accepted",
}
EVENTS = (
    "requested",
    "returned",
    "waitlisted",
    "offered",
    "accepted",
    "declined",
    "allocated",
    "stage_entered",
    "support_started",
    "goal_reviewed",
    "appointment_recorded",
    "support_ended",
    "closed_before_support",
    "withdrawn",
    "reopened",
)


def lived(events: str) -> Moved | NotAllowed:
    result: Moved | NotAllowed = NotAllowed("", "")
    state: str | None = None
    for each in events.split():
        result = move(state, f"referral.{each}")
        if isinstance(result, NotAllowed):
            return result
        state = result.state
    return result


@pytest.mark.parametrize("life", sorted(LIVES))
def test_life_is_allowed_when_each_move_is_in_the_table(life: str) -> None:
    assert isinstance(lived(LIVES[life]), Moved)


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ("accepted", "not_requested"),
        ("requested requested", "already_requested"),
        ("requested accepted", "wrong_state"),
        ("requested allocated", "wrong_state"),
        ("requested offered accepted support_started", "wrong_state"),
        ("requested offered accepted allocated support_started withdrawn", "wrong_state"),
        ("requested offered accepted allocated support_started closed_before_support", "wrong_state"),
        ("requested offered declined accepted", "wrong_state"),
        ("requested reopened", "wrong_state"),
        ("requested telephoned", "no_such_move"),
    ],
)
def test_move_is_refused_with_its_reason_when_it_is_not_in_the_table(events: str, code: str) -> None:
    refused = lived(events)
    assert isinstance(refused, NotAllowed)
    assert refused.code == code
    assert refused.words


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(EVENTS), max_size=14))
def test_referral_is_always_open_or_ended_and_reopens_only_when_ended(events: list[str]) -> None:
    state: str | None = None
    for each in events:
        result = move(state, f"referral.{each}")
        if isinstance(result, Moved):
            assert result.state in OPEN_STATES | END_STATES
            assert state not in END_STATES or each == "reopened"
            state = result.state


def test_stage_moves_on_or_stays_when_the_pathway_has_it() -> None:
    order = ("mi_phase_1", "assessment", "mi_phase_2", "treatment")
    assert move_stage(None, "assessment", order) == Moved("assessment")
    assert move_stage("assessment", "mi_phase_2", order) == Moved("mi_phase_2")
    assert move_stage("mi_phase_2", "mi_phase_2", order) == Moved("mi_phase_2")
    back, unknown = move_stage("treatment", "assessment", order), move_stage(None, "yoga", order)
    assert isinstance(back, NotAllowed)
    assert back.code == "stage_back"
    assert isinstance(unknown, NotAllowed)
    assert unknown.code == "no_such_stage"
