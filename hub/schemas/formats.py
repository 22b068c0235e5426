"""The forms that a string field may take.

Free text is not among them: it is the record `Text`, with `about`.
"""

import re
from dataclasses import dataclass
from typing import Final

from hub.schemas.vocabulary import CATEGORIES

_VISIBLE: Final = r"[^\s\x00-\x1f\x7f-\x9f\ud800-\udfff]"
_LINE: Final = rf"{_VISIBLE}(?:[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]*{_VISIBLE})?"
_WORD: Final = r"[a-z0-9][a-z0-9-]*"
_TEXT: Final = r"(?=\s*\S)[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]*"
_MAILBOX: Final = r"[^\s@\x00-\x1f\x7f-\x9f\ud800-\udfff]+@[A-Za-z0-9.-]+"
_PATH: Final = r"[a-z][a-z0-9_]*(?:\.(?:[0-9]{1,3}\.)?[a-z][a-z0-9_]*)?"


@dataclass(frozen=True, slots=True)
class Format:
    """A form: its pattern (whole string), its longest length, what to say of it, a valid example."""

    pattern: re.Pattern[str]
    longest: int
    expected: str
    example: str


def _format(pattern: str, longest: int, expected: str, example: str) -> Format:
    return Format(re.compile(pattern), longest, expected, example)


FORMATS: Final[dict[str, Format]] = {
    "agency": _format(_WORD, 60, "the name of an agency", "s2w"),
    "category": _format(
        "|".join(re.escape(name) for name in sorted(CATEGORIES)),
        60,
        "a category of the sharing rules",
        "outcome.score",
    ),
    "code": _format(r"[a-z0-9][a-z0-9_.-]*", 64, "a code: lower-case letters, digits, _ . -", "other"),
    "desk": _format(rf"{_WORD}/{_WORD}(?:/{_WORD})?", 120, "a desk: agency/team", "s2w/sft"),
    "email": _format(_MAILBOX, 254, "an e-mail address", "wren@example.org"),
    "hex": _format(r"[0-9a-f]+", 128, "lower-case hexadecimal", "00ff"),
    "id": _format(_LINE, 200, "an id: visible characters", "REF-1"),
    "json": _format(r"[^\x00-\x1f\ud800-\udfff]*", 10_000, "JSON as text", "true"),
    "key": _format(_LINE, 500, "a register's key", "told"),
    "line": _format(_LINE, 120, "one line", "4 Cobbler's Yard"),
    "name": _format(_LINE, 100, "a name on one line", "Wren"),
    "path": _format(_PATH, 120, "the path of a field", "reason"),
    "phone": _format(r"\+?[0-9][0-9 ()-]*", 30, "a telephone number", "01632 960123"),
    "postcode": _format(r"[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}", 8, "a UK postcode", "DT1 9ZZ"),
    "scheme": _format(_WORD, 40, "the name of an id scheme", "nhs-number"),
    "text": _format(_TEXT, 20_000, "text without control characters", "Spoke at length."),
    "uprn": _format(r"[0-9]{1,12}", 12, "a UPRN: up to 12 digits", "100040000001"),
}
"""Name → form; lengths are in characters."""
