"""Loads a partnership's agreements from their YAML into the rule set, with file and line for every mistake.

Each file of `agreements/` holds one version of one agreement in the shape of the specification's section 3,
with three more keys, which are read here and are no part of the rules:

- `author` and `signer`: who wrote it and who signed it for its owner; never the same.
- `bases`: lawful bases by a short name, which a clause's `basis` may then give instead of spelling it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hub.looks import as_one
from hub.partnership import ConfigurationError, Finding, Partnership, agreement_files
from hub.partnership.document import Node, locate, parse, plain, read
from hub.partnership.finding import Mark, Phrase, finding
from hub.partnership.form import one_of
from services.consent.agreement import Agreement, RuleError, RuleSet
from services.consent.bases import unfit
from services.consent.review import exposing, idle, unsigned
from services.consent.ruleset import ruleset_from_plain
from services.consent.unsaid import unsaid

_Document = tuple[Path, Node | None, list[Finding]]
"""A file, its one document, and what is wrong with its form."""

_NEEDED: Final = frozenset({"id", "version", "owner", "document", "parties", "start", "end", "clauses"})
_MOST: Final = 100
"""Mistakes in what agreements say that are told at once: to find the next takes a reading of everything."""
_SIGNER_EXAMPLE: Final = "signer: Caldicott Guardian, Dorset Council"
_EXAMPLES: Final = {
    "basis": "basis: {art6: e, law: CA 1989 s17, art9: 2(g), schedule: 1/18}",
    "when": "when: [same, consent]",
}


def load_rules(folder: Path, partnership: Partnership) -> RuleSet:
    """The rule set of a folder's agreements. Raises ConfigurationError with all findings."""
    rules, findings = check_rules(folder, partnership)
    if rules is None:
        raise ConfigurationError(findings)
    return rules


def check_rules(folder: Path, partnership: Partnership) -> tuple[RuleSet | None, tuple[Finding, ...]]:
    """The rule set of a folder, or None and everything that is wrong with its agreements."""
    return _checked(folder, _read(agreement_files(folder)), partnership, [])


def agreement_of(
    text: str, name: Path, partnership: Partnership
) -> tuple[Agreement | None, tuple[Finding, ...]]:
    """One agreement from its text, or None and everything that is wrong with it; `name` stands for the file."""
    rules, findings = _checked(name, [(name, *parse(text, name))], partnership, [])
    return (None if rules is None else rules.agreements[0]), findings


def offered(place: Path, partnership: Partnership) -> tuple[Mapping[str, object] | None, tuple[Finding, ...]]:
    """The agreements of a folder, or of one file, in the plain form of `ruleset_from_plain`, to be tried elsewhere.

    None and everything that is wrong with them, if they are no good.
    """
    sources: list[_Source] = []
    files = (place,) if place.is_file() else agreement_files(place)
    rules, findings = _checked(place, _read(files), partnership, sources)
    if rules is None:
        return None, findings
    return {**parties(partnership), "agreements": [each.content for each in sources]}, ()


def parties(partnership: Partnership) -> dict[str, object]:
    """The agencies and desks of a partnership in that plain form. `served`: something is delivered to the desk."""
    return {
        "agencies": {each.name: {"kind": each.kind} for each in partnership.agencies},
        "desks": {
            each.name: {
                "side": each.side,
                "may_lead": each.may_lead,
                "may_refer": each.may_refer,
                "served": each.name in partnership.served,
            }
            for each in partnership.desks
        },
    }


def remarks(place: Path, partnership: Partnership) -> tuple[Finding, ...]:
    """Of a valid folder, or file of one agreement: what is not wrong, but who signs is to know."""
    sources: list[_Source] = []
    files = (place,) if place.is_file() else agreement_files(place)
    rules, _ = _checked(place, _read(files), partnership, sources)
    if rules is None:
        return ()
    clauses = [each.clauses for each in rules.agreements]
    said = (
        finding(
            sources[place].mark(("clauses", index)), expected, Phrase(f"{clauses[place][index].id}, {came}")
        )
        for found, came in (
            (exposing(rules), "a permit without"),
            (idle(rules), "a clause that does nothing"),
            (unsigned(rules), "a clause without"),
        )
        for place, index, expected in found
    )
    left = (
        finding(sources[place].mark(("clauses",)), expected, Phrase("none in this text"), example)
        for place, expected, example in unsaid(rules)
    )
    return (*said, *left)


def _read(files: Iterable[Path]) -> list[_Document]:
    return [(path, *read(path)) for path in files]


def _checked(
    folder: Path, documents: Iterable[_Document], partnership: Partnership, sources: list[_Source]
) -> tuple[RuleSet | None, tuple[Finding, ...]]:
    findings: list[Finding] = []
    for path, node, found in documents:
        findings += found
        if node is not None and isinstance(node.value, dict):
            sources.append(_Source.of(node, findings))
        elif not found:
            findings.append(finding(Mark(path), "an agreement, a mapping", None, "id: DOR-SFT"))
    rules = _compile(folder, partnership, sources, findings)
    if rules is not None:
        findings += _out_of_order(rules.agreements, sources)
        findings += _unfit(rules.agreements, sources)
    ordered = tuple(sorted(findings, key=lambda each: (each.file, each.line, each.column)))
    return (None, ordered) if ordered or rules is None else (rules, ())


