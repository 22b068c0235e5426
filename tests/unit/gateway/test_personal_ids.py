"""Publishers' ids that would say who somebody is."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.personal_ids import looks_personal


@pytest.mark.parametrize(
    "text",
    [
        "9990000018",
        "999 000 0018",
        "999-000-0018",
        "999.000.0018",
        "999--000--0018",
        " 9990000018 ",
        "9 9 9 0 0 0 0 0 1 8",
        "obs-9990000018-1",
        "urn:nhs:9990000018",
        "case/999 000 0018/7",
        "NHS9990000018",
        "9990000018a",
        "\uff19\uff19\uff19\uff10\uff10\uff10\uff10\uff10\uff11\uff18",
        "\u0669\u0669\u0669\u0660\u0660\u0660\u0660\u0660\u0661\u0668",
        "T820432117003",
        "t820432117003",
        "T82 0432 117003",
        "pupil-T820432117003",
    ],
)
def test_id_is_personal_when_it_looks_like_an_nhs_number_or_upn(text: str) -> None:
    assert looks_personal(text)


@pytest.mark.parametrize(
    "text",
    [
        "9990000019",
        "999000001",
        "19990000018",
        "2026-04-14T10:30:00Z",
        "risk-1",
        "s2w/sft",
        "A820432117003",
        "wraparound.practice.risk_rated.v1",
        "99900000-1800-4000-8000-999000001899",
        "",
    ],
)
def test_id_is_let_through_when_it_looks_like_neither(text: str) -> None:
    assert not looks_personal(text)


@given(st.uuids())
def test_uuid_is_always_let_through(value: uuid.UUID) -> None:
    assert not looks_personal(str(value))
