"""The proof at work in processes: cut into all of its parts, and over at once when nobody waits for it."""

import asyncio
import multiprocessing
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor

from hub.settings import ROOT
from services.consent.proof.prove import parts
from services.consent.proving import SHARES, begin
from services.gateway.proving import by_processes
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


KILLED = """
import os
from services.consent.proving import begin
from tests.unit.consent.cast import dorset

if __name__ == "__main__":
    begin([dorset().rules], 1)
    os.kill(os.getpid(), 9)
"""


def test_no_process_is_left_when_whoever_began_a_proof_is_killed() -> None:
    command = [sys.executable, "-c", KILLED]
    # Its end is read once every process that has its output is gone.
    killed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL


ENDED = """
import multiprocessing, os, signal, threading, time
from cli.rules import prove
from tests.unit.consent.cast import dorset

def end():
    while not multiprocessing.active_children():
        time.sleep(0.0001)
    os.kill(os.getpid(), signal.SIGTERM)

if __name__ == "__main__":
    threading.Thread(target=end).start()
    prove(dorset().rules, 1, lambda *_: None)
"""


def test_nothing_shared_is_left_when_whoever_began_a_proof_is_told_to_end() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", ENDED], cwd=ROOT, capture_output=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stderr.decode()) == (128 + signal.SIGTERM, "")


async def test_a_proof_is_given_up_when_it_takes_too_long() -> None:
    assert await by_processes([dorset().rules], asyncio.Event(), longest=0.1) is None
