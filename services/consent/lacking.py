"""What a permit lacked, in words: a consent and why it does not hold, a role, or a fact that is not so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_LACKS: Final[Mapping[str, str]] = {
    "open": "the family is not open",
    "no_objection": "{who}'s objection is being decided",
    "statutory": "no child of the family is under an enquiry, on a protection plan or looked after",
    "s47": "no child of the family is under an enquiry",
    "override": "no override names it",
    "told": "{who} was not told of the sharing",
    "addressed": "its author did not address it to {desk}",
    "clear": "{desk} may work against somebody in the family",
    "party": "no client of {desk} is a party to it",
    "pair": "nothing that is recorded sets {who} against a client of {desk}, or that client against somebody",
    "same": "{desk} holds its role for somebody else than {who}",
    "deidentified": "it names somebody",
    "holder": "it is not about what {desk} holds",
    "own": "{desk} is not whom it is about",
    "role": "{desk} does not hold the role that the clause asks for",
    "client": "{desk} holds no role for {who} that the clause asks for",
}
"""Each condition but consent (RULES.md section 3), when it is not so or not known; and the role that a permit needs."""

STATES: Final[Mapping[str, str]] = {
    "withdrawn": "{who} withdrew consent to {sharing}{on}",
    "refused": "{who} refused consent to {sharing}{on}",
    "expired": "{who}'s consent to {sharing} has ended",
    "not_started": "{who}'s consent to {sharing} has not begun",
    "recorded_before": "{who} consented to {sharing} only later",
    "recorded_after": "{who} consented to {sharing} only until then",
    "holders_disagree": "those who decide for {who} disagree on {sharing}",
    "unreadable": "what is recorded of {who}'s consent to {sharing} cannot be read",
}
UNSAID: Final[Mapping[str, str]] = {
    "consent": "{sharing} needs {who}'s consent",
    "no_objection": "{who} objects to {sharing}",
}
"""The same to a reader who may not know what somebody said of sharing: that it is withheld says no less."""
_UPHELD: Final = "{who}'s objection was upheld"
_NOT_GIVEN: Final = "{who} has not consented to {sharing}"
_NOT_ITS: Final = "a consent to {sharing} counts for nothing: it was not for its giver to give ({state})"
"""Someone gave it, for whom it was not theirs to give (rule 4.13)."""
NOT_THEIRS: Final = frozenset(
    {
        "not_self",
        "no_capacity",
        "not_adult",
        "not_representative",
        "has_capacity",
        "of_age",
        "decides_for_self",
    }
    | {"not_responsible", "given_by_p", "dead", "giver_unknown"}
)

HELD_BACK: Final[Mapping[str, str]] = {
    "about_everybody": "its text does not say whom it is about, and counts as about everybody",
    "about_another": "its text is also about somebody who may not be shown",
    "not_addressed": "its text was not addressed to {desk}, which works for the other side",
}
"""Why a text is held back (rule 4.8)."""


def lacks(conditions: str, state: str, **named: str) -> str:
    """Why none of the alternatives `a|b` is true. `named`: who, desk, sharing and on, as the reader may have them."""
    return ", and ".join(_one(each, state, named) for each in conditions.split("|"))


def _one(condition: str, state: str, named: Mapping[str, str]) -> str:
    if condition == "consent":
        said = _NOT_ITS if state in NOT_THEIRS else STATES.get(state, _NOT_GIVEN)
        return said.format(state=state.replace("_", " "), **named)
    said = _UPHELD if state == "upheld" and condition == "no_objection" else _LACKS.get(condition, condition)
    return said.format(**named)
