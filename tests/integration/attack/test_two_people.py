"""What one person of a desk asks for and a second must agree to: who asked and why, and how it ended."""

from typing import Any

from hub.clock import SECOND, format_micros
from tests.integration.attack.hub import CHESIL, S2W, WEST, Hub
from tests.integration.attack.test_waiting import INCIDENT, POLICE, do, tasks_after_a_minute
from tests.integration.gateway.world import ref

NOBODY = "/v1/tasks/00000000-0000-4000-8000-000000000000"


async def one_that_waits(hub: Hub) -> str:
    """The task of an event about somebody unknown."""
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    people = [{"person": ref("UNKNOWN-1", "niche"), "role": "victim"}]
    await hub.tell(INCIDENT, {"family": ref("F-1"), "incident": "i-1", "people": people}, desk=POLICE)
    await hub.settle()
    (task,) = await tasks_after_a_minute(hub)
    return task


async def shown(hub: Hub, task: str) -> dict[str, Any]:
    """The task, as its desk reads it."""
    answer = await hub.get(f"/v1/tasks/{task}", CHESIL)
    assert answer.status_code == 200
    return dict(answer.json())


async def test_the_second_person_reads_who_asked_and_why_when_one_has_asked(hub: Hub) -> None:
    task = await one_that_waits(hub)
    assert (await shown(hub, task))["asked"] == []
    await do(hub, task, "discard", "alex", why="mistyped")
    found = await shown(hub, task)
    (asked,) = found["asked"]
    assert (found["state"], asked["action"], asked["by"]) == ("awaits a second person", "discard", CHESIL)
    assert (asked["user"], asked["reason"], asked["why"]) == ("alex", "telephoned", "mistyped")
    assert asked["at"] == format_micros(hub.clock.now())
    # A list, and the row itself, have no words of anybody.
    (listed,) = (await hub.get("/v1/tasks", CHESIL)).json()["tasks"]
    assert listed["asked"] == [{name: asked[name] for name in ("action", "by", "at", "why")}]
    (row,) = await hub.rows("SELECT detail::text FROM task WHERE task_id::text = %s", task)
    assert "alex" not in row[0]
    assert "telephoned" not in row[0]


async def test_nobodys_words_are_shown_when_who_asked_was_erased(hub: Hub) -> None:
    task = await one_that_waits(hub)
    await do(hub, task, "discard", "alex", why="mistyped")
    (row,) = await hub.rows("SELECT detail ->> 'discard_asked_by' FROM task WHERE task_id::text = %s", task)
    async with hub.gateway.parts.database.transaction() as conn:
        await conn.execute("DELETE FROM subject_key WHERE key_id = %s", (row[0],))
    hub.gateway.parts.ring.forget([row[0]])
    (asked,) = (await shown(hub, task))["asked"]
    assert (asked["by"], asked["why"], "user" in asked, "reason" in asked) == (
        CHESIL,
        "mistyped",
        False,
        False,
    )


async def test_a_desk_sees_how_its_task_ended_and_another_nothing_when_it_is_closed(hub: Hub) -> None:
    task = await one_that_waits(hub)
    before = await shown(hub, task)
    assert (before["state"], before["closed"]) == ("open", None)
    assert await do(hub, task, "discard", "alex", why="mistyped") == (202, "awaits a second person")
    assert await do(hub, task, "discard", "robin", why="mistyped") == (202, "done")
    found = await shown(hub, task)
    assert (found["state"], found["actions"]) == ("closed", [])
    assert (found["closed"]["by"], found["closed"]["how"]) == (CHESIL, "discard")
    assert found["asked"][0]["user"] == "alex"
    assert (found["closed"]["user"], found["closed"]["reason"]) == ("robin", "telephoned")
    (row,) = await hub.rows("SELECT detail::text FROM task WHERE task_id::text = %s", task)
    assert "robin" not in row[0]
    assert (await hub.get("/v1/tasks", CHESIL)).json()["tasks"] == []
    assert (await do(hub, task, "discard", "robin", why="mistyped"))[0] == 409
    for desk in (WEST, S2W):
        mine, nobodys = await hub.get(f"/v1/tasks/{task}", desk), await hub.get(NOBODY, desk)
        assert (mine.status_code, mine.content) == (404, nobodys.content)


async def test_one_person_is_no_second_when_their_name_is_written_otherwise(hub: Hub) -> None:
    task = await one_that_waits(hub)
    for name in ("Jo  Smith", "jo smith ", " JO SMITH", "\N{FULLWIDTH LATIN SMALL LETTER J}o\u00a0smith"):
        state = await do(hub, task, "discard", name, why="mistyped")
        assert state == (202, "awaits a second person")
        (asked,) = (await shown(hub, task))["asked"]
        assert asked["user"] == "Jo  Smith"
    assert await do(hub, task, "discard", "jo smyth", why="mistyped") == (202, "done")


async def test_what_the_first_person_said_stays_when_they_ask_again_and_the_second_says_otherwise(
    hub: Hub,
) -> None:
    task = await one_that_waits(hub)
    await do(hub, task, "discard", "alex", why="mistyped")
    (first,) = (await shown(hub, task))["asked"]
    hub.clock.advance(SECOND)
    headers = hub.bearer(CHESIL, subject="alex", purpose="operate", reason="another reason")
    await hub.http.post(f"/v1/tasks/{task}/discard", json={"why": "sent_twice"}, headers=headers)
    assert (await shown(hub, task))["asked"] == [first]
    assert await do(hub, task, "discard", "robin", why="nobody_of_ours") == (202, "done")
    found = await shown(hub, task)
    assert (found["asked"], found["closed"]["why"]) == ([first], "nobody_of_ours")


async def test_nobodys_words_are_shown_when_who_closed_it_was_erased(hub: Hub) -> None:
    task = await one_that_waits(hub)
    await do(hub, task, "discard", "alex", why="mistyped")
    await do(hub, task, "discard", "robin", why="mistyped")
    (row,) = await hub.rows("SELECT done_by FROM task WHERE task_id::text = %s", task)
    async with hub.gateway.parts.database.transaction() as conn:
        await conn.execute("DELETE FROM subject_key WHERE key_id = %s", (row[0],))
    hub.gateway.parts.ring.forget([row[0]])
    found = await shown(hub, task)
    assert found["closed"] == {
        "at": format_micros(hub.clock.now()),
        "by": CHESIL,
        "how": "discard",
        "why": "mistyped",
    }
    assert found["asked"][0]["user"] == "alex"


async def test_the_hub_closed_it_when_what_waited_entered_by_somebody_elses_word(hub: Hub) -> None:
    task = await one_that_waits(hub)
    member = {"person": ref("N"), "kind": "adult", "identifiers": [ref("UNKNOWN-1", "niche")]}
    await hub.tell("family.member_added", {"family": ref("F-1"), "members": [member]})
    await hub.settle()
    found = await shown(hub, task)
    assert (found["state"], found["closed"]["by"], found["closed"]["how"]) == ("closed", "hub", "overtaken")
