"""What `decision explain` says of the hub's answer."""

from copy import deepcopy
from typing import Any

import pytest

from cli.caller import UnsaidError
from cli.decision import NOTHING, UNDECIDED, only, said

PERSON = "c3533b08-ea05-89d6-8316-97a06d77387b"
WHY = ["s2w/sft: delivered.", f"referral.need of {PERSON}: shared (P09)"]
REQUESTED = "wraparound.referral.requested.v1"


def decision(at: str, **desks: list[str]) -> dict[str, Any]:
    verdicts = {name.replace("_", "/"): {"result": "", "why": why} for name, why in desks.items()}
    because = {"event": "e", "type": REQUESTED}
    by = [{"agreement": "DOR-SFT", "version": 2}]
    return {"at": at, "because_of": because, "rules": "d" * 64, "agreements": by, "desks": verdicts}


FOUND: dict[str, Any] = {
    "id": "e",
    "people": {PERSON: "liquidlogic P-1", "f" * 36: "child ffffffff"},
    "events": [
        {
            "event": "e",
            "type": REQUESTED,
            "source": "council/chesil",
            "recorded_at": "2024-03-01T09:00:00Z",
            "decisions": [
                decision("2024-03-01T09:00:00Z", s2w_sft=WHY, reach_sft=["reach/sft: nothing."])
                | {"no_role_and_no_clause": ["council/west"]},
                decision("2024-03-01T09:00:01Z", s2w_sft=WHY),
                decision("2024-03-01T09:00:02Z", s2w_sft=["s2w/sft: nothing."]),
            ],
            "deliveries": [
                {
                    "desk": "s2w/sft",
                    "status": "recalled",
                    "released_at": "2024-03-01T09:00:01.5Z",
                    "delivery": "d",
                }
            ],
        }
    ],
}


def words(desk: str = "") -> list[str]:
    found = deepcopy(FOUND)
    if desk:
        only(found, desk)
    return [line.strip() for line in said(found).splitlines()[1:]]


def test_people_are_called_as_the_reader_may_and_what_is_the_same_stands_once() -> None:
    because = f"because of {REQUESTED}, by DOR-SFT version 2, rules dddddddddddd"
    assert words() == [
        f"decided 2024-03-01T09:00:00 {because}",
        "s2w/sft: delivered.",
        "referral.need of liquidlogic P-1: shared (P09)",
        "reach/sft: nothing.",
        f"decided again, with the same result for s2w/sft, 2024-03-01T09:00:01 {because}",
        f"decided 2024-03-01T09:00:02 {because}",
        "s2w/sft: nothing.",
        "s2w/sft: recalled, first released 2024-03-01T09:00:01, delivery d",
        f"liquidlogic P-1 is {PERSON}",
    ]


def test_one_line_says_how_often_when_nothing_changed_many_times() -> None:
    found = deepcopy(FOUND)
    first, same, other = found["events"][0]["decisions"]
    repeated = [{**same, "at": f"2024-03-01T09:{minute}:00Z"} for minute in range(10, 17)]
    found["events"][0]["decisions"] = [first, *repeated, other, {**other, "at": "2024-03-02T09:00:00Z"}]
    lines = [each.strip() for each in said(found).splitlines() if "again" in each]
    because = f"because of {REQUESTED}, by DOR-SFT version 2, rules dddddddddddd"
    assert lines == [
        f"decided again 7 times, with the same result for s2w/sft, last 2024-03-01T09:16:00 {because}",
        f"decided again, with the same result for s2w/sft, 2024-03-02T09:00:00 {because}",
    ]


def test_a_reviewer_is_told_why_when_the_event_was_rejected() -> None:
    found = deepcopy(FOUND)
    found["events"][0] |= {
        "decisions": [],
        "deliveries": [],
        "fate": {"kind": "rejected", "reason": "already_open"},
    }
    assert said(found).splitlines()[1:] == ["  rejected: already_open"]


@pytest.mark.parametrize("is_decided", [False, True])
def test_a_reviewer_is_told_that_it_waits_when_facts_are_on_their_way(is_decided: bool) -> None:
    found = deepcopy(FOUND)
    found["events"][0] |= {"undecided": True} | ({} if is_decided else {"decisions": []})
    assert UNDECIDED in said(found)
    assert NOTHING not in said(found)
    assert UNDECIDED not in said(FOUND)


@pytest.mark.parametrize(
    ("desk", "last"),
    [
        ("reach/sft", "reach/sft: nothing."),
        ("council/west", "council/west got nothing: it has no role in this family, and no clause names it."),
        ("council/chesil", "nothing to decide: it is the publisher's own"),
    ],
)
def test_one_desk_is_told_of_when_it_is_named(desk: str, last: str) -> None:
    assert words(desk)[-1] == last
    assert "s2w/sft" not in " ".join(words(desk))


def test_a_desk_that_is_none_is_a_mistake_of_who_typed_it() -> None:
    with pytest.raises(UnsaidError, match="expected a desk that receives: council/chesil, council/west"):
        words("nosuch")


NOTICE = {"to": "s2w/sft", "kind": "withdrawn", "answer_by": None, "answered_at": None, "how": None}
NEVER_HAD = {
    "desk": "s2w/sft",
    "status": "recalled",
    "reason": "never_had",
    "released_at": None,
    "delivery": "d",
}
TO = "nothing to decide: it goes to s2w/sft alone, whom it names, in ids and codes: "


@pytest.mark.parametrize(
    ("notice", "deliveries", "lines"),
    [
        (
            {"answer_by": "2024-03-05T23:00:00Z"},
            [],
            [f"{TO}withdrawn", "not answered: an answer is due by 2024-03-05T23:00:00"],
        ),
        (
            {
                "answer_by": "2024-03-05T23:00:00Z",
                "answered_at": "2024-03-04T10:00:00.5Z",
                "how": "kept_with_reason",
            },
            [],
            [f"{TO}withdrawn", "answered 2024-03-04T10:00:00: kept_with_reason"],
        ),
        ({"kind": "schema"}, [], [f"{TO}schema"]),
        (
            {},
            [NEVER_HAD],
            [
                f"{TO}withdrawn",
                "no answer is asked: the desk never had what this is about, and is told nothing",
                "s2w/sft: recalled, never released, delivery d",
            ],
        ),
        (
            {"erased": True},
            [],
            ["nothing to decide: it goes to the one desk that it names; to whom and of what was erased"],
        ),
    ],
)
def test_a_reviewer_is_told_to_whom_it_goes_and_whether_it_was_answered_when_it_names_a_desk(
    notice: dict[str, Any], deliveries: list[dict[str, Any]], lines: list[str]
) -> None:
    found = deepcopy(FOUND)
    found["events"][0] |= {"decisions": [], "deliveries": deliveries, "notice": NOTICE | notice}
    assert [line.strip() for line in said(found).splitlines()[1:]] == lines
