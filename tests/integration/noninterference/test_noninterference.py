"""I05, end to end: what is wholly shielded from a desk changes no byte of anything that this desk can see.

A small county is lived through twice from one seed, at the same instants, with and without what is shielded from a desk
of the other side; after each event everything is read, released and chased. What is compared: the bytes of the desk's
topic, its inbox, acknowledgements, families' views, searches, lists and tasks, receipts, what it is answered when it
publishes, tries or publishes again, and the errors of all that is not there for it. What is outside is named in
`watched.py`. Who opposes whom, and what is shielded, is read out of the life's own decisions (`lives.py`).
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from random import Random
from typing import Any, Final

import pytest

from hub.clock import Micros
from hub.stack.stack import Stack
from services.consent.scene import Scene
from services.gateway import doing, task_api
from services.view import viewer
from tests.integration.attack.hub import PROBATION
from tests.integration.gateway.world import ref
from tests.integration.noninterference.county import Cast, Life, Told
from tests.integration.noninterference.lives import (
    Difference,
    Run,
    alone,
    differences,
    live,
    shielded,
)
from tests.integration.noninterference.turns import (
    draw,
    hears,
    lived,
    overrides,
    rates,
    to_paragon,
)

Fresh = Callable[[], str]

SEED: Final = 11
TURNS: Final = 18
LONG_TURNS: Final = 40
LONG_SEEDS: Final = range(100, 103)


def hidden_from(life: Sequence[Told], run: Run) -> dict[str, set[int]]:
    """What is wholly shielded from each desk that opposes somebody, together with what needs it."""
    found = {}
    for desk in sorted(run.opposing):
        hidden = shielded(life, run, desk)
        found[desk] = {each for number in hidden for each in alone(life, hidden, number)}
    return found


def check(life: Sequence[Told], run: Run, hidden: dict[str, set[int]]) -> None:
    """The life has something to hide, and those from whom it is hidden see other things: nothing passes empty."""
    kinds = Counter(life[number].kind for each in hidden.values() for number in each)
    answers = [answer for seen in run.seen for each in seen.values() for answer in each.values()]
    assert not any(answer.startswith(b"5") for answer in answers)
    assert len(run.opposing) >= 2
    assert len(kinds) >= 4, kinds
    assert hidden[PROBATION]
    seen = [each[PROBATION] for each in run.seen if PROBATION in each]
    assert sum(1 for each in seen if each["topic"]) >= 3
    assert any(each["view of F-1"].startswith(b"200") for each in seen)
    assert len({each["inbox"] for each in seen}) >= 3


async def compare(
    stack: Stack, fresh: Fresh, life: Sequence[Told], run: Run, gone: Collection[int], desks: Collection[str]
) -> list[Difference]:
    """What these desks see otherwise in a life without what is gone."""
    watched = [list(each) for each in run.seen]
    other = await live(stack, fresh(), life, gone, watched)
    return [each for desk in desks for each in differences(life, gone, desk, run, other)]


async def test_other_side_sees_the_very_same_bytes_when_what_is_shielded_from_it_never_was(
    stack: Stack, fresh: Fresh
) -> None:
    life = draw(SEED, TURNS)
    run = await live(stack, fresh(), life)
    hidden = hidden_from(life, run)
    check(life, run, hidden)
    everything = hidden[PROBATION]
    one = Random(SEED).choice(sorted(everything))
    for gone in (everything, alone(life, everything, one)):
        desks = [desk for desk in hidden if gone <= hidden[desk]]
        found = await compare(stack, fresh, life, run, gone, desks)
        assert not found, found[0]


@pytest.mark.fuzz
@pytest.mark.parametrize("seed", LONG_SEEDS)
async def test_other_side_sees_the_very_same_bytes_when_any_shielded_event_never_was(
    stack: Stack, fresh: Fresh, seed: int
) -> None:
    life = draw(seed, LONG_TURNS)
    run = await live(stack, fresh(), life)
    hidden = hidden_from(life, run)
    check(life, run, hidden)
    lives = {frozenset(each) for each in hidden.values()}
    lives |= {frozenset(alone(life, each, number)) for each in hidden.values() for number in each}
    for gone in sorted(lives, key=sorted):
        desks = [desk for desk in hidden if gone <= hidden[desk]]
        found = await compare(stack, fresh, life, run, gone, desks)
        assert not found, found[0]


async def test_leaks_are_found_when_they_are_planted(
    stack: Stack, fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def of_everybody(
        conn: Any, owner: str, kind: str | None, limit: int, *, at: Micros
    ) -> list[doing.Task]:
        owners = await (
            await conn.execute("SELECT DISTINCT owner FROM task WHERE owner <> %s", (owner,))
        ).fetchall()
        found = [await doing.open_tasks(conn, each, kind, limit, at=at) for (each,) in [(owner,), *owners]]
        return [task for tasks in found for task in tasks]

    def for_any_role(scene: Scene, desk: str, persons: Collection[str], *_: Any) -> bool:
        of_desk = scene.roles.get(desk, {})
        return desk in scene.family_roles or any(each in of_desk for each in persons)

    # An id leads to whoever has it; a list shows what is others'; who meets about a family hears why a claim failed.
    monkeypatch.setattr(viewer, "leads_to", lambda *_: True)
    monkeypatch.setattr(task_api, "open_tasks", of_everybody)
    monkeypatch.setattr(Scene, "holds_role", for_any_role)

    def claims(life: Life, _: Cast) -> None:
        life.tell("referral.accepted", {"referral": ref("R-V-paragon"), "person": ref("V")}, PROBATION)

    life = lived(5, [to_paragon, hears, overrides, claims, rates])
    run = await live(stack, fresh(), life)
    hidden = hidden_from(life, run)
    found = await compare(stack, fresh, life, run, hidden[PROBATION], [PROBATION])

    surfaces = {each.surface.partition(" ")[0] for each in found}
    assert {"search", "/v1/tasks", "receipt", "topic", "inbox"} <= surfaces, surfaces
