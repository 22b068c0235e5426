"""References: every one is found, every one is replaced, and nothing else changes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.schemas import HUB_SCHEME, IdentifierUse, RefUse
from hub.schemas.check_digits import nhs_number_is_valid, upn_is_valid
from tests.unit.schemas.datums import CATALOGUE, datums, event_types

MEMBERS = CATALOGUE.type("wraparound.family.member_added.v1")
REQUEST = CATALOGUE.type("wraparound.referral.requested.v1")


def test_each_reference_is_found_with_its_kind_when_a_request_is_read() -> None:
    datum = REQUEST.from_json(REQUEST.examples[0])
    assert list(REQUEST.refs(datum)) == [
        RefUse("/family", "liquidlogic", "F-204117", "family"),
        RefUse("/referral", "liquidlogic", "REF-88213", "referral"),
        RefUse("/person", "nhs-number", "9990000018", "person"),
        RefUse("/reason/about/0", "nhs-number", "9990000018", "person"),
        RefUse("/children/0/person", "nhs-number", "9990000034", "person"),
    ]


def test_identifiers_are_listed_with_their_person_when_members_are_added() -> None:
    found = MEMBERS.identifiers(MEMBERS.from_json(MEMBERS.examples[0]))
    person = ("nhs-number", "9990000018")
    assert found[0] == IdentifierUse("/members/0/identifiers/0", person, "liquidlogic", "P-771204")
    assert [use.scheme for use in found] == ["liquidlogic", "crn", "upn"]


def test_identifiers_are_listed_when_a_member_is_changed() -> None:
    event_type = CATALOGUE.type("wraparound.family.member_changed.v1")
    (use,) = event_type.identifiers(event_type.from_json(event_type.examples[0]))
    assert (use.path, use.person) == ("/identifiers/0", ("nhs-number", "9990000018"))


def test_nothing_but_references_changes_when_they_are_replaced() -> None:
    datum = MEMBERS.from_json(MEMBERS.examples[0])
    before = MEMBERS.to_json(datum)
    mapping = {use.key: f"hub-{use.kind}-{use.value}" for use in MEMBERS.refs(datum)}
    found = MEMBERS.replace_refs(datum, mapping)
    assert {(use.scheme, use.value) for use in MEMBERS.refs(found)} == {
        (HUB_SCHEME, value) for value in mapping.values()
    }
    assert found["members"][1]["identifiers"] == datum["members"][1]["identifiers"]
    assert MEMBERS.to_json(datum) == before


def test_an_unresolved_reference_is_an_error_when_the_mapping_lacks_it() -> None:
    datum = REQUEST.from_json(REQUEST.examples[0])
    with pytest.raises(KeyError):
        REQUEST.replace_refs(datum, {})


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_no_reference_is_missed_when_any_event_is_searched(data: st.DataObject) -> None:
    event_type = data.draw(event_types)
    datum = data.draw(datums(event_type))
    found = [use.value for use in event_type.refs(datum)]
    assert sorted(found) == sorted(every_ref(datum))
    mapping = {use.key: f"new {use.value}" for use in event_type.refs(datum)}
    replaced = event_type.replace_refs(datum, mapping)
    assert sorted(every_ref(replaced)) == sorted(f"new {value}" for value in found)


def every_ref(value: object) -> list[str]:
    """Any {scheme, value} of the hub's scheme, wherever it stands."""
    if isinstance(value, dict):
        if value.keys() == {"scheme", "value"}:
            return [value["value"]] if value["scheme"] == HUB_SCHEME else []
        return [each for inner in value.values() for each in every_ref(inner)]
    if isinstance(value, list):
        return [each for inner in value for each in every_ref(inner)]
    return []


@pytest.mark.parametrize(
    ("value", "is_valid"),
    [
        ("9434765919", True),
        ("9990000018", True),
        ("9434765918", False),
        ("999000001", False),
        ("99900000181", False),
        ("\uff19" * 10, False),
        ("", False),
    ],
)
def test_an_nhs_number_is_known_by_its_check_digit_when_tested(value: str, is_valid: bool) -> None:
    assert nhs_number_is_valid(value) is is_valid


def test_no_nhs_number_is_valid_when_its_check_digit_would_be_ten() -> None:
    stems = [f"99900{n:04}" for n in range(200)]
    lacking = [stem for stem in stems if not any(nhs_number_is_valid(stem + str(d)) for d in range(10))]
    assert 5 < len(lacking) < 40


@pytest.mark.parametrize(
    ("value", "is_valid"),
    [
        ("H801200001001", True),
        ("A801200001001", False),
        ("H80120000100A", False),
        ("H80120000100", False),
        ("I801200001001", False),
        ("", False),
    ],
)
def test_a_upn_is_known_by_its_letter_when_tested(value: str, is_valid: bool) -> None:
    assert upn_is_valid(value) is is_valid
