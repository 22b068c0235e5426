"""Why something is withheld, in the words that its reader may have."""

from dataclasses import replace
from typing import Any

import pytest

from services.view.rules import Family as Stored
from services.view.rules import Guards, Reader, seen
from services.view.text import text
from tests.unit.consent.cast import CATALOGUE, CHESIL, PARAGON, PROBATION, S2W, V, dorset, ref
from tests.unit.view.house import FAMILY, House, house

OF_S2W = {"referral": ref("referral-s2w"), "person": ref(V)}
CELL = {"purpose": "support", "category": "outcome.score", "desk": CHESIL}
SHARED = {"purpose": "treatment", "category": "outcome.score", "desk": PARAGON}


@pytest.fixture
def made() -> House:
    found = house()
    found.tell("outcome.measure_recorded", S2W, **OF_S2W, instrument="phq9", score=17)
    return found


def why(made: House, desk: str) -> list[str]:
    """Why scores are withheld from a desk, in its view."""
    (found,) = [each["why"] for each in made.view(desk)["withheld"] if each["category"] == "outcome.score"]
    lines: list[str] = found
    return lines


def said(made: House, desk: str, **how: Any) -> tuple[str, ...]:
    """What a desk is told of the last event, when it asks."""
    stored = Stored(FAMILY, made.facts(), tuple(made.log), Guards({}))
    reader = Reader(desk, "a.user", made.now, about=made.log[-1].shown_as)
    return seen(dorset(), CATALOGUE, stored, replace(reader, **how)).said


def withdrawn(made: House, cell: dict[str, str]) -> None:
    made.tell("consent.given", CHESIL, person=ref(V), cells=[cell], given_by=ref(V), given_as="self")
    made.tell("consent.withdrawn", CHESIL, person=ref(V), cells=[cell])


def test_the_lead_reads_what_she_said_of_sharing_when_it_is_withheld(made: House) -> None:
    never = f"Withheld: {V} has not consented to s2w sharing treatment detail with council/chesil."
    assert why(made, CHESIL) == [never]
    withdrawn(made, CELL)
    (now,) = why(made, CHESIL)
    assert now.startswith(
        f"Withheld: {V} withdrew consent to s2w sharing treatment detail with council/chesil on"
    )


def test_who_may_not_know_what_she_said_reads_the_same_whatever_it_was(made: House) -> None:
    before = why(made, PARAGON)
    assert before == [f"Withheld: s2w sharing treatment detail with paragon/victim needs {V}'s consent."]
    withdrawn(made, SHARED)
    assert why(made, PARAGON) == before


def test_the_other_side_reads_nothing_of_it_when_it_looks(made: House) -> None:
    assert "outcome.score" not in [each["category"] for each in made.view(PROBATION)["withheld"]]
    assert said(made, PROBATION) == ()


def test_a_desk_is_told_why_when_it_asks_about_one_event(made: House) -> None:
    told, never = said(made, CHESIL)
    assert told == "Told that this happened (P02)."
    assert never == why(made, CHESIL)[0]
    assert said(made, S2W) == ("s2w/sft published it.",)
    assert said(made, CHESIL, about="nothing") == ()


def test_it_is_not_said_to_be_recalled_when_it_had_been_released(made: House) -> None:
    made.tell("consent.given", CHESIL, person=ref(V), cells=[CELL], given_by=ref(V), given_as="self")
    made.tell("outcome.measure_recorded", S2W, **OF_S2W, instrument="phq9", score=12)
    score, before = made.log[-1].shown_as, made.now
    made.tell("consent.withdrawn", CHESIL, person=ref(V), cells=[CELL])
    late, recalled = "what had been released cannot be called back.", "recalled before release."
    ends = [
        said(made, CHESIL, about=score, had=had)[-1].partition("; ")[2]
        for had in (before, None, made.now + 1)
    ]
    assert ends == [late, recalled, recalled]


def test_a_page_has_the_reason_under_the_category_with_people_by_name(made: House) -> None:
    lines = [each.strip() for each in text(made.view(CHESIL)).splitlines()]
    at = lines.index("outcome.score: in 1 of the events below")
    assert lines[at + 1] == "Mara Holt has not consented to s2w sharing treatment detail with council/chesil."
