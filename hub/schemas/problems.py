"""What is wrong with an event's data, said without quoting it."""

from dataclasses import dataclass
from typing import Final

from hub.errors import SenderError

MOST_PROBLEMS: Final = 50
"""Problems reported for one event: enough to mend it, bounded for hostile input."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault. `pointer` is a JSON Pointer into the data (RFC 6901), `came` a type or length and never the value.

    `rule` is one of: type, required, unknown-field, format, codes, length, range, check-digit, test-number, hub-only,
    too-many.
    """

    pointer: str
    rule: str
    expected: str
    came: str
    example: str = ""


class InvalidDataError(SenderError):
    """An event's data does not fit its schema; `problems` says how."""

    def __init__(self, problems: list[Problem]) -> None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{first.pointer or '/'}: expected {first.expected}, came {first.came}{more}")
        self.problems = tuple(problems)


def escaped(name: str) -> str:
    """A field name as a part of a JSON Pointer, cut and made printable: it comes from outside."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name[:60])
    return shown.replace("~", "~0").replace("/", "~1")


def type_of(value: object) -> str:
    """The JSON name of a value's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int):
        return "an integer"
    if isinstance(value, float):
        return "a number with a decimal point" if value - value == 0 else "a number that is not finite"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, dict):
        return "an object"
    return "something that JSON does not have"
