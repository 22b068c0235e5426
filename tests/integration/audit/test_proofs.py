"""Proofs out of a real log, checked by the pure verifier alone."""

import time

import pytest

from hub import ids
from services.audit import merkle, note
from services.audit.merkle import ProofError
from services.audit.proofs import InclusionProof, prove_consistency, prove_entry
from services.audit.store import LogBrokenError
from tests.integration.audit.world import Log, signer


def check(proof: InclusionProof, leaf: bytes) -> int:
    """Verify a proof; gives the size that it stands under."""
    checkpoint = note.parse_checkpoint(note.open_note(proof.checkpoint, [signer().verifier]).text)
    leaf_hash = merkle.leaf_hash(leaf)
    merkle.verify_inclusion(leaf_hash, proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    return checkpoint.size


async def test_entry_is_proven_when_it_is_sealed(log: Log) -> None:
    sealing = await log.filled(300)
    written = await log.write(600)
    async with log.database.transaction() as conn:
        assert await prove_entry(conn, written[0].entry_id) is None
    await sealing.seal()
    async with log.database.transaction() as conn:
        for number in (0, 211, 599):
            proof = await prove_entry(conn, written[number].entry_id)
            assert proof is not None
            assert proof.index == 301 + number
            began = time.perf_counter()
            assert check(proof, written[number].leaf) == 901
            assert time.perf_counter() - began < 0.1
            assert len(proof.checkpoint) + sum(map(len, proof.hashes)) < 5_000
            with pytest.raises(ProofError):
                check(proof, written[number].leaf + b" ")


async def test_there_is_no_proof_when_the_entry_is_unknown(log: Log) -> None:
    async with log.database.transaction() as conn:
        assert await prove_entry(conn, ids.derive(b"s", "unknown")) is None
    await log.filled(3)
    async with log.database.transaction() as conn:
        assert await prove_entry(conn, ids.derive(b"s", "unknown")) is None


async def test_later_checkpoint_is_proven_to_continue_an_earlier_one_when_the_log_grew(log: Log) -> None:
    await log.filled(300, 500, 1)
    rows = await log.rows("SELECT note FROM log_checkpoint ORDER BY size")
    heads = [note.parse_checkpoint(note.open_note(row[0].encode(), [signer().verifier]).text) for row in rows]
    async with log.database.transaction() as conn:
        for old in heads:
            for new in heads:
                if old.size <= new.size:
                    proof = await prove_consistency(conn, old.size, new.size)
                    merkle.verify_consistency(old.size, new.size, proof, old.root, new.root)


async def test_proof_is_refused_when_tiles_are_gone(log: Log) -> None:
    await log.filled(300)
    await log.rows("DELETE FROM log_tile WHERE n = 1 RETURNING 1")
    async with log.database.transaction() as conn:
        with pytest.raises(LogBrokenError):
            await prove_consistency(conn, 10, 301)
