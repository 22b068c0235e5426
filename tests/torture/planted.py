"""Planted bugs, and a stop: what a process of the hub is made to do wrong, by its environment, in a test build only.

`TORTURE_PLANT` names bugs (commas between); `TORTURE_STOP_AT=point:n` stops the process with SIGSTOP, once, when it
passes a crash point the n-th time. The hub's own code knows nothing of either: `site/sitecustomize.py` calls `plant`
before anything of the hub is imported, and only where the rig put that folder on the path.

| plant | what is off |
|--|--|
| position | the compare-and-set of the position: whoever lost a partition goes on writing |
| guard | the comparison of guards at the attempt: what was queued leaves although a withdrawal was accepted |
| dedupe | the question which events have a fate already, and the keys behind it |
| record | the audit entry of an attempt: what leaves is not recorded |
| order | the family that waits behind a row that waits |
"""

import os
import signal
from collections.abc import Callable, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

import psycopg

_UNIQUE = (
    ("fate", "fate_pkey"),
    ("delivery", "delivery_pkey"),
    ("event", "event_pkey"),
    ("audit_entry", "audit_entry_pkey"),
    ("audit_detail", "audit_detail_pkey"),
)


def plant() -> None:
    """Do what the environment says."""
    for name in os.environ.get("TORTURE_PLANT", "").split(","):
        if name:
            PLANTS[name]()
    where, _, nth = os.environ.get("TORTURE_STOP_AT", "").partition(":")
    if where:
        _stop_at(where, int(nth or 1))


def unprotect(dsn: str) -> None:
    """Take away the keys by which the database itself refuses a second effect, so that `dedupe` has one."""
    with psycopg.connect(dsn, autocommit=True) as conn:
        for table, constraint in _UNIQUE:
            conn.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")


def _stop_at(where: str, nth: int) -> None:
    from hub import crash

    inner, left = crash.point, nth

    def point(name: str) -> None:
        nonlocal left
        inner(name)
        if name == where:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGSTOP)

    crash.point = point


def _position() -> None:
    from hub.processor import positions

    inner = positions.advance

    async def advance(*arguments: Any) -> dict[int, int]:
        times = await inner(*arguments)
        return {move.partition: 0 for move in arguments[3]} if times is None else times

    _replace(positions, "advance", advance)


def _guard() -> None:
    from hub.attempts import judge, served

    for module in (judge, served):
        _replace(module, "differs", lambda *_: None)


def _dedupe() -> None:
    from hub.processor import positions

    async def known_fates(*_: Any) -> set[str]:
        return set()

    _replace(positions, "known_fates", known_fates)


def _record() -> None:
    from hub import ledger
    from hub.attempts import begin

    async def write(*_: Any) -> None:
        return None

    _replace(begin, "ledger", SimpleNamespace(write=write, entry=ledger.entry))


def _order() -> None:
    from hub.attempts.judge import judge
    from services.delivery import relay

    def unordered(rows: Sequence[Any], world: Any, *_: Any) -> Any:
        return judge(rows[::-1], world)

    _replace(relay, "judge", unordered)


def _replace(module: ModuleType, name: str, planted: object) -> None:
    assert hasattr(module, name), f"{module.__name__} has no {name} any more"
    setattr(module, name, planted)


PLANTS: dict[str, Callable[[], None]] = {
    "position": _position,
    "guard": _guard,
    "dedupe": _dedupe,
    "record": _record,
    "order": _order,
}
