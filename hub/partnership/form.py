"""A mapping of a configuration file, read key by key; what is wrong is collected, never raised.

A reading method that finds something wrong notes it and gives back a harmless value of its type, so that
reading goes on to the next mistake; a configuration with findings is never used.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import date
from typing import Final

from hub.partnership.document import Node
from hub.partnership.finding import Finding, Mark, finding

NAME: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
"""Names that may stand in topics, URLs and accounts."""

CODE: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
"""Codes that stand in the bodies of events (the schemas' form `code`)."""

_LONGEST_LIST: Final = 12


class Form:
    """One mapping and the sink of its findings.

    Call `close` last: it reports the keys that nobody asked for.
    """

    def __init__(self, node: Node, findings: list[Finding], example: str) -> None:
        self.node = node
        self._findings = findings
        self._asked: set[str] = set()
        self._values: dict[str, Node] = {}
        if isinstance(node.value, dict):
            self._values = node.value
        else:
            findings.append(finding(node.mark, "a mapping", node.value, example))

    def has(self, key: str) -> bool:
        """True if the key is there with a value."""
        self._asked.add(key)
        return key in self._values and self._values[key].value is not None

    def is_word(self, key: str, word: str) -> bool:
        """True if the key has exactly this word where a list may stand too."""
        return self.has(key) and self._values[key].value == word

    def mark(self, key: str) -> Mark:
        """Where the key's value stands; the mapping itself if it is missing."""
        return self._values[key].mark if key in self._values else self.node.mark

    def refuse(self, key: str, expected: str, came: object, example: str = "") -> None:
        """Note that the key's value is wrong for a reason outside this form."""
        self._findings.append(finding(self.mark(key), expected, came, example))

    def note(self, node: Node, expected: str, example: str = "") -> None:
        """Note that a value inside this form is wrong."""
        self._findings.append(finding(node.mark, expected, node.value, example))

    def text(self, key: str, example: str, *, most: int = 500) -> str:
        """A text that is not empty."""
        value = self._value(key, "a text", example)
        if not isinstance(value, str) or not value.strip() or len(value) > most:
            if value is not None:
                self.refuse(key, f"a text of at most {most} characters", value, f"{key}: {example}")
            return ""
        return value

    def name(self, key: str, example: str, pattern: re.Pattern[str] = NAME) -> str:
        """A name in lower case, digits and single hyphens."""
        value = self.text(key, example, most=100)
        if value and not pattern.fullmatch(value):
            self.refuse(key, "a name in lower-case letters, digits and hyphens", value, f"{key}: {example}")
        return value

    def word(self, key: str, words: Collection[str], default: str | None = None) -> str:
        """One of the words; the default, where there is one, if the key is missing."""
        if default is not None and not self.has(key):
            return default
        value = self._value(key, "a word", first(words))
        if value is not None and (not isinstance(value, str) or value not in words):
            self.refuse(key, one_of(words), value, f"{key}: {first(words)}")
        return value if isinstance(value, str) and value in words else ""

    def optional_word(self, key: str, words: Collection[str]) -> str | None:
        """One of the words, or None if the key is missing."""
        return self.word(key, words) if self.has(key) else None

    def words(
        self, key: str, words: Collection[str] | None, example: str, *, empty: bool = False
    ) -> tuple[str, ...]:
        """A list of distinct words, of the allowed ones if any are given."""
        found: list[str] = []
        for node in self.items(key, example, empty=empty):
            if not isinstance(node.value, str) or (words is not None and node.value not in words):
                self.note(node, one_of(words) if words is not None else "a word", f"{key}: {example}")
            elif node.value in found:
                self.note(node, "each word once", f"{key}: {example}")
            else:
                found.append(node.value)
        return tuple(found)

    def integer(self, key: str, low: int, high: int) -> int:
        """A whole number between the two, inclusive."""
        value = self._value(key, "a whole number", str(low))
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            if value is not None:
                self.refuse(key, f"a whole number from {low} to {high}", value, f"{key}: {low}")
            return low
        return value

    def number(self, key: str, low: float, high: float) -> float:
        """A number between the two, inclusive."""
        value = self._value(key, "a number", str(high))
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not low <= value <= high:
            if value is not None:
                self.refuse(key, f"a number from {low} to {high}", value, f"{key}: {high}")
            return low
        return float(value)

    def flag(self, key: str, default: bool | None = None) -> bool:
        """True or false; the default, where there is one, if the key is missing."""
        if default is not None and not self.has(key):
            return default
        value = self._value(key, "true or false", "true")
        if value is not None and not isinstance(value, bool):
            self.refuse(key, "true or false", value, f"{key}: true")
        return value is True

    def day(self, key: str) -> date:
        """A calendar day."""
        value = self._value(key, "a date", "2026-03-20")
        found = as_day(value)
        if found is None and value is not None:
            self.refuse(key, "a date, year-month-day", value, f"{key}: 2026-03-20")
        return found or date.min

    def optional_day(self, key: str) -> date | None:
        """A calendar day, or None if the key is missing."""
        return self.day(key) if self.has(key) else None

    def items(self, key: str, example: str, *, empty: bool = False) -> list[Node]:
        """The members of a list; not empty unless it may be."""
        self._asked.add(key)
        node = self._values.get(key)
        if node is not None and isinstance(node.value, list) and (node.value or empty):
            return node.value
        expected = f"`{key}`, a list" + ("" if empty else " that is not empty")
        self.refuse(key, expected, None if node is None else node.value, f"{key}: {example}")
        return []

    def forms(self, key: str, example: str, *, empty: bool = False) -> Iterable[Form]:
        """The members of a list of mappings, each closed when the next is asked for."""
        for node in self.items(key, example, empty=empty):
            form = Form(node, self._findings, example)
            yield form
            form.close()

    def form(self, key: str, example: str) -> Form:
        """A mapping inside this one; close it after reading."""
        self._asked.add(key)
        node = self._values.get(key)
        if node is None:
            self.refuse(key, f"`{key}`, a mapping", None, f"{key}: {example}")
            return Form(Node(self.node.mark, {}), [], example)
        return Form(node, self._findings, example)

    def close(self) -> None:
        """Note every key that was not asked for."""
        for key in self._values:
            if key not in self._asked:
                at = self.node.keys[key]
                self._findings.append(finding(at, one_of(self._asked, "key"), key))

    def _value(self, key: str, expected: str, example: str) -> object:
        self._asked.add(key)
        node = self._values.get(key)
        if node is None or node.value is None:
            self.refuse(key, f"`{key}`, {expected}", None, f"{key}: {example}")
            return None
        return node.value


def one_of(words: Collection[str], what: str = "one") -> str:
    """The allowed words, as a message says them."""
    known = sorted(words)
    more = f" … ({len(known)} in all)" if len(known) > _LONGEST_LIST else ""
    return f"{what} of {', '.join(known[:_LONGEST_LIST])}{more}" if known else "nothing here"


def first(words: Collection[str]) -> str:
    """An example out of the allowed words."""
    return min(words, default="")


def as_day(value: object) -> date | None:
    """The day that a text `2026-03-20` names, or None."""
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None
