"""Dorset as the product ships it: valid, complete, and true to the specification's tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date

import pytest

from hub.clock import parse_micros
from hub.partnership import Partnership, UnknownNameError, check, load
from hub.partnership.vocabulary import AUTHORITY_WORDS, event_types
from services.consent import authority
from services.consent.agreement import RuleSet
from services.consent.load import check_rules, load_rules
from tests.unit.partnership.planting import DORSET, ROOT


@pytest.fixture(scope="module")
def dorset() -> Partnership:
    return load(DORSET)


@pytest.fixture(scope="module")
def rules(dorset: Partnership) -> RuleSet:
    return load_rules(DORSET, dorset)


def test_nothing_is_found_when_dorset_is_checked() -> None:
    partnership, findings = check(DORSET)
    assert not findings
    assert partnership is not None
    assert check_rules(DORSET, partnership)[1] == ()


def test_clauses_are_those_of_the_tables_when_the_agreement_is_loaded(rules: RuleSet) -> None:
    ids = [each.id for each in rules.agreements[0].clauses]
    # P07 and P24 each say two things under two conditions; the second sentence is a clause of its own.
    second = {"P07b", "P24b"}
    assert set(ids) - second == {f"F{n:02}" for n in range(1, 12)} | {f"P{n:02}" for n in range(1, 33)}
    assert len(ids) == 11 + 32 + len(second)


@pytest.mark.parametrize(
    ("clause", "sources", "to", "subjects", "categories", "when", "if_denied", "with_gate"),
    [
        ("P04", {"s2w", "reach", "probation"}, ["lead"], {"adult", "child"},
         {"support.clinical_detail", "mental_health.detail", "substance.use_detail", "outcome.score"},
         [("consent",)], "existence", False),
        ("P09", {"council"}, ["referred_to"], {"adult"},
         {"identity.name", "identity.dob", "contact.address", "contact.channel", "referral.existence",
          "referral.need", "referral.status", "waiting.position"},
         [("same",), ("told",)], "silent", False),
        ("P15", None, ["core_group"], {"adult"},
         {"referral.existence", "support.existence", "support.summary", "stage_of_change", "outcome.summary"},
         [("no_objection", "statutory")], "existence", False),
        ("P18", {"council", "police", "probation"}, ["supporting_victim"], {"victim", "perpetrator"},
         {"incident.report", "offending.summary"}, [("pair",)], "silent", True),
        ("P25", {"council"}, ["universal:housing"], {"adult"}, {"contact.channel", "referral.need"},
         [("same",), ("consent",)], "silent", True),
        ("P32", {"hub"}, ["hub/operations"], {"any"}, set(), [], "silent", False),
    ],
)  # fmt: skip
def test_clause_says_what_its_row_says_when_loaded(
    rules: RuleSet,
    clause: str,
    sources: set[str] | None,
    to: list[str],
    subjects: set[str],
    categories: set[str],
    when: list[tuple[str, ...]],
    if_denied: str,
    with_gate: bool,
) -> None:
    found = next(each for each in rules.agreements[0].clauses if each.id == clause)
    assert found.sources == sources
    assert list(found.to) == to
    assert found.subjects == subjects
    assert set(found.categories) == categories
    assert list(found.when) == when
    assert found.if_denied == if_denied
    assert found.with_gate is with_gate


def test_daggers_stand_where_the_table_has_them(rules: RuleSet) -> None:
    permits = [each for each in rules.agreements[0].clauses if each.effect == "permit"]
    assert {each.id for each in permits if each.if_denied == "existence"} == {
        "P03", "P04", "P06", "P12", "P13", "P15",
    }  # fmt: skip
    assert {each.id for each in permits if each.with_gate} == {"P05", "P18", "P23", "P25", "P27"}


def test_forbids_are_all_silent_when_loaded(rules: RuleSet) -> None:
    forbids = {
        each.id: each.what or each.words for each in rules.agreements[0].clauses if each.effect == "forbid"
    }
    assert forbids["F01"] == "shielded_set"
    assert forbids["F03"] == ("third_party.detail",)
    assert forbids["F05"] == ("identity.protected_history",)
    assert len(forbids) == 11


def test_desks_are_those_of_the_specification_when_loaded(dorset: Partnership) -> None:
    active = {each.name for each in dorset.active_desks}
    assert active == {
        "council/chesil", "council/dorchester", "council/west", "council/minutes", "council/performance",
        "council/ig", "s2w/sft", "reach/sft", "paragon/victim", "probation/perp", "probation/victim-liaison",
        "police/dorset", "hub/operations",
        "school/st-brannocks", "school/harbour-lane", "school/westhaven", "health/gp",
    }  # fmt: skip
    expected = {each.name for each in dorset.desks} - active
    assert {"paragon/behaviour", "housing/options"} <= expected
    assert dorset.desk("probation/perp").side == "perpetrator"
    assert dorset.desk("probation/victim-liaison").side == "victim"


def test_each_active_desk_has_a_topic_in_and_only_receivers_one_out(dorset: Partnership) -> None:
    topics = dorset.topic_names()
    assert "from-s2w-sft" in topics
    assert "to-s2w-sft" in topics
    assert "from-hub-operations" in topics
    assert "to-hub-operations" not in topics
    assert not [each for each in topics if "housing" in each]


def test_every_event_type_has_one_row_of_authority(dorset: Partnership) -> None:
    listed = [each for rule in dorset.authority for each in rule.types]
    assert sorted(listed) == sorted(event_types())


def test_words_of_authority_are_those_that_the_rules_know() -> None:
    asked_of_the_author_alone = {"council", "may_refer", "task_owner", "hub"}
    assert set(authority._RULES) | asked_of_the_author_alone == AUTHORITY_WORDS


def test_posts_are_those_of_the_report_when_counted(dorset: Partnership) -> None:
    counted = {each.name: sum(post.counted for post in each.posts) for each in dorset.specialisms}
    assert counted == {
        "mental_health": 4,
        "substance_use": 3,
        "domestic_abuse_victim": 3,
        "domestic_abuse_perpetrator": 2,
    }
    assert [post.fte for post in dorset.specialism("mental_health").posts] == [0.7, 1.0, 0.5, 0.5]


def test_mental_health_has_its_motivational_phases(dorset: Partnership) -> None:
    stages = [each.name for each in dorset.pathway("mental_health").stages]
    assert stages == ["mi_phase_1", "assessment", "mi_phase_2", "treatment"]


def test_indicators_are_the_fifteen_of_the_framework(dorset: Partnership) -> None:
    assert [each.number for each in dorset.indicators] == list(range(1, 16))


def test_working_days_leave_out_weekends_and_bank_holidays(dorset: Partnership) -> None:
    calendar = dorset.calendar
    assert calendar.after(date(2022, 12, 22), 2) == date(2022, 12, 28)
    assert calendar.after(date(2023, 5, 6), 0) == date(2023, 5, 9)
    assert {each.year for each in calendar.holidays} == set(range(2022, 2028))
    assert all(each.weekday() < 5 for each in calendar.holidays)


@pytest.mark.parametrize(
    ("raised", "over"),
    [
        ("2023-06-01T09:00:00Z", "2023-07-03T23:00:00Z"),
        ("2023-05-31T22:59:00Z", "2023-06-30T23:00:00Z"),
        # In Dorset the first of June has begun.
        ("2023-05-31T23:00:00Z", "2023-07-03T23:00:00Z"),
        ("2023-01-31T12:00:00Z", "2023-03-01T00:00:00Z"),
        # Christmas and its substitutes are days off; and over the year.
        ("2022-11-25T12:00:00Z", "2022-12-29T00:00:00Z"),
        ("2022-12-05T12:00:00Z", "2023-01-06T00:00:00Z"),
    ],
)
def test_month_ends_with_its_day_or_its_last_or_the_next_working_day(
    dorset: Partnership, raised: str, over: str
) -> None:
    assert dorset.calendar.a_month_after(parse_micros(raised)) == parse_micros(over)


def test_examples_of_events_use_desks_and_ids_that_dorset_has(dorset: Partnership) -> None:
    examples = [json.loads(each.read_text()) for each in (ROOT / "schemas" / "examples").glob("*.json")]
    refs = [each for each in walked(examples) if isinstance(each, dict) and set(each) == {"scheme", "value"}]
    assert refs
    for ref in refs:
        scheme = dorset.scheme(ref["scheme"])
        for pattern in (scheme.pattern, scheme.sandbox):
            assert pattern is None or re.fullmatch(pattern, ref["value"]), scheme.name
    desks = {
        each
        for each in walked(examples)
        if isinstance(each, str) and re.fullmatch(r"[a-z0-9-]+/[a-z0-9-]+", each)
    }
    assert desks
    assert not {each for each in desks if not dorset.has_desk(each)}


def walked(value: object) -> Iterator[object]:
    yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from walked(each)


def test_unknown_names_are_refused_by_kind(dorset: Partnership) -> None:
    assert not dorset.has_desk("council/narnia")
    for look in (dorset.desk, dorset.agency, dorset.scheme, dorset.specialism, dorset.pathway, dorset.key):
        with pytest.raises(UnknownNameError):
            look("narnia")


def test_digest_is_the_same_when_only_comments_differ_and_another_when_a_word_does() -> None:
    again = load(DORSET)
    assert again.digest == load(DORSET).digest
    assert len(again.digest) == 64
