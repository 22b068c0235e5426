"""What acceptance says of data from outside: where, which rule, what was expected, and never the value."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.schemas import Catalogue, EventType, InvalidDataError, Problem, UnknownTypeError, wire
from hub.schemas.json_form import LONGEST_LIST
from hub.schemas.problems import MOST_PROBLEMS
from tests.unit.schemas.datums import CATALOGUE, SCHEMAS, event_types

SCORE = CATALOGUE.type("wraparound.outcome.measure_recorded.v1")
REQUEST = CATALOGUE.type("wraparound.referral.requested.v1")
DIGITS = CATALOGUE.type("wraparound.family.member_added.v1")
CANARY = "Quillfeather-canary"


def example(event_type: EventType, **changes: Any) -> dict[str, Any]:
    return {**event_type.examples[0], **changes}


def only(problems: list[Problem]) -> Problem:
    (problem,) = problems
    return problem


@pytest.mark.parametrize("event_type", list(CATALOGUE), ids=lambda each: each.type)
def test_the_example_survives_json_avro_and_back_when_sent(event_type: EventType) -> None:
    for given_data in event_type.examples:
        datum = event_type.from_json(given_data)
        body = wire.encode(event_type, datum)
        assert wire.decode(CATALOGUE, body) == (event_type, datum)
        assert event_type.to_json(datum) == given_data


@pytest.mark.parametrize(
    ("value", "rule", "expected", "came"),
    [
        (569.0, "type", "an integer, written without a decimal point", "a number with a decimal point"),
        (True, "type", "an integer, written without a decimal point", "a boolean"),
        ("14", "type", "an integer, written without a decimal point", "a string"),
        (math.nan, "type", "an integer, written without a decimal point", "a number that is not finite"),
        (math.inf, "type", "an integer, written without a decimal point", "a number that is not finite"),
        ([], "type", "an integer, written without a decimal point", "an array"),
        (1001, "range", "an integer from -1000 to 1000", "one outside"),
        (10**400, "range", "an integer from -1000 to 1000", "one outside"),
        (b"14", "type", "an integer, written without a decimal point", "something that JSON does not have"),
    ],
)
def test_a_score_is_refused_when_it_is_no_integer(value: object, rule: str, expected: str, came: str) -> None:
    problem = only(SCORE.validate(example(SCORE, score=value)))
    assert problem == Problem("/score", rule, expected, came, "14")


CASES: dict[str, tuple[EventType, dict[str, Any], str, str]] = {
    "unknown field": (SCORE, {CANARY[:5]: CANARY}, "/Quill", "unknown-field"),
    "pointer escapes": (SCORE, {"a/b~c": 1}, "/a~1b~0c", "unknown-field"),
    "lone surrogate in a name": (SCORE, {"\ud800": 1}, "/\ufffd", "unknown-field"),
    "missing person": (SCORE, {"person": None}, "/person", "required"),
    "person is a string": (SCORE, {"person": CANARY}, "/person", "type"),
    "nesting": (SCORE, {"person": {"scheme": "crn", "value": {"value": "x"}}}, "/person/value", "type"),
    "unknown field in a ref": (
        SCORE,
        {"person": {"scheme": "crn", "value": "x", "name": CANARY}},
        "/person/name",
        "unknown-field",
    ),
    "empty id": (SCORE, {"person": {"scheme": "crn", "value": ""}}, "/person/value", "format"),
    "id of spaces": (SCORE, {"person": {"scheme": "crn", "value": " "}}, "/person/value", "format"),
    "long id": (SCORE, {"person": {"scheme": "crn", "value": "x" * 201}}, "/person/value", "length"),
    "NHS number with a wrong check digit": (
        SCORE,
        {"person": {"scheme": "nhs-number", "value": "9990000019"}},
        "/person/value",
        "check-digit",
    ),
    "NHS number of somebody real": (
        SCORE,
        {"person": {"scheme": "nhs-number", "value": "9434765919"}},
        "/person/value",
        "test-number",
    ),
    "code of another case": (SCORE, {"instrument": "PHQ9"}, "/instrument", "format"),
    "code out of the list": (SCORE, {"point": "middle"}, "/point", "codes"),
    "date without day": (SCORE, {"taken_on": "2026-04"}, "/taken_on", "format"),
    "date of no calendar": (SCORE, {"taken_on": "2026-02-30"}, "/taken_on", "format"),
    "date with a time": (SCORE, {"taken_on": "2026-04-14T10:00:00Z"}, "/taken_on", "format"),
    "date as a number": (SCORE, {"taken_on": 20557}, "/taken_on", "type"),
    "date long ago": (SCORE, {"taken_on": "0001-01-01"}, "/taken_on", "range"),
    "time without zone": (SCORE, {"occurred_at": "2026-04-14T10:30:00"}, "/occurred_at", "format"),
    "time of no calendar": (SCORE, {"occurred_at": "2026-13-14T10:30:00Z"}, "/occurred_at", "format"),
    "time as a number": (SCORE, {"occurred_at": 1776162600000000}, "/occurred_at", "type"),
    "time at the edge": (SCORE, {"occurred_at": "9999-12-31T23:59:59-14:00"}, "/occurred_at", "range"),
    "row is a string": (SCORE, {"answers": ["q1"]}, "/answers/0", "type"),
    "field of a row": (SCORE, {"answers": [{"item": "q1"}, {"item": 3}]}, "/answers/1/item", "type"),
    "too many rows": (SCORE, {"answers": [{}] * (LONGEST_LIST + 1)}, "/answers", "too-many"),
    "retracted of nothing": (SCORE, {"retracted": True}, "/corrects", "required"),
    "withheld from outside": (SCORE, {"withheld": ["outcome.score"]}, "/withheld", "hub-only"),
    "addressed to no desk": (
        SCORE,
        {"addressed_to": [{"field": "score", "desks": ["Chesil"]}]},
        "/addressed_to/0/desks/0",
        "format",
    ),
    "addressed an unknown field": (
        SCORE,
        {"addressed_to": [{"field": "points", "desks": ["s2w/sft"]}]},
        "/addressed_to/0/field",
        "codes",
    ),
    "addressed a code of the gate": (
        REQUEST,
        {"addressed_to": [{"field": "specialism", "desks": ["s2w/sft"]}]},
        "/addressed_to/0/field",
        "codes",
    ),
    "lone surrogate": (REQUEST, {"given_name": "\ud800"}, "/given_name", "format"),
    "line break in a name": (REQUEST, {"given_name": "Mara\n"}, "/given_name", "format"),
    "NUL in a text": (REQUEST, {"reason": {"text": "a\x00b"}}, "/reason/text", "format"),
    "empty text": (REQUEST, {"reason": {"text": ""}}, "/reason/text", "format"),
    "text of spaces": (REQUEST, {"reason": {"text": " \n "}}, "/reason/text", "format"),
    "long text": (REQUEST, {"reason": {"text": "x" * 20_001}}, "/reason/text", "length"),
    "text without its record": (REQUEST, {"reason": CANARY}, "/reason", "type"),
    "no postcode": (REQUEST, {"postcode": CANARY[:8]}, "/postcode", "format"),
    "flag as a word": (REQUEST, {"previously_known": "yes"}, "/previously_known", "type"),
    "no members": (DIGITS, {"members": []}, "/members", "required"),
    "UPN with a wrong letter": (
        DIGITS,
        {"members": [{"person": {"scheme": "upn", "value": "A801200001001"}, "kind": "child"}]},
        "/members/0/person/value",
        "check-digit",
    ),
    "identifier with a wrong check digit": (
        DIGITS,
        {
            "members": [
                {
                    "person": {"scheme": "crn", "value": "X1"},
                    "kind": "child",
                    "identifiers": [{"scheme": "nhs-number", "value": "1"}],
                }
            ]
        },
        "/members/0/identifiers/0/value",
        "check-digit",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_data_is_refused_with_a_pointer_and_a_rule_when_it_is_wrong(case: str) -> None:
    event_type, changes, pointer, rule = CASES[case]
    problem = only(event_type.validate(example(event_type, **changes)))
    assert (problem.pointer, problem.rule) == (pointer, rule)
    assert CANARY not in repr(problem)
    with pytest.raises(InvalidDataError) as refused:
        event_type.from_json(example(event_type, **changes))
    assert CANARY not in str(refused.value)


@pytest.mark.parametrize("data", [None, [], "x", 3, math.nan])
def test_data_is_refused_when_it_is_no_object(data: object) -> None:
    assert only(SCORE.validate(data)).rule == "type"


def test_null_says_nothing_when_a_field_may_be_left_out() -> None:
    full = dict.fromkeys((field.name for field in SCORE.fields if field.list_name is None), None)
    given_data = {**full, "person": SCORE.examples[0]["person"]}
    assert SCORE.from_json(given_data) == SCORE.from_json({"person": SCORE.examples[0]["person"]})


def test_an_integer_is_enough_when_a_number_is_wanted() -> None:
    event_type = CATALOGUE.type("wraparound.capacity.declared.v1")
    posts = [{"post": "cbt_therapist", "fte": 1}]
    datum = event_type.from_json(example(event_type, posts=posts))
    assert isinstance(datum["posts"][0]["fte"], float)
    bad = event_type.validate(
        example(event_type, posts=[{"fte": math.nan}, {"fte": math.inf}, {"fte": True}])
    )
    assert [problem.rule for problem in bad] == ["range", "range", "type"]


@pytest.mark.parametrize(
    ("text", "micros", "written"),
    [
        ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"),
        ("1970-01-01T00:00:00.000001Z", 1, "1970-01-01T00:00:00.000001Z"),
        ("1970-01-01T01:00:00+01:00", 0, "1970-01-01T00:00:00Z"),
        ("1969-12-31T23:59:59Z", -1_000_000, "1969-12-31T23:59:59Z"),
    ],
)
def test_a_time_is_microseconds_when_read_and_utc_when_written(text: str, micros: int, written: str) -> None:
    datum = SCORE.from_json(example(SCORE, occurred_at=text))
    assert datum["occurred_at"] == micros
    assert SCORE.to_json(datum)["occurred_at"] == written


def test_real_numbers_are_taken_when_it_is_no_sandbox() -> None:
    real = Catalogue.load(SCHEMAS).type(SCORE.type)
    assert real.validate(example(real, person={"scheme": "nhs-number", "value": "9434765919"})) == []


def test_problems_are_bounded_when_everything_is_wrong() -> None:
    rows = [{f"unknown{n}": CANARY for n in range(100)} for _ in range(100)]
    assert len(SCORE.validate(example(SCORE, answers=rows))) == MOST_PROBLEMS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(event_types, st.data())
@settings(max_examples=400, deadline=None)
def test_no_data_breaks_the_reader_when_a_part_of_an_example_is_replaced(
    event_type: EventType, data: st.DataObject
) -> None:
    names = [field.name for field in event_type.fields if field.list_name is None]
    chosen = data.draw(st.dictionaries(st.sampled_from(names) | st.text(max_size=6), JSON, max_size=4))
    datum, problems = event_type.read_json({**event_type.examples[0], **chosen})
    assert (datum is None) == bool(problems)
    if datum is not None:
        assert wire.decode(CATALOGUE, wire.encode(event_type, datum)) == (event_type, datum)
        assert event_type.validate(event_type.to_json(datum)) == []


def test_a_datum_is_complete_when_made_from_the_fields_that_matter() -> None:
    person = {"scheme": "hub", "value": "p"}
    assert SCORE.datum(person=person, score=3) == {**SCORE.from_json({"person": person}), "score": 3}
    with pytest.raises(KeyError, match="expected the field person"):
        SCORE.datum()
    with pytest.raises(KeyError, match="came also points"):
        SCORE.datum(person=person, points=3)


def test_the_catalogue_says_no_when_the_type_is_unknown() -> None:
    with pytest.raises(UnknownTypeError) as refused:
        CATALOGUE.type(CANARY)
    assert CANARY not in str(refused.value)
    assert CANARY not in CATALOGUE
    assert SCORE.type in CATALOGUE
    assert len(CATALOGUE) == len(list(CATALOGUE))
