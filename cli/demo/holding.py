"""What a story must show, each in a sentence, and whether it does. Pure."""

from collections.abc import Callable, Mapping
from typing import TypeVar

T = TypeVar("T")


def unmet(expectations: Mapping[str, Callable[[T], bool]], seen: T) -> list[str]:
    """The sentences that do not hold. An expectation that cannot even be asked does not hold."""
    found = []
    for sentence, holds in expectations.items():
        try:
            good = holds(seen)
        except (KeyError, IndexError, TypeError):
            good = False
        if not good:
            found.append(sentence)
    return found
