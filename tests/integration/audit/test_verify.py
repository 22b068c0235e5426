"""What an administrator could try, and the first bad index that `audit verify` names."""

from collections.abc import Awaitable, Callable
from hashlib import sha256

import pytest

from hub import ids
from hub.database import Connection
from services.audit import merkle, note
from services.audit.note import Checkpoint, Signer
from services.audit.tiles import Edge, grow
from tests.integration.audit.world import FAMILIES, HUB, ORIGIN, SECRET, Log, signer

Tamper = Callable[[Connection], Awaitable[object]]


async def forged(conn: Connection, index: int) -> None:
    """Edit an entry and everything that is derived from it but what was signed: leaf, tiles, head."""
    await conn.execute(
        "UPDATE audit_entry SET leaf = replace(convert_from(leaf, 'UTF8'), 'rrr', 'sss')::bytea"
        " WHERE entry_id = (SELECT entry_id FROM log_leaf WHERE idx = %s)",
        (index,),
    )
    await conn.execute(
        "UPDATE log_leaf SET leaf_hash = sha256('\\x00'::bytea || leaf) FROM audit_entry"
        " WHERE audit_entry.entry_id = log_leaf.entry_id AND idx = %s",
        (index,),
    )


async def rebuilt(conn: Connection) -> Edge:
    """Store the tiles and the head that the leaves now have."""
    rows = await (await conn.execute("SELECT leaf_hash FROM log_leaf ORDER BY idx")).fetchall()
    edge, full = grow(Edge(), [row[0] for row in rows])
    await conn.execute("DELETE FROM log_tile")
    for data in full + edge.partials():
        tile = data.tile
        await conn.execute(
            "INSERT INTO log_tile VALUES (%s, %s, %s, %s)", (tile.level, tile.n, tile.width, data.hashes)
        )
    await conn.execute("UPDATE log_head SET size = %s, root = %s", (edge.size, edge.root()))
    return edge


async def found(log: Log, tamper: Tamper) -> tuple[list[str], int | None]:
    async with log.administrator() as conn:
        await tamper(conn)
    report = await log.verify()
    assert not report.ok
    return [finding.kind for finding in report.findings], report.first_bad


async def test_first_bad_index_is_named_when_an_entry_was_edited(log: Log) -> None:
    await log.filled(300, 300)
    kinds = await found(
        log,
        lambda conn: conn.execute(
            "UPDATE audit_entry SET leaf = leaf || ' ' WHERE entry_id IN"
            " (SELECT entry_id FROM log_leaf WHERE idx IN (411, 500))"
        ),
    )
    assert kinds == (["changed", "changed"], 411)


async def test_first_bad_index_is_named_when_an_entry_and_its_leaf_were_edited(log: Log) -> None:
    await log.filled(300, 300)
    kinds, first = await found(log, lambda conn: forged(conn, 411))
    assert first == 411
    assert "tile" in kinds
    assert "checkpoint" in kinds


async def test_signed_span_is_named_when_entry_leaf_tiles_and_head_were_edited(log: Log) -> None:
    await log.filled(300, 300, 10)

    async def tamper(conn: Connection) -> None:
        await forged(conn, 411)
        await rebuilt(conn)

    async with log.administrator() as conn:
        await tamper(conn)
    report = await log.verify()
    assert [finding.kind for finding in report.findings] == ["checkpoint"]
    assert report.first_bad == 301
    assert "301 to 600" in report.findings[0].text
    assert report.more == 1


async def test_first_bad_index_is_named_when_two_entries_were_swapped(log: Log) -> None:
    await log.filled(20)

    async def tamper(conn: Connection) -> None:
        ids_of = await (
            await conn.execute("SELECT entry_id FROM log_leaf WHERE idx IN (7, 9) ORDER BY idx")
        ).fetchall()
        await conn.execute("UPDATE log_leaf SET entry_id = gen_random_uuid() WHERE idx = 9")
        await conn.execute("UPDATE log_leaf SET entry_id = %s WHERE idx = 7", ids_of[1])
        await conn.execute("UPDATE log_leaf SET entry_id = %s WHERE idx = 9", ids_of[0])

    assert await found(log, tamper) == (["changed", "changed"], 7)


async def test_first_bad_index_is_named_when_two_entries_were_swapped_with_their_hashes(log: Log) -> None:
    await log.filled(20)

    async def tamper(conn: Connection) -> None:
        await conn.execute("UPDATE log_leaf SET idx = -1 WHERE idx = 7")
        await conn.execute("UPDATE log_leaf SET idx = 7 WHERE idx = 9")
        await conn.execute("UPDATE log_leaf SET idx = 9 WHERE idx = -1")

    kinds, first = await found(log, tamper)
    assert set(kinds) == {"tile", "checkpoint", "head"}
    assert first == 7


