"""YAML is read with its lines, and nothing that could surprise a reader gets through."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.partnership.document import MAX_BYTES, MAX_DEPTH, MAX_NODES, locate, parse, plain, read

FILE = Path("some.yaml")


def test_values_are_of_the_core_schema_when_they_are_not_quoted() -> None:
    node, findings = parse(
        "a: 1\nb: -2.5\nc: no\nd: 12:30\ne: '1'\nf: ~\ng: true\nh: 2026-03-20\ni: 007\nj: 1e3\n", FILE
    )

    assert not findings
    assert node is not None
    assert plain(node) == {
        "a": 1,
        "b": -2.5,
        "c": "no",
        "d": "12:30",
        "e": "1",
        "f": None,
        "g": True,
        "h": "2026-03-20",
        "i": "007",
        "j": "1e3",
    }


def test_place_is_found_when_a_path_leads_to_it() -> None:
    node, _ = parse("clauses:\n  - id: P01\n    to: [lead,\n         supporting]\n", FILE)

    assert node is not None
    assert locate(node, ("clauses", 0, "to", 1)).line == 4
    assert locate(node, ("clauses", 0, "to", 1)).column == 10
    assert locate(node, ("clauses", 0, "when")).line == 2
    assert locate(node, ("clauses", 7)).line == 1


@pytest.mark.parametrize(
    ("text", "expected", "line"),
    [
        ("a: 1\na: 2\n", "each key once", 2),
        ("a: &x [1]\nb: 2\n", "a plain value", 1),
        ("a: 1\nb: *x\n", "the value itself", 2),
        ("a: !!python/object:os.system ls\n", "a plain value", 1),
        ("base: {x: 1}\n<<: {y: 2}\n", "a word as key", 2),
        ("? [a, b]\n: 1\n", "a word as key", 1),
        ("a: 1\n---\nb: 2\n", "one document", 2),
        ("a: [1\nb: 2\n", "a comma or `]`", 2),
        ("a: {b: 1\nc: 2\n", "a comma or `}`", 2),
        ("a: 'b\n", "a quotation mark that closes", 2),
        ("a:\n  b: 1\n c: 2\n", "a line that begins under the one it belongs with", 3),
        ("a: 1\nb 2\nc: 3\n", "a colon behind the word before", 3),
        ("a b\nc: 2\n", "one `key: value` on a line", 2),
        ("a: b: c\n", "one `key: value` on a line", 1),
        ("a:\n\tb: 1\n", "spaces", 2),
        ("a: @b\n", "YAML", 1),
        ("a: b\x07\n", "printable characters", 1),
        ("a: " + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "nesting of at most", 1),
        ("[" + "1," * MAX_NODES + "1]", f"at most {MAX_NODES} values", 1),
    ],
)
def test_text_is_refused_when_it_could_mislead_or_exhaust_a_reader(
    text: str, expected: str, line: int
) -> None:
    _, findings = parse(text, FILE)

    assert [(each.line, expected in each.expected) for each in findings] == [(line, True)], findings


def test_alias_bomb_is_refused_at_its_first_alias() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]

    node, findings = parse("\n".join(lines), FILE)

    assert node is None
    assert [(each.line, each.came) for each in findings] == [(1, "an anchor")]


def test_file_is_refused_when_it_is_too_large_or_no_text(tmp_path: Path) -> None:
    large, binary = tmp_path / "large.yaml", tmp_path / "binary.yaml"
    large.write_text("#" * (MAX_BYTES + 1))
    binary.write_bytes(b"a: \xff\n")

    assert "bytes" in read(large)[1][0].expected
    assert read(binary)[1][0].expected == "UTF-8 text"
    assert read(tmp_path / "none.yaml")[1][0].expected == "a file that can be read"


PIECES = [
    "a",
    ": ",
    "\n",
    "- ",
    "  ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "'",
    '"',
    "&a",
    "*a",
    "!t",
    "|",
    ">",
    "%",
    "---",
    "?",
    "#",
]


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.characters()), max_size=40).map("".join))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused_with_a_place_and_never_raises(text: str) -> None:
    node, findings = parse(text, FILE)

    assert all(each.line >= 1 and each.column >= 1 and "\n" not in str(each) for each in findings)
    if node is not None:
        assert json.dumps(plain(node))
