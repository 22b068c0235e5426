"""What a desk was given already, as it stands at a reading."""

from dataclasses import replace
from typing import Any

import pytest

from hub.attempts.judge import World
from hub.attempts.row import Row
from hub.attempts.served import SETTLE, concerns, met, sort
from hub.schemas import Catalogue
from hub.settings import ROOT
from tests.unit.delivery.rows import NOW, PLAIN, RULES, world

CATALOGUE = Catalogue.load(ROOT / "schemas")
RAISED = world(a=1)


def given(**changes: Any) -> Row:
    """An item with a place, that rests on a."""
    plain = replace(PLAIN, status="delivered", place=1, persons=("a", "b"), counts=(0, 0))
    return replace(plain, **changes)


def state(row: Row, met_in: World = RAISED) -> str:
    return sort([row], met_in, set()).items[0].state


def ref(name: str) -> dict[str, str]:
    return {"scheme": "hub", "value": name}


def is_concerned(kind: str, *raised: str, **fields: Any) -> bool:
    event_type = CATALOGUE.type(f"wraparound.{kind}.v1")
    return concerns(event_type, event_type.datum(**fields), raised)


def test_an_item_is_shown_as_it_was_and_decided_again_when_what_was_accepted_does_not_concern_it() -> None:
    served = sort([given()], RAISED, set())
    assert [item.state for item in served.items] == ["released"]
    assert [lapse.met for lapse in served.lapses] == [(("a", 1),)]
    assert not served.unsettled


def test_an_item_waits_and_will_be_decided_in_a_moment_when_what_was_accepted_concerns_it() -> None:
    served = sort([given()], RAISED, {"d0"})
    assert [item.state for item in served.items] == ["waiting"]
    assert (len(served.lapses), served.unsettled) == (1, True)


@pytest.mark.parametrize(("age", "unsettled"), [(0, True), (SETTLE - 1, True), (SETTLE, False)])
def test_what_has_lapsed_is_waited_for_no_longer_than_a_moment(age: int, unsettled: bool) -> None:
    row = given(status="lapsed", since_mono=NOW.mono - age)
    served = sort([row], RAISED, {"d0"})
    assert (served.items[0].state, served.unsettled, served.lapses) == ("waiting", unsettled, ())
    assert not sort([row], RAISED, set()).unsettled


def test_what_has_lapsed_stays_as_it_was_while_only_a_guard_differs() -> None:
    row = given(status="lapsed", since_mono=NOW.mono)
    assert state(row) == "released"
    assert state(row, world()) == "waiting"


@pytest.mark.parametrize(
    "changes",
    [{"body": None}, {"valid_until": NOW.hub}, {"rules": "old"}, {"status": "held"}],
    ids=["no body", "over", "other rules", "held"],
)
def test_an_item_waits_when_more_than_a_guard_of_somebody_else_differs(changes: dict[str, Any]) -> None:
    assert state(given(**changes)) == "waiting"
    assert state(given()) == "released"


def test_an_item_waits_when_its_family_is_parked() -> None:
    assert sort([given()], world(parked={"f1"}, a=1), set()).items[0].state == "waiting"


def test_a_recalled_item_stays_recalled_whatever_is_raised() -> None:
    assert state(given(status="recalled", body=None)) == "recalled"


def test_nobody_is_met_when_the_decision_is_over_anyhow() -> None:
    assert met(given(), RAISED) == {"a"}
    assert met(given(rules=RULES + "old"), RAISED) == frozenset()
    assert met(given(), world()) == frozenset()


def test_what_was_accepted_concerns_bytes_when_they_name_whom_it_is_about() -> None:
    child = {"family": ref("f"), "person": ref("k"), "status": "cp"}
    assert is_concerned("child.status_changed", "k", **child)
    assert not is_concerned("child.status_changed", "v", **child)


def test_what_was_accepted_concerns_bytes_when_they_do_not_say_whom_they_are_about() -> None:
    assert is_concerned("referral.accepted", "v", referral=ref("r"), person=None)
    assert not is_concerned("referral.accepted", "v", referral=ref("r"), person=ref("p"))
    assert not is_concerned("family.opened", "v", family=ref("f"), lead="council/chesil")


def test_what_was_accepted_concerns_bytes_when_they_say_where_somebody_can_be_found() -> None:
    moved = CATALOGUE.type("wraparound.family.household_changed.v1")
    row = {"person": ref("k"), "address_lines": ["4 Cobbler's Yard"]}
    assert concerns(moved, moved.from_json({"family": ref("f"), "moves": [row]}), ["v"])


def test_what_was_accepted_concerns_a_text_when_it_is_about_them_or_says_not_about_whom() -> None:
    rated = CATALOGUE.type("wraparound.practice.risk_rated.v1")
    plain = {"family": ref("f"), "person": ref("k"), "rating": "red"}
    texts: list[dict[str, Any]] = [
        {},
        {"reason": {"text": "calm", "about": [ref("p")]}},
        {"reason": {"text": "calm", "about": [ref("v")]}},
        {"reason": {"text": "calm"}},
    ]
    found = [concerns(rated, rated.from_json(plain | text), ["v"]) for text in texts]
    assert found == [False, False, True, True]
