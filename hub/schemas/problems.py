"""What is wrong with an event's data, said without quoting it."""

from dataclasses import dataclass
from math import isfinite
from typing import Final

from hub.errors import SenderError

_TYPES: Final[dict[type, str]] = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a number with a decimal point",
    str: "a string",
    list: "an array",
    dict: "an object",
}

MOST_PROBLEMS: Final = 50
"""Problems reported for one event: enough to mend it, bounded for hostile input."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: where, which rule, what was expected, what kind of thing came.

    `pointer` is a JSON Pointer into the data (RFC 6901); `came` is a type or a length, never the value.
    `rule` is one of: type, required, unknown-field, format, codes, length, range, check-digit, test-number,
    hub-only, too-many.
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
    if isinstance(value, float) and not isfinite(value):
        return "a number that is not finite"
    return _TYPES.get(type(value), "something that JSON does not have")
