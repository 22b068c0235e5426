"""Which deliveries of a desk's line may leave now, and which are to be decided again. Pure.

In the order of the line, for each delivery:

1. its family, or a person it rests on, is parked: it waits, and its family waits behind it;
2. it is being decided again, is being sent, waits out a back-off, or somebody else is at it just now: its
   family waits behind it;
3. what it rests on is no longer so: it lapses, and its family waits behind it. In this order: a guard that
   counts other raises than its decision had seen, a time that has come, another rule set in force;
4. its family waits: so does it;
5. it may leave.

A rule set that changes makes every queued delivery lapse; so that this is no storm, a desk has at most
`PACE` of them out at a time, urgent gates first. What is not due yet waits where it stands.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, Literal

from hub.attempts.row import Now, Row

Cause = Literal["guard", "expiry", "rules"]

PACE: Final = 200


@dataclass(frozen=True, slots=True)
class World:
    """What is so at the attempt. A person without an entry in `raises` has a guard of 0."""

    raises: Mapping[str, int]
    parked: frozenset[str]
    rules: str
    now: Now
    busy: frozenset[str] = frozenset()
    """Deliveries that somebody else is at (`hub.attempts.contention`)."""
    out: Mapping[str, int] | None = None
    """By desk, how many are being decided again; None: as many as are among the rows that are judged."""


@dataclass(frozen=True, slots=True)
class Lapse:
    """A delivery that is to be decided again, why, and the guards met of those that differ."""

    row: Row
    cause: Cause
    met: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may leave, in order; what lapses; the desks and families that wait behind something."""

    take: tuple[Row, ...]
    lapse: tuple[Lapse, ...]
    waiting: frozenset[tuple[str, str]]


def is_due(row: Row, now: Now) -> bool:
    """Whether it could be sent, if all it rests on is still so."""
    if row.status == "failed":
        return row.next_mono <= now.mono
    return row.status in {"pending", "delivered"}


def differs(row: Row, world: World) -> Lapse | None:
    """Why this delivery is to be decided again; None: what it rests on is so."""
    raises = world.raises
    met = tuple(
        (person, raises.get(person, 0))
        for person, count in zip(row.persons, row.counts, strict=True)
        if raises.get(person, 0) != count
    )
    if met:
        return Lapse(row, "guard", met)
    over = is_over(row, world)
    return None if over is None else Lapse(row, over, ())


def is_over(row: Row, world: World) -> Cause | None:
    """Whether the time of its decision is over, whatever was accepted since."""
    if row.valid_until is not None and world.now.hub >= row.valid_until:
        return "expiry"
    return "rules" if row.rules != world.rules else None


def is_parked(row: Row, world: World) -> bool:
    """Whether a withdrawal may lie unread, in its family or with a person it rests on."""
    return bool(world.parked) and (row.family_id in world.parked or not world.parked.isdisjoint(row.persons))


def judge(rows: Sequence[Row], world: World, behind: AbstractSet[tuple[str, str]] = frozenset()) -> Verdict:
    """Judge rows in the order of their lines: per desk by `seq`.

    `behind`: desks and families that wait behind rows which are not among these.
    """
    take: list[Row] = []
    lapse: list[Lapse] = []
    waiting = set(behind)
    under_way = (
        Counter(row.desk for row in rows if row.status == "lapsed") if world.out is None else world.out
    )
    for row in rows:
        line = (row.desk, row.family_id)
        if not is_due(row, world.now) or row.delivery_id in world.busy or is_parked(row, world):
            waiting.add(line)
            continue
        found = differs(row, world)
        if found is not None:
            lapse.append(found)
            waiting.add(line)
        elif line not in waiting:
            take.append(row)
    return Verdict(tuple(take), paced(lapse, under_way), frozenset(waiting))


def paced(lapses: Sequence[Lapse], under_way: Mapping[str, int]) -> tuple[Lapse, ...]:
    """All lapses but those of a changed rule set that are too many at once for their desk."""
    room = {lapse.row.desk: PACE - under_way.get(lapse.row.desk, 0) for lapse in lapses}
    kept = [lapse for lapse in lapses if lapse.cause != "rules"]
    for lapse in sorted(
        (each for each in lapses if each.cause == "rules"), key=lambda each: not each.row.urgent
    ):
        if room[lapse.row.desk] > 0:
            room[lapse.row.desk] -= 1
            kept.append(lapse)
    return tuple(kept)
