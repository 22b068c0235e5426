"""YAML files as values that know their line: one file, read whole, with every limit that keeps a reader safe.

A configuration is signed by people, so it says what it says where it says it: aliases, anchors, tags, merge
keys, a second document and a key given twice are refused. Scalars are read by the YAML 1.2 core schema (null,
true, false, decimal numbers; `no` and `12:30` are text); dates stay text, to be read where one is expected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from hub.partnership.finding import Finding, Mark, Phrase, finding

MAX_BYTES: Final = 1_048_576
"""Largest file; the largest agreement we know has 40 kB."""
MAX_NODES: Final = 50_000
"""Most values in one file."""
MAX_DEPTH: Final = 20
"""Deepest nesting; an agreement needs 6."""

Scalar = str | int | float | bool | None

_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_DECIMAL: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,17}")
_MEANT: Final = (
    (
        "<block end>",
        "a line that begins under the one it belongs with, and no quotation mark left open before it",
        "one further left or right",
        "",
    ),
    ("',' or ']'", "a comma or `]`, to go on with a list or close it", "something else", "[one, another]"),
    (
        "',' or '}'",
        "a comma or `}`, to go on with what is in braces or close it",
        "something else",
        "{art6: e}",
    ),
    ("expected ':'", "a colon behind the word before", "none", "key: value"),
    (
        "mapping values are not allowed",
        "one `key: value` on a line, and a text with a colon in quotation marks",
        "a second colon, or a line before it without one",
        'document: "ISA: 14"',
    ),
    ("'\\t'", "spaces", "a tab", ""),
    ("end of stream", "a quotation mark that closes what one before began", "the end of the file", ""),
)
"""What the parser's words mean to whoever writes a text."""
_WORDS: Final[dict[str, bool | None]] = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it begins: a scalar, a list of nodes, or a mapping of text to nodes.

    `keys` says where each key of a mapping stands.
    """

    mark: Mark
    value: Scalar | list[Node] | dict[str, Node]
    keys: dict[str, Mark] = field(default_factory=dict)


class _StopError(Exception):
    """Reading further is pointless or unsafe; the finding says why."""

    def __init__(self, mark: Mark, expected: str, came: str, example: str = "") -> None:
        self.finding = finding(mark, expected, Phrase(came), example)


def read(path: Path) -> tuple[Node | None, list[Finding]]:
    """The one document of a file, and what is wrong with its form; None where nothing could be read."""
    start = Mark(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            return None, [
                finding(start, f"a file of at most {MAX_BYTES} bytes", Phrase(f"{path.stat().st_size} bytes"))
            ]
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        return None, [finding(start, "UTF-8 text", Phrase(f"byte {error.start} that is not"))]
    except OSError as error:
        return None, [finding(start, "a file that can be read", Phrase(error.strerror or "an error"))]
    return parse(text, path)


def parse(text: str, path: Path) -> tuple[Node | None, list[Finding]]:
    """The one document of a text; `path` names it in findings."""
    node, findings = _parsed(text, path)
    return node, list(findings)


@lru_cache(maxsize=32)
def _parsed(text: str, path: Path) -> tuple[Node | None, tuple[Finding, ...]]:
    """Kept for the same text: an agreement is read with its partnership, and for its rules. Nobody changes a node."""
    findings: list[Finding] = []
    try:
        return _build(YAML(typ="safe", pure=True).parse(text), path, findings), tuple(findings)
    except _StopError as stop:
        findings.append(stop.finding)
    except MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        mark = Mark(path, at.line + 1, at.column + 1) if at else Mark(path)
        findings.append(finding(mark, *_plainly(error.problem or "something else")))
    except YAMLError as error:
        # The reader's own error (a character that YAML does not allow) has no mark.
        line = text.count("\n", 0, getattr(error, "position", 0) or 0) + 1
        findings.append(
            finding(Mark(path, line), "printable characters", Phrase("one that YAML does not allow"))
        )
    return None, tuple(findings)


def _plainly(problem: str) -> tuple[str, Phrase, str]:
    """What was expected, what came, and an example: the parser's own words are for programmers."""
    for said, expected, came, example in _MEANT:
        if said in problem:
            return expected, Phrase(came), example
    return "YAML", Phrase(problem), "key: value"


