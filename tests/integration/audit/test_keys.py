"""Subjects' keys in a real table: races, rolled-back creations, erasure, eviction."""

import asyncio
from contextlib import suppress

import pytest

from hub import ids
from hub.keys import KeyErasedError, KeyNotLoadedError, KeyRing, SealError
from tests.integration.audit.world import FAMILIES, MASTER, Log

SUBJECT = ids.derive(b"s", "subject")


async def made(log: Log, keys: KeyRing, *key_ids: str) -> None:
    async with log.database.transaction() as conn:
        await keys.create_all(conn, key_ids, "family", 1)


async def loaded(log: Log, *key_ids: str, keys: KeyRing | None = None) -> KeyRing:
    keys = keys or KeyRing(MASTER)
    async with log.database.transaction() as conn:
        await keys.load(conn, key_ids)
    return keys


async def test_same_bytes_come_out_when_another_process_loads_the_key(log: Log) -> None:
    keys = KeyRing(MASTER)
    await made(log, keys, SUBJECT)
    other = await loaded(log, SUBJECT)
    assert keys.seal(SUBJECT, b"c", b"text") == other.seal(SUBJECT, b"c", b"text")
    assert keys.salt(SUBJECT, "e", 0) == other.salt(SUBJECT, "e", 0)
    assert keys.blind(SUBJECT, "e") == other.blind(SUBJECT, "e")


async def test_one_key_stands_when_many_create_it_at_once(log: Log) -> None:
    rings = [KeyRing(MASTER) for _ in range(3)]
    await asyncio.gather(*(made(log, keys, *FAMILIES, SUBJECT) for keys in rings))
    assert len({keys.seal(SUBJECT, b"c", b"text") for keys in rings}) == 1
    assert await log.rows("SELECT count(*) FROM subject_key") == [(len(FAMILIES) + 1,)]


async def test_key_is_not_kept_when_the_transaction_that_made_it_rolled_back(log: Log) -> None:
    keys = KeyRing(MASTER)
    lost = b""
    with suppress(ZeroDivisionError):
        async with log.database.transaction() as conn:
            await keys.create(conn, SUBJECT, "family", 1)
            await keys.load(conn, [SUBJECT])
            lost = keys.seal(SUBJECT, b"c", b"text")
            raise ZeroDivisionError
    await made(log, KeyRing(MASTER), SUBJECT)
    await loaded(log, SUBJECT, keys=keys)
    assert keys.seal(SUBJECT, b"c", b"text") != lost
    assert keys.seal(SUBJECT, b"c", b"text") == (await loaded(log, SUBJECT)).seal(SUBJECT, b"c", b"text")


async def test_database_is_not_asked_again_when_the_key_is_at_hand(log: Log) -> None:
    await made(log, KeyRing(MASTER), SUBJECT)
    keys = await loaded(log, SUBJECT)
    await log.rows("DELETE FROM subject_key RETURNING 1")
    await loaded(log, SUBJECT, keys=keys)
    keys.seal(SUBJECT, b"c", b"text")
    keys.forget([SUBJECT])
    await loaded(log, SUBJECT, keys=keys)
    with pytest.raises(KeyErasedError):
        keys.seal(SUBJECT, b"c", b"text")


async def test_missing_keys_are_named_and_refused_when_they_were_erased(log: Log) -> None:
    await made(log, KeyRing(MASTER), FAMILIES[0])
    keys = KeyRing(MASTER)
    async with log.database.transaction() as conn:
        assert await keys.load(conn, FAMILIES[:2]) == {FAMILIES[1]}
        assert await keys.load(conn, FAMILIES[:2]) == {FAMILIES[1]}
    with pytest.raises(KeyErasedError):
        keys.blind(FAMILIES[1], "e")
    with pytest.raises(KeyErasedError):
        keys.open(FAMILIES[1], b"", bytes(28))


async def test_key_is_refused_when_its_row_was_swapped_or_the_master_key_is_another(log: Log) -> None:
    await made(log, KeyRing(MASTER), *FAMILIES[:2])
    with pytest.raises(SealError):
        await loaded(log, FAMILIES[0], keys=KeyRing(b"x" * 32))
    await log.rows(
        "UPDATE subject_key SET data_key = (SELECT data_key FROM subject_key WHERE key_id = %s)"
        " WHERE key_id = %s RETURNING 1",
        FAMILIES[0],
        FAMILIES[1],
    )
    with pytest.raises(SealError):
        await loaded(log, FAMILIES[1])


async def test_longest_unused_keys_leave_first_when_the_ring_is_full(log: Log) -> None:
    await made(log, KeyRing(MASTER), *FAMILIES)
    keys = KeyRing(MASTER, capacity=2)
    for wanted in (FAMILIES[0], FAMILIES[1], FAMILIES[0], FAMILIES[2]):
        await loaded(log, wanted, keys=keys)
    keys.blind(FAMILIES[0], "e")
    keys.blind(FAMILIES[2], "e")
    with pytest.raises(KeyNotLoadedError):
        keys.blind(FAMILIES[1], "e")
    await loaded(log, *FAMILIES, keys=keys)
    for key_id in FAMILIES:
        keys.blind(key_id, "e")
