"""The proof at work in processes: cut into all of its parts, and over at once when nobody waits for it."""

import multiprocessing
from concurrent.futures import BrokenExecutor, wait

from services.consent.proof.prove import parts
from services.consent.proving import SHARES, begin
from tests.unit.consent.cast import dorset


def test_no_process_is_left_when_a_proof_is_ended() -> None:
    rules = dorset()
    proof = begin([rules.rules, rules.rules], 2, gently=True)
    assert (len(proof.parts), len(multiprocessing.active_children())) == (2 * SHARES, 2)
    proof.end()
    for each in multiprocessing.active_children():
        each.join(30)
    assert multiprocessing.active_children() == []
    over = wait(proof.parts, timeout=30)
    assert not over.not_done
    # Cancelled, or its process ended first: whichever the executor notices sooner.
    assert any(each.cancelled() or isinstance(each.exception(), BrokenExecutor) for each in over.done)


def test_every_share_has_work_when_dorset_is_proved() -> None:
    assert len(list(parts(dorset()))) >= SHARES
