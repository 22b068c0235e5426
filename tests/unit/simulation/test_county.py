"""The county of a seed: the report's figures to the unit, the same bytes again, nothing wrong but on purpose."""

import hashlib
import json
from collections import Counter
from functools import cache

import pytest

from hub.clock import SystemClock
from hub.partnership.loader import load
from hub.schemas import Catalogue
from hub.settings import ROOT
from services.consent.authority import Allowed, may_publish
from services.consent.compiled import CompiledRules
from services.consent.load import load_rules
from services.consent.moves import Moved, NotAllowed, move
from services.gateway.checking import Checker
from services.gateway.cloudevents import CloudEvent
from services.gateway.problems import ProblemError
from simulation.county.count import Count, Ledger, Presented
from simulation.county.county import AWAY, RESENT, make, published, script
from simulation.county.letters import AGAIN, AT_ONCE, ORDER, TURNS, WEEKS, Letter, week_of

NOVEMBER = "2023-11-30"
DECEMBER = "2023-12-31"


@cache
def weeks(seed: int) -> list[list[Letter]]:
    return script(make(seed))


def sent(seed: int = 1) -> list[Letter]:
    return [letter for week in weeks(seed) for letter in week]


@cache
def ledger(seed: int) -> Ledger:
    return Ledger().read(json.loads(each) for each in published(weeks(seed)))


