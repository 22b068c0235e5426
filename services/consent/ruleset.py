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

import re
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
from services.consent.reading import (
    Path,
    duration,
    flag,
    mapping,
    micros,
    near,
    one_of,
    only_keys,
    optional_text,
    plain_id,
    sequence,
    text_of,
    unique,
    words_of,
)
from services.consent.vocabulary import (
    CATEGORIES,
    CONDITIONS,
    FORBIDDEN,
    PURPOSES,
    ROLES,
    SPECIAL_RECIPIENTS,
    SUBJECTS,
    expand,
)

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


_AGREEMENT_KEYS: Final = frozenset(
    {"id", "version", "owner", "document", "policy_document", "parties", "start", "review", "end"}
    | {"groups", "clauses"}
)


_CLAUSE_KEYS: Final = frozenset(
    {"id", "effect", "from", "to", "except", "subjects", "purpose", "categories", "what", "when"}
    | {"basis", "if_denied", "retention", "with_gate"}
)


_BASIS_KEYS: Final = frozenset({"art6", "art9", "art10", "schedule", "law", "starts"})


_FORMS: Final = (
    ("art6", re.compile("[a-f]"), "a condition of UK GDPR Article 6(1), a to f, such as e"),
    ("art9", re.compile(r"2\([a-j]\)"), "a condition of UK GDPR Article 9, 2(a) to 2(j), such as 2(g)"),
    (
        "schedule",
        re.compile(r"[1-9]\d?/[1-9]\d?"),
        "a schedule of the DPA 2018 and its paragraph, such as 1/18",
    ),
)
"""How a basis names a condition: another way of writing it would be looked for in vain."""


_FORBID_RECIPIENTS: Final = frozenset(FORBIDDEN.values())


_VOCABULARY: Final = {name: [*sorted(each.classes), str(each.level)] for name, each in CATEGORIES.items()}


def ruleset_from_plain(plain: Mapping[str, object]) -> RuleSet:
    """The rule set that plain data describes. Raises RuleError at the first thing that is not as expected."""
    agencies = {
        name: Agency(
            name, text_of(mapping(entry, ("agencies", name)).get("kind"), ("agencies", name, "kind"))
        )
        for name, entry in mapping(plain.get("agencies"), ("agencies",)).items()
    }
    desks = {
        name: _desk(name, entry, agencies) for name, entry in mapping(plain.get("desks"), ("desks",)).items()
    }
    reader = _Reader(agencies, desks)
    agreements: list[Agreement] = []
    for index, entry in enumerate(sequence(plain.get("agreements"), ("agreements",))):
        agreements.append(reader.agreement(entry, ("agreements", index)))
    unique([f"{each.id} version {each.version}" for each in agreements], ("agreements",))
    return with_agreements(RuleSet((), agencies, desks), tuple(agreements))


def with_agreements(rules: RuleSet, agreements: tuple[Agreement, ...]) -> RuleSet:
    """The rule set of the same agencies and desks with these agreements, and with its own digest."""
    digest = digest_of(agreements, rules.agencies, rules.desks, _VOCABULARY)
    return replace(rules, agreements=agreements, digest=digest)


