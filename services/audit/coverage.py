"""Adds up coverage entries: has every offset that a processor read exactly one fate? Pure.

An entry says: processor, topic, partition, `from` (the first offset), `to` (one past the last), and
`counts`, the number of offsets per fate. Per partition the ranges must begin with the log, join without gap or
overlap, and end at the processor's position. Each partition of a topic that a processor reads is expected: whoever
takes one away, with its position, leaves a hole among the others. Ranges may come in any order.
"""

from bisect import bisect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

_NONE: Final[Mapping[Any, int]] = {}

Place = tuple[str, str, int]
"""Processor, topic, partition."""


class CoverageError(ValueError):
    """A coverage entry is malformed, or does not add up."""


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
        self._ranges: dict[Place, list[tuple[int, int]]] = {}
        """By place: what is covered, as ranges in order that neither overlap nor touch."""
        self._counts: dict[Place, dict[str, int]] = {}

    def add(self, detail: Mapping[str, Any]) -> None:
        """Count one entry.

        Raises `CoverageError` when it is malformed, empty, or overlaps what was counted.
        """
        place, start, end, counts = _read(detail)
        ranges = self._ranges.setdefault(place, [])
        after = bisect(ranges, (start, end))
        before = ranges[after - 1] if after else (start, start)
        following = ranges[after] if after < len(ranges) else (end, end)
        if before[1] > start or following[0] < end:
            twice = start if before[1] > start else following[0]
            raise CoverageError(f"{_name(place)}: offset {twice} is counted twice")
        joined = (
            before[0] if before[1] == start else start,
            following[1] if following[0] == end else end,
        )
        ranges[after - (before[1] == start and after > 0) : after + (following[0] == end)] = [joined]
        total = self._counts.setdefault(place, {})
        for fate, number in counts.items():
            total[fate] = total.get(fate, 0) + number

    def result(self) -> list[Covered]:
        """What is covered from the first offset on without a gap, per place."""
        return [
            Covered(place, *ranges[0], dict(self._counts[place]))
            for place, ranges in sorted(self._ranges.items())
        ]

    def check(self, positions: Mapping[Place, int], begins: Mapping[Place, int] = _NONE) -> list[str]:
        """What does not add up, in words; empty when all does.

        `begins`: the offset that a place's log began with when the processor first read it, where that is not 0.
        """
        wrong = []
        for place, ranges in sorted(self._ranges.items()):
            first = begins.get(place, 0)
            if ranges[0][0] != first:
                wrong.append(f"{_name(place)}: offsets {first} to {ranges[0][0] - 1} have no fate")
            elif len(ranges) > 1:
                wrong.append(f"{_name(place)}: offsets {ranges[0][1]} to {ranges[1][0] - 1} have no fate")
            elif place not in positions:
                wrong.append(f"{_name(place)}: covered up to {ranges[0][1]}, and there is no position")
            elif positions[place] != ranges[0][1]:
                wrong.append(
                    f"{_name(place)}: covered up to {ranges[0][1]}, but the position is {positions[place]}"
                )
        for place, position in sorted(positions.items()):
            if position != begins.get(place, 0) and place not in self._ranges:
                wrong.append(f"{_name(place)}: the position is {position}, and nothing is covered")
        return [*wrong, *_holes({*self._ranges, *positions})]


def _holes(places: set[Place]) -> Iterator[str]:
    """The partitions below a topic's last that a processor knows nothing of."""
    for (processor, topic), group in groupby(sorted(places), key=lambda place: place[:2]):
        known = {partition for _, _, partition in group}
        for partition in sorted(set(range(max(known))) - known):
            yield f"{_name((processor, topic, partition))}: nothing is covered, and there is no position"


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
