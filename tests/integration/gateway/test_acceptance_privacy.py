"""A canary in every personal field of every type appears in no column, log line, header or error in the clear."""

import logging
from typing import Any

import pytest

from tests.integration.gateway.world import World, example, ref

CANARY = "Zqcanary"
PERSON = "9990000018"
DESKS = {"s2w/sft", "probation/perp", "police/dorset", "council/ig", "council/chesil", "council/minutes"}


def with_canary(value: Any, name: str = "") -> Any:
    if isinstance(value, dict) and "scheme" in value:
        return value
    if isinstance(value, dict):
        return {key: with_canary(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [with_canary(each, name) for each in value]
    if name in {"text", "given_name", "family_name", "known_as", "address_lines", "email"}:
        return f"{CANARY}.x@example.org" if name == "email" else f"{CANARY} {name}"
    return value


async def test_canary_is_nowhere_in_the_clear_when_every_type_was_published(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await world.open_family("F-204117")
    accepted = 0
    answers = []
    for event_type in world.gateway.parts.catalogue:
        kind = event_type.type.removeprefix("wraparound.").removesuffix(".v1")
        data = with_canary(example(kind))
        for desk in sorted(DESKS):
            answer = await world.post(kind, data, desk=desk)
            answers.append(answer)
            accepted += answer.status_code == 202
    await world.publish("outcome.note_recorded", {"person": ref(f"{CANARY}-9"), "note": {"text": CANARY}})
    bad = {"family": ref("F-1"), "person": ref(PERSON, "nhs-number"), "rating": CANARY, "colour": CANARY}
    answers.append(await world.post("practice.risk_rated", bad))
    assert accepted > 60
    assert {answer.status_code for answer in answers} == {202, 404, 422}
    for answer in answers:
        assert CANARY not in answer.text
        assert CANARY not in str(answer.headers)
    assert CANARY not in caplog.text
    assert PERSON not in caplog.text
    found = await scan(world, [CANARY.encode(), b"Quillfeather", PERSON.encode(), b"F-204117"])
    assert found == {}
    assert any(CANARY in str(row.data) for row in await world.events())


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
