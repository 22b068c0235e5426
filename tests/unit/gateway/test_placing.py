"""What an event is without somebody whom nobody knows."""

from typing import Any

import pytest

from hub.schemas.refs import RefUse
from services.gateway.placing import without
from services.gateway.problems import ProblemError


def use(path: str, kind: str = "person") -> RefUse:
    return RefUse(path, "niche", path, kind)


def test_rows_elements_and_texts_are_left_out_when_they_name_somebody_unknown() -> None:
    data: dict[str, Any] = {
        "people": [{"person": number, "account": {"text": "x", "about": [1, 2]}} for number in range(12)],
        "children": ["k0", "k1", "k2"],
        "note": {"text": "x", "about": ["a", "b"]},
        "family": "f",
    }
    unknown = [
        use("/people/2/person"),
        use("/people/10/person"),
        use("/people/3/account/about/1"),
        use("/people/10/account/about/0"),
        use("/children/1"),
        use("/note/about/0"),
        use("/note/about/1"),
    ]
    left, out = without(data, unknown)
    assert out == (
        "children/1", "note", "people/2", "people/3/account", "people/10", "people/10/account"
    )  # fmt: skip
    assert [row["person"] for row in left["people"]] == [0, 1, 3, 4, 5, 6, 7, 8, 9, 11]
    assert [row["person"] for row in left["people"] if "account" not in row] == [3]
    assert left["children"] == ["k0", "k2"]
    assert left.keys() == {"people", "children", "family"}


def test_a_list_is_not_there_when_nothing_of_it_is_left() -> None:
    assert without({"children": ["k0"]}, [use("/children/0")]) == ({}, ("children/0",))


def test_where_it_belongs_is_left_out_and_a_counterpart_in_a_row_too() -> None:
    data: dict[str, Any] = {
        "family": "f",
        "referral": "r",
        "members": [{"person": "v", "against": "p", "household": "h"}],
    }
    unknown = [use("/family", "family"), use("/referral", "referral"), use("/members/0/against")]
    left, out = without(data, unknown)
    assert left == {"members": [{"person": "v", "household": "h"}]}
    assert out == ("family", "members/0/against", "referral")


@pytest.mark.parametrize("path", ["/person", "/victim", "/from_person"])
def test_whom_the_event_is_about_is_never_left_out(path: str) -> None:
    with pytest.raises(ProblemError) as caught:
        without({path[1:]: "x"}, [use(path)])
    assert caught.value.status == 422
