"""The invariants on the forbids: exactly what section 2 and the forbids' own words deny, read anew from the facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from services.consent.compiled import CompiledRules
from services.consent.proof.abstract import LATER, NO_YES, OVERRIDE, SHIELD, AbstractScene, S, V
from services.consent.proof.cases import ForbidCase
from services.consent.proof.clauses import LIFTING, UNKNOWN
from services.consent.proof.explore import Atom, Facts, explore
from services.consent.vocabulary import CATEGORIES

ORDER: Final = ("none", "listing this desk", "listing others")
_OF_CHILD: Final = ("contact.", "support.", "mental_health.", "child.education")
_ALWAYS: Final = frozenset({"identity.name", "identity.dob"})


@dataclass(frozen=True, slots=True)
class Denial:
    """One combination of facts and what the forbids made of it."""

    rules: CompiledRules
    case: ForbidCase
    facts: Facts
    denied: bool
    lifted: bool

    def ask(self, *atom: Any, options: tuple[Any, ...] = NO_YES) -> Any:
        """A fact, asked for now if the engine did not need it."""
        return self.facts.ask(atom, options)

    def scene(self) -> AbstractScene:
        """The family, to ask what has a name."""
        return AbstractScene(self.facts, self.rules, self.case.desk, self.case.category, self.case.at)

    def opposes(self, person: str) -> bool:
        """Whether the desk opposes them."""
        return not self.rules.opposes_nobody(self.case.desk) and bool(self.ask("opposes", person))

    def again(self, atom: Atom, value: Any) -> Iterator[Denial]:
        """The same with one fact changed, in every combination of what is then asked besides."""
        given = self.facts.having(atom, value)
        for facts, (clause, lifted) in explore(lambda facts: self.case.decide(self.rules, facts), given):
            yield Denial(self.rules, self.case, facts, clause is not None, lifted)

    def same(self, atom: Atom) -> bool:
        """The answer is the same whatever that fact is."""
        options = next((each[2] for each in self.facts.trail if each[0] == atom), ())
        others = [each for each in options if each != self.facts.values[atom]]
        return all(again.denied == self.denied for each in others for again in self.again(atom, each))


def must_deny(run: Denial) -> bool:
    """What the forbids F01 to F03, F05, F08 to F10 deny, read from the facts."""
    return (
        _by_name(run)
        or _by_court(run)
        or _unreadable(run)
        or ((_restricted(run) or _shielded(run)) and not _lifted(run))
        or _restricted_with_others(run)
        or _stranger(run)
    )


def _by_name(run: Denial) -> bool:
    """F10, F08, F05, F03."""
    case = run.case
    if (case.person == S and run.ask("adopted", S)) or (case.desk.count("/") > 1 and run.ask("conflict")):
        return True
    return case.category == "identity.protected_history" or (
        case.category == "third_party.detail" and not _leads(run)
    )


def _leads(run: Denial) -> bool:
    return "lead" in run.scene().family_roles.get(run.case.desk)


def _by_court(run: Denial) -> bool:
    if run.case.category != "child.proceedings":
        return False
    ours = run.case.person == S or S in run.scene().everybody
    order = run.ask("order", options=ORDER) if ours else "none"
    clause = run.rules.proceedings
    if order != "none":
        return bool(order == "listing others")
    return not _leads(run) and not run.rules.matches(clause.but if clause else (), run.case.desk)


def _of_v(run: Denial) -> bool:
    """Whether what is decided belongs to V's shielded set because S is a child shielded with them."""
    category = run.case.category
    if run.case.text or CATEGORIES[category].free_text or category.startswith(_OF_CHILD):
        return True
    return category == "family.membership"


def _shielded(run: Denial) -> bool:
    scene = run.scene()
    if run.case.person != S:
        return run.case.category != "family.existence" and any(
            run.opposes(each) and each in scene.everybody for each in (S, V)
        )
    if run.opposes(S):
        return run.case.category not in _ALWAYS
    child = run.opposes(V) and not (S in scene.everybody and scene.adult(S) is True)
    if not child or not _of_v(run):
        return False
    early = not run.case.text and run.case.category == "family.membership"
    return not early or not run.ask("recorded before the pair", V)


def _unreadable(run: Denial) -> bool:
    return run.case.person == S and run.ask("shield", S, options=SHIELD) == "unreadable"


