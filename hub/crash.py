"""Named points at which tests kill the process, so that every promise is tried at every seam.

A point costs one comparison unless the environment arms it: `WRAPAROUND_CRASH_AT=name` kills this process
with SIGKILL when it first passes there, `name:3` when it passes the third time.
"""

import os
import signal

POINTS = (
    "accept.before_commit",
    "accept.after_commit",
    "intake.before_commit",
    "intake.after_commit",
    "outbox.before_send",
    "outbox.after_send",
    "processor.after_decode",
    "processor.after_handle",
    "processor.before_commit",
    "processor.after_commit",
    "attempt.before_commit",
    "attempt.committed",
    "attempt.sent",
    "attempt.before_mark",
    "sealer.taken",
    "sealer.leaves",
    "sealer.tiles",
    "sealer.head",
    "sealer.before_commit",
    "sealer.after_commit",
)

_name, _, _nth = os.environ.get("WRAPAROUND_CRASH_AT", "").partition(":")
_left = int(_nth) if _nth.isdigit() else 1


def point(name: str) -> None:
    """Die here, by SIGKILL, when the environment says so."""
    global _left  # noqa: PLW0603 - one countdown in a process that is about to die
    if name != _name:
        return
    _left -= 1
    if _left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
