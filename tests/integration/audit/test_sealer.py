"""The sealer on real PostgreSQL: order, two at once, death at every seam, alarms."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from psycopg.errors import RaiseException

from hub import ids, ledger
from hub.database import DatabaseAwayError
from hub.settings import ROOT, to_environ
from hub.stack import secret_files
from services.audit import note, sealer, store
from services.audit.merkle import leaf_hash, root_of
from services.audit.note import Checkpoint
from services.audit.sealer import Sealed
from services.audit.store import Head, HeadMovedError, LogBrokenError
from tests.integration.audit.world import ORIGIN, Log, signer

PROCESS = (
    "import sys; from hub.settings import load; from services.audit.sealer_main import main;"
    "sys.exit(main(load()))"
)


async def sealed_leaves(log: Log) -> list[tuple[int, str, bytes]]:
    rows = await log.rows("SELECT idx, entry_id::text, leaf_hash FROM log_leaf ORDER BY idx")
    return [(index, entry_id, leaf) for index, entry_id, leaf in rows]


async def test_first_entry_is_log_opened_when_the_log_begins(log: Log) -> None:
    await log.subjects()
    await log.write(3)
    sealing = log.sealer(code="c" * 64)
    assert await sealing.open()
    assert (await log.rows("SELECT kind FROM audit_entry JOIN log_leaf USING (entry_id)")) == [
        ("log.opened",)
    ]
    assert sealing.status.size == 1
    assert (await log.verify()).pending == 3


async def test_entries_are_sealed_in_the_order_they_were_written_when_several_transactions_write(
    log: Log,
) -> None:
    sealing = await log.filled()
    written = [entry for portion in (3, 1, 300, 7) for entry in await log.write(portion)]
    sealed = await sealing.seal()
    assert sealed is not None
    assert (sealed.size, sealed.count, sealed.taken) == (312, 311, 311)
    leaves = await sealed_leaves(log)
    assert [index for index, _, _ in leaves] == list(range(312))
    assert [entry_id for _, entry_id, _ in leaves[1:]] == [entry.entry_id for entry in written]
    assert [value for _, _, value in leaves[1:]] == [leaf_hash(entry.leaf) for entry in written]
    assert await log.rows("SELECT * FROM audit_pending") == []


async def test_checkpoint_is_signed_over_the_root_of_all_leaves_when_a_batch_is_sealed(log: Log) -> None:
    await log.filled(5, 600, 1)
    leaves = [value for _, _, value in await sealed_leaves(log)]
    notes = await log.rows("SELECT size, note FROM log_checkpoint ORDER BY size")
    assert [size for size, _ in notes] == [1, 6, 606, 607]
    for size, text in notes:
        opened = note.open_note(text.encode(), [signer().verifier])
        assert note.parse_checkpoint(opened.text) == Checkpoint(ORIGIN, size, root_of(leaves[:size]))
    assert await log.rows("SELECT size, root FROM log_head") == [(607, root_of(leaves))]


async def test_log_verifies_when_it_was_sealed_in_many_portions(log: Log) -> None:
    await log.filled(255, 1, 256, 0 + 3, 1000)
    report = await log.verify()
    assert report.findings == []
    assert (report.size, report.entries, report.checkpoints, report.pending) == (1516, 1516, 6, 0)
    assert report.details == 1515 + 1515 // 2
    assert report.erased == 0


async def test_nothing_is_done_when_nothing_waits(log: Log) -> None:
    sealing = await log.filled(2)
    assert await sealing.seal() is None
    assert await log.rows("SELECT count(*) FROM log_checkpoint") == [(2,)]


async def test_batch_is_bounded_when_more_waits(log: Log) -> None:
    await log.filled()
    await log.write(25)
    sealing = log.sealer(batch=10)
    assert await sealing.open()
    sizes = [sealed.count for _ in range(4) if (sealed := await sealing.seal())]
    assert sizes == [10, 10, 5]
    assert (await log.verify()).ok


async def test_log_goes_on_from_its_tiles_when_another_sealer_takes_over(log: Log) -> None:
    await log.filled(300, 400)
    second = log.sealer()
    assert await second.open()
    await log.write(50)
    assert await second.seal() is not None
    assert (await log.verify()).ok


async def test_log_does_not_fork_when_two_sealers_run_at_once(log: Log) -> None:
    first = await log.filled(10)
    second = log.sealer()
    assert await second.open()
    stop = asyncio.Event()
    runs = [asyncio.create_task(one.run(stop)) for one in (first, second)]
    for _ in range(30):
        await log.write(40)
    await log.emptied()
    stop.set()
    await asyncio.gather(*runs)
    report = await log.verify()
    assert report.findings == []
    assert report.size == 1 + 10 + 30 * 40


async def test_second_sealer_stands_by_when_the_first_is_in_its_transaction(log: Log) -> None:
    await log.filled()
    await log.write(5)
    second = log.sealer()
    async with log.database.transaction() as conn:
        assert await store.try_lock(conn)
        assert await second.open() is False
        assert second.status.standing_by
    assert await second.open()
    assert await second.seal() is not None
    assert not second.status.standing_by


async def test_transaction_is_lost_when_the_head_has_moved(log: Log) -> None:
    await log.filled(4)
    async with log.database.transaction() as conn:
        head = await store.read_head(conn)
        assert head is not None
        with pytest.raises(HeadMovedError):
            await store.move_head(conn, Head(head.size - 1, head.root), Head(99, bytes(32)))
        with pytest.raises(HeadMovedError):
            await store.move_head(conn, Head(head.size, bytes(32)), Head(99, bytes(32)))


@pytest.mark.parametrize("point", ["taken", "leaves", "tiles", "head", "before_commit", "after_commit"])
async def test_nothing_is_lost_or_sealed_twice_when_the_sealer_is_killed(
    log: Log, database: str, tmp_path: Path, point: str
) -> None:
    await log.filled(100)
    await log.write(400)
    process = start(database, tmp_path, f"sealer.{point}")
    assert process.wait(60) == -signal.SIGKILL
    before = await log.verify()
    assert before.findings == []
    assert before.size == (501 if point == "after_commit" else 101)
    survivor = log.sealer()
    assert await survivor.open()
    await survivor.seal()
    after = await log.verify()
    assert after.findings == []
    assert (after.size, after.pending) == (501, 0)


async def test_log_begins_once_when_the_first_sealer_is_killed_while_it_opens(
    log: Log, database: str, tmp_path: Path
) -> None:
    process = start(database, tmp_path, "sealer.head")
    assert process.wait(60) == -signal.SIGKILL
    assert (await log.verify()).size == 0
    assert await log.sealer().open()
    assert (await log.verify()).size == 1


async def test_process_seals_until_it_is_told_to_stop_when_run(
    log: Log, database: str, tmp_path: Path
) -> None:
    await log.subjects()
    await log.write(20)
    process = start(database, tmp_path, "")
    for _ in range(200):
        if await log.rows("SELECT 1 FROM log_head WHERE size = 21"):
            break
        await asyncio.sleep(0.1)
    process.terminate()
    assert process.wait(30) == 0
    assert (await log.verify()).ok


def start(database: str, folder: Path, crash_at: str) -> "subprocess.Popen[bytes]":
    key = folder / "signing.key"
    secret_files.once(key, signer().skey)
    environ = to_environ({"postgres": database, "signing_key_file": key})
    environ["WRAPAROUND_CRASH_AT"] = crash_at
    return subprocess.Popen([sys.executable, "-c", PROCESS], cwd=ROOT, env=environ)


async def test_entry_is_an_alarm_and_the_others_are_sealed_when_its_row_is_gone(log: Log) -> None:
    sealing = await log.filled()
    victim = (await log.write(5))[2]
    async with log.administrator() as conn:
        await conn.execute("DELETE FROM audit_entry WHERE entry_id = %s", (victim.entry_id,))
    sealed = await sealing.seal()
    assert sealed is not None
    assert sealed.count == 4
    assert [(alarm.entry_id, alarm.reason) for alarm in sealed.alarms] == [
        (victim.entry_id.replace("-", ""), "missing")
    ]
    assert sealing.status.alarms == 1
    report = await log.verify()
    assert [finding.kind for finding in report.findings] == ["pending"]
    assert victim.entry_id in report.findings[0].text


async def test_entry_is_an_alarm_when_it_is_queued_again_with_other_bytes(log: Log) -> None:
    sealing = await log.filled()
    victim = (await log.write(3))[1]
    await sealing.seal()
    await log.rows("INSERT INTO audit_pending (entry_id) VALUES (%s) RETURNING 1", victim.entry_id)
    repeat = await sealing.seal()
    assert repeat is not None
    assert (repeat.count, repeat.taken, repeat.alarms) == (0, 1, ())
    async with log.administrator() as conn:
        await conn.execute(
            "UPDATE audit_entry SET leaf = leaf || ' ' WHERE entry_id = %s", (victim.entry_id,)
        )
    await log.rows("INSERT INTO audit_pending (entry_id) VALUES (%s) RETURNING 1", victim.entry_id)
    again = await sealing.seal()
    assert again is not None
    assert [alarm.reason for alarm in again.alarms] == ["changed"]
    assert again.count == 0


async def test_entry_is_sealed_once_when_it_is_queued_twice(log: Log) -> None:
    sealing = await log.filled()
    entry = (await log.write(1))[0]
    await log.rows("INSERT INTO audit_pending (entry_id) VALUES (%s) RETURNING 1", entry.entry_id)
    sealed = await sealing.seal()
    assert sealed is not None
    assert (sealed.count, sealed.taken) == (1, 2)
    assert (await log.verify()).ok


async def test_sealing_is_refused_when_the_tiles_do_not_lead_to_the_head(log: Log) -> None:
    await log.filled(300)
    await log.rows(
        "UPDATE log_tile SET hashes = sha256(hashes) || substr(hashes, 33) WHERE n = 1 RETURNING 1"
    )
    with pytest.raises(LogBrokenError, match="do not lead"):
        await log.sealer().open()
    await log.rows("DELETE FROM log_tile WHERE n = 1 RETURNING 1")
    with pytest.raises(LogBrokenError, match="no tiles"):
        await log.sealer().open()


async def test_sealing_is_refused_when_the_head_is_gone_or_an_index_is_taken(log: Log) -> None:
    sealing = await log.filled(3)
    taken = await log.write(2)
    await log.rows(
        "INSERT INTO log_leaf VALUES (5, %s, sha256('')) RETURNING 1", ids.derive(b"s", taken[0].entry_id)
    )
    with pytest.raises(LogBrokenError, match="is taken"):
        await sealing.seal()
    await log.rows("DELETE FROM log_head RETURNING 1")
    with pytest.raises(LogBrokenError, match="no head"):
        await sealing.seal()
    with pytest.raises(LogBrokenError, match="head is gone"):
        await log.sealer().open()


async def test_sealing_is_refused_when_the_last_checkpoint_is_of_another_key_or_size(log: Log) -> None:
    await log.filled(3)
    other = sealer.Sealer(log.database, note.Signer(ORIGIN, bytes(32)), log.clock)
    with pytest.raises(LogBrokenError, match="not of hub"):
        await other.open()
    async with log.administrator() as conn:
        await conn.execute("DELETE FROM log_checkpoint WHERE size = 4")
    with pytest.raises(LogBrokenError, match="is not the head"):
        await log.sealer().open()


@pytest.mark.parametrize(
    ("table", "column"), [("audit_entry", "entry_id"), ("log_leaf", "idx"), ("log_checkpoint", "note")]
)
async def test_change_of_the_log_is_refused_when_no_trigger_was_switched_off(
    log: Log, table: str, column: str
) -> None:
    await log.filled(3)
    for statement in (f"DELETE FROM {table}", f"TRUNCATE {table}", f"UPDATE {table} SET {column} = {column}"):
        with pytest.raises(RaiseException, match="append-only"):
            await log.rows(statement)


async def test_fresh_checkpoint_is_signed_when_the_log_is_idle(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealing = await log.filled(2)
    monkeypatch.setattr(sealer, "IDLE_CHECKPOINT", 0.0)
    stop = asyncio.Event()
    run = asyncio.create_task(sealing.run(stop))
    await asyncio.sleep(0.8)
    stop.set()
    await run
    notes = await log.rows("SELECT at, note FROM log_checkpoint WHERE size = 3 ORDER BY at")
    assert len(notes) >= 3
    assert len({text for _, text in notes}) == 1
    assert (await log.verify()).checkpoints == 1 + len(notes)


async def test_sealer_waits_and_goes_on_when_the_database_is_away_for_a_while(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealing = await log.filled()
    monkeypatch.setattr(sealer, "PAUSE", 0.01)
    await log.write(5)
    real, failures = store.take_pending, iter([DatabaseAwayError("away")] * 3)

    async def away(*args: object) -> list[store.Pending]:
        for failure in failures:
            raise failure
        return await real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "take_pending", away)
    stop = asyncio.Event()
    run = asyncio.create_task(sealing.run(stop))
    await log.emptied()
    stop.set()
    await run
    assert (await log.verify()).size == 6


async def test_alarm_is_logged_once_when_it_is_seen_at_every_look(
    log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    sealing = await log.filled()
    await log.rows("INSERT INTO audit_pending (entry_id) VALUES (gen_random_uuid()) RETURNING 1")
    for _ in range(3):
        assert isinstance(await sealing.seal(), Sealed)
    assert [record.levelname for record in caplog.records] == ["CRITICAL"]


async def test_writing_is_refused_when_an_entry_of_the_id_stands_with_other_bytes(log: Log) -> None:
    await log.filled()
    entry = (await log.write(1))[0]
    async with log.database.transaction() as conn:
        await ledger.write_once(conn, [entry])
    forged = ledger.Entry(entry.entry_id, entry.kind, entry.recorded_at, entry.leaf + b" ", entry.details)
    async with log.database.transaction() as conn:
        with pytest.raises(ledger.EntryConflictError):
            await ledger.write_once(conn, [forged])
    with pytest.raises(ledger.EntryExistsError):
        await log.write([entry])
    assert await log.rows("SELECT count(*) FROM audit_pending") == [(1,)]
