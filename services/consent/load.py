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
from hub.partnership import ConfigurationError, Finding, Partnership, agreement_files, look
from hub.partnership.document import Node, locate, parse, plain, read
from hub.partnership.finding import Mark, Phrase, finding
from hub.partnership.form import one_of
from services.consent.agreement import Agreement, RuleSet
from services.consent.bases import unfit
from services.consent.reading import like
from services.consent.review import exposing, idle, unsigned
from services.consent.ruleset import read_through
from services.consent.unsaid import unsaid

_Document = tuple[Path, Node | None, list[Finding]]
"""A file, its one document, and what is wrong with its form."""

_MOST: Final = 100
"""Mistakes in what agreements say that are told at once; nobody mends more before the next reading."""
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


def check_folder(
    folder: Path, keys: Path | None = None
) -> tuple[Partnership | None, RuleSet | None, tuple[Finding, ...]]:
    """A partnership and its rule set, or None and everything that is wrong with any of its files.

    A partnership without a rule set: nothing is wrong but what the agreements say.
    """
    partnership, findings = look(folder, keys)
    if partnership is None:
        return None, None, findings
    rules, wrong = check_rules(folder, partnership)
    other = tuple(each for each in findings if each not in wrong)
    return (None if findings else partnership), (None if findings else rules), (*other, *wrong)


def check_file(file: Path, partnership: Partnership) -> tuple[RuleSet | None, tuple[Finding, ...]]:
    """The rule set of one agreement's file alone, or None and everything that is wrong with it."""
    return _checked(file, _read((file,)), partnership, [])


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
    # A basis that is wrong is so for each clause that names it.
    once = dict.fromkeys(findings)
    ordered = tuple(sorted(once, key=lambda each: (each.file, each.line, each.column)))
    return (None, ordered) if ordered or rules is None else (rules, ())


@dataclass(frozen=True, slots=True)
class _Source:
    """One agreement's file: its nodes, its plain form without what is ours, what is known to be wrong with it.

    `based`: by which name a clause names its basis. `wrong`: paths into the plain form.
    """

    node: Node
    content: dict[str, object]
    based: dict[int, str]
    wrong: set[tuple[str | int, ...]]

    @classmethod
    def of(cls, node: Node, findings: list[Finding]) -> _Source:
        """Take author, signer and named bases out of a file, and note what is wrong with them."""
        value = plain(node)
        content = value if isinstance(value, dict) else {}
        _check_signer(node, content.pop("author", None), content.pop("signer", None), findings)
        bases = content.pop("bases", None)
        clauses = content.get("clauses")
        found = cls(node, content, {}, set())
        for index, clause in enumerate(clauses if isinstance(clauses, list) else []):
            if isinstance(clause, dict) and isinstance(name := clause.get("basis"), str):
                path = ("clauses", index, "basis")
                if isinstance(bases, dict) and name in bases:
                    found.based[index] = name
                    clause["basis"] = bases[name]
                    continue
                clause["basis"] = {}
                found.wrong.add(path)
                if isinstance(bases, dict):
                    expected = f"a basis, {one_of(bases)}{like(name, bases)}"
                    findings.append(finding(locate(node, path), expected, name, _EXAMPLES["basis"]))
        if not isinstance(bases, dict) and (bases is not None or found.wrong):
            mark = locate(node, ("bases",))
            findings.append(finding(mark, "`bases`, by name", bases, "bases: {B1: {art6: e}}"))
        return found

    def mark(self, path: tuple[str | int, ...]) -> Mark:
        """Where in the file a path into the plain form leads."""
        index = path[1] if path[:1] == ("clauses",) and len(path) > 1 else None
        if isinstance(index, int) and path[2:3] == ("basis",) and index in self.based:
            return locate(self.node, ("bases", self.based[index], *path[3:]))
        return locate(self.node, path)

    def is_doubtful(self, path: tuple[str | int, ...]) -> bool:
        """Whether what stands there, around it, or by a key like it, could not be read: no more can be said of it."""
        *above, key = path
        return any(
            each[: len(path)] == path
            or path[: len(each)] == each
            or (each[:-1] == tuple(above) and bool(like(str(each[-1]), {str(key)})))
            for each in self.wrong
        )


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
    """The rule set, for more mistakes to be found in; None where so many were found already that reading stopped."""
    agreements = [each.content for each in sources]
    rules, faults = read_through({**parties(partnership), "agreements": agreements}, _MOST)
    for error in faults:
        index = error.path[1] if len(error.path) > 1 else None
        if error.path[:1] == ("agreements",) and isinstance(index, int):
            sources[index].wrong.add(error.path[2:])
            mark = sources[index].mark(error.path[2:])
        else:
            mark = Mark(folder)
        findings.append(finding(mark, error.expected, error.came))
    return rules


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
        if not any(source.is_doubtful(("clauses", index, each)) for each in ("effect", "basis", word))
    ]


def _out_of_order(agreements: tuple[Agreement, ...], sources: list[_Source]) -> list[Finding]:
    """Of two versions of one agreement the higher begins later: else the other, of a folder, would never hold."""
    found: list[Finding] = []
    for agreement, source in zip(agreements, sources, strict=True):
        doubtful = any(source.is_doubtful((key,)) for key in ("id", "version", "start"))
        for other in () if doubtful else agreements:
            if (
                other.id == agreement.id
                and 0 < other.version < agreement.version
                and agreement.start <= other.start
            ):
                expected = f"a start after that of version {other.version}"
                found.append(finding(source.mark(("start",)), expected, Phrase("an earlier one")))
    return found
