"""The words of the sharing rules: categories, roles, conditions, purposes, what a forbid may deny.

A rule, a schema or an agreement may use these words and no others; any other is refused when it is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

DataClass = Literal["O", "H", "X"]
"""O ordinary, H special category (UK GDPR Art. 9), X criminal offence (UK GDPR Art. 10)."""


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of data: its legal classes, the harm it can do (1 to 4), whose it is, whether free text."""

    name: str
    classes: frozenset[str]
    level: int
    whose: frozenset[str]
    free_text: bool


def _category(name: str, classes: str, level: int, whose: str, free_text: bool = False) -> Category:
    return Category(name, frozenset(classes), level, frozenset(whose), free_text)


_ALL: Final = "CAVPWT"

CATEGORIES: Final[dict[str, Category]] = {
    each.name: each
    for each in (
        _category("identity.name", "O", 2, "CAT"),
        _category("identity.dob", "O", 2, "CA"),
        _category("identity.identifier", "O", 3, "CA"),
        _category("identity.equality", "H", 3, "CA"),
        _category("identity.protected_history", "H", 4, "CA"),
        _category("contact.address", "O", 3, "CA"),
        _category("contact.channel", "O", 3, "CA"),
        _category("contact.whereabouts_protected", "O", 4, "VC"),
        _category("family.existence", "O", 2, "CA"),
        _category("family.membership", "O", 2, "CA"),
        _category("child.status", "H", 3, "C"),
        _category("child.s47", "H", 3, "C"),
        _category("child.education", "O", 2, "C"),
        _category("child.proceedings", "HX", 4, "CA"),
        _category("risk.rating", "O", 2, "C"),
        _category("risk.reason", "HX", 4, _ALL, free_text=True),
        _category("stage_of_change", "H", 3, "A"),
        _category("supervision.decision", "H", 3, "CA", free_text=True),
        _category("supervision.note", "HX", 4, _ALL, free_text=True),
        _category("referral.existence", "H", 3, "A"),
        _category("referral.need", "H", 3, "A"),
        _category("referral.reason", "HX", 4, _ALL, free_text=True),
        _category("referral.status", "H", 3, "A"),
        _category("waiting.position", "H", 3, "A"),
        _category("support.existence", "H", 3, "AC"),
        _category("support.summary", "H", 3, "AC"),
        _category("support.clinical_detail", "H", 4, "AC", free_text=True),
        _category("support.dv_safety_plan", "H", 4, "VC", free_text=True),
        _category("mental_health.detail", "H", 4, "AC"),
        _category("substance.use_detail", "H", 4, "A"),
        _category("offending.summary", "X", 3, "P"),
        _category("offending.detail", "X", 4, "P", free_text=True),
        _category("incident.report", "X", 4, _ALL, free_text=True),
        _category("outcome.score", "H", 3, "A"),
        _category("outcome.summary", "H", 3, "A"),
        _category("third_party.detail", "H", 4, "T"),
        _category("worker.contact", "O", 1, "W"),
        _category("consent.record", "H", 3, "CA"),
        _category("safety.restriction", "X", 4, "VC"),
        _category("operational.figures", "", 1, ""),
    )
}
"""Every category by name, in the order of the specification's table."""

OPERATIONAL: Final = "operational"
"""Prefix of what concerns no person."""

ROLES: Final = frozenset(
    {
        "lead",
        "referrer",
        "referred_to",
        "supporting",
        "supporting_victim",
        "supervising",
        "core_group",
        "universal",
        "former",
    }
)
FAMILY_ROLES: Final = frozenset({"lead", "core_group"})
"""Roles held for a family; every other one is held for a person."""

OPPOSING_ROLES: Final = frozenset(
    {"referrer", "referred_to", "supporting", "supporting_victim", "supervising", "universal", "former"}
)
"""Held for a P paired with V, each of these makes a desk oppose V (section 2)."""

SPECIAL_RECIPIENTS: Final = frozenset({"public", "holders", "subject", "itself"})
"""Recipients that are neither a role nor a desk, agency or kind of agency."""

CONDITIONS: Final = frozenset(
    {
        "open",
        "consent",
        "no_objection",
        "statutory",
        "s47",
        "override",
        "told",
        "addressed",
        "clear",
        "party",
        "pair",
        "same",
        "deidentified",
        "holder",
        "own",
    }
)

SUBJECTS: Final = frozenset({"adult", "child", "victim", "perpetrator", "worker", "third_party", "any"})

PURPOSES: Final = frozenset(
    {"safeguard", "support", "treatment", "supervise", "evaluate", "rights", "operate"}
)

EFFECTS: Final = frozenset({"permit", "forbid"})

IF_DENIED: Final = frozenset({"silent", "existence"})
"""What the recipient of a denied category sees: nothing, or that there is something."""

FORBIDDEN: Final[dict[str, str]] = {
    "shielded_set": "opposing",
    "restricted_set": "restricted",
    "text_held_back": "any",
    "unconfirmed": "any",
    "anything": "suspended",
    "conflicted_family": "in_conflict",
    "ordered": "not_on_order",
    "adopted_child": "other_family",
    "others_secrets": "subject",
}
"""What a built-in forbid denies, and to whom: F01, F02, F04, F06, F07, F08, F09, F10, F11 in this order."""

FORBIDDEN_CATEGORIES: Final[tuple[str, ...]] = ("third_party.detail", "identity.protected_history")
"""What a forbid by category must deny in every rule set: F03, F05."""

HOLDING: Final = frozenset({"unconfirmed", "anything"})
"""Forbids that hold a delivery (decided again when they end) instead of ending it: F06, F07."""


def expand(word: str) -> tuple[str, ...]:
    """The categories that a word of an agreement means: itself, or all under a prefix; empty if unknown."""
    if word in CATEGORIES:
        return (word,)
    return tuple(name for name in CATEGORIES if name.startswith(f"{word}."))
