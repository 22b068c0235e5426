"""A canary in every personal field of every type appears in no column, log line, header or error in the clear."""

import logging

import pytest

from tests.integration import canaries
from tests.integration.gateway.world import World, example, ref

CANARY = canaries.WORD
ANY = canaries.pattern()
PERSON = "9990000018"
DESKS = ("council/chesil", "s2w/sft", "probation/perp", "police/dorset", "council/ig", "council/minutes")
"""Asked in this order, until one may say it."""


async def test_canary_is_nowhere_in_the_clear_when_every_type_was_published(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    names = canaries.fields(world.gateway.parts.catalogue)
    await world.open_family("F-204117")
    await world.publish("family.member_added", canaries.planted(example("family.member_added"), names))
    accepted = 0
    answers = []
    for event_type in world.gateway.parts.catalogue:
        kind = event_type.type.removeprefix("wraparound.").removesuffix(".v1")
        data = canaries.planted(example(kind), names)
        for desk in DESKS:
            answers.append(await world.post(kind, data, desk=desk))
            if answers[-1].status_code == 202:
                accepted += 1
                break
    await world.publish("outcome.note_recorded", {"person": ref(f"{CANARY}-9"), "note": {"text": CANARY}})
    bad = {"family": ref("F-1"), "person": ref(PERSON, "nhs-number"), "rating": CANARY, "colour": CANARY}
    answers.append(await world.post("practice.risk_rated", bad))
    assert accepted > 60
    assert {answer.status_code for answer in answers} == {202, 404, 422}
    for answer in answers:
        assert ANY.search(f"{answer.headers}{answer.text}") is None
    assert ANY.search(caplog.text) is None
    assert PERSON not in caplog.text
    needles = [*canaries.CANARIES, "Quillfeather", PERSON, "F-204117"]
    found = await scan(world, [needle.encode() for needle in needles])
    assert found == {}
    stored = str([row.data for row in await world.events()])
    assert [canary for canary in canaries.CANARIES if canary not in stored] == []


async def scan(world: World, needles: list[bytes]) -> dict[str, list[str]]:
    """Every column of every table that holds one of these in the clear: as text, or within bytes."""
    tables = await world.rows(
        "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'"
    )
    found: dict[str, list[str]] = {}
    async with world.connection() as conn:
        for (table,) in tables:
            cursor = await conn.execute(f"SELECT * FROM {table}", binary=True)
            names = [column.name for column in cursor.description or ()]
            for row in await cursor.fetchall():
                for name, value in zip(names, row, strict=True):
                    raw = value if isinstance(value, bytes) else str(value).encode()
                    if any(needle in raw or needle.hex().encode() in raw for needle in needles):
                        found.setdefault(table, []).append(name)
    return found
