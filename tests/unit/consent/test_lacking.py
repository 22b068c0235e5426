"""Why something was withheld stands in words: no code of the engine is left in them."""

import re
from dataclasses import replace

import pytest

from services.consent import lacking
from services.consent.compiled import CompiledRules, compile_rules
from services.consent.explain import Words, explain, explain_in_full
from services.consent.ruleset import with_agreements
from services.consent.vocabulary import CONDITIONS
from tests.unit.consent.cast import (
    CHESIL,
    MINUTES,
    PARAGON,
    PROBATION,
    REACH,
    ROOT,
    S2W,
    K,
    P,
    V,
    dorset,
    ref,
    text,
    the_cast,
)

NAMED = {"who": "V", "desk": "Chesil", "sharing": "s2w sharing it with Chesil", "on": ""}


@pytest.mark.parametrize("condition", sorted(CONDITIONS))
def test_a_condition_that_is_not_so_is_said_in_words(condition: str) -> None:
    said = lacking.lacks(condition, "", **NAMED)
    assert said != condition
    assert "{" not in said


def source(name: str) -> str:
    """What a module of the rules says."""
    return (ROOT / "services" / "consent" / f"{name}.py").read_text()


def test_every_reason_that_the_engine_gives_has_words() -> None:
    lines = [line for name in ("consents", "givers") for line in source(name).splitlines()]
    given = {word for line in lines if "ask.why = " in line for word in re.findall(r'"(\w+)"', line)}
    plain = {"none", "objection", "upheld"}
    assert given <= {*lacking.NOT_THEIRS, *lacking.STATES, *plain}
    assert [each for each in lacking.HELD_BACK if f'"{each}"' not in source("texts")] == []
    for state in (*lacking.NOT_THEIRS, *lacking.STATES, *plain):
        assert "consent" in lacking.lacks("consent", state, **NAMED) or state == "holders_disagree"


def test_alternatives_are_all_said_when_none_is_so() -> None:
    said = lacking.lacks("no_objection|statutory", "objection", **NAMED)
    assert said.startswith("V's objection is being decided, and no child of the family")
    assert lacking.lacks("no_objection", "upheld", **NAMED) == "V's objection was upheld"


def test_what_was_withheld_silently_is_said_in_words_when_the_reviewer_asks() -> None:
    family = the_cast()
    rated = family.publish(
        "practice.risk_rated", MINUTES, person=ref(K), rating="amber", reason=text("V met a friend.", V)
    )
    words = Words({V: "V", P: "P", K: "K"}, {CHESIL: "Chesil", PROBATION: "Probation"})
    (_, _, reason) = explain_in_full(rated.decision, PROBATION, words)
    assert reason == (
        "risk.reason of K: withheld silently: its text was not addressed to Probation, which works for the other"
        " side (F04)"
    )
    moved = family.publish(
        "family.household_changed",
        CHESIL,
        moves=[{"person": ref(V), "household": ref("H-2"), "postcode": "DT1 1AA"}],
    )
    whereabouts = next(each for each in explain_in_full(moved.decision, S2W, words) if "whereabouts" in each)
    assert whereabouts.partition("silently: ")[2] == (
        "V has not consented to council sharing where they can be found with s2w/sft (P23)"
    )
    for desk in (CHESIL, S2W, PARAGON, PROBATION):
        for seen in (rated, moved):
            whys = [each.partition(": ")[2] for each in explain_in_full(seen.decision, desk, words)]
            assert [each for each in whys if re.search(r"\bneeds\b|:\w+$|_", each)] == []


def with_reach(*names: str) -> CompiledRules:
    """Dorset's rules, with these clauses for Reach alone."""
    rules = dorset().rules
    (agreement,) = rules.agreements
    clauses = tuple(replace(each, to=(REACH,)) if each.id in names else each for each in agreement.clauses)
    return compile_rules(with_agreements(rules, (replace(agreement, clauses=clauses),)))


def test_the_role_is_named_when_a_clause_lacks_no_more_than_that() -> None:
    family = the_cast()
    consent = {"purpose": "treatment", "category": "outcome.score", "desk": REACH}
    family.tell("consent.given", CHESIL, person=ref(V), given_as="self", cells=[consent])
    family.settle(V)
    score = {"instrument": "phq9", "score": 14}
    told = family.tell("outcome.measure_recorded", S2W, person=ref(V), **score)
    decision = family.decide(told, rules=with_reach("P12", "P13"))
    words = Words({V: "V"}, {REACH: "Reach"})
    lacked = "withheld silently: Reach holds no role for V that the clause asks for"
    assert explain_in_full(decision, REACH, words)[1:] == [
        f"support.existence of V: {lacked} (P12)",
        f"outcome.score of V: {lacked} (P13)",
    ]
    assert explain(decision, REACH, words) == []