@dataclass(slots=True)
class _Source:
    """One agreement's file: its nodes, its plain form without what is ours, which clause each index is."""

    node: Node
    content: dict[str, object]
    clauses: list[int]
    based: dict[int, str]

    @classmethod
    def of(cls, node: Node, findings: list[Finding]) -> _Source:
        """Take author, signer and named bases out of a file, and note what is wrong with them."""
        value = plain(node)
        content = value if isinstance(value, dict) else {}
        _check_signer(node, content.pop("author", None), content.pop("signer", None), findings)
        bases = content.pop("bases", {})
        if not isinstance(bases, dict):
            findings.append(
                finding(locate(node, ("bases",)), "bases by name", bases, "bases: {B1: {art6: e}}")
            )
            bases = {}
        clauses = content.get("clauses")
        based: dict[int, str] = {}
        for index, clause in enumerate(clauses if isinstance(clauses, list) else []):
            if isinstance(clause, dict) and isinstance(name := clause.get("basis"), str):
                if name not in bases:
                    mark = locate(node, ("clauses", index, "basis"))
                    findings.append(finding(mark, f"a basis, {one_of(bases)}", name, _EXAMPLES["basis"]))
                clause["basis"] = bases.get(name, {})
                based[index] = name
        return cls(node, content, list(range(len(clauses))) if isinstance(clauses, list) else [], based)

    def mark(self, path: tuple[str | int, ...]) -> Mark:
        """Where in the file a path into the plain form leads."""
        if path[:1] == ("clauses",) and len(path) > 1 and isinstance(path[1], int):
            index = self.clauses[path[1]]
            if path[2:3] == ("basis",) and index in self.based:
                return locate(self.node, ("bases", self.based[index], *path[3:]))
            path = ("clauses", index, *path[2:])
        return locate(self.node, path)

    def without(self, path: tuple[str | int, ...]) -> bool:
        """Take out the clause or key that a path names, to read on; False if that cannot be."""
        clauses = self.content.get("clauses")
        if (
            path[:1] == ("clauses",)
            and len(path) > 1
            and isinstance(path[1], int)
            and isinstance(clauses, list)
        ):
            del clauses[path[1]]
            del self.clauses[path[1]]
            return True
        parties = self.content.get("parties")
        if path[:1] == ("parties",) and len(path) > 1 and isinstance(parties, dict):
            return parties.pop(path[1], self) is not self
        return len(path) == 1 and path[0] not in _NEEDED and self.content.pop(str(path[0]), self) is not self


def _check_signer(node: Node, author: object, signer: object, findings: list[Finding]) -> None:
    for key, value in (("author", author), ("signer", signer)):
        if not isinstance(value, str) or not value.strip():
            findings.append(
                finding(locate(node, (key,)), f"`{key}`, a role and its agency", value, _SIGNER_EXAMPLE)
            )
    if isinstance(author, str) and isinstance(signer, str) and as_one(author) == as_one(signer):
        mark = locate(node, ("signer",))
        findings.append(
            finding(mark, "another signer than the author", Phrase("the author"), _SIGNER_EXAMPLE)
        )


def _compile(
    folder: Path, partnership: Partnership, sources: list[_Source], findings: list[Finding]
) -> RuleSet | None:
    """The rule set, or None; what holds a mistake is taken out of `sources`, to find the next."""
    known = parties(partnership)
    for _ in range(_MOST):
        try:
            return ruleset_from_plain({**known, "agreements": [each.content for each in sources]})
        except RuleError as error:
            index = error.path[1] if len(error.path) > 1 else None
            if error.path[:1] != ("agreements",) or not isinstance(index, int):
                findings.append(finding(Mark(folder), error.expected, error.came))
                return None
            source = sources[index]
            findings.append(finding(source.mark(error.path[2:]), error.expected, error.came))
            if not source.without(error.path[2:]):
                del sources[index]
    return None


def _unfit(agreements: tuple[Agreement, ...], sources: list[_Source]) -> list[Finding]:
    """Clauses that share more than their lawful basis covers."""
    return [
        finding(
            source.mark(("clauses", index, word)),
            missing,
            Phrase(f"none in {agreement.clauses[index].id}"),
            _EXAMPLES[word],
        )
        for agreement, source in zip(agreements, sources, strict=True)
        for index, word, missing in unfit(agreement)
    ]


def _out_of_order(agreements: tuple[Agreement, ...], sources: list[_Source]) -> list[Finding]:
    """Of two versions of one agreement the higher begins later: else the other, of a folder, would never hold."""
    found: list[Finding] = []
    for agreement, source in zip(agreements, sources, strict=True):
        for other in agreements:
            if (
                other.id == agreement.id
                and other.version < agreement.version
                and agreement.start <= other.start
            ):
                expected = f"a start after that of version {other.version}"
                found.append(finding(source.mark(("start",)), expected, Phrase("an earlier one")))
    return found
