"""The proof at work in processes: cut into all of its parts, and over at once when nobody waits for it."""

import multiprocessing
import time
from concurrent.futures import BrokenExecutor

from services.consent.proof.prove import parts
from services.consent.proving import SHARES, begin
from tests.unit.consent.cast import dorset


def test_no_process_is_left_when_a_proof_is_ended() -> None:
    rules = dorset()
    proof = begin([rules.rules, rules.rules], 2, gently=True)
    assert (len(proof.parts), len(multiprocessing.active_children())) == (2 * SHARES, 2)
    proof.end()
    # The executor waits for its processes too: who of us two learns of an end first is not said.
    until = time.monotonic() + 30
    while multiprocessing.active_children() and time.monotonic() < until:
        time.sleep(0.01)
    assert multiprocessing.active_children() == []
    # Cancelled, or at work in a process that was ended: whichever the executor notices sooner.
    found = [each.cancelled() or isinstance(each.exception(30), BrokenExecutor) for each in proof.parts]
    assert any(found)


def test_every_share_has_work_when_dorset_is_proved() -> None:
    assert len(list(parts(dorset()))) >= SHARES
