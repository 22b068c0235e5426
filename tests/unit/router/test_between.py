"""What was said before it was recorded opens a task of what left in between, for information governance."""

from typing import Any, Final

from hub.clock import format_micros
from hub.effects import Left, OpenTask
from tests.unit.consent.cast import CHESIL, POLICE, S2W, START, ref
from tests.unit.router.loop import Loop

EARLIER: Final = format_micros(START)


def tasks(kind: str, source: str, **data: Any) -> list[OpenTask]:
    """What a statement about a family of V, P and K opens for information governance."""
    loop = Loop()
    loop.open("F1", CHESIL, adults="VP", children="K")
    loop.support("F1", "V", S2W)
    loop.accept(kind, source, "F1", **data)
    loop.release()
    return [each for each in loop.tasks if each.kind == "left_between"]


def withdrawn(**data: Any) -> list[OpenTask]:
    return tasks("consent.withdrawn", CHESIL, person=ref("V"), **data)


def test_task_of_what_left_is_opened_when_it_was_said_earlier() -> None:
    (task,) = withdrawn(occurred_at=EARLIER)
    assert (task.owner, task.reason, task.shared) == ("council/ig", "said_before_recorded", True)
    assert task.left == Left(("V",), START)
    assert task.detail["since"] == EARLIER < task.detail["until"]


def test_no_task_is_opened_when_it_was_said_as_it_was_accepted() -> None:
    assert withdrawn() == []


def test_task_is_about_everybody_whom_an_incident_concerns_when_it_is_reported_later() -> None:
    people = [
        {"person": ref("V"), "role": "victim"},
        {"person": ref("P"), "role": "alleged_perpetrator"},
    ]
    (task,) = tasks("outcome.incident_reported", POLICE, incident="I-1", people=people, occurred_at=EARLIER)
    assert task.left == Left(("P", "V"), START)


def test_no_task_is_opened_when_what_says_nothing_against_anybody_is_recorded_later() -> None:
    asked: dict[str, Any] = {
        "referral": ref("r-9"),
        "person": ref("V"),
        "to": "reach/sft",
        "specialism": "any",
    }
    assert tasks("referral.requested", CHESIL, **asked, occurred_at=EARLIER) == []
    measured: dict[str, Any] = {"person": ref("V"), "instrument": "phq9", "score": 3}
    assert tasks("outcome.measure_recorded", S2W, **measured, occurred_at=EARLIER) == []


def test_no_task_is_opened_when_what_was_said_earlier_is_rejected() -> None:
    assert tasks("consent.withdrawn", "reach/sft", person=ref("V"), occurred_at=EARLIER) == []
