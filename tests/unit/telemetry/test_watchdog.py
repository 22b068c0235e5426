"""A processor that stands still is found, and one that only waits is left alone."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from hub.errors import PeerError
from hub.processor import watchdog
from hub.processor.watchdog import NoProgressError, Sight, stuck_since, watch


def sight(at: float, position: int, records: int) -> Sight:
    return Sight(at, ((0, position),), records, float(records))


def test_it_stands_still_since_the_first_look_when_nothing_moves_and_there_is_work() -> None:
    first, second, third = sight(1.0, 5, 3), sight(6.0, 5, 3), sight(11.0, 5, 9)
    since = stuck_since(None, first, second, waits=False)
    assert since == 1.0
    assert stuck_since(since, second, third, waits=False) == 1.0


@pytest.mark.parametrize(
    ("last", "now", "waits"),
    [
        (sight(1.0, 5, 3), sight(6.0, 6, 3), False),
        (sight(1.0, 5, 3), sight(6.0, 5, 0), False),
        (sight(1.0, 5, 3), sight(6.0, 5, 3), True),
        (None, sight(6.0, 5, 3), False),
    ],
)
def test_it_does_not_stand_still_when_it_moves_is_done_waits_or_was_never_seen(
    last: Sight | None, now: Sight, waits: bool
) -> None:
    assert stuck_since(0.5, last, now, waits=waits) is None


@dataclass
class FakeWatched:
    looks: Sequence[Sight | PeerError]
    waits: bool = False
    taken: list[Sight] = field(default_factory=list)

    async def sight(self) -> Sight:
        if len(self.taken) == len(self.looks):
            raise asyncio.CancelledError
        look = self.looks[len(self.taken)]
        self.taken.append(look if isinstance(look, Sight) else sight(0, 0, 0))
        if isinstance(look, PeerError):
            raise look
        return look


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "EVERY_SECONDS", 0.0)


async def test_the_process_is_ended_when_its_processor_stands_still() -> None:
    looks = [sight(at, 5, 3) for at in (0.0, 60.0, 120.0, 180.0)]
    with pytest.raises(NoProgressError):
        await watch(FakeWatched(looks), processor="test", topic="t", stuck_seconds=120.0)


async def test_it_goes_on_when_the_broker_was_away_in_between() -> None:
    looks: list[Sight | PeerError] = [
        sight(0.0, 5, 3),
        PeerError("away"),
        sight(180.0, 5, 3),
        sight(240.0, 6, 1),
    ]
    watched = FakeWatched(looks)
    with pytest.raises(asyncio.CancelledError):
        await watch(watched, processor="test", topic="t", stuck_seconds=120.0)
    assert len(watched.taken) == 4