async def test_first_bad_index_is_named_when_an_entry_was_inserted(log: Log) -> None:
    await log.filled(300, 300)

    async def tamper(conn: Connection) -> None:
        await conn.execute("UPDATE log_leaf SET idx = -idx WHERE idx >= 411")
        await conn.execute("UPDATE log_leaf SET idx = 1 - idx WHERE idx < 0")
        leaf = b"inserted"
        entry_id = ids.derive(SECRET, "inserted")
        await conn.execute("INSERT INTO audit_entry VALUES (%s, 'coverage', 0, %s)", (entry_id, leaf))
        await conn.execute("INSERT INTO log_leaf VALUES (411, %s, %s)", (entry_id, merkle.leaf_hash(leaf)))

    async with log.administrator() as conn:
        await tamper(conn)
    report = await log.verify()
    assert report.first_bad == 411


async def test_first_bad_index_is_named_when_a_leaf_was_deleted(log: Log) -> None:
    await log.filled(300, 300)
    kinds, first = await found(log, lambda conn: conn.execute("DELETE FROM log_leaf WHERE idx = 123"))
    assert (kinds, first) == (["gap", "unqueued"], 123)


async def test_first_bad_index_is_named_when_an_entry_was_deleted(log: Log) -> None:
    await log.filled(30)
    kinds = await found(
        log,
        lambda conn: conn.execute(
            "DELETE FROM audit_entry WHERE entry_id = (SELECT entry_id FROM log_leaf WHERE idx = 12)"
        ),
    )
    assert kinds == (["missing"], 12)


async def test_cut_end_is_found_when_the_last_entries_were_deleted_everywhere(log: Log) -> None:
    await log.filled(30, 30)
    kept = (await log.rows("SELECT note FROM log_checkpoint WHERE size = 61"))[0][0].encode()

    async def tamper(conn: Connection) -> None:
        await conn.execute(
            "DELETE FROM audit_entry WHERE entry_id IN (SELECT entry_id FROM log_leaf WHERE idx > 30)"
        )
        await conn.execute("DELETE FROM log_leaf WHERE idx > 30")
        await conn.execute("DELETE FROM log_checkpoint WHERE size > 31")
        await rebuilt(conn)

    async with log.administrator() as conn:
        await tamper(conn)
    # Whoever holds everything can roll it back whole: only what others kept shows that.
    alone = await log.verify()
    assert [finding.kind for finding in alone.findings] == []
    outside = await log.verify(outside=[kept])
    assert [finding.kind for finding in outside.findings] == ["checkpoint"]
    assert outside.first_bad == 31


async def test_forgery_is_found_by_a_kept_checkpoint_when_it_was_signed_with_the_stolen_key(log: Log) -> None:
    await log.filled(30, 30)
    kept = (await log.rows("SELECT note FROM log_checkpoint WHERE size = 61"))[0][0].encode()

    async def tamper(conn: Connection) -> None:
        await forged(conn, 40)
        edge = await rebuilt(conn)
        text = Checkpoint(ORIGIN, edge.size, edge.root()).text
        again = note.seal_note(text, [signer().sign(text)]).decode()
        await conn.execute("UPDATE log_checkpoint SET note = %s WHERE size = 61", (again,))

    async with log.administrator() as conn:
        await tamper(conn)
    assert (await log.verify()).ok
    report = await log.verify(outside=[kept])
    assert [finding.kind for finding in report.findings] == ["checkpoint"]
    assert report.first_bad == 0
    assert "0 to 60" in report.findings[0].text


async def test_checkpoint_is_found_when_another_key_signed_it(log: Log) -> None:
    await log.filled(5)
    stranger = Signer(ORIGIN, bytes(32))

    async def tamper(conn: Connection) -> None:
        text = Checkpoint(ORIGIN, 6, bytes(32)).text
        bad = note.seal_note(text, [stranger.sign(text)]).decode()
        await conn.execute("UPDATE log_checkpoint SET note = %s WHERE size = 6", (bad,))

    assert await found(log, tamper) == (["note", "checkpoint"], 1)
    assert "no checkpoint covers the entries from 1" in (await log.verify()).findings[1].text


@pytest.mark.parametrize("kept", [b"no note", b"hub.example/log\n1\nAAAA\n\n\xe2\x80\x94 a b\n"])
async def test_checkpoint_from_outside_is_refused_when_it_is_none(log: Log, kept: bytes) -> None:
    await log.filled(1)
    report = await log.verify(outside=[kept])
    assert [finding.kind for finding in report.findings] == ["note"]


