"""Reads one agreement in the words of a partnership, from plain data in the shape of the specification's section 3.

Reading goes on past a mistake, with something harmless in its place, so that one reading finds them all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from services.consent.agreement import FOREVER, Agency, Agreement, Basis, Clause, Desk, Micros, RuleError
from services.consent.reading import (
    Faults,
    Path,
    duration,
    flag,
    like,
    mapping,
    micros,
    near,
    one_of,
    plain_id,
    some,
    text_of,
    unique,
)
from services.consent.vocabulary import (
    CATEGORIES,
    CONDITIONS,
    EFFECTS,
    FORBIDDEN,
    IF_DENIED,
    PURPOSES,
    ROLES,
    SPECIAL_RECIPIENTS,
    SUBJECTS,
    expand,
)

AGREEMENT_KEYS: Final = frozenset(
    {"id", "version", "owner", "document", "policy_document", "parties", "start", "review", "end"}
    | {"groups", "clauses"}
)


LOADERS_KEYS: Final = frozenset({"author", "signer", "bases"})
"""Keys of a file that its loader reads, and takes out."""


CLAUSE_KEYS: Final = frozenset(
    {"id", "effect", "from", "to", "except", "subjects", "purpose", "categories", "what", "when"}
    | {"basis", "if_denied", "retention", "with_gate"}
)


_LISTS: Final = ("art6", "art9", "art10", "schedule", "law")
BASIS_KEYS: Final = frozenset({*_LISTS, "starts"})


_NO_CLAUSE: Final = Clause(
    id="",
    agreement="",
    effect="permit",
    sources=frozenset({"hub"}),
    to=("hub/operations",),
    but=(),
    subjects=frozenset({"any"}),
    purpose="operate",
    words=(),
    categories=(),
    what=None,
    when=(),
    basis=Basis(),
    if_denied="silent",
    retention=None,
    with_gate=False,
)
"""What is read in the place of what is no clause."""


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


class Reader:
    """Reads agreements in the words of one partnership."""

    def __init__(self, agencies: Mapping[str, Agency], desks: Mapping[str, Desk], faults: Faults) -> None:
        kinds = {each.kind for each in agencies.values()}
        self._faults = faults
        self._agencies = frozenset(agencies)
        self._senders = frozenset(agencies) | kinds | frozenset(desks) | {"hub", "agency"}
        named = frozenset(agencies) | kinds | frozenset(desks) | {"hub/operations"}
        self._kinds = kinds | frozenset(agencies)
        self._recipients = named | ROLES | SPECIAL_RECIPIENTS
        self._forbid_recipients = named | ROLES | _FORBID_RECIPIENTS

    def agreement(self, entry: object, path: Path) -> Agreement:
        """One agreement; what is wrong with it is noted, under its path."""
        tried = self._faults.tried
        plain = self._faults.known(self._faults.mapping(entry, path), AGREEMENT_KEYS, path, LOADERS_KEYS)
        name = tried("", plain_id, plain.get("id"), (*path, "id"))
        version = tried(0, _version, plain.get("version"), (*path, "version"))
        groups = {
            word: self._categories(members, {}, (*path, "groups", word))[1]
            for word, members in self._faults.mapping(plain.get("groups", {}), (*path, "groups")).items()
        }
        clauses = tuple(
            self._clause(clause, name, groups, (*path, "clauses", index))
            for index, clause in enumerate(self._faults.sequence(plain.get("clauses"), (*path, "clauses")))
        )
        unique([each.id for each in clauses], self._faults, (*path, "clauses"))
        start, end = self._period(plain, path)
        optional = self._optional(plain, path)
        return Agreement(
            id=name,
            version=version,
            owner=tried("-", text_of, plain.get("owner"), (*path, "owner")),
            document=tried("-", text_of, plain.get("document"), (*path, "document")),
            policy_document=optional("policy_document", "-", text_of),
            parties=self._parties(plain.get("parties"), end, (*path, "parties")),
            start=start,
            end=end,
            review=optional("review", None, micros),
            clauses=clauses,
        )

    def _period(self, plain: Mapping[str, object], path: Path) -> tuple[Micros, Micros]:
        start = self._faults.tried(-FOREVER, micros, plain.get("start"), (*path, "start"))
        end = self._faults.tried(FOREVER, micros, plain.get("end"), (*path, "end"))
        if end <= start:
            self._faults.note(RuleError((*path, "end"), "an instant after the start", plain.get("end")))
        return start, end

    def _optional(self, plain: Mapping[str, object], path: Path) -> Callable[..., Any]:
        """Reads a key that may be missing: None then, and something harmless where it is wrong."""

        def read(key: str, harmless: object, how: Callable[[object, Path], object]) -> object:
            value = plain.get(key)
            return None if value is None else self._faults.tried(harmless, how, value, (*path, key))

        return read

    def _parties(self, entry: object, end: Micros, path: Path) -> dict[str, Micros]:
        parties: dict[str, Micros] = {}
        for party, day in self._faults.mapping(entry, path).items():
            here = (*path, party)
            if party not in self._agencies:
                expected = f"an agency of the partnership{near(party, self._agencies)}"
                self._faults.note(RuleError(here, expected, party))
                continue
            signed = self._faults.tried(None, micros, day, here)
            if signed is not None and signed >= end:
                self._faults.note(RuleError(here, "the day of a signature before the end", day))
            elif signed is not None:
                parties[party] = signed
        return parties

    def _clause(
        self, entry: object, agreement: str, groups: Mapping[str, tuple[str, ...]], path: Path
    ) -> Clause:
        tried = self._faults.tried
        if not isinstance(entry, Mapping):
            self._faults.note(RuleError(path, "a clause, a mapping", entry))
            return _NO_CLAUSE
        plain = self._faults.known(self._faults.mapping(entry, path), CLAUSE_KEYS, path)
        likely = "forbid" if "what" in plain or "except" in plain else "permit"
        effect = tried(likely, one_of, plain.get("effect", "permit"), EFFECTS, (*path, "effect"))
        permit = effect == "permit"
        recipients = self._recipients if permit else self._forbid_recipients
        words, categories = self._categories(plain.get("categories", []), groups, (*path, "categories"))
        what = self._what(plain, path, permit=permit)
        to = self._to(plain.get("to"), recipients, (*path, "to"))
        tried(None, some, plain.get("to"), (*path, "to"), "at least one recipient")
        if what is not None and to and to != (FORBIDDEN[what],):
            expected = f"[{FORBIDDEN[what]}], whom {what} concerns"
            self._faults.note(RuleError((*path, "to"), expected, plain.get("to")))
        optional = self._optional(plain, path)
        return Clause(
            id=tried("", plain_id, plain.get("id"), (*path, "id")),
            agreement=agreement,
            effect=effect,
            sources=self._sources(plain.get("from", "any"), (*path, "from")),
            to=to,
            but=self._to(plain.get("except", []), recipients, (*path, "except")),
            subjects=frozenset(self._words(plain.get("subjects", ["any"]), SUBJECTS, (*path, "subjects"))),
            purpose=tried(
                "safeguard", one_of, plain.get("purpose", "safeguard"), PURPOSES, (*path, "purpose")
            ),
            words=words,
            categories=categories,
            what=what,
            when=self._conditions(plain.get("when", []), (*path, "when")),
            basis=self._basis(plain.get("basis", {}), (*path, "basis")),
            if_denied=tried(
                "silent", one_of, plain.get("if_denied", "silent"), IF_DENIED, (*path, "if_denied")
            ),
            retention=optional("retention", None, duration),
            with_gate=tried(False, flag, plain.get("with_gate", False), (*path, "with_gate")),
        )

    def _what(self, plain: Mapping[str, object], path: Path, *, permit: bool) -> str | None:
        """The built-in set that a forbid denies; with a note of what a clause of its effect must or may not have."""
        what = plain.get("what")
        if permit and (what is not None or "except" in plain):
            self._faults.note(
                RuleError(path, "a permit without `what` and `except`", what or plain.get("except"))
            )
            what = None
        elif what is None and not plain.get("categories") and plain.get("to") != ["hub/operations"]:
            self._faults.note(
                RuleError((*path, "categories"), "at least one category", plain.get("categories"))
            )
        for key in ("from", "subjects", "purpose") if permit else ():
            # A key like it is told already, and is what was meant.
            if key not in plain and not any(like(other, {key}) for other in plain.keys() - CLAUSE_KEYS):
                self._faults.note(RuleError(path, f"`{key}` in a permit", None))
        if what is None:
            return None
        return self._faults.tried(None, one_of, what, frozenset(FORBIDDEN), (*path, "what"))

    def _words(self, entry: object, words: frozenset[str], path: Path) -> tuple[str, ...]:
        """At least one of these words, each once."""
        self._faults.tried(None, some, entry, path, "at least one word")
        return self._faults.each(lambda word, here: one_of(word, words, here), entry, path)

    def _sources(self, entry: object, path: Path) -> frozenset[str] | None:
        if entry in ("any", ["any"]):
            return None
        return frozenset(self._words(entry, self._senders, path))

    def _to(self, entry: object, words: frozenset[str], path: Path) -> tuple[str, ...]:
        def read(word: object, here: Path) -> str:
            text = text_of(word, here)
            role, colon, kind = text.partition(":")
            if not (text in words or (colon and role in ROLES and kind in self._kinds)):
                expected = "a role, `role:kind`, desk, agency or kind of agency"
                raise RuleError(here, expected + near(text, words), text)
            return text

        return self._faults.each(read, entry, path)

    def _categories(
        self, entry: object, groups: Mapping[str, tuple[str, ...]], path: Path
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        def read(word: object, here: Path) -> str:
            text = text_of(word, here)
            if not (text in groups or expand(text)):
                expected = "a category, a prefix of categories or a group"
                raise RuleError(here, expected + near(text, {*CATEGORIES, *groups}), text)
            return text

        words = self._faults.each(read, entry, path)
        return words, tuple(
            dict.fromkeys(each for word in words for each in groups.get(word) or expand(word))
        )

    def _conditions(self, entry: object, path: Path) -> tuple[tuple[str, ...], ...]:
        def read(condition: object, here: Path) -> tuple[str, ...]:
            if not isinstance(condition, Mapping):
                return (one_of(condition, CONDITIONS, here),)
            plain = self._faults.known(mapping(condition, here), frozenset({"any_of"}), here)
            return self._words(plain.get("any_of"), CONDITIONS, (*here, "any_of"))

        return self._faults.each(read, entry, path)

    def _basis(self, entry: object, path: Path) -> Basis:
        plain = self._faults.known(self._faults.mapping(entry, path), BASIS_KEYS, path)
        lists = {
            key: self._faults.each(text_of, [value] if isinstance(value, str) else value, (*path, key))
            for key, value in plain.items()
            if key in _LISTS
        }
        for key, form, expected in _FORMS:
            for word in lists.get(key, ()):
                if form.fullmatch(word) is None:
                    self._faults.note(RuleError((*path, key), expected, word))
        optional = self._optional(plain, path)
        return Basis(**lists, starts=optional("starts", None, micros))


def _version(entry: object, path: Path) -> int:
    if not isinstance(entry, int) or isinstance(entry, bool) or entry < 1:
        raise RuleError(path, "a number from 1", entry)
    return entry