def plain(node: Node) -> object:
    """The same value without places: what JSON can hold."""
    if isinstance(node.value, list):
        return [plain(each) for each in node.value]
    if isinstance(node.value, dict):
        return {key: plain(each) for key, each in node.value.items()}
    return node.value


def locate(node: Node, path: tuple[str | int, ...]) -> Mark:
    """Where a path of keys and list positions leads; as far as it exists."""
    mark = node.mark
    for part in path:
        if isinstance(node.value, dict) and isinstance(part, str) and part in node.value:
            mark, node = node.keys[part], node.value[part]
            if not isinstance(node.value, (dict, list)):
                mark = node.mark
        elif isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            mark = node.mark
        else:
            break
    return mark


@dataclass(slots=True)
class _Open:
    """A list or mapping that is being filled; `key` waits for its value."""

    node: Node
    key: str | None = None
    key_mark: Mark | None = None


def _build(events: Iterator[Event], path: Path, findings: list[Finding]) -> Node | None:
    root: Node | None = None
    stack: list[_Open] = []
    count = 0
    for event in events:
        mark = Mark(path, event.start_mark.line + 1, event.start_mark.column + 1)
        if isinstance(event, DocumentStartEvent):
            if root is not None:
                raise _StopError(mark, "one document in a file", "a second")
            continue
        if isinstance(event, (MappingEndEvent, SequenceEndEvent)):
            stack.pop()
            continue
        if isinstance(event, AliasEvent):
            raise _StopError(mark, "the value itself", "an alias to one written elsewhere")
        if not isinstance(event, (ScalarEvent, SequenceStartEvent, MappingStartEvent)):
            continue
        count += 1
        if count > MAX_NODES:
            raise _StopError(mark, f"at most {MAX_NODES} values in a file", "more")
        if len(stack) >= MAX_DEPTH:
            raise _StopError(mark, f"nesting of at most {MAX_DEPTH} levels", "more")
        if event.anchor is not None or event.tag is not None:
            raise _StopError(mark, "a plain value", "an anchor" if event.anchor is not None else "a tag")
        node = Node(mark, _scalar(event) if isinstance(event, ScalarEvent) else _empty(event))
        if stack:
            _put(stack[-1], node, event, findings)
        else:
            root = node
        if not isinstance(event, ScalarEvent):
            stack.append(_Open(node))
    return root


def _put(parent: _Open, node: Node, event: Event, findings: list[Finding]) -> None:
    if isinstance(parent.node.value, list):
        parent.node.value.append(node)
    elif isinstance(parent.node.value, dict):
        if parent.key is None or parent.key_mark is None:
            if not isinstance(event, ScalarEvent) or event.value in ("", "<<"):
                raise _StopError(node.mark, "a word as key", "something else", "key: value")
            parent.key, parent.key_mark = event.value, node.mark
            return
        if parent.key in parent.node.value:
            findings.append(finding(parent.key_mark, "each key once", Phrase(f"{parent.key} a second time")))
        else:
            # An empty value stands, for the parser, where the next line begins.
            empty = isinstance(event, ScalarEvent) and event.style is None and not event.value
            parent.node.value[parent.key] = Node(parent.key_mark, None) if empty else node
            parent.node.keys[parent.key] = parent.key_mark
        parent.key = None


def _empty(event: Event) -> list[Node] | dict[str, Node]:
    return [] if isinstance(event, SequenceStartEvent) else {}


def _scalar(event: ScalarEvent) -> Scalar:
    text = str(event.value)
    if event.style is not None:  # quoted or a block: text as it stands
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text
