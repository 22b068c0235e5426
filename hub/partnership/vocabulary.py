"""The words that a configuration may use and cannot change: the code behind them is the hub's.

Event types are not listed here: the schemas are their only definition.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

SCHEMAS: Final = Path(__file__).parents[2] / "schemas"

HUB: Final = "hub"
"""Agency of the people who run the hub, and the scheme of the hub's own ids."""

AGENCY_STATES: Final = frozenset({"active", "suspended", "expected"})
DESK_STATES: Final = frozenset({"active", "expected"})
CHANNELS: Final = frozenset({"topic", "inbox"})
SIDES: Final = frozenset({"victim", "perpetrator"})
NAMEABLE: Final = frozenset({"person", "family", "referral"})
CHECKS: Final = frozenset({"modulus11", "upn", "uuid", "pattern"})
RATINGS: Final = ("red", "amber", "green")
CLOCKS: Final = ("offer_unanswered", "accepted_not_started", "no_news")
BETTER: Final = frozenset({"more", "fewer"})
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ALGORITHMS: Final = frozenset({"EdDSA", "ES256"})

AUTHORITY_WORDS: Final = frozenset(
    {
        "council",
        "lead",
        "opens_family",
        "may_refer",
        "requested_desk",
        "supports_subject",
        "supports_victim",
        "role_for_subject",
        "registered",
        "registers_itself",
        "own_desk",
        "source_of_cells",
        "owner",
        "self",
        "task_owner",
        "hub",
    }
)
"""Who may publish; beside them `kind:<kind of agency>`, `agency:<name>` and `desk:<name>`."""
WORDS_OF_A_KIND: Final = frozenset({"registers_itself", "own_desk"})
"""Words that also say for which kind of agency: `registers_itself:<kind of agency>`, never alone."""


def event_types(folder: Path = SCHEMAS) -> frozenset[str]:
    """Every event type that has a schema, as `group.type`.

    The names of `schemas/<group>.<type>.v<n>.avsc`.
    """
    return frozenset(each.name.rsplit(".v", 1)[0] for each in folder.glob("*.*.v*.avsc"))