def _restricted(run: Denial) -> bool:
    if run.case.person != S:
        return False
    found = run.ask("shield", S, options=SHIELD)
    whole = found == "shielded set" and run.case.category not in _ALWAYS
    return found == "of this category" or whole


def _restricted_with_others(run: Denial) -> bool:
    """What a restriction of the whole shielded set keeps besides: of the family, and of a child that goes with V."""
    scene = run.scene()
    of_v = run.ask("shield", V, options=("none", "shielded set")) == "shielded set"
    if run.case.person != S:
        whole = run.ask("shield", S, options=SHIELD) in ("shielded set", "unreadable")
        of_s = whole and S in scene.everybody
        return run.case.category != "family.existence" and (of_v or of_s)
    child = of_v and S in scene.everybody and scene.adult(S) is not True
    with_v = child and (run.ask("exposed") or scene.lives_with(S, V))
    return bool(with_v) and _of_v(run) and not _lifted(run)


def _stranger(run: Denial) -> bool:
    """Who somebody is to this desk is unknown, so that it may oppose them."""
    stranger = run.case.person == S and S not in run.scene().members
    if not stranger or run.rules.opposes_nobody(run.case.desk) or run.opposes(S):
        return False
    return bool(run.ask("stranger unknown", S))


def _lifted(run: Denial) -> bool:
    contact = run.case.category.startswith("contact.")
    return run.case.person == S and not contact and run.ask("override", S, options=OVERRIDE) == LIFTING


def i02(run: Denial) -> bool:
    """What a forbid names is denied."""
    return run.denied or not must_deny(run)


def i18(run: Denial) -> bool:
    """What no forbid names is not denied (so that no child is left alone, and an override delivers)."""
    return not run.denied or must_deny(run)


def i03(run: Denial) -> bool:
    """The safety plan of somebody whom the desk opposes: denied, or lifted by name with a second person."""
    if run.case.category != "support.dv_safety_plan" or run.case.person != S or not run.opposes(S):
        return True
    return run.denied or (run.lifted and run.ask("override", S, options=OVERRIDE) == LIFTING)


def i04(run: Denial) -> bool:
    """Contact of somebody whom the desk opposes: denied whatever else."""
    contact = run.case.category.startswith("contact.") and run.case.person == S
    return not contact or run.denied or not run.opposes(S)


_SECRET: Final[tuple[Atom, ...]] = (("home",), ("near",), ("told", V), ("consent", V), ("override", V))


def i05(run: Denial) -> bool:
    """For a desk that opposes V nothing that shields V changes the answer about others."""
    told = [each for each in _SECRET if each in run.facts.values]
    # A restriction of V's is no secret of theirs: it names the desk.
    restricted = run.facts.values.get(("shield", V)) == "shielded set"
    if not told or restricted or not run.opposes(V):
        return True
    return all(run.same(each) for each in told)


def i07(run: Denial) -> bool:
    """A restriction adds nothing."""
    values = run.facts.values
    placed = [each for each in (("shield", S), ("shield", V)) if values.get(each, "none") != "none"]
    return run.denied or not any(again.denied for each in placed for again in run.again(each, "none"))


def i09(run: Denial) -> bool:
    """What is not denied although a fact is unknown is not denied whatever the fact is."""
    if run.denied:
        return True
    for atom, _, options in run.facts.trail:
        value = run.facts.values[atom]
        if value is None or value in UNKNOWN:
            known = [each for each in options if each is not None and each not in UNKNOWN]
            if any(again.denied for each in known for again in run.again(atom, each)):
                return False
    return True


def i10(run: Denial) -> bool:
    """What an override lifts is denied again at the override's end."""
    later, _ = run.case.decide(run.rules, run.facts, later=LATER["override"])
    return not run.lifted or later is not None


def i11(run: Denial) -> bool:
    """For a worker in conflict everything is denied."""
    return run.denied or run.case.desk.count("/") < 2 or not run.ask("conflict")


def i13(run: Denial) -> bool:
    """Another desk's roles change nothing."""
    return all(run.same(each) for each in list(run.facts.values) if each[0] == "another desk")


CHECKS: Final[dict[str, Callable[[Denial], bool]]] = {
    "I02": i02,
    "I03": i03,
    "I04": i04,
    "I05": i05,
    "I07": i07,
    "I09": i09,
    "I10": i10,
    "I11": i11,
    "I13": i13,
    "I18": i18,
}
"""Invariant → its check on the forbids."""
