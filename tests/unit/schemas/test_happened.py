"""What an event says has happened lies in the past of the hub's clock."""

from datetime import date, timedelta

import pytest

from hub.clock import DAY, HOUR, MINUTE, Micros, format_micros, parse_micros
from hub.schemas import Catalogue, EventType
from hub.schemas.dated import dated
from hub.schemas.fields import inner
from hub.schemas.happened import AHEAD, OPEN, PAST, not_yet
from hub.schemas.json_form import WRITTEN_AT
from hub.settings import ROOT

CATALOGUE = Catalogue.load(ROOT / "schemas", sandbox=True)
NOW = parse_micros("2023-06-01T09:00:00Z")
TODAY = date(2023, 6, 1)


def of(kind: str) -> EventType:
    return CATALOGUE.type(f"wraparound.{kind}.v1")


def pointers(kind: str, now: Micros = NOW, today: date = TODAY, **changes: object) -> list[str]:
    """Where an example of now, with these changes, says what cannot have happened yet."""
    event_type = of(kind)
    example = dated(event_type, event_type.examples[0], NOW) | changes
    return [each.pointer for each in not_yet(event_type, event_type.from_json(example), now, today)]


def test_every_time_lies_in_the_past_or_may_lie_ahead_when_a_type_has_one() -> None:
    times = {
        field.path
        for event_type in CATALOGUE
        for field in event_type.fields
        if isinstance(kind := inner(field.type), dict) and "logicalType" in kind
    }
    assert times - PAST - OPEN == set()
    assert set() == PAST & OPEN
    assert times >= PAST


def test_no_example_lies_ahead_when_it_is_of_now() -> None:
    for event_type in CATALOGUE:
        for example in event_type.examples:
            datum = event_type.from_json(dated(event_type, example, NOW))
            assert list(not_yet(event_type, datum, NOW, TODAY)) == [], event_type.type


def test_every_example_that_says_when_lies_ahead_when_the_clock_stands_before_it() -> None:
    early = parse_micros(WRITTEN_AT) - 3650 * DAY
    for event_type in CATALOGUE:
        for example in event_type.examples:
            if "occurred_at" in example:
                datum = event_type.from_json(example)
                found = [each.pointer for each in not_yet(event_type, datum, early, TODAY)]
                assert "/occurred_at" in found, event_type.type


@pytest.mark.parametrize(("ahead", "refused"), [(AHEAD, []), (AHEAD + 1, ["/occurred_at"])])
def test_a_time_is_refused_when_it_is_more_than_the_tolerance_ahead(
    ahead: Micros, refused: list[str]
) -> None:
    assert pointers("practice.risk_rated", occurred_at=format_micros(NOW + ahead)) == refused


@pytest.mark.parametrize(("days", "refused"), [(0, []), (1, ["/rated_on"])])
def test_a_day_is_refused_when_it_has_not_begun(days: int, refused: list[str]) -> None:
    day = (TODAY + timedelta(days=days)).isoformat()
    assert pointers("practice.risk_rated", rated_on=day) == refused


def test_a_row_is_named_when_it_lies_ahead() -> None:
    people = [
        {"person": {"scheme": "niche", "value": "V"}, "role": "victim", "at": format_micros(at)}
        for at in (NOW - HOUR, NOW + 2 * HOUR)
    ]
    assert pointers("outcome.incident_reported", people=people) == ["/people/1/at"]


def test_what_is_agreed_or_planned_may_lie_ahead() -> None:
    cell = {"purpose": "support", "category": "outcome.score", "desk": "council/chesil"}
    cells = [cell | {"valid_from": "2999-01-01T00:00:00Z", "valid_until": "3000-01-01T00:00:00Z"}]
    with pytest.raises(Exception, match="1850 to 2199"):
        of("consent.given").from_json(dict(of("consent.given").examples[0]) | {"cells": cells})
    cells = [cell | {"valid_until": "2199-01-01T00:00:00Z"}]
    assert pointers("consent.given", cells=cells) == []
    assert pointers("safety.restriction_placed", review_on="2030-01-01") == []


def test_a_fault_says_what_was_expected_and_gives_an_example_that_holds() -> None:
    event_type = of("practice.risk_rated")
    example = dated(event_type, event_type.examples[0], NOW) | {"occurred_at": "2199-01-01T00:00:00Z"}
    (fault,) = not_yet(event_type, event_type.from_json(example), NOW, TODAY)
    assert (fault.rule, fault.came, fault.example) == ("range", "a later one", format_micros(NOW))
    assert "60 minutes after the hub's clock, 2023-06-01T09:00:00" in fault.expected
    assert "2199" not in f"{fault.expected}{fault.came}"
    assert pointers("practice.risk_rated", occurred_at=fault.example) == []


def test_the_reference_names_the_tolerance_and_every_field_that_may_lie_ahead() -> None:
    text = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert f"a tolerance of {AHEAD // MINUTE} minutes" in text
    for path in OPEN:
        assert f"`{path.rpartition('.')[2]}`" in text or path.endswith("dob")
