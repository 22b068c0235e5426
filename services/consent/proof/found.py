"""What a proof found: for each invariant how many combinations were looked at, and the smallest that breaks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from services.consent.proof.explore import Atom, Facts

SENTENCES: Final[dict[str, str]] = {
    "I01": "Nothing without a clause",
    "I02": "A forbid beats a permit",
    "I03": "A safety plan crosses only by an override naming it",
    "I04": "Whereabouts never to a desk that opposes them",
    "I05": "Non-interference",
    "I06": "Treatment needs its consent",
    "I07": "Withdrawal, objection, restriction, suspension and expiry add nothing",
    "I08": "Consent and override add only their scope",
    "I09": "Not knowing never helps",
    "I10": "Nothing at its end",
    "I11": "Unconfirmed, suspended, in conflict: nothing",
    "I12": "Your consent moves nobody else's field",
    "I13": "Desks are independent",
    "I14": "A field implies its gate",
    "I15": "Silent is absent",
    "I16": "Order changes nothing",
    "I17": "P, or a parent after 18, consents for no child",
    "I18": "No child left alone",
    "I19": "An override delivers what it names",
}
"""The invariants of RULES.md section 6."""

_WORDS: Final[dict[str, str]] = {
    "open": "the family is open",
    "s47": "a child is under s47",
    "cp or cla": "a child is CP or CLA",
    "somebody unknown": "the facts of an adult of the family have not come yet",
    "addressed": "the author chose this desk",
    "party": "S is party to the incident",
    "home": "S and V share a household",
    "near": "where S is found tells where a shielded person is",
    "exposed": "S saw, heard or suffered what was done to V",
    "sixteen": "S is 16",
    "conflict": "the worker has a conflict of interest",
    "order": "a court order",
}


@dataclass(frozen=True, slots=True)
class Counterexample:
    """The smallest combination that breaks an invariant: what was decided, and the facts out of the ordinary."""

    where: str
    facts: tuple[str, ...]
    weight: int


@dataclass(slots=True)
class Tally:
    """Counts combinations by invariant, and keeps the smallest counterexample of each."""

    looked_at: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SENTENCES, 0))
    broken: dict[str, Counterexample] = field(default_factory=dict)

    def add(self, invariant: str, facts: Facts, where: object, *, holds: bool) -> None:
        """One combination looked at."""
        self.looked_at[invariant] += 1
        if holds:
            return
        weight = facts.weight()
        known = self.broken.get(invariant)
        if known is None or weight < known.weight:
            said = tuple(sorted(say(atom, value) for atom, value in facts.told().items()))
            self.broken[invariant] = Counterexample(str(where), said, weight)

    def join(self, other: Tally) -> None:
        """Take in what another part of the proof found."""
        for invariant, count in other.looked_at.items():
            self.looked_at[invariant] += count
        for invariant, found in other.broken.items():
            known = self.broken.get(invariant)
            if known is None or (found.weight, found.where) < (known.weight, known.where):
                self.broken[invariant] = found

    def plain(self) -> list[Mapping[str, Any]]:
        """Each invariant and its verdict, as plain data."""
        return [
            {
                "invariant": name,
                "sentence": sentence,
                "holds": name not in self.broken,
                "combinations": self.looked_at[name],
                "counterexample": None
                if name not in self.broken
                else {"item": self.broken[name].where, "facts": list(self.broken[name].facts)},
            }
            for name, sentence in SENTENCES.items()
        ]


def say(atom: Atom, value: Any) -> str:
    """A fact in words."""
    name, *rest = (str(each) for each in atom)
    known = {True: "", None: " (unknown)"}.get(value if isinstance(value, bool | None) else True, "")
    if name == "role":
        whom = rest[1] or "the family"
        return f"the desk is {rest[0]} for {whom}"
    if name == "kind":
        return f"{rest[0]} is {'a child who turned 18' if value == 'grown' else value}"
    if name in _WORDS:
        return f"{_WORDS[name]}{known}" if isinstance(value, bool | None) else f"{_WORDS[name]} {value}"
    said = f"{name} {' '.join(rest)}".strip()
    return f"{said}{known}" if isinstance(value, bool | None) else f"{said}: {value}"