async def test_tile_is_named_when_it_was_edited_added_or_removed(log: Log) -> None:
    await log.filled(300)
    await log.rows(
        "UPDATE log_tile SET hashes = sha256(hashes) || substr(hashes, 33) WHERE n = 1 RETURNING 1"
    )
    report = await log.verify()
    assert [(finding.kind, finding.index) for finding in report.findings] == [("tile", 256)]
    await log.rows("DELETE FROM log_tile WHERE level = 1 RETURNING 1")
    await log.rows("INSERT INTO log_tile VALUES (0, 7, 1, sha256('')), (3, 0, 1, sha256('')) RETURNING 1")
    report = await log.verify()
    assert [(finding.kind, finding.index) for finding in report.findings] == [
        ("tile", 256),
        ("tile", 0),
        ("tile", None),
    ]


async def test_head_is_found_when_it_was_moved(log: Log) -> None:
    await log.filled(5)
    await log.rows("UPDATE log_head SET root = %s RETURNING 1", sha256(b"").digest())
    assert [finding.kind for finding in (await log.verify()).findings] == ["head"]
    await log.rows("UPDATE log_head SET size = 5 RETURNING 1")
    report = await log.verify()
    assert [(finding.kind, finding.index) for finding in report.findings] == [("head", 5)]
    await log.rows("DELETE FROM log_head RETURNING 1")
    assert [finding.kind for finding in (await log.verify()).findings] == ["head"]


async def test_entry_is_found_when_its_columns_say_something_else(log: Log) -> None:
    await log.filled(5)
    for change in ("kind = 'coverage'", "recorded_at = recorded_at + 1"):
        statement = (
            f"UPDATE audit_entry SET {change} WHERE entry_id = (SELECT entry_id FROM log_leaf WHERE idx = 3)"
        )
        async with log.administrator() as conn:
            await conn.execute(statement.encode())
        report = await log.verify()
        assert [(finding.kind, finding.index) for finding in report.findings] == [("header", 3)]


async def test_entry_is_found_when_it_was_slipped_in_beside_the_queue(log: Log) -> None:
    await log.filled(5)
    await log.rows("INSERT INTO audit_entry VALUES (gen_random_uuid(), 'coverage', 0, 'x') RETURNING 1")
    assert [finding.kind for finding in (await log.verify()).findings] == ["unqueued"]


async def test_detail_is_named_when_it_was_edited_swapped_or_added(log: Log) -> None:
    await log.filled(6)
    at = "(SELECT entry_id FROM log_leaf WHERE idx = %s)"
    await log.rows(
        f"UPDATE audit_detail SET ciphertext = substr(ciphertext, 2) WHERE entry_id = {at} AND part = 0 RETURNING 1",
        2,
    )
    await log.rows(
        f"UPDATE audit_detail SET ciphertext = o.ciphertext, key_id = o.key_id FROM audit_detail AS o"
        f" WHERE audit_detail.entry_id = {at} AND o.entry_id = {at} AND o.part = 0"
        " AND audit_detail.part = 0 RETURNING 1",
        4,
        5,
    )
    await log.rows(
        f"INSERT INTO audit_detail SELECT {at}, 9, key_id, salt, ciphertext FROM audit_detail LIMIT 1 RETURNING 1",
        5,
    )
    report = await log.verify()
    assert [(finding.kind, finding.index) for finding in report.findings] == [
        ("detail", 2),
        ("detail", 4),
        ("detail", 5),
    ]


async def test_details_are_reported_erased_and_the_log_good_when_keys_or_rows_are_gone(log: Log) -> None:
    await log.filled(50)
    full = await log.verify()
    gone = await log.rows("DELETE FROM subject_key WHERE key_id = %s RETURNING 1", FAMILIES[0])
    assert len(gone) == 1
    touched = await log.rows("SELECT count(*) FROM audit_detail WHERE key_id = %s", FAMILIES[0])
    rows = await log.rows("DELETE FROM audit_detail WHERE key_id = %s RETURNING 1", FAMILIES[1])
    report = await log.verify()
    assert report.ok
    assert report.erased == touched[0][0] + len(rows) > 0
    assert report.details + report.erased == full.details


async def test_details_are_reported_unread_when_no_keys_are_given(log: Log) -> None:
    await log.filled(10)
    report = await log.verify(keys=False)
    assert report.ok
    assert (report.details, report.unread) == (0, 15)


async def test_coverage_adds_up_when_every_offset_has_one_fate(log: Log) -> None:
    sealing = await log.filled()
    await log.write([log.coverage(0, 10), log.coverage(10, 25, done=10, rejected=4, absent=1)])
    await log.write([log.coverage(0, 7, partition=1)])
    await sealing.seal()
    await log.write([log.coverage(25, 30)])
    await positions(log, {0: 30, 1: 7})
    report = await log.verify()
    assert report.findings == []
    assert [(line.place[2], line.first, line.to, line.counts) for line in report.covered] == [
        (0, 0, 30, {"done": 25, "rejected": 4, "absent": 1}),
        (1, 0, 7, {"done": 7}),
    ]


