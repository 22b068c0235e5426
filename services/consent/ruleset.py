"""A rule set read from plain data in the YAML shape of the specification's section 3.

The loader, which knows files and lines, gives what its parser read; `RuleError.path` tells it where
something is wrong. Shape of the whole: `{agencies: {id: {kind}}, desks: {name: {side, may_lead,
may_refer}}, agreements: [agreement, …]}`; agencies and desks may carry more keys, an agreement and a clause
may not.

Beyond the specification's example an agreement may have `groups` (word → categories, usable in its
clauses); a permit may have `with_gate: true` (the sign ‡); a forbid names its recipients in `to`, whom
it spares in `except`, and either `categories` or `what`, one of the sets of `vocabulary.FORBIDDEN`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from services.consent.agreement import (
    Agency,
    Agreement,
    Basis,
    Clause,
    Desk,
    Micros,
    RuleError,
    RuleSet,
    digest_of,
)
from services.consent.reader import Reader
from services.consent.reading import (
    EnoughError,
    Faults,
    Path,
    flag,
    mapping,
    micros,
    one_of,
    sequence,
    text_of,
    unique,
)
from services.consent.vocabulary import CATEGORIES

__all__ = [
    "Agency",
    "Agreement",
    "Basis",
    "Clause",
    "Desk",
    "Micros",
    "RuleError",
    "RuleSet",
    "micros",
    "ruleset_from_plain",
    "with_agreements",
]


_VOCABULARY: Final = {name: [*sorted(each.classes), str(each.level)] for name, each in CATEGORIES.items()}


def ruleset_from_plain(plain: Mapping[str, object]) -> RuleSet:
    """The rule set that plain data describes. Raises RuleError at the first thing that is not as expected."""
    rules, faults = read_through(plain, 1)
    if rules is None or faults:
        raise faults[0]
    return rules


def read_through(plain: Mapping[str, object], most: int) -> tuple[RuleSet | None, tuple[RuleError, ...]]:
    """The rule set, and all that is not as expected, but no more than `most`.

    With faults it is to look for more of them alone: something harmless stands for what could not be read. None where
    reading stopped.
    """
    faults = Faults(most)
    try:
        agencies = {
            name: Agency(
                name, text_of(mapping(entry, ("agencies", name)).get("kind"), ("agencies", name, "kind"))
            )
            for name, entry in mapping(plain.get("agencies"), ("agencies",)).items()
        }
        desks = {
            name: _desk(name, entry, agencies)
            for name, entry in mapping(plain.get("desks"), ("desks",)).items()
        }
        reader = Reader(agencies, desks, faults)
        agreements = tuple(
            reader.agreement(entry, ("agreements", index))
            for index, entry in enumerate(sequence(plain.get("agreements"), ("agreements",)))
        )
        names = [
            f"{each.id} version {each.version}" if each.id and each.version else "" for each in agreements
        ]
        unique(names, faults, ("agreements",))
    except EnoughError:
        return None, tuple(faults.found)
    except RuleError as error:
        return None, (*faults.found, error)
    return with_agreements(RuleSet((), agencies, desks), agreements), tuple(faults.found)


def with_agreements(rules: RuleSet, agreements: tuple[Agreement, ...]) -> RuleSet:
    """The rule set of the same agencies and desks with these agreements, and with its own digest."""
    digest = digest_of(agreements, rules.agencies, rules.desks, _VOCABULARY)
    return replace(rules, agreements=agreements, digest=digest)


def _desk(name: str, entry: object, agencies: Mapping[str, Agency]) -> Desk:
    path: Path = ("desks", name)
    agency, slash, _ = name.partition("/")
    if not slash or agency not in agencies:
        raise RuleError(path, "agency/team of an agency of the partnership", name)
    plain = mapping({} if entry is None else entry, path)
    side = plain.get("side")
    if side is not None:
        side = one_of(side, frozenset({"victim", "perpetrator"}), (*path, "side"))
    may_lead = flag(plain.get("may_lead", False), (*path, "may_lead"))
    may_refer = flag(plain.get("may_refer", False), (*path, "may_refer"))
    return Desk(name, agency, agencies[agency].kind, side, may_lead, may_refer)
