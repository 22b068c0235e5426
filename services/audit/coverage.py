"""Adds up coverage entries: has every offset that a processor read exactly one fate? Pure.

An entry says: processor, topic, partition, `from` (the first offset), `to` (one past the last), and
`counts`, the number of offsets per fate. Per partition the ranges must join without gap or overlap, and end
at the processor's position. Ranges may come in any order; only those that do not join yet are held.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Place = tuple[str, str, int]
"""Processor, topic, partition."""


class CoverageError(ValueError):
    """A coverage entry is malformed, or does not add up."""


@dataclass(slots=True)
class _Line:
    first: int
    reached: int
    ahead: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Covered:
    """What a processor has accounted for in a partition: offsets from `first` up to, not including, `to`."""

    place: Place
    first: int
    to: int
    counts: Mapping[str, int]


class CoverageSum:
    """The coverage of a whole log, as it is read."""

    def __init__(self) -> None:
        self._lines: dict[Place, _Line] = {}
        self._counts: dict[Place, dict[str, int]] = {}

    def add(self, detail: Mapping[str, Any]) -> None:
        """Count one entry.

        Raises `CoverageError` when it is malformed, empty, or overlaps what was counted.
        """
        place, start, end, counts = _read(detail)
        line = self._lines.get(place)
        if line is None:
            self._lines[place] = _Line(start, end)
        elif start < line.reached or start in line.ahead:
            raise CoverageError(f"{_name(place)}: offset {start} is counted twice")
        elif start > line.reached:
            line.ahead[start] = end
        else:
            line.reached = end
            while line.reached in line.ahead:
                line.reached = line.ahead.pop(line.reached)
            if any(other < line.reached for other in line.ahead):
                raise CoverageError(f"{_name(place)}: an offset before {line.reached} is counted twice")
        total = self._counts.setdefault(place, {})
        for fate, number in counts.items():
            total[fate] = total.get(fate, 0) + number

    def result(self) -> list[Covered]:
        """What is covered without a gap, per place."""
        return [
            Covered(place, line.first, line.reached, dict(self._counts[place]))
            for place, line in sorted(self._lines.items())
        ]

    def check(self, positions: Mapping[Place, int]) -> list[str]:
        """What does not add up: gaps, and places whose coverage does not end at the position.

        Empty when all does.
        """
        wrong = []
        for place, line in sorted(self._lines.items()):
            if line.ahead:
                gap_end = min(line.ahead)
                wrong.append(f"{_name(place)}: offsets {line.reached} to {gap_end - 1} have no fate")
            elif place in positions and positions[place] != line.reached:
                wrong.append(
                    f"{_name(place)}: covered up to {line.reached}, but the position is {positions[place]}"
                )
        for place, position in sorted(positions.items()):
            if position and place not in self._lines:
                wrong.append(f"{_name(place)}: the position is {position}, and nothing is covered")
        return wrong


def _read(detail: Mapping[str, Any]) -> tuple[Place, int, int, Mapping[str, int]]:
    try:
        place = (str(detail["processor"]), str(detail["topic"]), int(detail["partition"]))
        start, end = int(detail["from"]), int(detail["to"])
        counts = {str(fate): int(number) for fate, number in detail["counts"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CoverageError("a coverage entry is not in its form") from error
    if not 0 <= start < end or min(counts.values(), default=0) < 0 or sum(counts.values()) != end - start:
        raise CoverageError(f"{_name(place)}: the counts do not add up from {start} to {end - 1}")
    return place, start, end, counts


def _name(place: Place) -> str:
    processor, topic, partition = place
    return f"{processor} {topic}/{partition}"
