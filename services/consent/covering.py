"""Which of many acts cover a cell, where a part that an act leaves open (`*`) covers all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import product
from typing import Protocol, TypeVar

from services.consent.setter import ANY


class Covers(Protocol):
    """What is about a purpose, a category and a desk."""

    @property
    def purpose(self) -> str:
        """Its purpose, or any."""

    @property
    def category(self) -> str:
        """Its category, or any."""

    @property
    def desk(self) -> str:
        """Its desk, or any."""


_C = TypeVar("_C", bound=Covers)


def covering(acts: Iterable[_C]) -> Callable[[tuple[str, str, str]], list[_C]]:
    """Of a cell, the acts that cover it. A child's consents may name thousands of cells: each is looked up."""
    known: defaultdict[tuple[str, str, str], list[_C]] = defaultdict(list)
    for each in acts:
        known[each.purpose, each.category, each.desk].append(each)

    def of(cell: tuple[str, str, str]) -> list[_C]:
        purpose, category, desk = cell
        keys = product((purpose, ANY), (category, ANY), (desk, ANY))
        return [each for key in keys for each in known.get(key, ())]

    return of
