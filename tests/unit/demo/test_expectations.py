"""What the demo expects of its year: a delivery may come again to a topic, the very same; never otherwise."""

from typing import Any

import pytest

from cli.demo.account import Account
from cli.demo.expectations import EXPECTATIONS, Seen, failed

ONCE = "an event that is sent twice counts once, and a delivery that comes twice is the same"


def came(door: str, score: int) -> dict[str, Any]:
    event = {"id": "d-1", "type": "wraparound.outcome.measure_recorded.v1", "data": {"score": score}}
    return {"did": "received", "door": door, "event": event}


def published(*, again: bool) -> dict[str, Any]:
    kind = "wraparound.outcome.measure_recorded.v1"
    return {"did": "published", "tag": "score-1", "type": kind, "receipt": "r-1", "again": again}


def seen(*lines: dict[str, Any], again: bool = True) -> Seen:
    journals = {"reach/sft": [published(again=False), published(again=again), *lines]}
    return Seen(Account(journals, {}), {}, {}, {}, log_is_good=True, plan="p", refuge="r", victim="v")


@pytest.mark.parametrize(
    ("lines", "holds"),
    [
        ([came("inbox", 7), came("topic", 7)], True),
        ([came("topic", 7), came("topic", 7)], True),
        ([came("topic", 7), came("topic", 8)], False),
        ([came("inbox", 7), came("inbox", 7)], False),
    ],
)
def test_a_delivery_comes_again_to_a_topic_alone_and_the_same_when_the_relay_was_killed(
    lines: list[dict[str, Any]], holds: bool
) -> None:
    assert (ONCE not in failed(seen(*lines))) is holds


def test_it_does_not_hold_when_a_second_sending_got_a_receipt_of_its_own() -> None:
    assert ONCE in failed(seen(again=False))


def test_an_expectation_fails_when_it_cannot_even_be_asked() -> None:
    empty = Seen(Account({}, {}), {}, {}, {}, log_is_good=False, plan="p", refuge="r", victim="v")
    assert "with consent both desks read the score" in failed(empty)
    assert len(failed(empty)) > len(EXPECTATIONS) / 2
