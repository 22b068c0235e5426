"""What a token must say of a look at data."""

import pytest

from hub.looks import PURPOSES, Look, UnstatedError, stated
from services.consent import vocabulary


def test_a_look_is_for_what_an_agreement_may_be_for() -> None:
    assert frozenset(PURPOSES) == vocabulary.PURPOSES


def test_a_look_has_its_purpose_and_reason_when_the_token_states_both() -> None:
    claims = {"purpose": "rights", "reason": " subject access 12 "}
    assert stated("council/ig", "a.user", claims, "1") == Look(
        "council/ig", "a.user", "rights", "subject access 12", "1"
    )


@pytest.mark.parametrize(
    ("claims", "claim"),
    [
        ({"reason": "a"}, "purpose"),
        ({"purpose": "curiosity", "reason": "a"}, "purpose"),
        ({"purpose": ["rights"], "reason": "a"}, "purpose"),
        ({"purpose": "rights"}, "reason"),
        ({"purpose": "rights", "reason": "a" * 201}, "reason"),
    ],
)
def test_a_look_is_refused_when_the_token_does_not_say_why(claims: dict[str, object], claim: str) -> None:
    with pytest.raises(UnstatedError) as refused:
        stated("council/ig", "a.user", claims, "1")
    assert refused.value.claim == claim