class _Reader:
    """Reads agreements in the words of one partnership."""

    def __init__(self, agencies: Mapping[str, Agency], desks: Mapping[str, Desk]) -> None:
        kinds = {each.kind for each in agencies.values()}
        self._agencies = frozenset(agencies)
        self._senders = frozenset(agencies) | kinds | frozenset(desks) | {"hub", "agency"}
        named = frozenset(agencies) | kinds | frozenset(desks) | {"hub/operations"}
        self._kinds = kinds | frozenset(agencies)
        self._recipients = named | ROLES | SPECIAL_RECIPIENTS
        self._forbid_recipients = named | ROLES | _FORBID_RECIPIENTS

    def agreement(self, entry: object, path: Path) -> Agreement:
        plain = only_keys(mapping(entry, path), _AGREEMENT_KEYS, path)
        name = plain_id(plain.get("id"), (*path, "id"))
        version = plain.get("version")
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            raise RuleError((*path, "version"), "a number from 1", version)
        groups = {
            word: self._categories(members, {}, (*path, "groups", word))[1]
            for word, members in mapping(plain.get("groups", {}), (*path, "groups")).items()
        }
        clauses = tuple(
            self._clause(clause, name, groups, (*path, "clauses", index))
            for index, clause in enumerate(sequence(plain.get("clauses"), (*path, "clauses")))
        )
        unique([each.id for each in clauses], (*path, "clauses"))
        start, end = micros(plain.get("start"), (*path, "start")), micros(plain.get("end"), (*path, "end"))
        if end <= start:
            raise RuleError((*path, "end"), "an instant after the start", plain.get("end"))
        parties = self._parties(plain.get("parties"), (*path, "parties"))
        for party, signed in parties.items():
            if signed >= end:
                came = mapping(plain["parties"], path)[party]
                raise RuleError((*path, "parties", party), "the day of a signature before the end", came)
        return Agreement(
            id=name,
            version=version,
            owner=text_of(plain.get("owner"), (*path, "owner")),
            document=text_of(plain.get("document"), (*path, "document")),
            policy_document=optional_text(plain.get("policy_document"), (*path, "policy_document")),
            parties=parties,
            start=start,
            end=end,
            review=None if plain.get("review") is None else micros(plain["review"], (*path, "review")),
            clauses=clauses,
        )

    def _parties(self, entry: object, path: Path) -> dict[str, Micros]:
        parties = mapping(entry, path)
        for party in parties:
            if party not in self._agencies:
                expected = f"an agency of the partnership{near(party, self._agencies)}"
                raise RuleError((*path, party), expected, party)
        return {party: micros(signed, (*path, party)) for party, signed in parties.items()}

    def _clause(
        self, entry: object, agreement: str, groups: Mapping[str, tuple[str, ...]], path: Path
    ) -> Clause:
        plain = only_keys(mapping(entry, path), _CLAUSE_KEYS, path)
        effect = one_of(plain.get("effect", "permit"), frozenset({"permit", "forbid"}), (*path, "effect"))
        permit = effect == "permit"
        recipients = self._recipients if permit else self._forbid_recipients
        words, categories = self._categories(plain.get("categories", []), groups, (*path, "categories"))
        what = plain.get("what")
        if permit and (what is not None or "except" in plain):
            raise RuleError(path, "a permit without `what` and `except`", what or plain.get("except"))
        if what is not None:
            what = one_of(what, frozenset(FORBIDDEN), (*path, "what"))
        if not categories and what is None and plain.get("to") != ["hub/operations"]:
            raise RuleError((*path, "categories"), "at least one category", plain.get("categories"))
        if permit and ("from" not in plain or "purpose" not in plain or "subjects" not in plain):
            raise RuleError(path, "a permit with `from`, `subjects` and `purpose`", sorted(plain))
        to = self._to(plain.get("to"), recipients, (*path, "to"))
        if what is not None and to != (FORBIDDEN[what],):
            raise RuleError((*path, "to"), f"[{FORBIDDEN[what]}], whom {what} concerns", plain.get("to"))
        return Clause(
            id=plain_id(plain.get("id"), (*path, "id")),
            agreement=agreement,
            effect=effect,
            sources=self._sources(plain.get("from", "any"), (*path, "from")),
            to=to,
            but=self._to(plain.get("except", []), recipients, (*path, "except"), empty=True),
            subjects=frozenset(words_of(plain.get("subjects", ["any"]), SUBJECTS, (*path, "subjects"))),
            purpose=one_of(plain.get("purpose", "safeguard"), PURPOSES, (*path, "purpose")),
            words=words,
            categories=categories,
            what=what,
            when=_conditions(plain.get("when", []), (*path, "when")),
            basis=_basis(plain.get("basis", {}), (*path, "basis")),
            if_denied=one_of(
                plain.get("if_denied", "silent"), frozenset({"silent", "existence"}), (*path, "if_denied")
            ),
            retention=duration(plain.get("retention"), (*path, "retention")),
            with_gate=flag(plain.get("with_gate", False), (*path, "with_gate")),
        )

    def _sources(self, entry: object, path: Path) -> frozenset[str] | None:
        if entry in ("any", ["any"]):
            return None
        return frozenset(words_of(entry, self._senders, path))

    def _to(
        self, entry: object, words: frozenset[str], path: Path, *, empty: bool = False
    ) -> tuple[str, ...]:
        found = [text_of(word, (*path, index)) for index, word in enumerate(sequence(entry, path))]
        for index, word in enumerate(found):
            role, colon, kind = word.partition(":")
            if not (word in words or (colon and role in ROLES and kind in self._kinds)):
                expected = "a role, `role:kind`, desk, agency or kind of agency"
                raise RuleError((*path, index), expected + near(word, words), word)
        if not found and not empty:
            raise RuleError(path, "at least one recipient", entry)
        return tuple(dict.fromkeys(found))

    @staticmethod
    def _categories(
        entry: object, groups: Mapping[str, tuple[str, ...]], path: Path
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        words = [text_of(word, (*path, index)) for index, word in enumerate(sequence(entry, path))]
        found: dict[str, None] = {}
        for index, word in enumerate(words):
            expanded = groups.get(word) or expand(word)
            if not expanded:
                expected = "a category, a prefix of categories or a group"
                raise RuleError((*path, index), expected + near(word, {*CATEGORIES, *groups}), word)
            found.update(dict.fromkeys(expanded))
        return tuple(words), tuple(found)


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


def _conditions(entry: object, path: Path) -> tuple[tuple[str, ...], ...]:
    found: list[tuple[str, ...]] = []
    for index, condition in enumerate(sequence(entry, path)):
        here = (*path, index)
        if isinstance(condition, Mapping):
            plain = only_keys(mapping(condition, here), frozenset({"any_of"}), here)
            found.append(words_of(plain.get("any_of"), CONDITIONS, (*here, "any_of")))
        else:
            found.append((one_of(condition, CONDITIONS, here),))
    return tuple(found)


def _basis(entry: object, path: Path) -> Basis:
    plain = only_keys(mapping(entry, path), _BASIS_KEYS, path)
    lists = {
        key: tuple(
            text_of(word, (*path, key))
            for word in ([value] if isinstance(value, str) else sequence(value, (*path, key)))
        )
        for key, value in plain.items()
        if key != "starts"
    }
    for key, form, expected in _FORMS:
        for word in lists.get(key, ()):
            if form.fullmatch(word) is None:
                raise RuleError((*path, key), expected, word)
    starts = None if plain.get("starts") is None else micros(plain["starts"], (*path, "starts"))
    return Basis(
        lists.get("art6", ()),
        lists.get("art9", ()),
        lists.get("art10", ()),
        lists.get("schedule", ()),
        lists.get("law", ()),
        starts,
    )