async def test_coverage_is_found_when_offsets_are_missing_or_counted_twice(log: Log) -> None:
    sealing = await log.filled()
    await log.write([log.coverage(0, 10), log.coverage(12, 20)])
    await log.write([log.coverage(0, 10, partition=1), log.coverage(9, 20, partition=1)])
    await log.write([log.coverage(0, 5, partition=2), log.coverage(5, 9, partition=2, done=3)])
    await sealing.seal()
    await positions(log, {0: 20, 1: 10, 2: 9, 3: 3})
    report = await log.verify()
    assert [(finding.kind, finding.index) for finding in report.findings] == [
        ("coverage", 4),
        ("coverage", 6),
        ("coverage", None),
        ("coverage", None),
        ("coverage", None),
    ]
    texts = " ".join(finding.text for finding in report.findings)
    assert "offsets 10 to 11 have no fate" in texts
    assert "router events/1: offset 9 is counted twice" in texts
    assert "router events/2: covered up to 5, but the position is 9" in texts
    assert "router events/3: the position is 3, and nothing is covered" in texts


@pytest.mark.parametrize("keys", [True, False])
async def test_coverage_is_found_when_what_an_entry_says_was_deleted(log: Log, keys: bool) -> None:
    sealing = await log.filled()
    await log.write([log.coverage(0, 10), log.coverage(10, 25)])
    await sealing.seal()
    await positions(log, {0: 25})
    await log.rows(
        "DELETE FROM audit_detail WHERE entry_id = (SELECT entry_id FROM log_leaf WHERE idx = 1) RETURNING 1"
    )
    report = await log.verify(keys=keys)
    expected = [("coverage", 1), ("coverage", None)] if keys else [("coverage", 1)]
    assert [(finding.kind, finding.index) for finding in report.findings] == expected
    assert report.erased == 0


async def test_coverage_is_found_when_the_key_that_seals_it_was_deleted(log: Log) -> None:
    sealing = await log.filled()
    await log.write([log.coverage(0, 10)])
    await sealing.seal()
    await log.rows("DELETE FROM subject_key WHERE key_id = %s RETURNING 1", HUB)
    assert [(each.kind, each.index) for each in (await log.verify()).findings] == [("coverage", 1)]


async def test_row_is_found_when_it_names_an_entry_that_is_not_there(log: Log) -> None:
    await log.filled(2)
    ((other,),) = await log.rows("SELECT entry_id FROM log_leaf WHERE idx = 1")
    for entry in (other, None):
        await log.rows(
            "INSERT INTO receipt VALUES (gen_random_uuid(), 's2w/sft', 'e', 't', '', 0, 0, false,"
            " coalesce(%s, gen_random_uuid())) RETURNING 1",
            entry,
        )
        await log.rows(
            "INSERT INTO attempt VALUES (coalesce(%s, gen_random_uuid()), 's2w/sft', 'kafka', 0, 1,"
            " coalesce(%s, gen_random_uuid()), 0) RETURNING 1",
            other if entry else None,
            entry,
        )
    for attempt in (other, None):
        await log.rows(
            "INSERT INTO delivery (delivery_id, desk, family_id, event_id, type, status, persons, counts, rules,"
            " recorded_at, attempt_id) VALUES (gen_random_uuid(), 's2w/sft', gen_random_uuid(), gen_random_uuid(),"
            " 't', 'delivered', '{}', '{}', '', 0, coalesce(%s, gen_random_uuid())) RETURNING 1",
            attempt,
        )
    report = await log.verify()
    # A receipt stands for an acceptance: another entry, though it is in the log, is none.
    assert [(each.kind, each.text.split(" name ")[0]) for each in report.findings] == [
        ("unrecorded", "2 receipts"),
        ("unrecorded", "1 attempts"),
        ("unrecorded", "1 releases"),
    ]


async def positions(log: Log, offsets: dict[int, int]) -> None:
    for partition, offset in offsets.items():
        await log.rows(
            "INSERT INTO position VALUES ('router', 'events', %s, %s) RETURNING 1", partition, offset
        )


async def test_report_is_good_and_empty_when_there_is_no_log_yet(log: Log) -> None:
    report = await log.verify()
    assert report.ok
    assert (report.size, report.root, report.first_bad) == (0, merkle.EMPTY_ROOT, None)


async def test_findings_are_bounded_when_very_much_is_wrong(log: Log) -> None:
    await log.filled(400)
    async with log.administrator() as conn:
        await conn.execute("UPDATE audit_entry SET leaf = leaf || ' '")
    report = await log.verify()
    assert len(report.findings) == 100
    assert report.more == 301
    assert report.first_bad == 0


def test_hub_subject_is_no_family_when_ids_are_derived() -> None:
    assert HUB not in FAMILIES
