"""Ids that would tell who somebody is: what a publisher may not use to name an event.

An event's id travels in headers, logs, receipts and URLs, so one that looks like an NHS number or a unique pupil
number is refused, also when it is written with spaces, dashes or other digits of Unicode, or stands as a word among
others. A UUID is let through: its groups of hexadecimal digits are none of these, whatever they look like.
"""

import re
import unicodedata
from typing import Final

from hub.schemas.check_digits import nhs_number_is_valid, upn_is_valid

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_WORD: Final = re.compile(r"[0-9A-Za-z]+")
_TEN: Final = re.compile(r"[A-Za-z]*([0-9]{10})[A-Za-z]*")
_GROUPED: Final = re.compile(
    r"(?<![0-9A-Za-z])([0-9]{3})[^0-9A-Za-z]{1,3}([0-9]{3})[^0-9A-Za-z]{1,3}([0-9]{4})(?![0-9A-Za-z])"
)
_SEPARATORS: Final = re.compile(r"[\s._/:-]+")


def looks_personal(text: str) -> bool:
    """True if the id is, or holds as a word, what looks like an NHS number or a UPN."""
    plain = unicodedata.normalize("NFKC", text)
    plain = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in plain)
    if _UUID.fullmatch(plain):
        return False
    joined = _SEPARATORS.sub("", plain)
    words = [*_WORD.findall(plain), joined]
    if any(upn_is_valid(word.upper()) for word in words):
        return True
    tens = [match[1] for word in words if (match := _TEN.fullmatch(word))]
    tens += ["".join(groups) for groups in _GROUPED.findall(plain)]
    return any(nhs_number_is_valid(ten) for ten in tens)
