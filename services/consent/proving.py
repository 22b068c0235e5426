"""The proof of rule sets at work: in processes of its own, so that every core helps and nobody waits for it."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Final

from services.consent.agreement import RuleSet
from services.consent.compiled import CompiledRules, compile_rules
from services.consent.proof.found import Tally
from services.consent.proof.prove import Part, parts, share

SHARES: Final = 16
"""Pieces that the work on a rule set is cut into, so that no process waits long for the last."""
_GENTLY: Final = 10


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that has begun: its parts, and the processes at work."""

    parts: Sequence[Future[Tally]]
    pool: ProcessPoolExecutor

    def end(self) -> None:
        """Let go of the processes, also of one at work."""
        self.pool.shutdown(wait=False, cancel_futures=True)
        for each in multiprocessing.active_children():
            each.kill()


def begin(rules: Sequence[RuleSet], processes: int, *, gently: bool = False) -> Proof:
    """Begin the proof of these rule sets; together the parts' tallies are its result. `gently`: behind other work."""
    pool = ProcessPoolExecutor(
        processes,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_prepare,
        initargs=(tuple(rules), gently),
    )
    places = range(len(rules))
    return Proof([pool.submit(_share, place, index) for place in places for index in range(SHARES)], pool)


def _prepare(rules: tuple[RuleSet, ...], gently: bool) -> None:
    global _RULES  # noqa: PLW0603 - what a process of the pool is given once
    _RULES = rules
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if gently:
        os.nice(_GENTLY)


def _end_with_parent() -> None:
    """Whoever began the proof may be killed: nothing else would ever end a process that waits for its next part."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


_RULES: tuple[RuleSet, ...] = ()
"""The rule sets that this process helps to prove."""


@cache
def _work(place: int) -> tuple[CompiledRules, tuple[Part, ...]]:
    rules = compile_rules(_RULES[place])
    return rules, tuple(parts(rules))


def _share(place: int, index: int) -> Tally:
    return share(*_work(place), index, SHARES)
