"""Examples moved in time."""

from datetime import date

from hub.clock import DAY, format_micros, parse_micros
from hub.schemas import Catalogue
from hub.schemas.dated import dated, problems_at
from hub.schemas.fields import inner
from hub.schemas.happened import not_yet
from hub.schemas.json_form import WRITTEN_AT
from hub.settings import ROOT

CATALOGUE = Catalogue.load(ROOT / "schemas", sandbox=True)
THEN = parse_micros(WRITTEN_AT)


def test_examples_are_set_at_one_instant_when_they_say_when() -> None:
    said = {each["occurred_at"] for kind in CATALOGUE for each in kind.examples if "occurred_at" in each}
    assert said == {WRITTEN_AT}


def test_an_example_happened_within_a_day_and_stays_valid_when_it_is_moved() -> None:
    now = parse_micros("2024-03-01T09:00:00Z")
    for kind in CATALOGUE:
        for example in kind.examples:
            moved = dated(kind, example, now)
            assert kind.validate(moved) == []
            assert "2026-04-14" not in str(moved), kind.type
            if "occurred_at" in example:
                assert 0 <= now - parse_micros(moved["occurred_at"]) < DAY
    assert "2026-04-14" in str(CATALOGUE.type("wraparound.consent.given.v1").examples[0])


def test_births_stay_and_ends_keep_their_distance_when_an_example_is_moved() -> None:
    added = CATALOGUE.type("wraparound.family.member_added.v1")
    moved = dated(added, added.examples[0], THEN + 400 * DAY)
    assert [row.get("dob") for row in moved["members"]] == [
        row.get("dob") for row in added.examples[0]["members"]
    ]
    given = CATALOGUE.type("wraparound.consent.given.v1")
    (cell, *_), (was, *_) = (
        each["cells"] for each in (dated(given, given.examples[0], THEN + 400 * DAY), given.examples[0])
    )
    for end in ("valid_from", "valid_until"):
        assert parse_micros(cell[end]) == parse_micros(was[end]) + 400 * DAY
    assert dated(given, given.examples[0], THEN) == given.examples[0]
    assert format_micros(THEN).startswith(WRITTEN_AT[:-1])


def test_the_example_beside_a_mistake_would_be_taken_when_the_hubs_clock_stands_elsewhere() -> None:
    now = parse_micros("2024-03-01T09:00:00Z")
    kind = CATALOGUE.type("wraparound.consent.given.v1")
    for wrong in ("yesterday", 7):
        data = kind.examples[0] | {"occurred_at": wrong}
        (problem,) = problems_at(kind, kind.validate(data), now)
        mended = data | {"occurred_at": problem.example}
        datum, problems = kind.read_json(mended)
        assert datum is not None, problems
        assert 0 <= now - parse_micros(problem.example) < DAY
        late = [each.pointer for each in not_yet(kind, datum, now, date(2024, 3, 1))]
        assert "/occurred_at" not in late


def test_a_time_or_day_without_an_example_of_its_own_is_given_one_of_the_hubs_present() -> None:
    now = parse_micros("2024-03-01T09:00:00Z")
    found = {}
    for kind in CATALOGUE:
        for field in kind.fields:
            logical = (
                (inner(field.type) or {}).get("logicalType") if isinstance(inner(field.type), dict) else None
            )
            if logical in ("date", "timestamp-micros") and field.list_name is None:
                data = {**kind.examples[0], field.name: "soon"}
                (problem,) = problems_at(kind, kind.validate(data), now)
                found[kind.type, field.name] = problem.example
    assert found
    assert not [each for each, example in found.items() if not example or "2026-04" in example]
