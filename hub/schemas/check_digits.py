"""Check digits of the ids that have one: NHS number (modulus 11) and UPN (check letter).

Sources: NHS Data Dictionary, *NHS number*; Department for Education, *Unique pupil numbers*, check letter
table.
"""

import re
from collections.abc import Callable
from typing import Final

_UPN_LETTERS: Final = "ABCDEFGHJKLMNPQRTUVWXYZ"
_NHS: Final = re.compile(r"[0-9]{10}", re.ASCII)
_UPN: Final = re.compile(rf"[{_UPN_LETTERS}][0-9]{{11}}[0-9{_UPN_LETTERS}]", re.ASCII)


def nhs_number_is_valid(value: str) -> bool:
    """Ten digits whose last is 11 minus the weighted sum modulo 11 (11 counts as 0, 10 does not exist)."""
    if _NHS.fullmatch(value) is None:
        return False
    total = sum(int(digit) * (10 - place) for place, digit in enumerate(value[:9]))
    return (11 - total % 11) % 11 == int(value[9])


def nhs_number_is_for_tests(value: str) -> bool:
    """The 999 series, never issued to anybody."""
    return value.startswith("999")


def upn_is_valid(value: str) -> bool:
    """A check letter, eleven digits and a digit, or a letter in a temporary UPN."""
    if _UPN.fullmatch(value) is None:
        return False
    numbers = [int(digit) for digit in value[1:12]]
    last = value[12]
    numbers.append(int(last) if last.isdigit() else _UPN_LETTERS.index(last))
    total = sum(number * weight for number, weight in zip(numbers, range(2, 14), strict=True))
    return _UPN_LETTERS[total % 23] == value[0]


CHECKS: Final[dict[str, tuple[Callable[[str], bool], str, str]]] = {
    "nhs-number": (nhs_number_is_valid, "ten digits with a valid check digit (modulus 11)", "9990000018"),
    "upn": (upn_is_valid, "a check letter, eleven digits, and a digit or letter", "H801200001001"),
}
"""Scheme → (check, what is expected, a valid example)."""
