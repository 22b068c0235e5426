"""Numbers that nobody has: NHS numbers of the series 999 and unique pupil numbers, with their check digits.

Sources: NHS Data Dictionary, *NHS number* (modulus 11); Department for Education, *Unique pupil numbers*.
"""

from collections.abc import Iterator
from itertools import count
from typing import Final

_LETTERS: Final = "ABCDEFGHJKLMNPQRTUVWXYZ"
_AUTHORITY: Final = "838"
_SCHOOL: Final = "9999"


def nhs_numbers() -> Iterator[str]:
    """All of the series that are valid, in order."""
    for serial in count(200):
        digits = f"999{serial:06d}"
        total = sum(int(digit) * (10 - place) for place, digit in enumerate(digits))
        check = (11 - total % 11) % 11
        if check < 10:
            yield f"{digits}{check}"


def upn(serial: int, year: int) -> str:
    """The pupil number of the child with this serial (below 1,000 each year) of a school that does not exist."""
    digits = f"{_AUTHORITY}{_SCHOOL}{year % 100:02d}{serial % 1000:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(digits, range(2, 14), strict=True))
    return f"{_LETTERS[total % 23]}{digits}"
