"""What a text leaves out: forbids that hold without it, and permits that an invariant needs.

Nothing of it is wrong with the text: whoever signs is to know of it. What an invariant needs and nobody permits is
found broken when the rules are proved.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from services.consent.agreement import Agreement, RuleSet
from services.consent.compiled import CompiledRules, says_whole
from services.consent.explain import TREATMENT
from services.consent.vocabulary import CATEGORIES, FORBIDDEN, FORBIDDEN_CATEGORIES

FOR_THE_CHILD: Final = ("child.", "risk.", "contact.")
"""What no child's lead is ever left without (I18): codes, not text."""
BY_OVERRIDE: Final = sorted(TREATMENT | {"support.summary", "support.dv_safety_plan", "offending.detail"})
"""Of what an override may name, what it must then deliver (I19)."""

_BUILT_IN: Final = ("F01", "F02", "F04", "F06", "F07", "F08", "F09", "F10", "F11")
_BY_CATEGORY: Final = ("F03", "F05")
_FORBID: Final = "- {id: F01, effect: forbid, to: [opposing], what: shielded_set}"
_PERMITS: Final = {
    "I18": "- {id: P01, from: any, to: [lead], subjects: [any], purpose: safeguard, categories: [contact, child, risk],"
    " when: [open], basis: B1}",
    "I19": "- {id: P05, from: any, to: [lead, core_group], subjects: [any], purpose: safeguard,"
    " categories: [support.summary], when: [override], with_gate: true, basis: B2}",
}
"""Of each invariant that needs a permit, one that says it, so far as it goes."""


def unsaid(rules: RuleSet) -> Iterator[tuple[int, str, str]]:
    """Position of the agreement, what it leaves out, and an example of what would say it."""
    for place, agreement in enumerate(rules.agreements):
        left = list(_forbids(agreement))
        if left:
            yield place, f"a clause for each of what is withheld all the same, {', '.join(left)}", _FORBID
    if rules.agreements:
        last = max(range(len(rules.agreements)), key=lambda each: rules.agreements[each].start)
        for invariant, categories in _needed(CompiledRules(rules)).items():
            if categories:
                yield (
                    last,
                    f"a permit that {invariant} needs, for {', '.join(categories)}",
                    _PERMITS[invariant],
                )


def _forbids(agreement: Agreement) -> Iterator[str]:
    """The forbids of the specification that stand in none of its clauses, each with what it says."""
    forbids = [each for each in agreement.clauses if each.effect == "forbid"]
    left = {
        name: f"what: {what}"
        for name, what in zip(_BUILT_IN, FORBIDDEN, strict=True)
        if all(each.what != what for each in forbids)
    }
    for name, category in zip(_BY_CATEGORY, FORBIDDEN_CATEGORIES, strict=True):
        if not any(says_whole(each, category) for each in forbids if category in each.categories):
            left[name] = f"categories: [{category}]"
    return (f"{name} ({left[name]})" for name in sorted(left))


def _needed(rules: CompiledRules) -> dict[str, list[str]]:
    """By invariant the categories for which some lead, or core group, gets from some party by no permit."""
    signed = {party for each in rules.rules.agreements for party in each.parties}
    desks = [each for each in rules.desks if each.partition("/")[0] in signed]
    leads = [each for each in desks if rules.desks[each].may_lead and rules.opposes_nobody(each)]
    child = [
        each.name
        for each in CATEGORIES.values()
        if each.name.startswith(FOR_THE_CHILD) and not each.free_text
    ]
    return {
        "I18": [each for each in child if not _arrives(rules, desks, leads, each, "lead", "open", "child")],
        "I19": [
            each
            for each in BY_OVERRIDE
            if not all(
                _arrives(rules, desks, desks, each, role, "override", "adult")
                for role in ("lead", "core_group")
            )
        ],
    }


def _arrives(
    rules: CompiledRules,
    sources: list[str],
    desks: list[str],
    category: str,
    role: str,
    condition: str,
    subject: str,
) -> bool:
    """Whether every desk, in a role, gets a category from every other by a permit on this condition at most."""
    return all(
        any(
            role in each.roles
            and not each.subjects.isdisjoint({"any", subject})
            and all(condition in alternatives for alternatives in each.when)
            for each in rules.permits(source, desk).get(category, ())
        )
        for source in sources
        for desk in desks
        if source != desk
    )
