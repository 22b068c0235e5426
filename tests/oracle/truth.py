"""True, false, or not known."""

from __future__ import annotations

from collections.abc import Iterable

Truth = bool | None


def any_of(values: Iterable[Truth]) -> Truth:
    """True if one is true; not known if one might be."""
    found = list(values)
    return True if True in found else None if None in found else False


def all_of(values: Iterable[Truth]) -> Truth:
    """False if one is false; not known if one might be."""
    found = list(values)
    return False if False in found else None if None in found else True


def negated(value: Truth) -> Truth:
    """What is not known stays so."""
    return None if value is None else not value
