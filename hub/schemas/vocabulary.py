"""The words that a schema may use: categories, and what events set for the sharing rules.

Source: RULES.md section 1 (categories), section 2 (roles), section 3 (conditions), section 5 (forbids);
DOMAIN.md, the outcomes framework (indicators 1 to 15). The sharing rules compare their own words with these.
"""

from typing import Final

CATEGORIES: Final = frozenset(
    {
        "identity.name",
        "identity.dob",
        "identity.identifier",
        "identity.equality",
        "identity.protected_history",
        "contact.address",
        "contact.channel",
        "contact.whereabouts_protected",
        "family.existence",
        "family.membership",
        "child.status",
        "child.s47",
        "child.education",
        "child.proceedings",
        "risk.rating",
        "risk.reason",
        "stage_of_change",
        "supervision.decision",
        "supervision.note",
        "referral.existence",
        "referral.need",
        "referral.reason",
        "referral.status",
        "waiting.position",
        "support.existence",
        "support.summary",
        "support.clinical_detail",
        "support.dv_safety_plan",
        "mental_health.detail",
        "substance.use_detail",
        "offending.summary",
        "offending.detail",
        "incident.report",
        "outcome.score",
        "outcome.summary",
        "third_party.detail",
        "worker.contact",
        "consent.record",
        "safety.restriction",
        "operational.figures",
    }
)
"""RULES.md section 1. Their classes and levels belong to the sharing rules."""

DERIVED_CATEGORIES: Final = frozenset({"contact.whereabouts_protected"})
"""Categories that the engine makes (RULES.md 4.2): no schema field carries them."""

TEXT_CATEGORIES: Final = frozenset(
    {
        "risk.reason",
        "supervision.decision",
        "supervision.note",
        "referral.reason",
        "support.clinical_detail",
        "support.dv_safety_plan",
        "offending.detail",
        "incident.report",
        "third_party.detail",
    }
)
"""The categories that may be free text: the starred ones of RULES.md section 1, and third_party.detail, whose
holder (an informant, a neighbour) has no record of their own to be coded in."""

PLACE_CATEGORIES: Final = frozenset({"contact.address"})
"""Every field of these tells where somebody can be found (RULES.md 4.2)."""

INTERNAL: Final = "internal"
"""The category of the hub's own events: decided by whom they name, never by a permit."""

ID: Final = "id"
"""Opaque ids, Refs of the gate's persons and the envelope: they go where the event, or their row, goes."""

ROWS: Final = "rows"
"""A list whose rows are decided one by one: the fields inside carry the categories."""

FAMILY_POINTER: Final = "family"
NOBODY_POINTER: Final = "nobody"
"""Person pointers that name no single person: the family as a whole, and what is about nobody (capacity,
hub)."""

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

SURFACE_CONDITIONS: Final = frozenset({"deidentified", "own"})
"""Conditions on the form or the reader of a release (a report's shape, subject access): no event sets
them."""

FORBIDS: Final = frozenset(f"F{n:02}" for n in range(1, 12))

INDICATORS: Final = frozenset(str(n) for n in range(1, 16))

SETTABLE: Final = frozenset(
    {f"role:{r}" for r in ROLES}
    | {f"condition:{c}" for c in CONDITIONS - SURFACE_CONDITIONS}
    | {f"forbid:{f}" for f in FORBIDS}
    | {f"indicator:{i}" for i in INDICATORS}
)
"""Every word that some event type must set."""
