"""What information governance reads of a desk's view besides: by which clauses, and why somebody has no name."""

from collections.abc import Iterator
from typing import Any

import pytest

from services.view.text import text
from tests.unit.consent.cast import CHESIL, MINUTES, PARAGON, PROBATION, S2W, K, V, ref
from tests.unit.view.house import House, house

OF_S2W = {"referral": ref("referral-s2w"), "person": ref(V)}
TOLD_TO_THEM = ("clauses", "lacked")


@pytest.fixture
def made() -> House:
    found = house()
    found.tell("outcome.measure_recorded", S2W, **OF_S2W, instrument="phq9", score=17)
    found.tell("practice.risk_rated", MINUTES, person=ref(K), rating="red")
    return found


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        for each in value.values():
            yield from keys(each)
    elif isinstance(value, list):
        for each in value:
            yield from keys(each)


def without(value: Any) -> Any:
    """The same without what is told to whoever previews."""
    if isinstance(value, dict):
        return {name: without(each) for name, each in value.items() if name not in TOLD_TO_THEM}
    return [without(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("desk", [CHESIL, S2W, PARAGON, PROBATION])
def test_a_desk_reads_the_same_without_clauses_when_it_looks_itself(made: House, desk: str) -> None:
    own, preview = made.view(desk), made.view(desk, previewed=True)
    assert set(keys(own)).isdisjoint({"clauses", "lacked"})
    assert all("why" not in each for each in own["unnamed"])
    for each in preview["unnamed"]:
        each.pop("why")
    assert without(preview) == own


@pytest.mark.parametrize("desk", [CHESIL, S2W, PARAGON, PROBATION])
def test_every_line_has_its_clauses_when_it_is_previewed(made: House, desk: str) -> None:
    view = made.view(desk, previewed=True)
    rows = [
        row
        for name in (
            "members",
            "relationships",
            "involved",
            "statuses",
            "risk",
            "referrals",
            "outcomes",
            "chronology",
        )
        for row in view[name]
    ]
    assert rows
    assert all(row["clauses"] for row in rows), rows
    events = {f"shown-{each.id}": each for each in made.history}
    for each in made.seen(desk, previewed=True).told:
        decided = made.decide(events[each.id], made.now).verdict(desk).clauses
        assert each.clauses == (("own",) if events[each.id].source == desk else decided), each.kind


def test_what_is_withheld_names_the_clause_that_came_nearest(made: House) -> None:
    view = made.view(CHESIL, previewed=True)
    (withheld,) = view["withheld"]
    assert (withheld["category"], withheld["clauses"]) == ("outcome.score", ["P04"])
    said = text(view)
    assert "outcome.score: in 1 of the events below [P04]" in said
    assert "(withheld: outcome.score by P04) [P02]" in said


def test_the_text_says_why_a_name_is_not_shown_when_a_desk_supports_somebody(made: House) -> None:
    """P09 gives a name to the desk that is referred to; no clause gives one to a desk that supports (RULES.md 5)."""
    own, preview = made.view(S2W), made.view(S2W, previewed=True)
    assert V in {each["person"] for each in own["unnamed"]}
    who = f"adult {V[:8]}"
    assert f"{who}: no name that s2w/sft may read by the rules of today\n" in text(own)
    assert (
        f"{who}: no name that s2w/sft may read by the rules of today: withheld silently: no clause allows it\n"
        in text(preview)
    )


def test_the_same_is_said_when_nobody_gave_a_name(made: House) -> None:
    stranger = "00000000-0000-8000-8000-0000000000aa"
    made.tell("family.member_added", CHESIL, members=[{"person": ref(stranger), "kind": "adult"}])
    made.settle(stranger)
    assert [each["person"] for each in made.view(CHESIL)["unnamed"]] == [stranger]
    assert "no name that council/chesil may read by the rules of today" in text(made.view(CHESIL))
