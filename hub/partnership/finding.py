"""What is wrong with a configuration, said so that its author can mend it without asking."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hub.errors import HubError

_LONGEST: Final = 60


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file of the configuration; line and column count from 1."""

    file: Path
    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it must be: where, what was expected, what came, and a valid example."""

    file: Path
    line: int
    column: int
    expected: str
    came: str
    example: str

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}:{self.column}: expected {self.expected}, came {self.came}"
        return f"{text}; for example: {self.example}" if self.example else text


class ConfigurationError(HubError):
    """A configuration that may not be used.

    `findings` holds all that is wrong with it, in the order of the files.
    """

    exit_code = 6

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        rest = (
            f" (and {len(findings) - 1} more; see `wraparound partnership check`)"
            if len(findings) > 1
            else ""
        )
        super().__init__(f"{findings[0]}{rest}" if findings else "no finding")
        self.findings = findings


class Phrase(str):
    """What came, said in our words; any other text is the file's and is shown in quotes."""

    __slots__ = ()


def finding(mark: Mark, expected: str, came: object, example: str = "") -> Finding:
    """A finding at a mark; what came is shown shortened."""
    return Finding(mark.file, mark.line, mark.column, expected, shown(came), example)


def shown(value: object) -> str:
    """A value as it may stand in a message: short, on one line, lists and mappings by their kind only."""
    if value is None:
        return "nothing"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    short = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return repr(short) if isinstance(value, str) and not isinstance(value, Phrase) else short