def shares(found: Presented) -> tuple[int, int, int]:
    """Open of presented; known before, of presented and of open: in per cent."""
    return (
        round(100 * found.open / found.referrals),
        round(100 * found.known / found.referrals),
        round(100 * found.open_known / found.open),
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_figures_are_those_of_the_report_when_counted_from_what_was_published(seed: int) -> None:
    counted = ledger(seed)
    assert counted.open_on(NOVEMBER) == Count(127, 267, 148)
    assert counted.completed_by(NOVEMBER) == Count(17, 36, 20)
    referrals = counted.presented_by(NOVEMBER)
    assert {name: (each.referrals, each.open) for name, each in referrals.items()} == {
        "mental_health": (141, 72),
        "substance_use": (89, 48),
        "domestic_abuse_victim": (79, 41),
        "domestic_abuse_perpetrator": (0, 0),
    }
    assert shares(referrals["mental_health"]) == (51, 68, 72)
    assert shares(referrals["substance_use"]) == (54, 28, 29)
    assert shares(referrals["domestic_abuse_victim"]) == (52, 32, 32)


@pytest.mark.parametrize("seed", [1, 2])
def test_children_in_need_are_those_of_the_localities_when_the_year_ends(seed: int) -> None:
    found = ledger(seed).in_need_on(DECEMBER)
    assert found["chesil"] == 392
    assert found["dorchester"] + found["west"] == 303
    inside = ledger(seed).open_on(DECEMBER).children
    assert 420 <= found.total() - inside <= 440


def test_perpetrators_are_referred_when_probation_has_recruited() -> None:
    assert ledger(1).presented_by(DECEMBER)["domestic_abuse_perpetrator"].referrals == 9


def test_the_same_bytes_are_published_when_the_seed_is_the_same() -> None:
    def digest(year: list[list[Letter]]) -> str:
        return hashlib.sha256(b"\n".join(published(year))).hexdigest()

    assert digest(weeks(1)) == digest(script(make(1)))
    assert digest(weeks(1)) != digest(weeks(2))


def test_about_twenty_thousand_events_come_from_every_desk_in_batches_when_the_year_is_written() -> None:
    letters = sent()
    assert 19_000 <= len(letters) <= 21_500
    assert {each.desk for each in letters} == set(ORDER)
    assert len(weeks(1)) == WEEKS
    assert max(Counter(each.desk for each in week).most_common(1)[0][1] for week in weeks(1)) <= 500


def test_each_desk_has_its_habits_when_the_year_is_written() -> None:
    letters = sent()
    expected = Counter(each.expect for each in letters)
    assert expected["422"] > 20
    assert expected["404"] > 3
    assert expected["409"] == 3
    assert expected["waits"] == 7
    assert expected["rejected"] == 9
    desk, week = RESENT
    again = [each.id for each in weeks(1)[week + 1] if each.desk == desk and each.expect == AGAIN]
    assert {each.id for each in weeks(1)[week] if each.desk == desk} <= set(again)
    assert sum("corrects" in each.data for each in letters) > 30
    silent = [index for index, week in enumerate(weeks(1)) if any(e.desk == "health/gp" for e in week)]
    assert max(silent) < WEEKS - 12


def test_what_is_sent_again_is_the_same_when_its_id_is_the_same() -> None:
    first: dict[tuple[str, str], Letter] = {}
    for each in sent():
        key = (each.desk, each.id)
        if each.expect == AGAIN:
            assert first[key].data == each.data
        elif each.expect == "409":
            assert first[key].data != each.data
        else:
            assert key not in first
            first[key] = each


def test_a_correction_comes_after_what_it_corrects_when_it_names_it() -> None:
    seen: set[tuple[str, str]] = set()
    for each in sent():
        seen.add((each.desk, each.id))
        if "corrects" in each.data:
            assert (each.desk, each.data["corrects"]) in seen


def test_nothing_else_of_its_family_is_sent_that_week_when_a_visit_is_stirring() -> None:
    for week in weeks(1):
        visits: dict[str, set[tuple[str, str, bool]]] = {}
        for each in week:
            if each.about and each.expect != AGAIN:
                visits.setdefault(each.about, set()).add((each.desk, each.day.isoformat(), each.is_stirring))
        for of_family in visits.values():
            stirring = {(desk, day) for desk, day, stirs in of_family if stirs}
            assert not stirring or {(desk, day) for desk, day, _ in of_family} == stirring


@pytest.fixture(scope="module")
def checker() -> Checker:
    partnership = load(ROOT / "partnerships" / "dorset")
    rules = CompiledRules(load_rules(ROOT / "partnerships" / "dorset", partnership))
    table = partnership.authority_plain
    return Checker(
        partnership,
        Catalogue.load(ROOT / "schemas", sandbox=True),
        lambda kind, desk: isinstance(may_publish(table, rules, desk.name, kind), Allowed),
        secret=b"s" * 32,
        clock=SystemClock(),
        sandbox=True,
    )


def test_the_door_takes_every_event_when_it_is_not_wrong_on_purpose(checker: Checker) -> None:
    partnership = load(ROOT / "partnerships" / "dorset")
    for each in sent():
        event = CloudEvent(each.id, each.desk, each.type, dict(each.data), b"")
        refused = ""
        try:
            checker.check(partnership.desk(each.desk), event)
        except ProblemError as error:
            refused = str(error.kind.status)
        assert refused == (each.expect if each.expect in {"404", "422"} else ""), each


def test_every_referral_moves_as_the_table_allows_when_it_is_not_out_of_order_on_purpose() -> None:
    states: dict[str, str] = {}
    for each in sent():
        if not each.kind.startswith("referral.") or each.expect in {AGAIN, "409"}:
            continue
        number = each.data["referral"]["value"]
        found = move(states.get(number), each.kind)
        assert isinstance(found, NotAllowed) == (each.expect == "rejected"), each
        if isinstance(found, Moved):
            # The hub offers at once.
            states[number] = "offered" if found.state == "requested" else found.state


def test_families_are_opened_once_and_closed_at_the_end_when_they_are() -> None:
    opened: set[str] = set()
    closed: set[str] = set()
    for each in sent():
        if each.kind == "family.opened" and each.expect != AGAIN:
            assert each.about not in opened
            opened.add(each.about)
        if each.about.startswith("F-"):
            assert each.about in opened, each
            assert each.about not in closed or each.expect == AGAIN, each
        if each.kind == "family.closed" and not each.expect:
            closed.add(each.about)
    assert len(closed) == 17 + 34


def test_nothing_is_sent_to_wait_that_changes_who_may_know_what_when_an_agency_is_suspended() -> None:
    """Its protective events would overtake the rest, and what follows on them be rejected."""
    first, back = week_of(AWAY.since), week_of(AWAY.back)
    sent = [letter for week in weeks(1)[first:back] for letter in week if letter.desk == "paragon/victim"]
    assert {letter.kind for letter in sent if letter.is_stirring} <= AT_ONCE
    kept = {letter.about for letter in sent if not letter.is_stirring}
    assert kept
    assert not [letter for letter in weeks(1)[back] if letter.about in kept and letter.is_stirring]


@pytest.mark.parametrize("seed", [1, 2])
def test_desks_that_send_together_have_no_family_in_common_that_week(seed: int) -> None:
    """So what they send at once enters each family's log in the same order every time."""
    for week in weeks(seed):
        for desks in TURNS:
            named = [{letter.about for letter in week if letter.desk == desk} - {""} for desk in desks]
            assert sum(map(len, named)) == len(set().union(*named)), desks
